//! Vote counting and the message log against simple reference models, over sequences of operations: sets and maps
//! that know nothing of bits, tallies or watermarks in the code.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{System, cases, digest, prepare};
use bft_check::bugs;
use bft_check::pbft::{
    Castro99, Digest, Effect, Input, Message, Prepare, ReplicaId, Rules, SeqNum, State, Tally, TallyKey,
    View, VoteSet,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

// --- sets of votes ----------------------------------------------------------------------------------

/// Two sets, to compare them, as sorted sets of numbers.
#[derive(Clone, Debug, Default)]
struct Sets {
    sets: [BTreeSet<u16>; 2],
    fresh: bool,
}

#[derive(Clone, Copy, Debug)]
enum SetOp {
    Insert(usize, u16),
    Clear(usize),
}

impl ReferenceStateMachine for Sets {
    type State = Self;
    type Transition = SetOp;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Sets::default()).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<SetOp> {
        // Across the borders of words, and at the end.
        let id = prop_oneof![0u16..8, 60u16..70, 120u16..136, Just(u16::MAX)];
        prop_oneof![20 => (0usize..2, id).prop_map(|(set, id)| SetOp::Insert(set, id)), 1 => (0usize..2).prop_map(SetOp::Clear)]
            .boxed()
    }

    fn apply(mut state: Self, operation: &SetOp) -> Self {
        match *operation {
            SetOp::Insert(set, id) => state.fresh = state.sets[set].insert(id),
            SetOp::Clear(set) => state.sets[set].clear(),
        }
        state
    }
}

struct RealSets([VoteSet; 2]);

impl StateMachineTest for RealSets {
    type SystemUnderTest = Self;
    type Reference = Sets;

    fn init_test(_: &Sets) -> Self {
        RealSets([VoteSet::new(), VoteSet::new()])
    }

    fn apply(mut this: Self, reference: &Sets, operation: SetOp) -> Self {
        match operation {
            SetOp::Insert(set, id) => assert_eq!(this.0[set].insert(ReplicaId(id)), reference.fresh),
            SetOp::Clear(set) => this.0[set] = VoteSet::new(),
        }
        this
    }

    fn check_invariants(this: &Self, reference: &Sets) {
        for (real, model) in this.0.iter().zip(&reference.sets) {
            assert_eq!(real.len(), model.len());
            assert_eq!(real.is_empty(), model.is_empty());
            assert!(real.iter().map(|id| id.0).eq(model.iter().copied()), "{real:?} is not {model:?}");
            for id in (0..140).chain([u16::MAX]) {
                assert_eq!(real.contains(ReplicaId(id)), model.contains(&id), "{id}");
            }
            let again: VoteSet = model.iter().rev().map(|&id| ReplicaId(id)).collect();
            assert_eq!(*real, again, "the order of insertion shows");
        }
        assert_eq!(this.0[0] == this.0[1], reference.sets[0] == reference.sets[1]);
    }
}

// --- tallies ----------------------------------------------------------------------------------------

type Key = (Option<u64>, u64);

/// Who has voted for what: a set for each view and digest.
#[derive(Clone, Debug, Default)]
struct Votes(BTreeMap<Key, BTreeSet<u16>>);

#[derive(Clone, Copy, Debug)]
enum Vote {
    Cast(Key, u16),
    LeaveView(u64),
    KeepOnly(u16),
}

const VOTERS: u16 = 5;
const DIGESTS: u64 = 3;

impl ReferenceStateMachine for Votes {
    type State = Self;
    type Transition = Vote;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Votes::default()).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Vote> {
        let key = (prop::option::weighted(0.8, 0u64..3), 0..DIGESTS);
        prop_oneof![
            12 => (key, 0..VOTERS).prop_map(|(key, from)| Vote::Cast(key, from)),
            1 => (0u64..3).prop_map(Vote::LeaveView),
            1 => (0..VOTERS).prop_map(Vote::KeepOnly),
        ]
        .boxed()
    }

    /// A vote counts once: the replica asks before it adds.
    fn preconditions(state: &Self, vote: &Vote) -> bool {
        !matches!(vote, Vote::Cast(key, from) if state.0.get(key).is_some_and(|voters| voters.contains(from)))
    }

    fn apply(mut state: Self, vote: &Vote) -> Self {
        match *vote {
            Vote::Cast(key, from) => drop(state.0.entry(key).or_default().insert(from)),
            Vote::LeaveView(view) => state.0.retain(|key, _| key.0 != Some(view)),
            Vote::KeepOnly(own) => {
                state.0.values_mut().for_each(|voters| voters.retain(|voter| *voter == own));
                state.0.retain(|_, voters| !voters.is_empty());
            }
        }
        state
    }
}

struct RealTally {
    system: System,
    tally: Tally<Prepare>,
}

fn key((view, number): Key) -> TallyKey {
    TallyKey { view: view.map(View), digest: Some(digest(number)) }
}

impl RealTally {
    fn cast(&self, tally: &mut Tally<Prepare>, (view, number): Key, from: u16) {
        let signer = &self.system.keys.replicas[usize::from(from)];
        let vote = prepare(signer, view.unwrap_or(9), 1, digest(number));
        tally.add(key((view, number)), ReplicaId(from), vote);
    }
}

impl StateMachineTest for RealTally {
    type SystemUnderTest = Self;
    type Reference = Votes;

    fn init_test(_: &Votes) -> Self {
        RealTally { system: System::new(VOTERS), tally: Tally::default() }
    }

    fn apply(mut this: Self, _: &Votes, vote: Vote) -> Self {
        let mut tally = std::mem::take(&mut this.tally);
        match vote {
            Vote::Cast(at, from) => this.cast(&mut tally, at, from),
            Vote::LeaveView(view) => tally.retain(|key| key.view != Some(View(view))),
            Vote::KeepOnly(own) => tally.retain_voter(ReplicaId(own)),
        }
        RealTally { tally, ..this }
    }

    fn check_invariants(this: &Self, Votes(model): &Votes) {
        assert_eq!(this.tally.is_empty(), model.is_empty());
        let voted = |at: &Key, from: u16| model.get(at).is_some_and(|voters| voters.contains(&from));
        for from in 0..VOTERS {
            let ever = model.values().any(|voters| voters.contains(&from));
            assert_eq!(this.tally.has_vote_of(ReplicaId(from)), ever);
        }
        for view in [None, Some(0), Some(1), Some(2)] {
            for number in 0..DIGESTS {
                let (at, real) = ((view, number), this.tally.get(&key((view, number))));
                let count = model.get(&at).map_or(0, BTreeSet::len);
                assert_eq!(this.tally.count(&key(at)), count, "{at:?}");
                let voters: Vec<_> =
                    real.into_iter().flat_map(|votes| votes.voters().iter()).map(|id| id.0).collect();
                assert!(voters.iter().eq(model.get(&at).into_iter().flatten()), "{voters:?} at {at:?}");
                for vote in real.into_iter().flat_map(|votes| votes.signed()) {
                    assert_eq!(vote.digest, digest(number));
                }
                for from in 0..VOTERS {
                    let others = |same_view: bool| {
                        let other = |other: &&Key| **other != at && (!same_view || other.0 == at.0);
                        model.keys().filter(other).filter(|other| voted(other, from)).count()
                    };
                    assert_eq!(this.tally.digests_of(&key(at), ReplicaId(from)), others(true));
                    let elsewhere = this.tally.elsewhere(&key(at), ReplicaId(from));
                    assert_eq!(elsewhere.is_some(), others(false) > 0);
                    if let Some(vote) = elsewhere {
                        assert_eq!(vote.signer().replica(), Some(ReplicaId(from)));
                    }
                }
            }
        }
        // Equal votes are equal tallies, in whatever order they came.
        let mut again = Tally::default();
        for (at, voters) in model.iter().rev() {
            voters.iter().rev().for_each(|&from| this.cast(&mut again, *at, from));
        }
        assert_eq!(this.tally, again);
    }
}

// --- the log of a backup ----------------------------------------------------------------------------

/// K, the interval of checkpoints.
const INTERVAL: u64 = 2;
/// L, the window.
const WINDOW: u64 = 4;
/// The least quorum of four replicas.
const QUORUM: usize = 3;
/// The backup that is tested; replica 0 is primary.
const SELF: usize = 3;

/// One sequence number: which of its two batches was proposed, who voted for which, and what came of it.
#[derive(Clone, Debug, Default)]
struct Place {
    proposal: Option<u64>,
    prepares: BTreeMap<u64, BTreeSet<usize>>,
    commits: BTreeMap<u64, BTreeSet<usize>>,
    prepared: Option<u64>,
    decided: Option<u64>,
}

/// The log as the paper tells of it (OSDI'99 §4.2, §4.3), with nothing forgotten but by garbage collection.
#[derive(Clone, Debug, Default)]
struct Book {
    low: u64,
    height: u64,
    places: BTreeMap<u64, Place>,
    /// Who says that a checkpoint has the right state, or another one.
    checkpoints: BTreeMap<u64, BTreeMap<bool, BTreeSet<usize>>>,
    accepted: bool,
}

#[derive(Clone, Copy, Debug)]
enum Arrival {
    PrePrepare { seq: u64, batch: u64 },
    Prepare { from: usize, seq: u64, batch: u64 },
    Commit { from: usize, seq: u64, batch: u64 },
    Checkpoint { from: usize, seq: u64, right: bool },
}

impl Book {
    fn in_window(&self, seq: u64) -> bool {
        self.low < seq && seq <= self.low + WINDOW
    }

    fn arrives(&mut self, arrival: Arrival) -> bool {
        match arrival {
            Arrival::PrePrepare { seq, batch } => {
                if !self.in_window(seq) || self.places.get(&seq).is_some_and(|place| place.proposal.is_some())
                {
                    return false;
                }
                let place = self.places.entry(seq).or_default();
                place.proposal = Some(batch);
                place.prepares.entry(batch).or_default().insert(SELF);
                self.consequences(seq);
            }
            Arrival::Prepare { from, seq, batch } => {
                if !self.in_window(seq) {
                    return false;
                }
                let place = self.places.entry(seq).or_default();
                let votes = place.prepares.entry(batch).or_default();
                // With the proposal they are a quorum already, or were when the batch prepared.
                if votes.len() + 1 >= QUORUM || place.prepared == Some(batch) || !votes.insert(from) {
                    return false;
                }
                self.consequences(seq);
            }
            Arrival::Commit { from, seq, batch } => {
                if !self.in_window(seq) {
                    return false;
                }
                let place = self.places.entry(seq).or_default();
                let votes = place.commits.entry(batch).or_default();
                if place.decided.is_some() || votes.len() >= QUORUM || !votes.insert(from) {
                    return false;
                }
                self.consequences(seq);
            }
            Arrival::Checkpoint { from, seq, right } => return self.checkpoint(from, seq, right),
        }
        true
    }

    fn checkpoint(&mut self, from: usize, seq: u64, right: bool) -> bool {
        let beyond = !self.in_window(seq);
        let later = |checkpoints: &BTreeMap<u64, BTreeMap<bool, BTreeSet<usize>>>| {
            let mut later = checkpoints.range(seq + 1..).flat_map(|(_, states)| states.values());
            later.any(|voters| voters.contains(&from))
        };
        let has_voted =
            |states: &BTreeMap<bool, BTreeSet<usize>>| states.values().any(|voters| voters.contains(&from));
        if seq <= self.low
            || !seq.is_multiple_of(INTERVAL)
            || (beyond && later(&self.checkpoints))
            || self.checkpoints.get(&seq).is_some_and(has_voted)
        {
            return false;
        }
        if beyond {
            // Of each replica one vote above the window is kept, the latest.
            let top = self.low + WINDOW;
            for (_, states) in self.checkpoints.range_mut(top + 1..) {
                for voters in states.values_mut() {
                    voters.remove(&from);
                }
            }
        }
        self.vote_for(seq, right, from);
        true
    }

    fn consequences(&mut self, seq: u64) {
        let Some(place) = self.places.get_mut(&seq) else { return };
        let Some(batch) = place.proposal else { return };
        if place.prepared.is_none() && place.prepares.get(&batch).map_or(0, BTreeSet::len) + 1 >= QUORUM {
            place.prepared = Some(batch);
            if place.decided.is_none() {
                place.commits.entry(batch).or_default().insert(SELF);
            }
        }
        let commits = place.commits.get(&batch).map_or(0, BTreeSet::len);
        if place.prepared.is_some() && place.decided.is_none() && commits >= QUORUM {
            place.decided = Some(batch);
        }
        while self.places.get(&(self.height + 1)).is_some_and(|next| next.decided.is_some()) {
            self.height += 1;
            if self.height.is_multiple_of(INTERVAL) {
                self.vote_for(self.height, true, SELF);
            }
        }
    }

    fn vote_for(&mut self, seq: u64, right: bool, from: usize) {
        let voters = self.checkpoints.entry(seq).or_default().entry(right).or_default();
        voters.insert(from);
        if voters.len() >= QUORUM {
            self.low = seq;
            self.places.retain(|&at, _| at > seq);
            self.checkpoints.retain(|&at, _| at > seq);
        }
    }
}

impl ReferenceStateMachine for Book {
    type State = Self;
    type Transition = Arrival;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Book::default()).boxed()
    }

    /// Mostly what lets the log move, at numbers around the window.
    fn transitions(state: &Self) -> BoxedStrategy<Arrival> {
        let (low, next) = (state.low, state.height + 1);
        let seq = prop_oneof![6 => Just(next), 6 => low + 1..=low + WINDOW, 1 => low.saturating_sub(1)..=low + WINDOW + 3];
        let batch = prop_oneof![9 => Just(0u64), 1 => Just(1)];
        let placed = (seq, batch);
        let due = (low / INTERVAL + 1) * INTERVAL;
        let checkpoint = prop_oneof![6 => Just(due), 2 => low.saturating_sub(1)..=low + WINDOW + 5];
        prop_oneof![
            4 => placed.clone().prop_map(|(seq, batch)| Arrival::PrePrepare { seq, batch }),
            6 => (1usize..SELF, placed.clone()).prop_map(|(from, (seq, batch))| Arrival::Prepare { from, seq, batch }),
            8 => (0usize..SELF, placed).prop_map(|(from, (seq, batch))| Arrival::Commit { from, seq, batch }),
            5 => (0usize..SELF, checkpoint, prop::bool::weighted(0.8))
                .prop_map(|(from, seq, right)| Arrival::Checkpoint { from, seq, right }),
        ]
        .boxed()
    }

    /// What the right state is, is known only to those who have executed so far.
    fn preconditions(state: &Self, arrival: &Arrival) -> bool {
        !matches!(arrival, Arrival::Checkpoint { seq, right: true, .. } if *seq > state.height)
    }

    fn apply(mut state: Self, arrival: &Arrival) -> Self {
        state.accepted = state.arrives(*arrival);
        state
    }
}

struct Backup {
    system: System,
    state: State,
    /// The state at each checkpoint, as the replica announced it.
    announced: BTreeMap<u64, Digest>,
}

impl Backup {
    fn following(rules: &'static dyn Rules) -> Self {
        let system = System::with(4, rules, |setting| {
            setting.checkpoint_interval = INTERVAL;
            setting.window = WINDOW;
            setting.max_batch = 1;
        });
        let state = system.replicas[SELF].init();
        Backup { system, state, announced: BTreeMap::new() }
    }

    fn batch(&self, seq: u64, batch: u64) -> bft_check::pbft::Batch {
        self.system.batch(&[((seq - 1) % 4) as u32], 2 * seq + batch)
    }

    fn message(&self, arrival: Arrival) -> Message {
        let system = &self.system;
        match arrival {
            Arrival::PrePrepare { seq, batch } => system.pre_prepare(0, seq, &self.batch(seq.max(1), batch)),
            Arrival::Prepare { from, seq, batch } => {
                system.prepare(from, 0, seq, self.batch(seq.max(1), batch).digest())
            }
            Arrival::Commit { from, seq, batch } => {
                system.commit(from, 0, seq, self.batch(seq.max(1), batch).digest())
            }
            Arrival::Checkpoint { from, seq, right } => {
                let known = self.announced.get(&seq).copied().filter(|_| right);
                system.checkpoint(from, seq, known.unwrap_or_else(|| digest(1000 + seq)))
            }
        }
    }
}

impl StateMachineTest for Backup {
    type SystemUnderTest = Self;
    type Reference = Book;

    fn init_test(_: &Book) -> Self {
        Backup::following(&Castro99)
    }

    fn apply(mut this: Self, book: &Book, arrival: Arrival) -> Self {
        let (message, mut effects) = (this.message(arrival), Vec::new());
        let replica = &this.system.replicas[SELF];
        let result = replica.step(&mut this.state, Input::Deliver(&message), &mut effects);
        assert_eq!(result.is_ok(), book.accepted, "{arrival:?}: {result:?}");
        for effect in effects {
            if let Effect::Broadcast(Message::Checkpoint(own)) = effect {
                this.announced.insert(own.seq.0, own.state);
            }
        }
        this
    }

    fn check_invariants(this: &Self, book: &Book) {
        let (state, log) = (&this.state, this.state.log());
        assert_eq!(log.low(), SeqNum(book.low), "the low watermark");
        assert_eq!(state.stable().seq(), SeqNum(book.low), "the stable checkpoint");
        assert_eq!(state.chain().height(), SeqNum(book.height), "what was executed");
        assert_eq!(log.get(SeqNum(book.low)), None, "nothing is held at the low watermark");
        for (seq, _) in log.iter() {
            assert!(book.in_window(seq.0), "{seq} is outside the window above {}", book.low);
        }
        for seq in book.low + 1..=book.low + WINDOW + 1 {
            let (slot, place) = (log.get(SeqNum(seq)), book.places.get(&seq));
            let digest_of = |batch: u64| this.batch(seq, batch).digest();
            let proposal = slot.and_then(|slot| slot.proposal()).map(|proposal| proposal.digest());
            assert_eq!(proposal, place.and_then(|place| place.proposal).map(digest_of), "accepted at {seq}");
            let prepared = slot.and_then(|slot| slot.prepared()).map(|certificate| certificate.digest());
            assert_eq!(prepared, place.and_then(|place| place.prepared).map(digest_of), "prepared at {seq}");
            let decided = slot.and_then(|slot| slot.committed()).map(|batch| batch.digest());
            assert_eq!(decided, place.and_then(|place| place.decided).map(digest_of), "decided at {seq}");
        }
        // Blocks below the stable checkpoint are gone, those above it are there.
        let executed = state.chain().blocks().iter().map(|block| block.seq().0);
        let first = if book.height >= book.low { book.low + 1 } else { state.chain().base().0 + 1 };
        assert!(executed.eq(first..=book.height), "the chain above {}", book.low);
    }
}

prop_state_machine! {
    #![proptest_config(cases(48))]

    #[test]
    fn sets_of_votes_are_sets(sequential 1..40 => RealSets);
}

prop_state_machine! {
    #![proptest_config(cases(192))]

    #[test]
    fn tallies_count_votes_by_what_they_have_in_common(sequential 1..40 => RealTally);

    #[test]
    fn the_log_holds_what_lies_between_the_watermarks(sequential 1..80 => Backup);
}

/// Walks of the last test, the same in every run.
fn walks(count: usize) -> Vec<(Book, Vec<Arrival>)> {
    let mut runner = TestRunner::deterministic();
    let walks =
        std::iter::repeat_with(|| Book::sequential_strategy(1..80).new_tree(&mut runner).unwrap().current());
    walks.take(count).map(|(book, arrivals, _)| (book, arrivals)).collect()
}

/// They get far enough to see the log move, and to see it move without the replica.
#[test]
fn the_walks_over_the_log_reach_garbage_collection() {
    let (mut moved, mut behind, mut executed) = (0, 0, 0);
    for (mut book, arrivals) in walks(200) {
        for arrival in arrivals {
            book = <Book as ReferenceStateMachine>::apply(book, &arrival);
            executed = executed.max(book.height);
        }
        moved += usize::from(book.low > 0);
        behind += usize::from(book.low > book.height);
    }
    assert!(moved > 10 && behind > 0 && executed > 2, "{moved} moved, {behind} behind, {executed} executed");
}

/// Whether a backup that follows these rules does otherwise than the reference model in one of the walks.
fn differs(rules: &'static dyn Rules) -> bool {
    walks(200).into_iter().any(|(mut book, arrivals)| {
        let walk = || {
            let mut backup = Backup::following(rules);
            for arrival in arrivals {
                book = <Book as ReferenceStateMachine>::apply(book.clone(), &arrival);
                backup = <Backup as StateMachineTest>::apply(backup, &book, arrival);
                Backup::check_invariants(&backup, &book);
            }
        };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(walk)).is_err()
    })
}

/// The reference model knows no rulebook: a broken one shows.
#[test]
fn a_broken_rule_shows_in_the_log() {
    assert!(!differs(&Castro99));
    for name in [
        "weak-prepare",
        "weak-commit",
        "digest-blind",
        "double-vote",
        "second-proposal",
        "decides-unprepared",
        "eager-execution",
        "lone-checkpoint",
        "weak-checkpoint",
    ] {
        assert!(differs(bugs::find(name).unwrap().rules), "{name} does not show");
    }
}
