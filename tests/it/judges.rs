//! The two judges against each other and against stateright's own checkers, and the search against a
//! textbook one.
//!
//! Judge *guards* leaves out most of the states that judge *message* visits. What must be left is everything that an
//! honest replica can believe together with the others: the sets of control parts that the two reach
//! have to be equal, whatever the rulebook.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bft_check::bugs;
use bft_check::check::{
    Coverage, End, Job, JudgeKind, Limit, Limits, Progress, Report, Verdict, run, search,
};
use bft_check::model::{
    Bound, Fingerprint, GuardModel, Judge, MessageAction, MessageGraph, MessageModel, Property as Kind,
    Scope, Store, System, fingerprint, properties,
};
use bft_check::pbft::{
    Castro99, Digest, Prepare, PreparedClaim, Principal, Refusal, ReplicaId, Rules, Setting, Signed,
    TallyKey, View, VoteSet,
};
use proptest::prelude::*;
use stateright::{Checker as _, Model, Property};

fn bound(n: u16, f: u16, byzantine: &[u16], views: u64, slots: u64, requests: u32) -> Bound {
    let scope = Scope { replicas: n, faults: f, views, slots, requests, ..Scope::DEFAULT };
    Bound::new(scope, byzantine.iter().copied().map(ReplicaId))
}

fn system(bound: &Bound, rules: &'static dyn Rules) -> Arc<System> {
    Arc::new(System::new(bound.clone(), rules).unwrap())
}

fn rulebook(name: &str) -> &'static dyn Rules {
    bugs::find(name).unwrap().rules
}

fn threads(threads: usize) -> Limits {
    Limits { threads, ..Limits::default() }
}

/// Runs in a pool of that size: the global one has a thread for each processor.
fn on<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

/// The control parts that are reached together, each vector as a fingerprint. No property is checked:
/// a broken rulebook must be explored past its first violation.
fn projections<J>(judge: &J, limits: &Limits) -> (BTreeSet<Fingerprint>, Coverage)
where
    J: Judge + Sync,
    J::State: Hash + Send + Sync,
    J::Action: Clone + std::fmt::Debug + PartialEq,
{
    let mut reached = BTreeSet::new();
    // Few local states occur in many global ones.
    let mut known: HashMap<(ReplicaId, Fingerprint), Fingerprint> = HashMap::new();
    let report = search(judge, &[], limits, &Progress::default(), |state| {
        let vector: Vec<_> = judge.with_view(state, |seen| {
            assert_eq!(seen.replicas.len(), judge.system().honest().len());
            let replicas = judge.system().honest().iter().zip(seen.replicas).map(|(replica, state)| {
                let control = || fingerprint(&replica.control(state));
                *known.entry((replica.id(), fingerprint(state))).or_insert_with(control)
            });
            let clients = judge.system().clients().iter().zip(seen.clients);
            let clients = clients.map(|(client, state)| fingerprint(&client.control(state)));
            replicas.chain(clients).chain([fingerprint(&seen.history)]).collect()
        });
        reached.insert(fingerprint(&vector));
    });
    assert_eq!(report.end, End::Exhausted);
    (reached, report.coverage)
}

/// What came of a comparison, besides equality.
struct Compared {
    projections: usize,
    message: u64,
    guards: u64,
    stepped: u64,
}

fn compare(bound: &Bound, rules: &'static dyn Rules) -> Compared {
    let system = system(bound, rules);
    let guards = GuardModel::new(Arc::clone(&system));
    let (by_guards, fewer) = projections(&guards, &threads(1));
    assert_eq!(guards.refusal(), None, "{rules:?} {bound:?}");
    // The graph of judge *message*, at look-up speed: tests/engine.rs holds it against stateright's ActorModel.
    let message = MessageGraph::new(Arc::clone(&system));
    let (by_messages, more) = projections(&message, &threads(1));
    let (lost, added) =
        (by_messages.difference(&by_guards).count(), by_guards.difference(&by_messages).count());
    assert_eq!(
        (lost, added),
        (0, 0),
        "judge *guards* loses {lost} and adds {added} of {} projections: {rules:?} {bound:?}",
        by_messages.len()
    );
    assert!(by_messages.len() > 1, "nothing happens: {rules:?} {bound:?}");
    Compared {
        projections: by_messages.len(),
        message: more.states,
        guards: fewer.states,
        stepped: guards.stepped(),
    }
}

/// Compares under the correct rules, under which no delivery may be a step of its own.
#[track_caller]
fn castro99_agrees(bound: &Bound, expected: usize) -> Compared {
    let compared = compare(bound, &Castro99);
    assert_eq!(compared.projections, expected, "{bound:?}");
    assert_eq!(compared.stepped, 0, "{bound:?}");
    assert!(compared.guards < compared.message, "{bound:?}");
    compared
}

// --- the correct rules --------------------------------------------------------------------------

#[test]
fn in_one_view_the_judges_agree_with_a_byzantine_primary() {
    let compared = castro99_agrees(&bound(4, 1, &[0], 1, 1, 2), 145);
    assert_eq!((compared.message, compared.guards), (178_770, 145));
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn in_one_view_with_two_requests_the_judges_agree_with_a_byzantine_backup() {
    let compared = castro99_agrees(&bound(4, 1, &[3], 1, 1, 2), 79);
    assert_eq!((compared.message, compared.guards), (788_256, 79));
}

#[test]
fn in_one_view_the_judges_agree_wherever_the_byzantine_replica_is() {
    castro99_agrees(&bound(4, 1, &[0], 1, 1, 1), 49);
    castro99_agrees(&bound(4, 1, &[3], 1, 1, 1), 40);
    castro99_agrees(&bound(4, 1, &[], 1, 1, 1), 109);
}

/// As many views as judge *message* can finish. More Byzantine replicas than f are a question like any other,
/// and a small one in which the adversary takes part in view changes.
#[test]
#[ignore = "slow: .ci/run runs it"]
fn over_view_changes_the_judges_agree() {
    for (bound, expected) in [
        (bound(2, 0, &[], 2, 1, 1), 30),
        (bound(2, 0, &[], 3, 1, 1), 73),
        (bound(2, 0, &[], 4, 1, 1), 139),
        (bound(2, 0, &[], 2, 2, 2), 672),
        (bound(3, 0, &[], 2, 1, 1), 378),
        (bound(2, 0, &[0], 3, 1, 1), 20),
        (bound(2, 0, &[1], 3, 1, 1), 24),
        (bound(2, 0, &[0], 2, 1, 2), 25),
        (bound(2, 0, &[1], 2, 1, 2), 24),
        (bound(2, 0, &[0], 2, 2, 1), 50),
        (bound(3, 0, &[0], 2, 1, 1), 99),
        (bound(3, 0, &[1], 2, 1, 1), 120),
        (bound(3, 0, &[2], 2, 1, 1), 100),
    ] {
        castro99_agrees(&bound, expected);
    }
}

/// The default bound: too large for judge *message*, but not for asking how judge *guards* got there.
#[test]
fn under_the_correct_rules_every_delivery_commutes() {
    for byzantine in [0, 1, 3] {
        let model = GuardModel::new(system(&bound(4, 1, &[byzantine], 2, 1, 1), &Castro99));
        let (reached, coverage) = projections(&model, &threads(1));
        assert!(reached.len() > 100 && coverage.states >= reached.len() as u64);
        assert_eq!((model.stepped(), model.refusal()), (0, None), "Byzantine r{byzantine}");
    }
}

// --- broken rules -------------------------------------------------------------------------------

/// The bound, changed.
fn with(bound: Bound, change: impl FnOnce(&mut Scope)) -> Bound {
    let mut bound = bound;
    change(&mut bound.scope);
    bound
}

#[test]
fn over_crashes_the_judges_agree() {
    for store in [Store::Keeps, Store::LosesLast] {
        let crashing = |bound| {
            with(bound, |scope| {
                scope.crashes = 1;
                scope.store = store;
            })
        };
        compare(&crashing(bound(2, 0, &[], 2, 1, 1)), &Castro99);
        compare(&crashing(bound(2, 0, &[], 2, 1, 2)), &Castro99);
        compare(&crashing(bound(3, 0, &[], 1, 1, 1)), &Castro99);
        compare(&crashing(bound(3, 0, &[0], 1, 1, 1)), &Castro99);
        compare(&crashing(bound(2, 0, &[1], 2, 1, 1)), rulebook("amnesia"));
    }
    compare(&with(bound(2, 0, &[], 2, 1, 1), |scope| scope.crashes = 2), &Castro99);
}

#[test]
fn with_clients_the_judges_agree() {
    let asking = |bound, reads| {
        with(bound, |scope| {
            scope.clients = true;
            scope.reads = reads;
        })
    };
    for rules in [&Castro99 as &dyn Rules, rulebook("single-reply"), rulebook("unordered-reads")] {
        compare(&asking(bound(3, 0, &[], 1, 1, 1), 1), rules);
        compare(&asking(bound(2, 0, &[1], 1, 1, 1), 1), rules);
        compare(&asking(bound(2, 0, &[], 2, 1, 1), 0), rules);
        compare(&asking(bound(4, 1, &[3], 1, 1, 1), 0), rules);
    }
}

#[test]
fn with_checkpoints_the_judges_agree() {
    let every = |bound, interval| with(bound, |scope| scope.checkpoint = Some(interval));
    for name in ["castro99", "weak-checkpoint", "unchecked-state"] {
        compare(&every(bound(2, 0, &[], 1, 2, 2), 1), rulebook(name));
        compare(&every(bound(3, 0, &[], 1, 1, 1), 1), rulebook(name));
        compare(&every(bound(3, 0, &[2], 1, 1, 1), 1), rulebook(name));
        compare(&every(bound(2, 0, &[], 2, 1, 1), 1), rulebook(name));
        compare(&every(bound(2, 0, &[1], 2, 1, 1), 1), rulebook(name));
        compare(&every(bound(2, 0, &[], 1, 3, 3), 2), rulebook(name));
    }
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn under_broken_rules_the_judges_agree_in_one_view() {
    for name in ["digest-blind", "second-proposal", "weak-commit"] {
        for byzantine in [0, 3] {
            compare(&bound(4, 1, &[byzantine], 1, 1, 1), rulebook(name));
        }
    }
    for name in ["digest-blind", "second-proposal", "unsigned-request", "weak-commit"] {
        for byzantine in [0, 2] {
            compare(&bound(3, 0, &[byzantine], 1, 1, 2), rulebook(name));
        }
    }
    for name in ["repeated-execution", "eager-execution"] {
        compare(&bound(3, 0, &[0], 1, 2, 1), rulebook(name));
    }
}

#[test]
fn under_broken_rules_the_judges_agree_over_view_changes() {
    for name in ["prepared-lost", "short-new-view", "weak-commit", "second-proposal", "digest-blind"] {
        compare(&bound(2, 0, &[], 3, 1, 1), rulebook(name));
        compare(&bound(2, 0, &[], 2, 2, 2), rulebook(name));
        compare(&bound(2, 0, &[0], 2, 1, 2), rulebook(name));
        compare(&bound(2, 0, &[1], 2, 1, 2), rulebook(name));
    }
    for name in ["prepared-lost", "short-new-view"] {
        compare(&bound(3, 0, &[], 2, 1, 1), rulebook(name));
        compare(&bound(3, 0, &[1], 2, 1, 1), rulebook(name));
    }
    compare(&bound(2, 0, &[], 4, 1, 1), rulebook("lowest-certificate"));
}

// --- rules under which the order of deliveries matters --------------------------------------------

/// Prepares count for their digest, in whatever view they were cast: corpus no. 3.
#[derive(Debug)]
struct PreparesOfAnyView;

impl Rules for PreparesOfAnyView {
    fn prepare_key(&self, _: View, digest: Digest) -> TallyKey {
        TallyKey { view: None, digest: Some(digest) }
    }
}

/// Commits count for their digest, in whatever view they were cast: corpus no. 2.
#[derive(Debug)]
struct CommitsOfAnyView;

impl Rules for CommitsOfAnyView {
    fn commit_key(&self, _: View, digest: Digest) -> TallyKey {
        TallyKey { view: None, digest: Some(digest) }
    }
}

/// A vote counts as often as it arrives: corpus no. 14.
#[derive(Debug)]
struct VotesCountTwice;

impl Rules for VotesCountTwice {
    fn counts_vote(&self, _: Option<&VoteSet>, _: ReplicaId) -> bool {
        true
    }
}

/// Here a partial tally outlives a view, and what was counted in it can come as well afterwards.
#[test]
fn votes_that_count_in_any_view_can_be_put_off() {
    for rules in [&PreparesOfAnyView as &dyn Rules, &CommitsOfAnyView] {
        for bound in [
            bound(2, 0, &[], 2, 1, 1),
            bound(2, 0, &[], 3, 1, 1),
            bound(2, 0, &[], 2, 2, 2),
            bound(3, 0, &[], 2, 1, 1),
        ] {
            assert_eq!(compare(&bound, rules).stepped, 0, "{rules:?} {bound:?}");
        }
        for byzantine in [0, 1] {
            compare(&bound(2, 0, &[byzantine], 3, 1, 1), rules);
        }
        compare(&bound(3, 0, &[1], 2, 1, 1), rules);
    }
}

/// A certificate in which replica 3 stands is none.
#[derive(Debug)]
struct WithoutTheLast;

impl Rules for WithoutTheLast {
    fn check_prepared(&self, setting: &Setting, claim: &PreparedClaim) -> Result<(), Refusal> {
        let by_last = |prepare: &Signed<Prepare>| prepare.signer() == Principal::Replica(ReplicaId(3));
        if claim.prepares.0.iter().any(by_last) {
            return Err(Refusal::NoQuorum);
        }
        Castro99.check_prepared(setting, claim)
    }
}

/// To judge *guards* certificates for the same batch are equal, whatever votes they are made of.
#[test]
fn certificates_that_are_not_accepted_alike_are_not_taken_for_equal() {
    let bound = Bound::new(Scope { views: 1, ..Scope::DEFAULT }, [ReplicaId(0)]);
    let job = Job::new(JudgeKind::Guards, bound);
    let verdict =
        |rules| run(&job, rules, None, &Limits::default(), None, &Progress::default()).unwrap().verdict;
    assert!(matches!(verdict(&Castro99), Verdict::Holds));
    let Verdict::Refused(why) = verdict(&WithoutTheLast) else {
        panic!("two kinds of certificates are taken for one")
    };
    assert!(why.contains("others accept one and refuse the other"), "{why}");
}

#[test]
fn votes_that_count_each_time_are_steps_of_their_own() {
    assert!(compare(&bound(4, 1, &[3], 1, 1, 1), &VotesCountTwice).stepped > 0);
    assert!(compare(&bound(3, 0, &[], 2, 1, 1), &VotesCountTwice).stepped > 0);
    compare(&bound(3, 0, &[0], 1, 1, 1), &VotesCountTwice);
    compare(&bound(2, 0, &[], 2, 2, 2), &VotesCountTwice);
}

// --- stateright as the witness --------------------------------------------------------------------

/// The number of states that stateright's own checkers visit.
fn counted_by_stateright<M>(model: impl Fn() -> M) -> (u64, u64)
where
    M: Model + Send + Sync + 'static,
    M::State: std::fmt::Debug + Hash + Clone + PartialEq + Send + Sync,
    M::Action: std::fmt::Debug + Clone + PartialEq + Send + Sync,
{
    let dfs = model().checker().spawn_dfs().join();
    let bfs = model().checker().spawn_bfs().join();
    assert!(dfs.is_done() && bfs.is_done());
    (dfs.unique_state_count() as u64, bfs.unique_state_count() as u64)
}

#[test]
fn stateright_counts_the_same_states() {
    for bound in [
        bound(2, 0, &[], 2, 1, 1),
        bound(2, 0, &[], 2, 2, 2),
        bound(2, 0, &[0], 2, 1, 2),
        bound(3, 0, &[], 1, 1, 1),
        bound(4, 1, &[0], 1, 1, 1),
        bound(4, 1, &[3], 1, 1, 1),
    ] {
        let system = system(&bound, &Castro99);
        let message = || MessageModel::new(Arc::clone(&system));
        let ours = exhaust(&message(), 1).coverage.states;
        assert_eq!(counted_by_stateright(message), (ours, ours), "judge *message*, {bound:?}");
        let guards = || GuardModel::new(Arc::clone(&system));
        let ours = exhaust(&guards(), 1).coverage.states;
        assert_eq!(counted_by_stateright(guards), (ours, ours), "judge *guards*, {bound:?}");
    }
    let system = system(&bound(4, 1, &[0], 1, 1, 2), &Castro99);
    let guards = || GuardModel::new(Arc::clone(&system));
    assert_eq!(counted_by_stateright(guards), (145, 145));
}

fn exhaust<J>(judge: &J, workers: usize) -> Report<J::Action>
where
    J: Judge + Sync,
    J::State: Hash + Send + Sync,
    J::Action: Clone + std::fmt::Debug + PartialEq,
{
    // Without the safety properties: two of these bounds have more Byzantine replicas than they bear.
    search(judge, &[], &threads(workers), &Progress::default(), |_| {})
}

/// A small system in which a property is violated, whatever the rules: the primary is Byzantine, and
/// the thresholds are made for none.
fn overwhelmed() -> Arc<System> {
    system(&bound(3, 0, &[0], 1, 1, 2), &Castro99)
}

fn violated<J: Judge>(judge: &J, names: &[&str]) -> Vec<Property<J>> {
    let mut all = properties(judge.system());
    all.retain(|property: &Property<J>| names.contains(&property.name));
    all
}

/// A judge asked about one property. stateright's breadth-first checker goes on for a while after a
/// violation, and keeps the last that it met; it stops at once where there is nothing else to find.
struct Only<J> {
    judge: J,
    name: &'static str,
}

impl<J: Judge> Only<J> {
    fn holds(&self, state: &J::State) -> bool {
        let property: Kind = self.name.parse().unwrap();
        self.judge.with_view(state, |seen| property.violation(seen).is_none())
    }
}

impl<J: Judge> Model for Only<J> {
    type State = J::State;
    type Action = J::Action;

    fn init_states(&self) -> Vec<J::State> {
        self.judge.init_states()
    }

    fn actions(&self, state: &J::State, actions: &mut Vec<J::Action>) {
        self.judge.actions(state, actions);
    }

    fn next_state(&self, state: &J::State, action: J::Action) -> Option<J::State> {
        self.judge.next_state(state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(self.name, Self::holds)]
    }
}

fn check_against_stateright<J>(judge: impl Fn() -> J, name: &'static str)
where
    J: Judge + Send + Sync + 'static,
    J::State: std::fmt::Debug + Hash + Clone + PartialEq + Send + Sync,
    J::Action: std::fmt::Debug + Clone + PartialEq + Send + Sync,
{
    let stateright = Only { judge: judge(), name }.checker().spawn_bfs().join();
    let theirs = stateright.discovery(name).unwrap().into_actions();
    let model = judge();
    let report = search(&model, &violated(&model, &[name]), &threads(1), &Progress::default(), |_| {});
    let End::Violated { property, path } = report.end else { panic!("{name} holds for us") };
    assert_eq!(property, name);
    assert_eq!(path.len(), theirs.len(), "{name}: ours is {path:?}, theirs {theirs:?}");
    assert_eq!(path.len() as u64, report.coverage.depth, "a violation is found in the level it is in");

    // The path is one, and only its last state is bad.
    let model = Only { judge: model, name };
    let mut state = model.init_states().swap_remove(0);
    for action in path {
        assert!(model.holds(&state));
        let mut actions = Vec::new();
        model.actions(&state, &mut actions);
        assert!(actions.contains(&action));
        state = model.next_state(&state, action).unwrap();
    }
    assert!(!model.holds(&state));
}

#[test]
fn stateright_finds_the_same_violation_no_deeper_and_no_higher() {
    let digest_blind = system(&bound(4, 1, &[0], 1, 1, 2), rulebook("digest-blind"));
    check_against_stateright(|| MessageModel::new(Arc::clone(&digest_blind)), "certificate-unique");
    check_against_stateright(|| GuardModel::new(Arc::clone(&digest_blind)), "certificate-unique");
    for name in ["certificate-unique", "agreement", "chain-prefix"] {
        check_against_stateright(|| MessageModel::new(overwhelmed()), name);
        check_against_stateright(|| GuardModel::new(overwhelmed()), name);
    }
}

/// Blindness to digests breaks the uniqueness of certificates and, within one view, nothing else.
#[test]
fn stateright_finds_which_properties_are_violated() {
    let digest_blind = system(&bound(4, 1, &[0], 1, 1, 2), rulebook("digest-blind"));
    let model = GuardModel::new(digest_blind);
    let all: BTreeSet<_> = Kind::SAFETY.into_iter().map(Kind::name).collect();
    let ours: BTreeSet<_> = all
        .iter()
        .copied()
        .filter(|name| {
            let report =
                search(&model, &violated(&model, &[name]), &threads(1), &Progress::default(), |_| {});
            matches!(report.end, End::Violated { .. })
        })
        .collect();
    let stateright = model.checker().spawn_dfs().join();
    let theirs: BTreeSet<_> =
        stateright.discoveries().into_keys().filter(|name| all.contains(name)).collect();
    assert_eq!(ours, theirs);
    assert!(ours.contains("certificate-unique"), "{ours:?}");
}

// --- the search: the same at any number of threads ------------------------------------------------

#[test]
fn what_a_search_finds_does_not_depend_on_its_threads() {
    let digest_blind = system(&bound(4, 1, &[0], 1, 1, 2), rulebook("digest-blind"));
    let model = MessageModel::new(digest_blind);
    let found = |workers| {
        let mut visits = Vec::new();
        let report = on(workers, || {
            let mut visits = Vec::new();
            let report = search(
                &model,
                &violated(&model, &["certificate-unique"]),
                &threads(workers),
                &Progress::default(),
                |state| {
                    visits.push(fingerprint(state));
                },
            );
            (report, visits)
        });
        visits.extend(report.1);
        let Coverage { states, transitions, depth, .. } = report.0.coverage;
        let End::Violated { property, path } = report.0.end else { panic!("it must be violated") };
        (states, transitions, depth, property, path, visits)
    };
    let one: (u64, u64, u64, &str, Vec<MessageAction>, Vec<Fingerprint>) = found(1);
    assert_eq!(one.0, one.5.len() as u64, "each state is visited once");
    assert!(found(2) == one);
    assert!(found(4) == one);
}

// --- the search: graphs with known answers --------------------------------------------------------

/// A graph of numbers as a model.
#[derive(Clone, Debug, Default)]
struct Graph {
    initial: Vec<u64>,
    edges: BTreeMap<u64, Vec<u64>>,
    /// States from this one on are outside the boundary.
    end: Option<u64>,
    bad: BTreeSet<u64>,
    good: BTreeSet<u64>,
}

impl Graph {
    fn new(initial: &[u64], edges: &[(u64, u64)]) -> Self {
        let mut graph = Graph { initial: initial.to_vec(), ..Graph::default() };
        for &(from, to) in edges {
            graph.edges.entry(from).or_default().push(to);
        }
        graph
    }

    /// `width` children for each node, so many levels of them.
    fn tree(width: u64, levels: u32) -> Self {
        let inner: u64 = (0..levels).map(|level| width.pow(level)).sum();
        let edges: Vec<_> =
            (0..inner).flat_map(|node| (1..=width).map(move |i| (node, node * width + i))).collect();
        Graph::new(&[0], &edges)
    }

    fn bad(mut self, bad: impl IntoIterator<Item = u64>) -> Self {
        self.bad = bad.into_iter().collect();
        self
    }

    fn good(mut self, good: impl IntoIterator<Item = u64>) -> Self {
        self.good = good.into_iter().collect();
        self
    }

    fn within(mut self, end: u64) -> Self {
        self.end = Some(end);
        self
    }

    fn search(&self, limits: &Limits) -> (Report<u64>, Vec<u64>) {
        let mut visits = Vec::new();
        let report =
            search(self, &self.properties(), limits, &Progress::default(), |&state| visits.push(state));
        assert_eq!(report.coverage.states, visits.len() as u64);
        (report, visits)
    }

    /// States, transitions, depth, and how it ended.
    fn run(&self) -> (u64, u64, u64, End<u64>) {
        let Coverage { states, transitions, depth, .. } = self.search(&threads(1)).0.coverage;
        (states, transitions, depth, self.search(&threads(1)).0.end)
    }
}

impl Model for Graph {
    type State = u64;
    type Action = u64;

    fn init_states(&self) -> Vec<u64> {
        self.initial.clone()
    }

    fn actions(&self, state: &u64, actions: &mut Vec<u64>) {
        actions.extend(self.edges.get(state).into_iter().flatten());
    }

    fn next_state(&self, _: &u64, action: u64) -> Option<u64> {
        Some(action)
    }

    fn within_boundary(&self, state: &u64) -> bool {
        self.end.is_none_or(|end| *state < end)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("never bad", |graph: &Graph, state| !graph.bad.contains(state)),
            Property::sometimes("good", |graph: &Graph, state| graph.good.contains(state)),
        ]
    }
}

fn bad_after(path: &[u64]) -> End<u64> {
    End::Violated { property: "never bad", path: path.to_vec() }
}

#[test]
fn cycles_and_joins_are_walked_once() {
    let cycle = Graph::new(&[0], &[(0, 1), (1, 2), (2, 1)]);
    assert_eq!(cycle.run(), (3, 3, 2, End::Exhausted));
    assert_eq!(Graph::new(&[0], &[(0, 0)]).run(), (1, 1, 0, End::Exhausted));
    let join = Graph::new(&[0], &[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]);
    assert_eq!(join.run(), (5, 5, 3, End::Exhausted));
    assert_eq!(Graph::new(&[0], &[]).run(), (1, 0, 0, End::Exhausted));
    assert_eq!(Graph::new(&[], &[]).run(), (0, 0, 0, End::Exhausted));
}

#[test]
fn a_violation_behind_a_cycle_or_a_join_is_found_by_the_shortest_path() {
    // A depth-first search comes by 1, 2, 3.
    let graph = Graph::new(&[0], &[(0, 1), (1, 2), (2, 1), (2, 3), (0, 4), (4, 3)]).bad([3]);
    assert_eq!(graph.run().3, bad_after(&[4, 3]));
    let join = Graph::new(&[0], &[(0, 1), (0, 2), (1, 3), (2, 3)]).bad([3]);
    assert_eq!(join.run().3, bad_after(&[1, 3]));
    assert_eq!(Graph::new(&[0], &[(0, 0)]).bad([0]).run(), (1, 0, 0, bad_after(&[])));
    // A bad state that is not reached is not found.
    assert_eq!(Graph::new(&[0], &[(1, 2)]).bad([2]).run(), (1, 0, 0, End::Exhausted));
}

#[test]
fn every_initial_state_is_searched_from() {
    let graph = Graph::new(&[0, 10, 10], &[(0, 2), (2, 1), (10, 1)]);
    assert_eq!(graph.run(), (4, 3, 1, End::Exhausted));
    assert_eq!(graph.bad([1]).run().3, bad_after(&[1]));
    assert_eq!(Graph::new(&[0, 10], &[]).bad([10]).run().3, bad_after(&[]));
}

#[test]
fn nothing_outside_the_boundary_is_visited() {
    let chain = Graph::new(&[0, 9], &[(0, 1), (1, 2), (2, 0)]).within(2);
    let (report, visits) = chain.search(&threads(1));
    assert_eq!((report.end, visits), (End::Exhausted, vec![0, 1]));
    assert_eq!(chain.bad([2, 9]).run().3, End::Exhausted);
}

#[test]
fn good_outcomes_are_reported_whether_or_not_they_are_reached() {
    let graph = Graph::new(&[0], &[(0, 1)]);
    for (good, reached) in [(0, true), (1, true), (2, false)] {
        let (report, _) = graph.clone().good([good]).search(&threads(1));
        let (expected, other) =
            if reached { (report.reached, report.unreached) } else { (report.unreached, report.reached) };
        assert_eq!((expected, other), (vec!["good"], vec![]), "{good}");
        assert_eq!(report.end, End::Exhausted, "an outcome that is not reached is no violation");
    }
}

#[test]
fn the_first_of_several_violated_properties_is_named() {
    let properties = [
        Property::<Graph>::always("fine", |_, _| true),
        Property::always("second", |_, state| *state < 1),
        Property::always("third", |_, _| false),
    ];
    let report = search(&Graph::new(&[0], &[(0, 1)]), &properties, &threads(1), &Progress::default(), |_| {});
    assert_eq!(report.end, End::Violated { property: "third", path: vec![] });
    let report =
        search(&Graph::new(&[0], &[(0, 1)]), &properties[..2], &threads(1), &Progress::default(), |_| {});
    assert_eq!(report.end, End::Violated { property: "second", path: vec![1] });
}

#[test]
fn a_limit_on_states_ends_the_search_where_it_says() {
    let graph = Graph::tree(3, 8);
    for most in [1, 2, 100, 1_000, 5_000] {
        for workers in [1, 2] {
            let limits = Limits { max_states: Some(most), ..threads(workers) };
            let (report, _) = graph.search(&limits);
            assert_eq!(report.end, End::Limited(Limit::States(most)));
            // What one state leads to is admitted together.
            assert!((most..most + 3).contains(&report.coverage.states), "{most}: {:?}", report.coverage);
        }
    }
    let all = graph.run();
    let limits = Limits { max_states: Some(all.0 + 1), ..threads(1) };
    assert_eq!(graph.search(&limits).0.end, End::Exhausted);
    // A violation that is found within the limit counts.
    let limits = Limits { max_states: Some(100), ..threads(1) };
    assert_eq!(graph.bad([4]).search(&limits).0.end, bad_after(&[1, 4]));
}

#[test]
fn a_search_without_time_visits_nothing_but_where_it_starts() {
    let limits = Limits { timeout: Some(Duration::ZERO), ..threads(1) };
    let (report, visits) = Graph::tree(3, 8).search(&limits);
    assert_eq!((report.end, visits), (End::Limited(Limit::Time(Duration::ZERO)), vec![0]));
    let limits = Limits { timeout: Some(Duration::from_secs(3600)), ..threads(1) };
    assert_eq!(Graph::tree(3, 8).search(&limits).0.end, End::Exhausted);
}

/// Memory is the process's: this one holds more than a byte, and less than an exbibyte.
#[cfg(any(target_os = "linux", target_os = "macos", windows))]
#[test]
fn a_search_ends_before_it_holds_too_much_memory() {
    let limits = Limits { max_memory: Some(1), ..threads(1) };
    let (report, visits) = Graph::tree(3, 8).search(&limits);
    assert_eq!((report.end, visits), (End::Limited(Limit::Memory(1)), vec![0]));
    let limits = Limits { max_memory: Some(1 << 60), ..threads(1) };
    assert_eq!(Graph::tree(3, 8).search(&limits).0.end, End::Exhausted);
}

#[test]
fn a_search_can_be_stopped() {
    let progress = Progress::default();
    progress.stop.store(true, Relaxed);
    let graph = Graph::tree(3, 8);
    let report = search(&graph, &[], &threads(1), &progress, |_| {});
    assert_eq!(report.end, End::Limited(Limit::Stopped));
    assert_eq!(report.coverage.states, 1);
}

#[test]
fn progress_ends_with_what_was_covered() {
    let progress = Progress::default();
    let report = search(&Graph::tree(3, 8), &[], &threads(1), &progress, |_| {});
    assert_eq!(progress.states.load(Relaxed), report.coverage.states);
    assert_eq!(progress.frontier.load(Relaxed), 0);
    assert_eq!(progress.depth.load(Relaxed), report.coverage.depth);
    assert_eq!((report.coverage.states, report.coverage.depth), (9841, 8));
}

#[test]
#[should_panic(expected = "eventually")]
fn an_eventually_property_is_not_ignored() {
    let properties = [Property::<Graph>::eventually("good", |graph, state| graph.good.contains(state))];
    search(&Graph::new(&[0], &[]), &properties, &threads(1), &Progress::default(), |_| {});
}

/// A textbook breadth-first search: how far each state is.
fn distances(graph: &Graph) -> BTreeMap<u64, u64> {
    let mut distance: BTreeMap<u64, u64> = BTreeMap::new();
    let mut queue: VecDeque<(u64, u64)> = graph.initial.iter().map(|&state| (state, 0)).collect();
    while let Some((state, steps)) = queue.pop_front() {
        if graph.within_boundary(&state) && !distance.contains_key(&state) {
            distance.insert(state, steps);
            queue.extend(graph.edges.get(&state).into_iter().flatten().map(|&next| (next, steps + 1)));
        }
    }
    distance
}

prop_compose! {
    fn graphs()(
        initial in prop::collection::vec(0u64..400, 0..3),
        edges in prop::collection::vec((0u64..400, 0u64..400), 0..900),
        end in prop::option::of(0u64..450),
        bad in prop::collection::btree_set(0u64..400, 0..3),
        good in prop::collection::btree_set(0u64..400, 0..2),
    ) -> Graph {
        Graph { end, bad, good, ..Graph::new(&initial, &edges) }
    }
}

proptest! {
    #![proptest_config(crate::common::cases(200))]

    /// Whatever the graph, and whether by one thread or two.
    #[test]
    fn the_search_is_a_breadth_first_search(graph in graphs()) {
        let distance = distances(&graph);
        let nearest = graph.bad.iter().filter_map(|bad| distance.get(bad)).min();
        let (report, visits) = graph.search(&threads(1));
        let again = graph.search(&threads(2));
        prop_assert_eq!((&report.end, &visits), (&again.0.end, &again.1));
        match report.end {
            End::Exhausted => {
                prop_assert_eq!(nearest, None);
                let edges = |state| graph.edges.get(state).into_iter().flatten();
                let inside = distance.keys().flat_map(edges).filter(|s| graph.within_boundary(s)).count();
                prop_assert_eq!(report.coverage.transitions, inside as u64);
                prop_assert_eq!(report.coverage.depth, distance.values().copied().max().unwrap_or(0));
                prop_assert_eq!(visits.iter().copied().collect::<BTreeSet<_>>(), distance.keys().copied().collect());
                let good = graph.good.iter().any(|good| distance.contains_key(good));
                prop_assert_eq!(report.reached.len(), usize::from(good));
            }
            End::Violated { path, .. } => {
                prop_assert_eq!(Some(&(path.len() as u64)), nearest);
                let last = path.last().or_else(|| graph.initial.iter().find(|s| graph.bad.contains(s)));
                prop_assert!(last.is_some_and(|last| graph.bad.contains(last)));
                for pair in path.windows(2) {
                    prop_assert!(graph.edges[&pair[0]].contains(&pair[1]));
                }
            }
            End::Limited(limit) => prop_assert!(false, "{limit:?}"),
        }
        prop_assert!(visits.windows(2).all(|pair| distance[&pair[0]] <= distance[&pair[1]]));
    }
}
