//! Whether the adversary is as general as it claims: whatever a well-formed message does to a replica, some message that
//! the adversary offers in that state does too.
//!
//! Messages are drawn here from the grammar alone, part by part, without the adversary's code: fields of the bound's
//! alphabet, parts that honest replicas have signed, parts that a Byzantine replica signs, and forged ones. What a replica
//! refuses is no step and says nothing. Votes that are only counted are held against votes that count under the same key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bft_check::bugs;
use bft_check::model::{
    Adversary, Bound, Event, EventRef, Family, Local, Participant, Run, Scope, System, participants,
};
use bft_check::pbft::{
    Batch, Castro99, Checkpoint, Commit, Decision, Digest, Message, NewView, Outcome, PrePrepare, Prepare,
    PreparedClaim, Principal, Proposal, Refusal, ReplicaId, Reply, Rules, SeqNum, Setting, Signable, Signed,
    SignedPart, SigningKey, Snapshot, StableClaim, StateTransfer, TallyKey, Timestamp, Uncompared, View,
    ViewChange, VoteSet,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// What is drawn, so that it can be shrunk: the choices that are made, one after the other.
struct Choices {
    drawn: Vec<u32>,
    next: usize,
}

impl Choices {
    fn below(&mut self, n: usize) -> usize {
        let choice = self.drawn.get(self.next).copied().unwrap_or_default() as usize;
        self.next += 1;
        if n == 0 { 0 } else { choice % n }
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let place = self.below(of.len());
        of.get(place).cloned()
    }
}

/// Everything that a message can be made of, in one state.
struct Grammar<'a> {
    system: &'a System,
    sent: &'a [Message],
    key: SigningKey,
    choices: &'a mut Choices,
}

fn made_up(seq: SeqNum) -> Snapshot {
    Snapshot { seq, head: Digest::ZERO, clients: BTreeMap::new() }
}

impl Grammar<'_> {
    fn view(&mut self) -> View {
        View(self.choices.below(self.system.bound().scope.views as usize) as u64)
    }

    fn seq(&mut self) -> SeqNum {
        let slots = self.system.bound().scope.slots as usize;
        SeqNum(if self.choices.chance(10) { 0 } else { 1 + self.choices.below(slots) as u64 })
    }

    fn batch(&mut self) -> Batch {
        self.choices.pick(&self.system.batches()).expect("there are batches")
    }

    fn digest(&mut self) -> Digest {
        if self.choices.chance(10) { Digest::ZERO } else { self.batch().digest() }
    }

    /// One of these that an honest replica has signed.
    fn honest<T: Clone>(&mut self, of: impl Fn(&Message) -> Vec<T>) -> Option<T> {
        let all: Vec<T> = self.sent.iter().flat_map(of).collect();
        self.choices.pick(&all)
    }

    fn forger(&mut self) -> Principal {
        let honest: Vec<_> = self.system.honest().iter().map(|it| Principal::Replica(it.id())).collect();
        self.choices.pick(&honest).expect("somebody is honest")
    }

    fn own_proposal(&mut self) -> Proposal {
        let (view, seq, batch) = (self.view(), self.seq(), self.batch());
        let digest = if self.choices.chance(85) { batch.digest() } else { self.digest() };
        Proposal { pre_prepare: self.key.sign(PrePrepare { view, seq, digest }), batch }
    }

    fn proposal(&mut self) -> Proposal {
        let sent = |message: &Message| match message {
            Message::PrePrepare(proposal) => vec![proposal.clone()],
            Message::NewView(new_view) => new_view.proposals.clone(),
            _ => Vec::new(),
        };
        match self.choices.below(10) {
            0..=3 => self.own_proposal(),
            4..=7 => self.honest(sent).unwrap_or_else(|| self.own_proposal()),
            8 => match self.honest(sent) {
                Some(proposal) => Proposal { batch: self.batch(), ..proposal },
                None => self.own_proposal(),
            },
            _ => {
                let own = self.own_proposal();
                let (rules, committee) = (self.system.rules(), self.system.setting().committee);
                let primary = Principal::Replica(rules.primary(committee, own.view()));
                if self.key.owner() == primary {
                    return own;
                }
                Proposal { pre_prepare: Signed::forged(primary, *own.pre_prepare.message()), ..own }
            }
        }
    }

    /// Votes for something: those that fit, those that do not, own ones, forged ones, some of them twice.
    fn votes<V: Signable + Copy + PartialEq>(
        &mut self,
        wanted: V,
        sent: impl Fn(&Message) -> Option<Signed<V>>,
        another: impl Fn(&mut Self) -> V,
    ) -> Vec<Signed<V>> {
        let real: Vec<_> = self.sent.iter().filter_map(&sent).collect();
        let fitting: Vec<_> = real.iter().filter(|vote| *vote.message() == wanted).cloned().collect();
        if self.choices.chance(30) {
            return fitting.iter().cloned().chain([self.key.sign(wanted)]).collect();
        }
        if self.choices.chance(30) {
            return real.iter().cloned().chain([self.key.sign(wanted)]).collect();
        }
        let mut votes = Vec::new();
        for _ in 0..self.choices.below(6) {
            let vote = match self.choices.below(10) {
                0..=3 => self.choices.pick(&fitting),
                4 | 5 => self.choices.pick(&real),
                6 => Some(self.key.sign(wanted)),
                7 => {
                    let vote = another(self);
                    Some(self.key.sign(vote))
                }
                _ => Some(Signed::forged(self.forger(), wanted)),
            };
            votes.extend(vote);
        }
        votes
    }

    fn claim(&mut self) -> PreparedClaim {
        let proposal = self.proposal();
        let (view, seq, digest) = (proposal.view(), proposal.seq(), proposal.digest());
        let sent = |message: &Message| match message {
            Message::Prepare(vote) => Some(vote.clone()),
            _ => None,
        };
        let another = |it: &mut Self| Prepare { view: it.view(), seq: it.seq(), digest: it.digest() };
        let prepares = self.votes(Prepare { view, seq, digest }, sent, another);
        PreparedClaim { proposal, prepares: Uncompared(prepares.into()) }
    }

    fn state_digest(&mut self, seq: SeqNum) -> Digest {
        let announced = |message: &Message| match message {
            Message::Checkpoint(vote) => vec![vote.state],
            _ => Vec::new(),
        };
        match self.choices.below(3) {
            0 => made_up(seq).digest(),
            _ => self.honest(announced).unwrap_or_else(|| made_up(seq).digest()),
        }
    }

    fn checkpoint(&mut self) -> Checkpoint {
        let announced = |message: &Message| match message {
            Message::Checkpoint(vote) => vec![*vote.message()],
            _ => Vec::new(),
        };
        let known = self.honest(announced);
        match known.filter(|_| self.choices.chance(60)) {
            Some(checkpoint) => checkpoint,
            None => {
                let seq = self.seq();
                Checkpoint { seq, state: self.state_digest(seq) }
            }
        }
    }

    fn stable(&mut self) -> StableClaim {
        if self.choices.chance(50) {
            let (seq, state) = (SeqNum(0), Snapshot::genesis().digest());
            return StableClaim { seq, state, checkpoints: Uncompared(Arc::from([])) };
        }
        let wanted = self.checkpoint();
        let sent = |message: &Message| match message {
            Message::Checkpoint(vote) => Some(vote.clone()),
            _ => None,
        };
        let votes = self.votes(wanted, sent, |it: &mut Self| it.checkpoint());
        StableClaim { seq: wanted.seq, state: wanted.state, checkpoints: Uncompared(votes.into()) }
    }

    fn view_change(&mut self, new_view: View) -> ViewChange {
        let stable = self.stable();
        let claims = [0, 0, 1, 1, 1, 2][self.choices.below(6)];
        let prepared = (0..claims).map(|_| self.claim()).collect();
        ViewChange { new_view, stable, prepared }
    }

    fn target(&mut self) -> View {
        View(1 + self.choices.below(self.system.bound().scope.views.saturating_sub(1) as usize) as u64)
    }

    /// View changes: of honest replicas, own ones, forged ones.
    fn view_changes(&mut self, view: View) -> Vec<Arc<Signed<ViewChange>>> {
        let sent = |message: &Message| match message {
            Message::ViewChange(change) => vec![Arc::clone(change)],
            _ => Vec::new(),
        };
        let mut changes = Vec::new();
        let mut senders = BTreeSet::new();
        for _ in 0..self.choices.below(9) + 1 {
            let target = if self.choices.chance(90) { view } else { self.target() };
            let change = match self.choices.below(10) {
                0..=6 => self.honest(sent),
                7 | 8 => Some(Arc::new(self.key.clone().sign(self.view_change(target)))),
                _ => Some(Arc::new(Signed::forged(self.forger(), self.view_change(target)))),
            };
            let again = self.choices.chance(10);
            changes.extend(change.filter(|change| senders.insert(change.signer()) || again));
        }
        changes
    }

    fn new_view(&mut self) -> NewView {
        let view = self.target();
        let changes = self.view_changes(view);
        let contents: Vec<&ViewChange> = changes.iter().map(|change| change.message()).collect();
        let due = self.system.rules().new_view_batches(&contents);
        let sign = |key: &SigningKey, seq, batch: &Batch| Proposal {
            pre_prepare: key.sign(PrePrepare { view, seq, digest: batch.digest() }),
            batch: batch.clone(),
        };
        let mut proposals: Vec<_> = due.iter().map(|(seq, batch)| sign(&self.key, *seq, batch)).collect();
        if self.choices.chance(30) {
            let count = self.choices.below(self.system.bound().scope.slots as usize + 1);
            proposals = (1..=count as u64)
                .map(|seq| {
                    let batch = self.batch();
                    sign(&self.key, SeqNum(seq), &batch)
                })
                .collect();
        }
        NewView { view, view_changes: Uncompared(changes), proposals }
    }

    fn decision(&mut self) -> Decision {
        let (mut view, mut seq, mut batch) = (self.view(), self.seq(), self.batch());
        let voted = |message: &Message| match message {
            Message::Commit(vote) => vec![*vote.message()],
            _ => Vec::new(),
        };
        if self.choices.chance(70)
            && let Some(vote) = self.honest(voted)
        {
            (view, seq) = (vote.view, vote.seq);
            batch = self.system.batch(vote.digest).unwrap_or(batch);
        }
        let sent = |message: &Message| match message {
            Message::Commit(vote) => Some(vote.clone()),
            _ => None,
        };
        let another = |it: &mut Self| Commit { view: it.view(), seq: it.seq(), digest: it.digest() };
        let commits = self.votes(Commit { view, seq, digest: batch.digest() }, sent, another);
        Decision { seq, batch, commits: Uncompared((view, commits.into())) }
    }

    fn state(&mut self) -> StateTransfer {
        let stable = self.stable();
        let sent = |message: &Message| match message {
            Message::State(transfer) => transfer.snapshot.iter().cloned().collect(),
            _ => Vec::new(),
        };
        let snapshot = match self.choices.below(4) {
            0 => None,
            1 => Some(Arc::new(made_up(stable.seq))),
            2 => self.honest(sent),
            _ => Some(Arc::new(Snapshot::genesis())),
        };
        let decided = (0..self.choices.below(2)).map(|_| self.decision()).collect();
        StateTransfer { stable, snapshot, decided }
    }

    fn reply(&mut self) -> Reply {
        let told = |message: &Message| match message {
            Message::Reply(reply) => vec![*reply.message()],
            _ => Vec::new(),
        };
        let clients = self.system.clients();
        let client = clients[self.choices.below(clients.len())].id();
        let lie = Outcome::Appended { seq: SeqNum(1), position: 0, parent: Digest::ZERO };
        let result =
            self.honest(told).filter(|reply| reply.client == client).map_or(lie, |reply| reply.result);
        Reply { view: self.view(), timestamp: Timestamp(1), client, result }
    }

    fn message(&mut self, kind: Kind) -> Message {
        let key = self.key.clone();
        match kind {
            Kind::Request => Message::Request(self.system.forged().clone()),
            Kind::PrePrepare => Message::PrePrepare(self.proposal()),
            Kind::Prepare => Message::Prepare(key.sign(Prepare {
                view: self.view(),
                seq: self.seq(),
                digest: self.digest(),
            })),
            Kind::Commit => Message::Commit(key.sign(Commit {
                view: self.view(),
                seq: self.seq(),
                digest: self.digest(),
            })),
            Kind::Checkpoint => Message::Checkpoint(key.sign(self.checkpoint())),
            Kind::ViewChange => {
                let view = self.target();
                Message::ViewChange(Arc::new(key.sign(self.view_change(view))))
            }
            Kind::NewView => Message::NewView(Arc::new(key.sign(self.new_view()))),
            Kind::State => Message::State(Arc::new(key.sign(self.state()))),
            Kind::Reply => Message::Reply(key.sign(self.reply())),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Request,
    PrePrepare,
    Prepare,
    Commit,
    Checkpoint,
    ViewChange,
    NewView,
    State,
    Reply,
}

/// The kinds that can matter in a bound.
fn kinds(system: &System) -> Vec<Kind> {
    let mut kinds = vec![Kind::Request, Kind::Prepare, Kind::Commit, Kind::PrePrepare];
    if system.has_checkpoints() {
        kinds.extend([Kind::Checkpoint, Kind::State]);
    }
    if system.bound().scope.views > 1 {
        kinds.extend([Kind::ViewChange, Kind::NewView, Kind::NewView]);
    }
    if !system.clients().is_empty() {
        kinds.push(Kind::Reply);
    }
    kinds
}

fn is_kind(message: &Message, kind: Kind) -> bool {
    match message {
        Message::Request(_) => kind == Kind::Request,
        Message::PrePrepare(_) => kind == Kind::PrePrepare,
        Message::Prepare(_) => kind == Kind::Prepare,
        Message::Commit(_) => kind == Kind::Commit,
        Message::Checkpoint(_) => kind == Kind::Checkpoint,
        Message::ViewChange(_) => kind == Kind::ViewChange,
        Message::NewView(_) => kind == Kind::NewView,
        Message::State(_) => kind == Kind::State,
        Message::Reply(_) => kind == Kind::Reply,
        Message::Read(_) | Message::Status(_) => false,
    }
}

/// What a message does to a participant: the state without tallies, what is sent, and the whole state.
type Effect = (Local, BTreeSet<Message>, Local);

fn effect(system: &System, participant: &Participant, local: &Local, message: &Message) -> Option<Effect> {
    let stimulus = EventRef::Deliver(message);
    let taken = participant.step(system, local, stimulus)?;
    let sent = taken.sent(system).into_iter().map(|(_, message)| message);
    let sent = sent.filter(|message| !matches!(message, Message::Request(_))).collect();
    let mut after = taken.after;
    after.forget_backoff();
    Some((participant.control(&after), sent, after))
}

/// Under which key a vote is counted, and at which number.
fn counted_under(system: &System, message: &Message) -> Option<(Kind, SeqNum, TallyKey)> {
    let rules = system.rules();
    match message {
        Message::Prepare(vote) => Some((Kind::Prepare, vote.seq, rules.prepare_key(vote.view, vote.digest))),
        Message::Commit(vote) => Some((Kind::Commit, vote.seq, rules.commit_key(vote.view, vote.digest))),
        _ => None,
    }
}

/// Whether a vote that is only counted is counted under a key that no proposal asks for.
fn is_idle(system: &System, message: &Message, offered: &[Message]) -> bool {
    let Some((kind, seq, key)) = counted_under(system, message) else { return false };
    let rules = system.rules();
    let asks = |proposal: &Proposal| {
        let (view, digest) = (proposal.view(), proposal.digest());
        let asked = match kind {
            Kind::Prepare => rules.prepare_key(view, digest),
            _ => rules.commit_key(view, digest),
        };
        proposal.seq() == seq && asked == key
    };
    !offered.iter().any(|message| match message {
        Message::PrePrepare(proposal) => asks(proposal),
        // Whoever enters a view forgets the votes of those before.
        Message::NewView(new_view) => {
            new_view.proposals.iter().any(|it| it.view() == new_view.view && asks(it))
        }
        _ => false,
    })
}

/// How many messages of each kind were accepted.
type Accepted = BTreeMap<Kind, usize>;

/// Runs a system for a while, then draws messages, and looks whether the adversary offers as much.
fn look(
    system: &Arc<System>,
    adversary: &Adversary,
    only: Option<Kind>,
    drawn: Vec<u32>,
    accepted: &mut Accepted,
) -> Result<(), String> {
    let mut choices = Choices { drawn, next: 0 };
    let (run, offered) = some_run(system, adversary, &mut choices);
    let sent: Vec<Message> = run.sent().iter().cloned().collect();
    let people = participants(system);
    let kinds = kinds(system);
    let mut known: BTreeMap<(Principal, Kind), Vec<(Effect, &Message)>> = BTreeMap::new();
    for _ in 0..24 {
        // The kinds that are rarely accepted stand last, and are drawn more often.
        let kind = kinds[choices.below(kinds.len()).max(choices.below(kinds.len()))];
        let kind = only.unwrap_or(kind);
        let Some(key) = choices.pick(system.byzantine()) else { continue };
        let message = Grammar { system, sent: &sent, key, choices: &mut choices }.message(kind);
        for (participant, (who, local)) in people.iter().zip(run.locals()) {
            let Some(drawn) = effect(system, participant, local, &message) else { continue };
            let offered_here = known.entry((who, kind)).or_insert_with(|| {
                let same = offered.iter().filter(|message| is_kind(message, kind));
                same.filter_map(|it| Some((effect(system, participant, local, it)?, it))).collect()
            });
            *accepted.entry(kind).or_default() += 1;
            let does_nothing = (&drawn.0, &drawn.1) == (&participant.control(local), &BTreeSet::new());
            let is_same = |(own, by): &(Effect, &Message)| {
                if does_nothing && counted_under(system, &message).is_some() {
                    return counted_under(system, by) == counted_under(system, &message);
                }
                (&own.0, &own.1) == (&drawn.0, &drawn.1)
            };
            let is_there = offered_here.iter().any(is_same)
                || (does_nothing && is_idle(system, &message, &offered))
                || (does_nothing && drawn.2 == *local);
            if !is_there {
                return Err(format!(
                    "{:?}, {:?}: nothing that is offered does to {who} what {message:?} does after {sent:?}",
                    system.rules(),
                    system.bound()
                ));
            }
        }
    }
    Ok(())
}

/// A run of some steps, and everything that can be delivered after it.
fn some_run(system: &Arc<System>, adversary: &Adversary, choices: &mut Choices) -> (Run, Vec<Message>) {
    let mut run = Run::new(Arc::clone(system));
    let people: Vec<Principal> = run.locals().map(|(who, _)| who).collect();
    let there = |run: &Run| -> Vec<Message> {
        let requests = system.requests().iter().cloned().map(Message::Request);
        let first = adversary.unconditional_messages().iter().cloned();
        requests
            .chain(first)
            .chain(adversary.messages(run.sent()))
            .chain(run.sent().iter().cloned())
            .collect()
    };
    let mut all = there(&run);
    for _ in 0..choices.below(40) {
        let who = people[choices.below(people.len())];
        let sent: Vec<Message> = run.sent().iter().cloned().collect();
        let event = match choices.below(10) {
            0 => {
                let local = run.locals().find(|(id, _)| *id == who).map(|(_, local)| local.clone());
                let view = local.and_then(|local| local.replica().map(|state| state.view()));
                view.map(Event::Timeout)
            }
            1..=6 => choices.pick(&sent).map(Event::Deliver),
            7 => choices.pick(system.requests()).map(Message::Request).map(Event::Deliver),
            _ => choices.pick(&all).map(Event::Deliver),
        };
        let before = run.sent().len();
        if let Some(event) = event
            && run.step(who, &event).is_ok()
            && run.sent().len() > before
        {
            all = there(&run);
        }
    }
    (run, all)
}

fn system(scope: Scope, byzantine: u16, rules: &'static dyn Rules) -> Arc<System> {
    Arc::new(System::new(Bound::new(scope, [ReplicaId(byzantine)]), rules).expect("the bound makes sense"))
}

/// The bounds in which messages are drawn, with who is Byzantine.
fn bounds() -> Vec<(Scope, u16)> {
    let views = Scope::DEFAULT;
    let checkpoints = Scope { views: 1, checkpoint: Some(1), ..Scope::DEFAULT };
    let both = Scope { views: 2, requests: 1, checkpoint: Some(1), ..Scope::DEFAULT };
    let slots = Scope { slots: 2, ..Scope::DEFAULT };
    let clients = Scope { requests: 1, clients: true, ..Scope::DEFAULT };
    vec![(views, 1), (views, 0), (checkpoints, 0), (checkpoints, 3), (both, 1), (slots, 1), (clients, 1)]
}

/// Draws so many cases in each bound; what of it was accepted, or what the adversary does not offer.
fn draw(
    rules: &'static dyn Rules,
    without: Option<Family>,
    only: Option<Kind>,
    cases: u32,
    bounds: &[(Scope, u16)],
) -> Result<Accepted, String> {
    let mut accepted = Accepted::new();
    for &(scope, byzantine) in bounds {
        let system = system(scope, byzantine, rules);
        if only.is_some_and(|kind| !kinds(&system).contains(&kind)) {
            continue;
        }
        let adversary = match without {
            Some(family) => Adversary::new(Arc::clone(&system)).without(family),
            None => Adversary::new(Arc::clone(&system)),
        };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, rng);
        let counted = std::cell::RefCell::new(&mut accepted);
        let result = runner.run(&prop::collection::vec(any::<u32>(), 600), |drawn| {
            look(&system, &adversary, only, drawn, &mut counted.borrow_mut()).map_err(TestCaseError::fail)
        });
        result.map_err(|error| error.to_string())?;
    }
    Ok(accepted)
}

/// Every new view is accepted whose view changes are those of a quorum: what it proposes may be signed by anybody.
#[derive(Debug)]
struct AnyProposals;

impl Rules for AnyProposals {
    fn check_new_view(&self, _: &Setting, _: &NewView) -> Result<(), Refusal> {
        Ok(())
    }
}

/// What an adversary was asked before, in other states, makes no difference to what it offers.
#[test]
fn an_adversary_that_remembers_offers_what_a_new_one_does() {
    let scope = Scope { requests: 1, ..Scope::DEFAULT };
    for rules in [&Castro99 as &'static dyn Rules, &AnyProposals] {
        let system = system(scope, 1, rules);
        let remembers = Adversary::new(Arc::clone(&system));
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let mut runner =
            TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
        let drawn = prop::collection::vec(any::<u32>(), 200);
        for _ in 0..24 {
            let drawn = drawn.new_tree(&mut runner).unwrap().current();
            let (run, _) = some_run(&system, &remembers, &mut Choices { drawn, next: 0 });
            let offered = |adversary: &Adversary| BTreeSet::from_iter(adversary.messages(run.sent()));
            let (old, new) = (offered(&remembers), offered(&Adversary::new(Arc::clone(&system))));
            let missing: Vec<_> = new.difference(&old).chain(old.difference(&new)).take(3).collect();
            assert!(missing.is_empty(), "{rules:?}: {missing:?}, after {:?}", run.sent());
        }
    }
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn whatever_a_message_does_to_the_papers_replicas_one_that_is_offered_does_too() {
    let often = [Kind::PrePrepare, Kind::Prepare, Kind::Commit, Kind::Checkpoint, Kind::Reply];
    let seldom = [(Kind::ViewChange, 200), (Kind::NewView, 1500), (Kind::State, 2500)];
    for (kind, cases) in often.map(|kind| (kind, 200)).into_iter().chain(seldom) {
        let accepted =
            draw(&Castro99, None, Some(kind), cases, &bounds()).unwrap_or_else(|why| panic!("{why}"));
        assert!(accepted[&kind] >= 1000, "{kind:?}: {accepted:?}");
    }
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn it_is_as_general_under_every_rulebook_of_the_corpus() {
    let bounds = bounds();
    for rulebook in bugs::RULEBOOKS {
        if let Err(why) = draw(rulebook.rules, None, None, 10, &bounds) {
            panic!("{}: {why}", rulebook.name);
        }
    }
}

/// A rulebook with one hole.
macro_rules! hole {
    ($name:ident { $($body:tt)* }) => {
        #[derive(Debug)]
        struct $name;
        impl Rules for $name {
            $($body)*
        }
    };
}

hole!(TakesAnyBody { fn digest_matches(&self, _: Digest, _: &Batch) -> bool { true } });
hole!(LooksAtNoSignature { fn verifies(&self, _: SignedPart, _: bool) -> bool { true } });
hole!(CountsTwice { fn counts_vote(&self, _: Option<&VoteSet>, _: ReplicaId) -> bool { true } });
hole!(ForgetsTheDigest {
    fn commit_key(&self, view: View, _: Digest) -> TallyKey { TallyKey { view: Some(view), digest: None } }
});
hole!(BelievesStates {
    fn check_stable(&self, _: &Setting, _: &StableClaim) -> Result<(), Refusal> { Ok(()) }
});
hole!(FollowsAnything { fn follows(&self, _: &NewView, _: &[&ViewChange]) -> bool { true } });
hole!(SparesTheChanges {
    fn sift<'a>(&self, _: &Setting, changes: &[&'a ViewChange]) -> Result<Vec<&'a ViewChange>, Refusal> {
        Ok(changes.to_vec())
    }
});
hole!(TakesOldChanges {
    fn check_new_view(&self, setting: &Setting, new_view: &NewView) -> Result<(), Refusal> {
        let of = &new_view.view_changes.0;
        let signers: BTreeSet<_> = of.iter().map(|change| change.signer()).collect();
        let is_signed = of.iter().all(|change| setting.keys.verify(&**change));
        if signers.len() < of.len() || of.len() < setting.committee.quorum() || !is_signed {
            return Err(Refusal::NoQuorum);
        }
        let changes: Vec<&ViewChange> = of.iter().map(|change| change.message()).collect();
        let changes = self.sift(setting, &changes)?;
        if self.follows(new_view, &changes) { Ok(()) } else { Err(Refusal::WrongProposals) }
    }
});
hole!(WantsThemBackwards {
    fn check_new_view(&self, setting: &Setting, new_view: &NewView) -> Result<(), Refusal> {
        let signers: Vec<_> = new_view.view_changes.0.iter().map(|change| change.signer()).collect();
        let is_backwards = signers.windows(2).all(|two| two[0] > two[1]);
        if is_backwards { Castro99.check_new_view(setting, new_view) } else { Err(Refusal::NoQuorum) }
    }
});
hole!(SparesTheOrder {
    fn check_view_change(&self, setting: &Setting, change: &ViewChange) -> Result<(), Refusal> {
        self.check_stable(setting, &change.stable)?;
        change.prepared.first().map_or(Ok(()), |claim| self.check_prepared(setting, claim))
    }
});
hole!(BelievesDecisions {
    fn check_state(&self, setting: &Setting, transfer: &StateTransfer) -> Result<(), Refusal> {
        self.check_stable(setting, &transfer.stable)
    }
});

/// Each family of messages has a rulebook under which it is missed when it is gone.
#[test]
fn a_family_that_is_taken_out_is_missed() {
    let views = Scope::DEFAULT;
    let two_slots = Scope { slots: 2, requests: 1, ..Scope::DEFAULT };
    let three = Scope { views: 3, requests: 1, ..Scope::DEFAULT };
    let checkpoints = Scope { views: 1, checkpoint: Some(1), ..Scope::DEFAULT };
    let cases: [(Family, &'static dyn Rules, Scope, u16); 11] = [
        (Family::OtherBodies, &TakesAnyBody, views, 1),
        (Family::Forged, &LooksAtNoSignature, views, 1),
        (Family::Repeated, &CountsTwice, views, 1),
        (Family::OtherFields, &ForgetsTheDigest, checkpoints, 0),
        (Family::MadeUp, &BelievesStates, checkpoints, 0),
        (Family::AnyProposals, &FollowsAnything, views, 1),
        (Family::Spoilt, &SparesTheChanges, views, 1),
        (Family::OtherViews, &TakesOldChanges, three, 2),
        (Family::OtherOrders, &WantsThemBackwards, views, 1),
        (Family::Misplaced, &SparesTheOrder, two_slots, 1),
        (Family::Unproved, &BelievesDecisions, checkpoints, 0),
    ];
    for (family, rules, scope, byzantine) in cases {
        let bounds = [(scope, byzantine)];
        assert_eq!(draw(rules, None, None, 400, &bounds).map(|_| ()), Ok(()), "{family:?} {rules:?}");
        assert!(
            draw(rules, Some(family), None, 4000, &bounds).is_err(),
            "nobody misses {family:?} under {rules:?}"
        );
    }
}
