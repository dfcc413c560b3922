//! Liveness under weak fairness: on small graphs whose answers are known, on models with known answers, and
//! on thousands of random graphs against an oracle that knows no components, only the definition.

use crate::common;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bft_check::check::{
    Claim, Cut, Ending, FairModel, Lasso, Limit, Limits, LivenessError, LivenessProperty, LivenessReport,
    LivenessVerdict, MAX_CLASSES, MAX_PROPERTIES, Progress, check_liveness, search,
};
use proptest::prelude::*;
use stateright::{Checker as _, Model, Property};

// --- graphs as models -----------------------------------------------------------------------------

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Edge {
    from: u32,
    class: Option<char>,
    to: u32,
    /// The action is offered, and `next_state` refuses it.
    is_refused: bool,
    /// The action is not offered, because of a bound.
    is_withheld: bool,
}

/// A graph of numbers. An action is the number of an edge.
#[derive(Clone, Debug, Default)]
struct Graph {
    initial: Vec<u32>,
    edges: Vec<Edge>,
    outside: BTreeSet<u32>,
    p: BTreeSet<u32>,
    q: BTreeSet<u32>,
}

/// Edges as in `0-1 1a2 2a!0`: from, class or `-` if nobody owes it, `!` if it is refused, to.
fn graph(initial: &[u32], edges: &str) -> Graph {
    let edge = |text: &str| {
        let at = text.find(|c: char| !c.is_ascii_digit()).unwrap();
        let (from, rest) = text.split_at(at);
        let class = rest.chars().next().filter(|&c| c != '-');
        let (is_refused, to) = match rest[1..].strip_prefix('!') {
            Some(to) => (true, to),
            None => (false, &rest[1..]),
        };
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        Edge { from, class, to, is_refused, is_withheld: false }
    };
    let edges = edges.split_whitespace().map(edge).collect();
    Graph { initial: initial.to_vec(), edges, ..Graph::default() }
}

impl Model for Graph {
    type State = u32;
    type Action = usize;

    fn init_states(&self) -> Vec<u32> {
        self.initial.clone()
    }

    fn actions(&self, state: &u32, actions: &mut Vec<usize>) {
        let offered = |&n: &usize| self.edges[n].from == *state && !self.edges[n].is_withheld;
        actions.extend((0..self.edges.len()).filter(offered));
    }

    fn next_state(&self, state: &u32, action: usize) -> Option<u32> {
        let edge = &self.edges[action];
        assert_eq!(edge.from, *state);
        (!edge.is_refused).then_some(edge.to)
    }

    fn within_boundary(&self, state: &u32) -> bool {
        !self.outside.contains(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::eventually("q", |graph: &Graph, state| graph.q.contains(state))]
    }
}

impl FairModel for Graph {
    type Class = char;

    fn class(&self, _: &u32, action: &usize) -> Option<char> {
        self.edges[*action].class
    }

    fn is_cut(&self, state: &u32) -> bool {
        self.edges.iter().any(|edge| edge.from == *state && edge.is_withheld)
    }
}

/// The three claims, of p and q.
fn eventually() -> LivenessProperty<Graph> {
    LivenessProperty::eventually("eventually", |graph: &Graph, state| graph.q.contains(state))
}

fn always_eventually() -> LivenessProperty<Graph> {
    LivenessProperty::always_eventually("always eventually", |graph: &Graph, state| graph.q.contains(state))
}

fn leads_to() -> LivenessProperty<Graph> {
    LivenessProperty::leads_to(
        "leads to",
        |graph: &Graph, state| graph.p.contains(state),
        |graph: &Graph, state| graph.q.contains(state),
    )
}

fn all() -> [LivenessProperty<Graph>; 3] {
    [eventually(), always_eventually(), leads_to()]
}

impl Graph {
    fn p(mut self, states: &[u32]) -> Self {
        self.p = states.iter().copied().collect();
        self
    }

    fn q(mut self, states: &[u32]) -> Self {
        self.q = states.iter().copied().collect();
        self
    }

    fn outside(mut self, states: &[u32]) -> Self {
        self.outside = states.iter().copied().collect();
        self
    }

    fn withhold(mut self, edge: usize) -> Self {
        self.edges[edge].is_withheld = true;
        self
    }

    fn check(&self, limits: &Limits) -> LivenessReport<usize, char> {
        check_liveness(self, &all(), limits, &Progress::default()).unwrap()
    }

    /// What is said of one claim, in words: the states of a counterexample, those of the loop in brackets.
    fn says(&self, property: LivenessProperty<Graph>) -> String {
        let mut report = check_liveness(self, &[property], &Limits::default(), &Progress::default()).unwrap();
        match report.findings.remove(0).verdict {
            LivenessVerdict::Holds => "holds".into(),
            LivenessVerdict::NotExhausted(cut) => format!("not exhausted: {cut:?}"),
            LivenessVerdict::Violated(lasso) => self.show(&lasso),
        }
    }

    fn show(&self, lasso: &Lasso<usize>) -> String {
        let states: Vec<_> = lasso.states(self).unwrap().iter().map(u32::to_string).collect();
        let (before, around) = states.split_at(lasso.prefix.len());
        let (before, here) = (before.join(" "), &around[0]);
        let end = match lasso.ending {
            Ending::DeadEnd => format!("{here} dead end"),
            Ending::Rest => format!("{here} rest"),
            Ending::Loop(_) => format!("({})", around[..around.len() - 1].join(" ")),
        };
        format!("{before} {end}").trim_start().into()
    }
}

// --- graphs with known answers ----------------------------------------------------------------------

#[test]
fn a_cycle_is_a_violation_and_stateright_misses_it() {
    // Every step is owed, so that the run cannot stop.
    let cycle = graph(&[0], "0a1 1a2 2a1").q(&[9]);
    assert_eq!(cycle.says(eventually()), "0 (1 2)");
    // This is why the check exists.
    for found in [
        cycle.clone().checker().spawn_bfs().join().discovery("q"),
        cycle.clone().checker().spawn_dfs().join().discovery("q"),
    ] {
        assert!(found.is_none());
    }
    // A run that ends is what stateright does find.
    let path = graph(&[0], "0a1 1a2").q(&[9]);
    assert_eq!(path.says(eventually()), "0 1 2 dead end");
    assert!(path.checker().spawn_bfs().join().discovery("q").is_some());
}

#[test]
fn a_join_of_two_ways_of_which_one_has_been_at_the_goal() {
    let join = graph(&[0], "0a1 0a2 1a3 2a3 3a4").q(&[1]);
    assert_eq!(join.says(eventually()), "0 2 3 4 dead end");
    assert!(join.checker().spawn_bfs().join().discovery("q").is_none(), "stateright remembers 3 as done");
    assert_eq!(graph(&[0], "0a1 0a2 1a3 2a3 3a4").q(&[3]).says(eventually()), "holds");
    assert_eq!(graph(&[0], "0a1 0a2 1a3 2a3 3a4").q(&[1, 2]).says(eventually()), "holds");
}

#[test]
fn a_self_loop_is_no_step() {
    // It neither keeps a run from stopping,
    assert_eq!(graph(&[0], "0-0").q(&[9]).says(eventually()), "0 dead end");
    assert_eq!(graph(&[0], "0a0").q(&[9]).says(eventually()), "0 dead end");
    // nor discharges its class,
    assert_eq!(graph(&[0], "0a0 0a1").q(&[1]).says(eventually()), "holds");
    assert_eq!(graph(&[0], "0-1 1-0 0a0 0a2 1a2").q(&[2]).says(eventually()), "holds");
    // nor enables it.
    assert_eq!(graph(&[0], "0a0 0-1").q(&[1]).says(eventually()), "0 rest");
    assert_eq!(graph(&[0], "0b1 1b0 0a0 1a2").q(&[2]).says(eventually()), "(0 1)");
}

#[test]
fn a_run_may_stop_only_where_nothing_is_owed() {
    assert_eq!(graph(&[0], "0-1").q(&[1]).says(eventually()), "0 rest");
    assert_eq!(graph(&[0], "0a1").q(&[1]).says(eventually()), "holds");
    assert_eq!(graph(&[0], "0a1 1-2").q(&[2]).says(eventually()), "0 1 rest");
    // An action that is refused is not enabled.
    assert_eq!(graph(&[0], "0a!1").q(&[1]).says(eventually()), "0 dead end");
    assert_eq!(graph(&[0], "0a!1 0-1").q(&[1]).says(eventually()), "0 rest");
    // The goal can be where it starts, or where it stops.
    assert_eq!(graph(&[0], "0-1").q(&[0]).says(eventually()), "holds");
    assert_eq!(graph(&[0], "0a1").q(&[1]).says(always_eventually()), "holds");
    assert_eq!(graph(&[0], "0a1").q(&[0]).says(always_eventually()), "0 1 dead end");
    assert_eq!(graph(&[], "").says(eventually()), "holds");
    // From each of the initial states.
    assert_eq!(graph(&[0, 5, 3], "0a1 3-4").q(&[1, 5]).says(eventually()), "3 rest");
}

#[test]
fn fair_and_unfair_loops() {
    // The class of the way out is enabled all around the loop: it must be taken.
    assert_eq!(graph(&[0], "0-1 1-0 0a2 1a2").q(&[2]).says(eventually()), "holds");
    // It is disabled in 1: a run can take the other step each time it passes 0.
    assert_eq!(graph(&[0], "0-1 1b0 0a2").q(&[2]).says(eventually()), "(0 1)");
    // Being owed for ever outside the loop says nothing of the loop,
    assert_eq!(graph(&[0], "0a1 0-3 3a0 1b2 2b1").q(&[3]).says(eventually()), "0 (1 2)");
    // and a class that is taken in the loop need not be taken to the goal.
    assert_eq!(graph(&[0], "0a1 1a0 0a2 1a2").q(&[2]).says(eventually()), "(0 1)");
    assert_eq!(graph(&[0], "0a1 1a0 0b2 1b2").q(&[2]).says(eventually()), "holds");
    assert_eq!(graph(&[0], "0a1 1a0 0b2 1b2").q(&[9]).says(eventually()), "0 2 dead end");
}

#[test]
fn a_loop_takes_the_detours_that_fairness_asks_for() {
    // a and b are enabled everywhere; each is taken on another petal of the flower.
    let flower = graph(&[0], "0a1 1-0 1a0 0b2 2-0 2b0 1b9 2a9").q(&[9]);
    assert_eq!(flower.says(eventually()), "(0 1 0 2)");
    // One more class is owed on both petals, and leads away: nothing can stay.
    let away = graph(&[0], "0a1 1-0 1a0 0b2 2-0 2b0 1b9 2a9 0c9 1c9 2c9").q(&[9]);
    assert_eq!(away.says(eventually()), "holds");
    // A state in which it is disabled is worth the way there.
    let rest = graph(&[0], "0a1 1a0 0b9 1b9 1a2 2-3 3a0 3b9 2c9").q(&[9]);
    assert_eq!(rest.says(eventually()), "(0 1 2 3)");
}

#[test]
fn a_component_inside_another_and_one_after_another() {
    // With the goal in it, the whole is one component; without, two loops, of which one is unfair.
    let nested = graph(&[0], "0-1 1-0 0a4 1a4 1-2 2-3 3-2 3b2 2b3 3-4 4a0");
    assert_eq!(nested.clone().q(&[4]).says(eventually()), "0 1 (2 3)");
    assert_eq!(nested.clone().q(&[4]).says(always_eventually()), "0 1 (2 3)");
    assert_eq!(nested.q(&[3]).says(eventually()), "(0 4)");
    // The loop in the middle must be left, the last need not.
    let chain = graph(&[0], "0a1 1-2 2-1 1a3 2a3 3b4 4b3").q(&[9]);
    assert_eq!(chain.says(eventually()), "0 1 (3 4)");
}

#[test]
fn the_three_claims_differ() {
    // 0 asks, 1 answers, and for ever after nothing is answered.
    let once = graph(&[0], "0a1 1a2 2a3 3a2").p(&[0]).q(&[1]);
    assert_eq!(once.says(eventually()), "holds");
    assert_eq!(once.says(leads_to()), "holds");
    assert_eq!(once.says(always_eventually()), "0 1 (2 3)");
    // Each time that it is asked.
    let again = graph(&[0], "0a1 1a2 2a3 3a2").p(&[0, 3]).q(&[1]);
    assert_eq!(again.says(leads_to()), "0 1 2 (3 2)");
    // Asked and answered at once.
    assert_eq!(graph(&[0], "").p(&[0]).q(&[0]).says(leads_to()), "holds");
    // Asked in a state that cannot be reached.
    assert_eq!(graph(&[0], "0a1 2a0").p(&[2]).q(&[9]).says(leads_to()), "holds");
    // The way to a trigger leads through a goal; the way from there does not.
    let behind = graph(&[0], "0a1 1a2 2a3 3a0").p(&[2]).q(&[1]);
    assert_eq!(behind.says(leads_to()), "holds");
    assert_eq!(behind.says(always_eventually()), "holds");
    let around = graph(&[0], "0a1 1a2 2a3 3a2 3a0").p(&[2]).q(&[1]);
    assert_eq!(around.says(leads_to()), "0 1 (2 3)");
}

#[test]
fn what_nothing_asks_for_is_not_owed() {
    let idle = graph(&[0], "0a1 1a0").p(&[7]).q(&[1]);
    let owed: Vec<_> = idle.check(&Limits::default()).findings.iter().map(|f| f.owed).collect();
    assert_eq!(owed, [1, 1, 0]);
    let report = idle.check(&Limits::default());
    assert_eq!(report.classes, ['a']);
    // A class of which no action ever is a step is not among them.
    assert_eq!(
        graph(&[0], "0a!1 0b0 0c1 1d2 1-0").outside(&[2]).check(&Limits::default()).classes,
        ['c', 'd']
    );
}

#[test]
fn of_several_counterexamples_the_one_with_the_fewest_steps_is_shown() {
    // A long loop near the start, a short one behind it, a stop farther away.
    let choice = "0a1 1a2 2a3 3a4 4a5 5a0 0a6 6a7 7a6";
    assert_eq!(graph(&[0], choice).q(&[9]).says(eventually()), "0 (6 7)");
    assert_eq!(graph(&[0], &format!("{choice} 6a8")).q(&[9]).says(eventually()), "0 6 8 dead end");
    assert_eq!(graph(&[0], &format!("{choice} 2-8")).q(&[9]).says(eventually()), "0 (6 7)");
    // From the initial state that is nearer.
    assert_eq!(graph(&[0, 6], choice).q(&[9]).says(eventually()), "(6 7)");
}

// --- a part of a graph --------------------------------------------------------------------------------

const BOUNDARY: &str = "not exhausted: Boundary";

#[test]
fn a_boundary_is_no_verdict() {
    // 1 leads out: whether 2 returns to 1, or is a dead end, is not known.
    let out = graph(&[0], "0a1 1a2 2a1").outside(&[2]);
    assert_eq!(out.clone().q(&[9]).says(eventually()), BOUNDARY);
    // Not even if 2 would be a goal: nobody looks at it.
    assert_eq!(out.clone().q(&[2]).says(eventually()), BOUNDARY);
    // What lies behind the goal does not matter to the claim that asks once.
    assert_eq!(out.clone().q(&[1]).says(eventually()), "holds");
    assert_eq!(out.clone().q(&[1]).says(always_eventually()), BOUNDARY);
    assert_eq!(out.p(&[0]).q(&[1]).says(leads_to()), BOUNDARY);
    // An initial state outside is left out too.
    assert_eq!(graph(&[0, 1], "").q(&[0]).outside(&[1]).says(eventually()), BOUNDARY);
    assert_eq!(graph(&[0], "").q(&[0]).outside(&[1]).says(eventually()), "holds");
}

#[test]
fn what_leads_out_of_the_boundary_is_enabled() {
    // In 0 and 1 a is enabled, though nothing is known of where it leads: the loop is not fair.
    assert_eq!(graph(&[0], "0-1 1-0 0a2 1a2").q(&[9]).outside(&[2]).says(eventually()), BOUNDARY);
    assert_eq!(graph(&[0], "0a2").q(&[9]).outside(&[2]).says(eventually()), BOUNDARY);
    // This one is, wherever 2 leads.
    assert_eq!(graph(&[0], "0a1 1a0 0a2 1-2").q(&[9]).outside(&[2]).says(eventually()), "(0 1)");
    // What leads out, and is owed by nobody, need not be taken.
    assert_eq!(graph(&[0], "0-2").q(&[9]).outside(&[2]).says(eventually()), "0 rest");
}

#[test]
fn no_run_is_said_to_stay_where_actions_are_withheld() {
    // It looks like a dead end, and as if a were disabled in 1.
    assert_eq!(graph(&[0], "0a1 1a2").q(&[9]).withhold(1).says(eventually()), BOUNDARY);
    assert_eq!(graph(&[0], "0-1 1b0 0a2 1a2").q(&[2]).withhold(3).says(eventually()), BOUNDARY);
    assert_eq!(graph(&[0], "0-1 1b0 0a2 1a2").q(&[2]).says(eventually()), "holds");
    // A run can pass there, or have reached its goal.
    assert_eq!(graph(&[0], "0a1 1a2 1a3").q(&[9]).withhold(2).says(eventually()), "0 1 2 dead end");
    assert_eq!(graph(&[0], "0a1 1a2").q(&[1]).withhold(1).says(eventually()), "holds");
    assert_eq!(graph(&[0], "0a1 1a2").q(&[0]).withhold(1).says(always_eventually()), BOUNDARY);
}

/// A path, and a loop at its end.
fn long(length: u32) -> Graph {
    let edges = (0..length).map(|from| format!("{from}a{}", from + 1)).collect::<Vec<_>>().join(" ");
    graph(&[0], &format!("{edges} {length}a{}", length - 1))
}

#[test]
fn after_a_limit_nothing_holds() {
    let limits = |most| Limits { max_states: Some(most), ..Limits::default() };
    for property in all() {
        // The goal is reached at once; the rule is the same.
        let graph = long(20).p(&[0]).q(&[0]);
        let verdict = |limits: Limits, progress: &Progress| {
            let mut report =
                check_liveness(&graph, std::slice::from_ref(&property), &limits, progress).unwrap();
            (report.findings.remove(0).verdict, report.coverage.states)
        };
        for most in [1, 2, 5, 20] {
            let limited = LivenessVerdict::NotExhausted(Cut::Limit(Limit::States(most)));
            assert_eq!(verdict(limits(most), &Progress::default()), (limited, most));
        }
        let timeout = Some(Duration::ZERO);
        let out_of_time = LivenessVerdict::NotExhausted(Cut::Limit(Limit::Time(Duration::ZERO)));
        let limits = Limits { timeout, ..Limits::default() };
        assert_eq!(verdict(limits, &Progress::default()), (out_of_time, 1));
        let progress = Progress::default();
        progress.stop.store(true, Relaxed);
        let stopped = LivenessVerdict::NotExhausted(Cut::Limit(Limit::Stopped));
        assert_eq!(verdict(Limits::default(), &progress), (stopped, 1));
    }
    assert_eq!(long(20).p(&[0]).q(&[0]).says(leads_to()), "holds");
    let none = long(20).check(&limits(0));
    assert!(
        none.findings
            .iter()
            .all(|f| f.verdict == LivenessVerdict::NotExhausted(Cut::Limit(Limit::States(0))))
    );
}

#[test]
fn a_violation_within_a_limit_is_found() {
    // The loop is closed at the third state, long before the tree is explored.
    let edges: Vec<_> = (3..200).map(|n| format!("{}-{n}", if n < 6 { 0 } else { n / 3 })).collect();
    let graph = graph(&[0], &format!("0a1 1a2 2a1 {}", edges.join(" "))).q(&[9999]).p(&[1]);
    let limits = Limits { max_states: Some(20), ..Limits::default() };
    let mut report = graph.check(&limits);
    assert!(report.coverage.states <= 20);
    let LivenessVerdict::Violated(lasso) = report.findings.remove(2).verdict else { panic!("{report:?}") };
    assert_eq!(graph.show(&lasso), "0 (1 2)");
}

// --- the same as the search, at any number of threads -------------------------------------------------

#[test]
fn what_is_covered_is_what_a_search_covers() {
    let graph = graph(&[0, 7], "0a1 1a1 1-2 2a!0 2b3 3b0 3b0 7-9 9-0 7a8").outside(&[8]).q(&[3]);
    let progress = Progress::default();
    let ours = check_liveness(&graph, &all(), &Limits::default(), &progress).unwrap().coverage;
    let theirs = search(&graph, &[], &Limits::default(), &Progress::default(), |_| {}).coverage;
    assert_eq!((ours.states, ours.transitions, ours.depth), (6, 8, 3));
    assert_eq!(
        (ours.states, ours.transitions, ours.depth),
        (theirs.states, theirs.transitions, theirs.depth)
    );
    assert_eq!(progress.states.load(Relaxed), ours.states);
    assert_eq!(progress.frontier.load(Relaxed), 0);
}

/// Counters that are owed a step each, a thief that takes one back, and nothing that ends.
#[derive(Clone, Debug)]
struct Counters {
    modulus: u8,
}

impl Model for Counters {
    type State = [u8; 4];
    type Action = Result<usize, usize>;

    fn init_states(&self) -> Vec<[u8; 4]> {
        vec![[0; 4]]
    }

    fn actions(&self, _: &[u8; 4], actions: &mut Vec<Self::Action>) {
        actions.extend((0..4).map(Ok).chain((0..4).map(Err)));
    }

    fn next_state(&self, state: &[u8; 4], action: Self::Action) -> Option<[u8; 4]> {
        let mut next = *state;
        match action {
            Ok(n) => next[n] = (next[n] + 1) % self.modulus,
            Err(n) => next[n] = next[n].checked_sub(1)?,
        }
        Some(next)
    }
}

impl FairModel for Counters {
    type Class = usize;

    fn class(&self, _: &[u8; 4], action: &Self::Action) -> Option<usize> {
        action.ok()
    }
}

#[test]
fn a_counterexample_does_not_depend_on_the_threads() {
    let model = Counters { modulus: 11 };
    let properties = [
        LivenessProperty::eventually("far", |_, state: &[u8; 4]| state.iter().all(|&n| n == 9)),
        LivenessProperty::leads_to(
            "back",
            |_, state: &[u8; 4]| state[0] == 5,
            |_, state: &[u8; 4]| state[0] == 0,
        ),
    ];
    let run = |threads| {
        let pool = pool(threads);
        let limits = Limits { threads, ..Limits::default() };
        let report =
            pool.install(|| check_liveness(&model, &properties, &limits, &Progress::default()).unwrap());
        assert_eq!(report.coverage.states, 11u64.pow(4));
        assert_eq!(report.classes, [0, 1, 2, 3]);
        report.findings.into_iter().map(|finding| (finding.verdict, finding.owed)).collect::<Vec<_>>()
    };
    let one = run(1);
    // Each counter is owed a step: up and back, four times, is the shortest loop there is.
    let lengths = one.iter().map(|(verdict, _)| match verdict {
        LivenessVerdict::Violated(lasso) => (lasso.prefix.len(), lasso.cycle().len()),
        verdict => panic!("{verdict:?}"),
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [(0, 8), (5, 8)]);
    assert_eq!(run(2), one);
    assert_eq!(run(4), one);
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

// --- models with known answers -----------------------------------------------------------------------

/// Peterson's mutual exclusion for two processes (IPL 12(3), 1981), each with a step at a time. Without
/// `turn`, each waits for the other for ever.
#[derive(Clone, Debug)]
struct Peterson {
    has_turn: bool,
    is_fair: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum At {
    Idle,
    Flagged,
    Waiting,
    Critical,
}

impl Model for Peterson {
    type State = ([At; 2], usize);
    type Action = usize;

    fn init_states(&self) -> Vec<Self::State> {
        vec![([At::Idle; 2], 0)]
    }

    fn actions(&self, _: &Self::State, actions: &mut Vec<usize>) {
        actions.extend([0, 1]);
    }

    fn next_state(&self, &(mut at, mut turn): &Self::State, who: usize) -> Option<Self::State> {
        let other = 1 - who;
        at[who] = match at[who] {
            At::Idle => At::Flagged,
            At::Flagged => {
                turn = if self.has_turn { other } else { turn };
                At::Waiting
            }
            At::Waiting => {
                let is_free = at[other] == At::Idle || (self.has_turn && turn == who);
                is_free.then_some(At::Critical)?
            }
            At::Critical => At::Idle,
        };
        Some((at, turn))
    }
}

impl FairModel for Peterson {
    type Class = usize;

    /// Nobody has to want the critical section; whoever does, goes on.
    fn class(&self, (at, _): &Self::State, &who: &usize) -> Option<usize> {
        (self.is_fair && at[who] != At::Idle).then_some(who)
    }
}

#[test]
fn peterson_s_algorithm_starves_nobody_if_the_processes_go_on() {
    let gets_in = |who: usize| {
        LivenessProperty::<Peterson>::leads_to(
            format!("{who} gets in"),
            move |_, (at, _)| at[who] == At::Flagged,
            move |_, (at, _)| at[who] == At::Critical,
        )
    };
    let run = |has_turn, is_fair| {
        let model = Peterson { has_turn, is_fair };
        let report =
            check_liveness(&model, &[gets_in(0), gets_in(1)], &Limits::default(), &Progress::default())
                .unwrap();
        report.findings.into_iter().map(|finding| {
            assert!(finding.owed > 0);
            finding.verdict
        })
    };
    assert!(run(true, true).all(|verdict| verdict == LivenessVerdict::Holds));
    for (who, verdict) in run(true, false).enumerate() {
        let stopped = Lasso { initial: 0, prefix: vec![who], ending: Ending::Rest };
        assert_eq!(verdict, LivenessVerdict::Violated(stopped));
    }
    for verdict in run(false, true) {
        let LivenessVerdict::Violated(Lasso { mut prefix, ending, .. }) = verdict else {
            panic!("{verdict:?}")
        };
        prefix.sort_unstable();
        assert_eq!((prefix, ending), (vec![0, 0, 1, 1], Ending::DeadEnd));
    }
}

/// A sender that sends again and a channel that may lose: what is delivered at last under strong fairness
/// need not be under weak fairness, for while nothing is in the channel, nothing can be delivered.
#[test]
fn weak_fairness_is_not_strong_fairness() {
    // 0: empty, 1: in the channel, 2: delivered; s: send, d: deliver.
    let lossy = graph(&[0], "0s1 1-0 1d2").q(&[2]);
    assert_eq!(lossy.says(eventually()), "(0 1)");
    let faithful = graph(&[0], "0s1 1d2").q(&[2]);
    assert_eq!(faithful.says(eventually()), "holds");
}

// --- what is refused ------------------------------------------------------------------------------------

/// A ring in which every step has a class of its own.
#[derive(Clone, Debug)]
struct Ring(usize);

impl Model for Ring {
    type State = usize;
    type Action = ();

    fn init_states(&self) -> Vec<usize> {
        vec![0]
    }

    fn actions(&self, _: &usize, actions: &mut Vec<()>) {
        actions.push(());
    }

    fn next_state(&self, state: &usize, (): ()) -> Option<usize> {
        Some((state + 1) % self.0)
    }
}

impl FairModel for Ring {
    type Class = usize;

    fn class(&self, state: &usize, (): &()) -> Option<usize> {
        Some(*state)
    }
}

#[test]
fn too_many_classes_are_refused() {
    let check = |size| {
        let never = LivenessProperty::<Ring>::eventually("never", |_, _| false);
        check_liveness(&Ring(size), &[never], &Limits::default(), &Progress::default())
    };
    let mut report = check(MAX_CLASSES).unwrap();
    assert_eq!(report.classes, (0..MAX_CLASSES).collect::<Vec<_>>());
    let LivenessVerdict::Violated(lasso) = report.findings.remove(0).verdict else { panic!("{report:?}") };
    assert_eq!((lasso.prefix.len(), lasso.cycle().len()), (0, MAX_CLASSES));
    let error = check(MAX_CLASSES + 1).unwrap_err();
    assert_eq!(error, LivenessError::TooManyClasses(MAX_CLASSES.to_string()));
}

#[test]
fn too_many_properties_are_refused_and_the_last_of_as_many_as_fit_is_decided() {
    let model = graph(&[0], "0a1 1a0").q(&[1]);
    let check =
        |properties: &[_]| check_liveness(&model, properties, &Limits::default(), &Progress::default());
    let never = LivenessProperty::<Graph>::eventually("never", |_, _| false);
    let mut properties = vec![eventually(); MAX_PROPERTIES - 1];
    properties.push(never.clone());
    let report = check(&properties).unwrap();
    let (last, others) = report.findings.split_last().unwrap();
    assert!(others.iter().all(|finding| finding.verdict == LivenessVerdict::Holds));
    assert_eq!(last.property, "never");
    assert!(matches!(last.verdict, LivenessVerdict::Violated(_)));
    properties.push(never);
    assert_eq!(check(&properties).unwrap_err(), LivenessError::TooManyProperties(MAX_PROPERTIES + 1));
}

#[test]
fn a_counterexample_that_does_not_repeat_is_not_reported() {
    // The condition is asked once for each of the two states, and then says otherwise.
    let asked = AtomicU64::new(0);
    let fickle =
        LivenessProperty::<Graph>::eventually("fickle", move |_, _| asked.fetch_add(1, Relaxed) >= 2);
    let model = graph(&[0], "0a1");
    let error = check_liveness(&model, &[fickle], &Limits::default(), &Progress::default()).unwrap_err();
    let LivenessError::Unconfirmed { property, reason } = error else { panic!("{error:?}") };
    assert_eq!((property.as_str(), reason.as_str()), ("fickle", "the goal is reached in the loop"));
}

#[test]
fn a_lasso_of_another_model_has_no_states() {
    let model = graph(&[0], "0a1 1a0");
    let lasso = |initial, prefix, ending| Lasso { initial, prefix, ending };
    assert_eq!(lasso(0, vec![0], Ending::Loop(vec![1, 0])).states(&model), Some(vec![0, 1, 0, 1]));
    assert_eq!(lasso(0, vec![], Ending::Rest).states(&model), Some(vec![0]));
    assert_eq!(lasso(1, vec![], Ending::Rest).states(&model), None);
    assert_eq!(lasso(0, vec![1], Ending::Rest).states(&model), None);
    assert_eq!(lasso(0, vec![0], Ending::Rest).states(&model.clone().outside(&[1])), None);
}

// --- the oracle -----------------------------------------------------------------------------------------

const NODES: u32 = 6;

/// The definition, on graphs of at most six states: which sets of states can be those that a run visits
/// again and again?
struct Oracle<'a> {
    graph: &'a Graph,
    /// The steps: no refused actions, no self-loops. What is withheld or outside counts: this is the truth
    /// of which a bound shows a part.
    steps: Vec<Edge>,
}

impl<'a> Oracle<'a> {
    fn new(graph: &'a Graph) -> Self {
        let is_step = |edge: &&Edge| !edge.is_refused && edge.from != edge.to;
        Oracle { graph, steps: graph.edges.iter().filter(is_step).copied().collect() }
    }

    /// How many steps it takes to each state, within `allowed`.
    fn distances(&self, from: u32, allowed: impl Fn(u32) -> bool) -> BTreeMap<u32, usize> {
        let mut distances = BTreeMap::new();
        if allowed(from) {
            distances.insert(from, 0);
        }
        for _ in 0..NODES {
            for step in &self.steps {
                if let Some(&before) = distances.get(&step.from)
                    && allowed(step.to)
                {
                    let known = distances.entry(step.to).or_insert(before + 1);
                    *known = (*known).min(before + 1);
                }
            }
        }
        distances
    }

    fn enabled(&self, state: u32) -> BTreeSet<char> {
        self.steps.iter().filter(|step| step.from == state).filter_map(|step| step.class).collect()
    }

    /// Whether a run that visits these states, and takes these steps, again and again, is fair.
    fn is_fair(&self, states: &BTreeSet<u32>, taken: &BTreeSet<char>) -> bool {
        let classes: BTreeSet<char> = self.steps.iter().filter_map(|step| step.class).collect();
        let is_served = |class: &char| {
            taken.contains(class) || states.iter().any(|&state| !self.enabled(state).contains(class))
        };
        classes.iter().all(is_served)
    }

    /// Of each state, how many steps a run needs to be there while it owes the goal.
    fn owing(&self, claim: &Claim<Graph>) -> BTreeMap<u32, usize> {
        let mut owing: BTreeMap<u32, usize> = BTreeMap::new();
        for &first in &self.graph.initial {
            for (asks, before) in self.distances(first, |_| true) {
                let is_asked = match claim {
                    Claim::Eventually(_) => before == 0,
                    Claim::AlwaysEventually(_) => true,
                    Claim::LeadsTo(..) => self.graph.p.contains(&asks),
                };
                if !is_asked {
                    continue;
                }
                for (state, after) in self.distances(asks, |state| !self.graph.q.contains(&state)) {
                    let known = owing.entry(state).or_insert(before + after);
                    *known = (*known).min(before + after);
                }
            }
        }
        owing
    }

    fn is_violated(&self, claim: &Claim<Graph>) -> bool {
        let owing = self.owing(claim);
        (1u32..1 << NODES).any(|set| {
            let states: BTreeSet<u32> = (0..NODES).filter(|state| set >> state & 1 != 0).collect();
            let is_connected = states.iter().all(|&state| {
                let reached = self.distances(state, |state| states.contains(&state));
                states.iter().all(|other| reached.contains_key(other))
            });
            // To take more of the steps between these states is never less fair.
            let inside = |step: &&Edge| states.contains(&step.from) && states.contains(&step.to);
            let taken = self.steps.iter().filter(inside).filter_map(|step| step.class).collect();
            is_connected
                && states.iter().all(|state| owing.contains_key(state) && !self.graph.q.contains(state))
                && self.is_fair(&states, &taken)
        })
    }

    /// Whether the lasso is a fair run that violates the claim.
    fn confirms(&self, claim: &Claim<Graph>, lasso: &Lasso<usize>) -> Result<(), String> {
        let check = |is_right: bool, what: &str| if is_right { Ok(()) } else { Err(what.to_owned()) };
        let mut state = *self.graph.initial.get(lasso.initial).ok_or("no such initial state")?;
        let mut visits = vec![state];
        for &action in lasso.prefix.iter().chain(lasso.cycle()) {
            let edge = self.graph.edges[action];
            check(edge.from == state && self.steps.contains(&edge), "no such step")?;
            check(!self.graph.outside.contains(&edge.to) && !edge.is_withheld, "not in the model")?;
            state = edge.to;
            visits.push(state);
        }
        let around = &visits[lasso.prefix.len()..];
        check(around.first() == around.last(), "not closed")?;
        let states: BTreeSet<u32> = around.iter().copied().collect();
        let taken = lasso.cycle().iter().filter_map(|&action| self.graph.edges[action].class).collect();
        check(self.is_fair(&states, &taken), "not fair")?;
        check(states.is_disjoint(&self.graph.q), "the goal is reached")?;
        let since = visits.iter().rposition(|state| self.graph.q.contains(state)).map_or(0, |last| last + 1);
        let is_owed = match claim {
            Claim::Eventually(_) => since == 0,
            Claim::AlwaysEventually(_) => true,
            Claim::LeadsTo(..) => visits[since..].iter().any(|state| self.graph.p.contains(state)),
        };
        check(is_owed, "nothing is owed")?;
        let leaves = self.steps.iter().any(|step| step.from == state);
        let is_named_well = match &lasso.ending {
            Ending::DeadEnd => !leaves,
            Ending::Rest => leaves,
            Ending::Loop(steps) => !steps.is_empty(),
        };
        check(is_named_well, "not that kind of end")
    }

    /// Whether some fair loop from a state, without the goal, has at most so many steps: every walk is tried.
    fn has_loop(&self, start: u32, most: usize) -> bool {
        let mut walks: Vec<Vec<Edge>> = vec![vec![]];
        for _ in 0..=most {
            let mut longer = Vec::new();
            for walk in &walks {
                let here = walk.last().map_or(start, |step| step.to);
                let states = walk.iter().map(|step| step.to).chain([start]).collect();
                let taken = walk.iter().filter_map(|step| step.class).collect();
                if here == start && self.is_fair(&states, &taken) {
                    return true;
                }
                let on = self.steps.iter().filter(|s| s.from == here && !self.graph.q.contains(&s.to));
                longer.extend(on.map(|&step| walk.iter().copied().chain([step]).collect::<Vec<_>>()));
            }
            walks = longer;
        }
        false
    }
}

fn small_graphs(bounded: bool) -> impl Strategy<Value = Graph> {
    let class =
        prop_oneof![3 => Just(None), 2 => Just(Some('a')), 2 => Just(Some('b')), 1 => Just(Some('c'))];
    let chance = if bounded { 0.15 } else { 0.0 };
    let edge = (0..NODES, class, 0..NODES, prop::bool::weighted(0.05), prop::bool::weighted(chance));
    let edge = edge.prop_map(|(from, class, to, is_refused, is_withheld)| Edge {
        from,
        class,
        to,
        is_refused,
        is_withheld,
    });
    let states = |most| prop::collection::btree_set(0..NODES, 0..=most);
    (
        prop::collection::vec(0..NODES, 1..3),
        prop::collection::vec(edge, 0..14),
        states(if bounded { 2 } else { 0 }),
        states(2),
        states(2),
    )
        .prop_map(|(initial, edges, outside, p, q)| Graph { initial, edges, outside, p, q })
}

/// Longer loops than this are not tried one by one.
const TRIED: usize = 7;

proptest! {
    #![proptest_config(common::cases(6000))]

    /// Violated if and only if some fair run violates it, shown by a fair run that does, and by no longer
    /// one than need be.
    #[test]
    fn the_verdict_is_that_of_the_definition(graph in small_graphs(false)) {
        let oracle = Oracle::new(&graph);
        let report = graph.check(&Limits::default());
        for (property, finding) in all().into_iter().zip(report.findings) {
            let owing = oracle.owing(&property.claim);
            prop_assert_eq!(finding.owed, owing.len() as u64, "{:?}", property);
            match finding.verdict {
                LivenessVerdict::Holds => prop_assert!(!oracle.is_violated(&property.claim), "{:?}", property),
                LivenessVerdict::Violated(lasso) => {
                    prop_assert!(oracle.is_violated(&property.claim), "{:?} {:?}", property, lasso);
                    prop_assert_eq!(oracle.confirms(&property.claim, &lasso), Ok(()));
                    let total = lasso.prefix.len() + lasso.cycle().len();
                    for (state, distance) in owing {
                        if let Some(most) = total.checked_sub(distance + 1) {
                            prop_assert!(!oracle.has_loop(state, most.min(TRIED)), "{:?} {:?}", state, lasso);
                        }
                    }
                }
                verdict => prop_assert!(false, "{:?}: {:?}", property, verdict),
            }
        }
    }

    /// Whatever a bound or a limit hides: what is said of a part of a graph is true of the whole.
    #[test]
    fn a_verdict_on_a_part_is_true_of_the_whole(
        graph in small_graphs(true),
        max_states in prop::option::of(0u64..7),
    ) {
        let oracle = Oracle::new(&graph);
        let report = graph.check(&Limits { max_states, ..Limits::default() });
        let seen: BTreeSet<u32> = {
            let mut seen = BTreeSet::new();
            search(&graph, &[], &Limits::default(), &Progress::default(), |&state| {
                seen.insert(state);
            });
            seen
        };
        let is_limited = max_states.is_some_and(|most| (seen.len() as u64) > most);
        // What is reached has all its steps, and they stay inside.
        let is_whole = |state: &u32| {
            !graph.is_cut(state)
                && oracle.steps.iter().all(|s| s.from != *state || !graph.outside.contains(&s.to))
        };
        let is_all = !is_limited && graph.initial.iter().all(|s| seen.contains(s)) && seen.iter().all(is_whole);
        for (property, finding) in all().into_iter().zip(report.findings) {
            match finding.verdict {
                LivenessVerdict::Holds => {
                    prop_assert!(!oracle.is_violated(&property.claim), "{:?}", property);
                    prop_assert!(!is_limited);
                    prop_assert!(is_all || matches!(property.claim, Claim::Eventually(_)), "{:?}", property);
                }
                LivenessVerdict::Violated(lasso) => {
                    prop_assert_eq!(oracle.confirms(&property.claim, &lasso), Ok(()));
                }
                LivenessVerdict::NotExhausted(cut) => {
                    let expected = match max_states.filter(|_| is_limited) {
                        Some(most) => Cut::Limit(Limit::States(most)),
                        None => Cut::Boundary,
                    };
                    prop_assert_eq!(cut, expected);
                    prop_assert!(!is_all, "{:?}", property);
                }
            }
        }
    }
}
