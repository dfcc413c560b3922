//! Runs at random within the bound of a judge, with a Byzantine replica that says anything at all: made of the parts that
//! exist by then, whatever any rule thinks of them. It shares no code with the adversary of the judges, so that what it
//! finds in a bound that they call clean, they have missed.

use std::sync::Arc;

use bft_check::model::{Bound, Event, Property, Run, System};
use bft_check::pbft::{
    Batch, Checkpoint, Commit, Decision, Digest, Message, NewView, PrePrepare, Prepare, PreparedClaim,
    Principal, Proposal, ReplicaId, Rules, SeqNum, Signable, Signed, SigningKey, Snapshot, StableCheckpoint,
    StableClaim, StateTransfer, Uncompared, View, ViewChange,
};
use bft_check::trace::Trace;

/// How many things happen in a run.
const ACTIONS: usize = 24;

/// Numbers by chance: SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// So many times in a hundred.
    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len() as u64) as usize)
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for place in (1..all.len()).rev() {
            all.swap(place, self.below(place as u64 + 1) as usize);
        }
    }
}

/// Who writes a message.
#[derive(Clone)]
enum Hand {
    /// The owner of a key.
    Own(SigningKey),
    /// Somebody who writes in this name without its key.
    Forger(Principal),
}

impl Hand {
    fn sign<M: Signable>(&self, message: M) -> Signed<M> {
        match self {
            Hand::Own(key) => key.sign(message),
            Hand::Forger(name) => Signed::forged(*name, message),
        }
    }

    fn name(&self) -> Principal {
        match self {
            Hand::Own(key) => key.owner(),
            Hand::Forger(name) => *name,
        }
    }
}

/// The signed parts that exist.
#[derive(Default)]
struct Parts {
    proposals: Vec<Proposal>,
    prepares: Vec<Signed<Prepare>>,
    commits: Vec<Signed<Commit>>,
    checkpoints: Vec<Signed<Checkpoint>>,
    changes: Vec<Arc<Signed<ViewChange>>>,
    snapshots: Vec<Snapshot>,
}

impl Parts {
    fn of(run: &Run) -> Self {
        let mut this = Parts::default();
        run.sent().iter().for_each(|message| this.learn(message));
        for (_, local) in run.locals() {
            this.snapshots.extend(local.replica().map(|state| state.snapshot()));
        }
        this
    }

    fn learn(&mut self, message: &Message) {
        match message {
            Message::PrePrepare(proposal) => self.proposals.push(proposal.clone()),
            Message::Prepare(vote) => self.prepares.push(vote.clone()),
            Message::Commit(vote) => self.commits.push(vote.clone()),
            Message::Checkpoint(vote) => self.checkpoints.push(vote.clone()),
            Message::ViewChange(change) => self.changes.push(Arc::clone(change)),
            Message::NewView(new_view) => self.proposals.extend(new_view.proposals.iter().cloned()),
            _ => {}
        }
    }
}

/// A run that goes on, and what the Byzantine replica has said.
struct Wild<'a> {
    system: &'a Arc<System>,
    rules: &'static dyn Rules,
    run: Run,
    events: Vec<(Principal, Event)>,
    said: Vec<Message>,
    batches: Vec<Batch>,
    dice: Dice,
}

/// The first violation that so many runs come to, and the run: replayed, and without what it does not need.
pub fn violation(
    bound: &Bound,
    rules: &'static dyn Rules,
    seed: u64,
    runs: u64,
) -> Option<(Property, String)> {
    let system = Arc::new(System::new(bound.clone(), rules).ok()?);
    (0..runs).find_map(|number| {
        let mut wild = Wild {
            system: &system,
            rules,
            run: Run::new(Arc::clone(&system)),
            events: Vec::new(),
            said: Vec::new(),
            batches: system.batches(),
            dice: Dice(seed ^ (number << 32)),
        };
        let property = wild.run_out()?;
        Some((property, wild.told(property)))
    })
}

impl Wild<'_> {
    /// The run in words.
    fn told(&self, property: Property) -> String {
        let words = |who: Principal, event: &Event| format!("{who}: {event:?}");
        match Trace::replay(self.system, &self.events) {
            Ok(trace) => {
                let steps: Vec<_> =
                    trace.shrunk(property).steps().iter().map(|step| words(step.to, &step.event)).collect();
                steps.join("; ")
            }
            Err(error) => {
                let last = self.events.iter().rev().take(6).rev();
                let last: Vec<_> = last.map(|(who, event)| words(*who, event)).collect();
                format!("{} steps, not replayed ({error}): …; {}", self.events.len(), last.join("; "))
            }
        }
    }

    fn run_out(&mut self) -> Option<Property> {
        for _ in 0..ACTIONS {
            self.act();
            let violated = self.run.with_view(|seen| {
                Property::SAFETY.into_iter().find(|property| property.violation(seen).is_some())
            });
            if violated.is_some() {
                return violated;
            }
        }
        None
    }

    fn act(&mut self) {
        let honest: Vec<_> = self.run.locals().map(|(who, _)| who).collect();
        let Some(&who) = self.dice.pick(&honest) else { return };
        match self.dice.below(100) {
            0..35 => self.flush(who),
            35..50 => {
                let pool = self.pool();
                if let Some(message) = self.dice.pick(&pool).cloned() {
                    self.happen(who, Event::Deliver(message));
                }
            }
            50..65 => {
                let all = self.dice.chance(40);
                for who in if all { honest } else { vec![who] } {
                    self.time_out(who);
                }
            }
            65..68 => self.happen(who, Event::Crash),
            _ => {
                for _ in 0..8 {
                    let Some(message) = self.say() else { return };
                    let all = self.dice.chance(30);
                    for who in if all { honest.clone() } else { vec![who] } {
                        self.happen(who, Event::Deliver(message.clone()));
                    }
                    self.said.push(message);
                }
            }
        }
    }

    fn happen(&mut self, who: Principal, event: Event) {
        if self.run.step(who, &event).is_ok() {
            self.events.push((who, event));
        }
    }

    fn time_out(&mut self, who: Principal) {
        let state = self.run.locals().find(|(id, _)| *id == who).and_then(|(_, local)| local.replica());
        if let Some(view) = state.map(|state| state.view()) {
            self.happen(who, Event::Timeout(view));
        }
    }

    /// What can be delivered: what was sent, and asked.
    fn pool(&self) -> Vec<Message> {
        let requests = self.system.requests().iter().cloned().map(Message::Request);
        requests.chain(self.run.sent().iter().cloned()).chain(self.said.iter().cloned()).collect()
    }

    /// A participant receives everything, or everything but some kinds of messages.
    fn flush(&mut self, who: Principal) {
        let lost = if self.dice.chance(50) {
            ""
        } else {
            ["COMMIT", "PREPARE", "VIEW-CHANGE", "NEW-VIEW"][self.dice.below(4) as usize]
        };
        for _ in 0..2 {
            let mut pool = self.pool();
            self.dice.shuffle(&mut pool);
            for message in pool {
                if message.kind() != lost {
                    self.happen(who, Event::Deliver(message));
                }
            }
        }
    }

    /// Under whose name something is written: mostly the Byzantine replica's own. Where nobody is Byzantine nobody forges.
    fn hand(&mut self) -> Option<Hand> {
        let forges = self.dice.chance(8) && !self.system.byzantine().is_empty();
        if forges {
            let replica = self.dice.below(u64::from(self.system.bound().scope.replicas));
            return Some(Hand::Forger(Principal::Replica(ReplicaId(replica as u16))));
        }
        self.dice.pick(self.system.byzantine()).cloned().map(Hand::Own)
    }

    fn view(&mut self) -> View {
        View(self.dice.below(self.system.bound().scope.views))
    }

    fn seq(&mut self) -> SeqNum {
        SeqNum(1 + self.dice.below(self.system.bound().scope.slots))
    }

    fn batch(&mut self) -> Batch {
        self.dice.pick(&self.batches).cloned().unwrap_or_else(Batch::null)
    }

    /// Anything at all.
    fn say(&mut self) -> Option<Message> {
        let key = self.hand()?;
        let parts = Parts::of(&self.run);
        let checkpoints = self.system.has_checkpoints();
        let kind = self.dice.below(if checkpoints { 9 } else { 6 });
        let (view, seq, digest) = (self.view(), self.seq(), self.batch().digest());
        Some(match kind {
            0 => Message::PrePrepare(self.proposal(&key)),
            1 => Message::Prepare(key.sign(Prepare { view, seq, digest })),
            2 => Message::Commit(key.sign(Commit { view, seq, digest })),
            3 => Message::ViewChange(self.change(&key, &parts, view)),
            4 | 5 => Message::NewView(self.new_view(&key, &parts)),
            6 => Message::Checkpoint(key.sign(self.checkpoint(&parts))),
            _ => self.state(&key, &parts),
        })
    }

    fn proposal(&mut self, key: &Hand) -> Proposal {
        let (view, seq, batch) = (self.view(), self.seq(), self.batch());
        let digest = if self.dice.chance(85) { batch.digest() } else { self.batch().digest() };
        Proposal { pre_prepare: key.sign(PrePrepare { view, seq, digest }), batch }
    }

    /// A set of votes: those that fit, those that fit in some respects, or others.
    fn votes<M: Clone + Signable>(
        &mut self,
        all: &[Signed<M>],
        own: Signed<M>,
        fits: [&dyn Fn(&M) -> bool; 3],
    ) -> Arc<[Signed<M>]> {
        let looks: Vec<bool> = (0..3).map(|_| self.dice.chance(70)).collect();
        let forged = self.dice.chance(8);
        let forged = self
            .system
            .setting()
            .committee
            .replicas()
            .filter(|_| forged)
            .map(|id| Signed::forged(Principal::Replica(id), own.message().clone()));
        let all = all.iter().chain([&own]).cloned().chain(forged.collect::<Vec<_>>());
        let mut votes: Vec<_> =
            all.filter(|vote| fits.iter().zip(&looks).all(|(fits, looks)| !looks || fits(vote))).collect();
        if self.dice.chance(15) {
            votes = vec![own; 4];
        }
        if self.dice.chance(10) {
            let left = self.dice.below(votes.len() as u64 + 1) as usize;
            votes.truncate(left);
        }
        votes.into()
    }

    fn claim(&mut self, key: &Hand, parts: &Parts) -> PreparedClaim {
        let known = self.dice.pick(&parts.proposals).cloned();
        let known = known.filter(|_| self.dice.chance(60));
        let hand = self.hand().unwrap_or_else(|| key.clone());
        let proposal = known.unwrap_or_else(|| self.proposal(&hand));
        let (view, seq, digest) = (proposal.view(), proposal.seq(), proposal.digest());
        let own = key.sign(Prepare { view, seq, digest });
        let prepares = self.votes(
            &parts.prepares,
            own,
            [&|it| it.view == view, &|it| it.seq == seq, &|it| it.digest == digest],
        );
        PreparedClaim { proposal, prepares: Uncompared(prepares) }
    }

    fn checkpoint(&mut self, parts: &Parts) -> Checkpoint {
        let state = self.some_state(parts);
        Checkpoint { seq: self.seq(), state }
    }

    fn some_state(&mut self, parts: &Parts) -> Digest {
        self.dice.pick(&parts.snapshots).map_or(Digest::ZERO, Snapshot::digest)
    }

    fn snapshot(&mut self, parts: &Parts) -> Snapshot {
        let known = self.dice.pick(&parts.snapshots).cloned();
        known.filter(|_| self.dice.chance(60)).unwrap_or_else(|| {
            let head = self.batch().digest();
            Snapshot { seq: self.seq(), head, ..Snapshot::genesis() }
        })
    }

    fn stable(&mut self, key: &Hand, parts: &Parts, of: Option<&Snapshot>) -> StableClaim {
        if of.is_none() && self.dice.chance(60) {
            return StableCheckpoint::genesis().claim().clone();
        }
        let (seq, state) = match of {
            Some(of) if self.dice.chance(80) => (of.seq, of.digest()),
            _ => (self.seq(), self.some_state(parts)),
        };
        let own = key.sign(Checkpoint { seq, state });
        let any: &dyn Fn(&Checkpoint) -> bool = &|_| true;
        let votes = self.votes(&parts.checkpoints, own, [&|it| it.seq == seq, &|it| it.state == state, any]);
        StableClaim { seq, state, checkpoints: Uncompared(votes) }
    }

    fn change(&mut self, key: &Hand, parts: &Parts, view: View) -> Arc<Signed<ViewChange>> {
        let count = self.dice.below(self.system.bound().scope.slots + 2).min(2);
        let stable = if self.system.has_checkpoints() {
            self.stable(key, parts, None)
        } else {
            StableCheckpoint::genesis().claim().clone()
        };
        let mut prepared: Vec<_> = (0..count).map(|_| self.claim(key, parts)).collect();
        if self.dice.chance(80) {
            prepared.sort_by_key(PreparedClaim::seq);
            prepared.dedup_by_key(|claim| claim.seq());
        }
        Arc::new(key.sign(ViewChange { new_view: view, stable, prepared }))
    }

    fn new_view(&mut self, key: &Hand, parts: &Parts) -> Arc<Signed<NewView>> {
        let Some(id) = key.name().replica() else { return self.new_view_of(key, parts, View(0)) };
        // Most often of a view that it leads, since little else comes of anything.
        let committee = self.system.setting().committee;
        let led: Vec<_> = (0..self.system.bound().scope.views)
            .map(View)
            .filter(|&view| self.rules.primary(committee, view) == id)
            .collect();
        let led = self.dice.pick(&led).copied();
        let view = led.filter(|_| self.dice.chance(90)).unwrap_or_else(|| self.view());
        self.new_view_of(key, parts, view)
    }

    fn new_view_of(&mut self, key: &Hand, parts: &Parts, view: View) -> Arc<Signed<NewView>> {
        let any_view = self.dice.chance(10);
        let mut changes: Vec<_> =
            parts.changes.iter().filter(|change| any_view || change.new_view == view).cloned().collect();
        for _ in 0..self.dice.below(3) {
            if let Some(key) = self.hand() {
                changes.push(self.change(&key, parts, view));
            }
        }
        self.dice.shuffle(&mut changes);
        if self.dice.chance(70) {
            let mut signers: Vec<ReplicaId> = Vec::new();
            changes.retain(|change| {
                let from = change.signer().replica();
                from.is_some_and(|from| {
                    !signers.contains(&from) && {
                        signers.push(from);
                        true
                    }
                })
            });
        }
        changes.truncate(1 + self.dice.below(4) as usize);
        if self.dice.chance(70) {
            changes.sort_by_key(|change| change.signer());
        }
        let contents: Vec<_> = changes.iter().map(|change| change.message()).collect();
        let mut batches =
            if self.dice.chance(60) { self.rules.new_view_batches(&contents) } else { Vec::new() };
        if self.dice.chance(40) {
            batches = (0..self.dice.below(self.system.bound().scope.slots + 1) + 1)
                .map(|_| (self.seq(), self.batch()))
                .collect();
        }
        let proposals = batches.into_iter().map(|(seq, batch)| {
            let pre_prepare = key.sign(PrePrepare { view, seq, digest: batch.digest() });
            Proposal { pre_prepare, batch }
        });
        let proposals = proposals.collect();
        Arc::new(key.sign(NewView { view, view_changes: Uncompared(changes), proposals }))
    }

    fn state(&mut self, key: &Hand, parts: &Parts) -> Message {
        let snapshot = self.snapshot(parts);
        let stable = self.stable(key, parts, Some(&snapshot));
        let genesis = self.dice.chance(40);
        let stable = if genesis { StableCheckpoint::genesis().claim().clone() } else { stable };
        let with = !genesis && self.dice.chance(80);
        let decided = (0..self.dice.below(3)).map(|_| self.decision(key, parts)).collect();
        let snapshot = with.then(|| Arc::new(snapshot));
        Message::State(Arc::new(key.sign(StateTransfer { stable, snapshot, decided })))
    }

    fn decision(&mut self, key: &Hand, parts: &Parts) -> Decision {
        let (view, seq, batch) = (self.view(), self.seq(), self.batch());
        let digest = batch.digest();
        let own = key.sign(Commit { view, seq, digest });
        let commits = self.votes(
            &parts.commits,
            own,
            [&|it| it.view == view, &|it| it.seq == seq, &|it| it.digest == digest],
        );
        Decision { seq, batch, commits: Uncompared((view, commits)) }
    }
}
