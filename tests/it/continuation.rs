//! A check that goes on from the end of a run: judge *guards* from there, held against judge *message* from there.

use std::sync::Arc;

use bft_check::bugs;
use bft_check::check::protocol as own;
use bft_check::check::{
    self, Check, CheckError, Conclusion, End, FairModel, Limit, Limits, LivenessProperty, LivenessVerdict,
    Progress, Verdict, check_liveness, search,
};
use bft_check::engine::SetupError;
use bft_check::model::{
    Bound, Delivery, Event, GlobalView, GraphState, Judge, Liveness, LivenessMove, LivenessState,
    MessageGraph, Owed, Property, Scope, Stabilisation, System, properties,
};
use bft_check::pbft::{Principal, ReplicaId};
use bft_check::protocol::NodeId;
use bft_check::trace::Trace;
use stateright::Model;

use crate::common::vote::VOTE;
use crate::tutorial::program::Tendermint;

/// Judge *message* from a state on.
struct From<'a> {
    graph: &'a MessageGraph,
    start: GraphState,
}

impl Model for From<'_> {
    type State = GraphState;
    type Action = Delivery;

    fn init_states(&self) -> Vec<GraphState> {
        vec![self.start.clone()]
    }

    fn actions(&self, state: &GraphState, actions: &mut Vec<Delivery>) {
        self.graph.actions(state, actions);
    }

    fn next_state(&self, state: &GraphState, step: Delivery) -> Option<GraphState> {
        self.graph.next_state(state, step)
    }
}

impl Judge for From<'_> {
    fn system(&self) -> &System {
        self.graph.system()
    }

    fn with_view<R>(&self, state: &GraphState, see: impl FnOnce(&GlobalView<'_>) -> R) -> R {
        self.graph.with_view(state, see)
    }
}

/// Walks so many steps, here and there.
fn walked(graph: &MessageGraph, steps: usize, seed: u64) -> (GraphState, Vec<(Principal, Event)>) {
    let mut state = graph.init_states().swap_remove(0);
    let (mut events, mut drawn) = (Vec::new(), seed.wrapping_mul(2) + 1);
    for _ in 0..steps {
        let mut actions = Vec::new();
        graph.actions(&state, &mut actions);
        if actions.is_empty() {
            break;
        }
        drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let step = actions.swap_remove((drawn >> 33) as usize % actions.len());
        events.push(graph.expand(&step));
        state = graph.next_state(&state, step).unwrap();
    }
    (state, events)
}

/// The most states that judge *message* visits from one place.
const MOST: u64 = 40_000;

/// Whether a run that goes on from a state violates a property, by judge *message*; none where that takes too long.
fn is_violated(graph: &MessageGraph, start: GraphState, property: Property) -> Option<bool> {
    let from = From { graph, start };
    let mut asked = properties(graph.system());
    asked.retain(|asked: &stateright::Property<From<'_>>| asked.name == property.name());
    let limits = Limits { max_states: Some(MOST), ..Limits::default() };
    match search(&from, &asked, &limits, &Progress::default(), |_| {}).end {
        End::Exhausted => Some(false),
        End::Violated { .. } => Some(true),
        End::Limited(_) => None,
    }
}

/// From states here and there along random walks, both judges say the same of what can still be violated; and the run that
/// is shown begins with the given one.
#[test]
fn what_can_still_be_violated_is_the_same_by_message_and_by_guards() {
    let small = Scope { views: 1, ..Scope::DEFAULT };
    let (mut yes, mut no) = (0, 0);
    for (rules, property) in [
        ("castro99", Property::CertificateUnique),
        ("castro99", Property::Agreement),
        ("weak-prepare", Property::CertificateUnique),
        ("digest-blind", Property::CertificateUnique),
        ("double-vote", Property::CertificateUnique),
        ("first-receiver", Property::Agreement),
        ("weak-commit", Property::Agreement),
    ] {
        let catalogue = bugs::catalogue();
        let rules = catalogue.find(rules).unwrap().rules();
        let system = Arc::new(System::new(Bound::new(small, [ReplicaId(0)]), rules).unwrap());
        let graph = MessageGraph::new(Arc::clone(&system));
        for seed in 0..4 {
            let (state, events) = walked(&graph, 2 + 6 * seed as usize, seed);
            let Some(by_message) = is_violated(&graph, state, property) else { continue };
            let begun = Trace::replay(&system, &events).unwrap();
            let outcome =
                check::run_from(&begun, Some(property), &Limits::default(), &Progress::default()).unwrap();
            let found = match outcome.verdict {
                Verdict::Violated { trace, .. } => {
                    let given = trace.steps().iter().map(|step| (step.to, step.event.clone()));
                    assert!(given.take(events.len()).eq(events.iter().cloned()), "{rules:?} {seed}");
                    assert!(trace.violation(property).is_some());
                    true
                }
                Verdict::Holds => false,
                other => panic!("{rules:?} {seed}: {other:?}"),
            };
            assert_eq!(found, by_message, "{rules:?}: {property}, walk {seed}");
            (yes, no) = (yes + usize::from(found), no + usize::from(!found));
        }
    }
    assert!(yes >= 3 && no >= 3, "{yes} are violated, {no} are not");
}

/// The model of liveness from one of its own states on.
struct LiveFrom<'a>(&'a Liveness, LivenessState);

impl Model for LiveFrom<'_> {
    type State = LivenessState;
    type Action = LivenessMove;

    fn init_states(&self) -> Vec<LivenessState> {
        vec![self.1.clone()]
    }

    fn actions(&self, state: &LivenessState, actions: &mut Vec<LivenessMove>) {
        self.0.actions(state, actions);
    }

    fn next_state(&self, state: &LivenessState, step: LivenessMove) -> Option<LivenessState> {
        self.0.next_state(state, step)
    }

    fn within_boundary(&self, state: &LivenessState) -> bool {
        self.0.within_boundary(state)
    }
}

impl FairModel for LiveFrom<'_> {
    type Class = Owed;

    fn class(&self, state: &LivenessState, step: &LivenessMove) -> Option<Owed> {
        self.0.class(state, step)
    }

    fn is_cut(&self, state: &LivenessState) -> bool {
        self.0.is_cut(state)
    }
}

/// Walks so many steps before the network is stable, here and there.
fn walked_live(model: &Liveness, steps: usize, seed: u64) -> (LivenessState, Vec<(Principal, Event)>) {
    let mut state = model.init_states().swap_remove(0);
    let (mut events, mut drawn) = (Vec::new(), seed.wrapping_mul(2) + 1);
    for _ in 0..steps {
        let mut actions = Vec::new();
        model.actions(&state, &mut actions);
        actions.retain(|step| *step != LivenessMove::Stabilise);
        if actions.is_empty() {
            break;
        }
        drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let step = actions.swap_remove((drawn >> 33) as usize % actions.len());
        events.extend(model.expand(&state, &step));
        state = model.next_state(&state, step).unwrap();
    }
    (state, events)
}

/// From states here and there along random walks, it is said of the run that led there what the model says of its own
/// state; and the run that is shown begins with the given one, and stays without what it owes.
#[test]
fn what_can_still_be_stopped_for_ever_is_the_same_by_a_run_and_by_the_model() {
    let (mut yes, mut no) = (0, 0);
    // Where no timer runs, it takes a primary that says two things, or nothing.
    for (name, requests, walks) in [("castro99", 1, &[1, 4][..]), ("no-timer", 2, &[0, 1, 2, 3, 4])] {
        let rules = bugs::catalogue().find(name).unwrap().rules();
        let scope = Scope { views: 1, requests, ..Scope::DEFAULT };
        let bound = Bound::new(scope, [ReplicaId(0)]);
        let model = Liveness::new(bound.clone(), rules, Stabilisation { further: 1 }).unwrap();
        for (seed, &steps) in (0..).zip(walks) {
            let (state, events) = walked_live(&model, steps, seed);
            let goal = LivenessProperty::eventually("executed", |it: &LiveFrom<'_>, at| it.0.is_executed(at));
            let from = LiveFrom(&model, state);
            let report = check_liveness(&from, &[goal], &Limits::default(), &Progress::default()).unwrap();
            let by_model = match &report.findings[0].verdict {
                LivenessVerdict::Holds => Some(false),
                LivenessVerdict::Violated(_) => Some(true),
                LivenessVerdict::NotExhausted(_) => None,
            };
            // The run is one of the bound in which time is not looked at, and of the one in which it is.
            for system in [
                System::new(bound.clone(), rules),
                System::open(from.0.shared_system().bound().clone(), rules),
            ] {
                let Ok(begun) = Trace::replay(&Arc::new(system.unwrap()), &events) else { continue };
                let asked = Some(Property::Executed);
                let outcome =
                    check::run_from(&begun, asked, &Limits::default(), &Progress::default()).unwrap();
                let found = match outcome.verdict {
                    Verdict::Violated { trace, .. } => {
                        let given = trace.steps().iter().map(|step| (step.to, step.event.clone()));
                        assert!(given.take(events.len()).eq(events.iter().cloned()), "{name} {seed}");
                        assert!(trace.lasso().unwrap().repeats_after >= events.len() && trace.fair().is_ok());
                        Some(true)
                    }
                    Verdict::Holds => Some(false),
                    Verdict::NotExhausted(Limit::Bound) => None,
                    // The model lets a replica forget what makes it act: then nothing is said.
                    Verdict::Refused(_) if by_model == Some(true) => continue,
                    other => panic!("{name} {seed}: {other:?}"),
                };
                assert_eq!(found, by_model, "{name}, walk {seed} of {steps} steps");
                (yes, no) = (yes + usize::from(found == Some(true)), no + usize::from(found == Some(false)));
            }
        }
    }
    assert!(yes >= 3 && no >= 3, "{yes} can be stopped, {no} cannot");
}

/// A run that cannot happen within its bound is refused.
#[test]
fn what_cannot_be_gone_on_from_is_refused() {
    let system =
        System::open(Bound::new(Scope { views: 1, ..Scope::DEFAULT }, []), &bft_check::pbft::Castro99);
    let system = Arc::new(system.unwrap());
    let begun = Trace::scripted(&system, &["c0 → r1 REQUEST c0.t1", "r1 timer of v0"]).unwrap();
    let asked = |property| check::run_from(&begun, property, &Limits::default(), &Progress::default());
    let refused = asked(Some(Property::Agreement)).unwrap_err().to_string();
    assert!(refused.contains("cannot be searched: step"), "{refused}");
}

/// The runs that go on from each state of a fork of a protocol of one's own: nearer by a step each time, and told from the start.
#[test]
fn a_protocol_of_ones_own_is_checked_from_the_end_of_a_run() {
    let forks = Check::new(VOTE).byzantine([NodeId(0)]).run().unwrap();
    let story = forks.shortest().unwrap().clone();
    let begun = |steps: usize| {
        let mut file: serde_json::Value = serde_json::from_str(&story.to_json().unwrap()).unwrap();
        file["steps"].as_array_mut().unwrap().truncate(steps);
        file.to_string()
    };
    let all = story.steps.len() - story.opening;
    for taken in 0..=all {
        let checked = Check::new(VOTE).beginning_with(begun(taken)).run().unwrap();
        let [row] = checked.rows() else { panic!("{checked}") };
        let own::Verdict::Violated { steps, story: told } = &row.verdict else {
            panic!("{taken}: {checked}")
        };
        assert_eq!((*steps, told.steps.len()), (all - taken, story.steps.len()), "{taken}");
        assert_eq!(told.steps[..story.opening + taken], story.steps[..story.opening + taken]);
        let other = Check::new(VOTE).beginning_with(begun(taken)).property("validity").run().unwrap();
        assert_eq!(other.conclusion(), Conclusion::Holds, "{taken}: {other}");
    }
    let checked = Check::new(VOTE).beginning_with(begun(1)).run().unwrap().to_string();
    assert!(checked.contains("runs that begin with the one that was given"), "{checked}");
    let live = Check::new(VOTE).beginning_with(begun(1)).property("liveness").run();
    assert!(matches!(live, Err(CheckError::Setup(SetupError::NoGoal))), "{live:?}");
    let nonsense = Check::new(VOTE).beginning_with("{}").run();
    assert!(matches!(nonsense, Err(CheckError::Around(_))), "{nonsense:?}");
}

/// What must happen is asked from each state of a run that waits for ever, and is decided there.
#[test]
fn liveness_of_a_protocol_of_ones_own_is_checked_from_the_end_of_a_run() {
    let waits = |draft| Tendermint { draft, rounds: 4, stops: true };
    let story = Check::new(waits(3)).property("liveness").run().unwrap().shortest().unwrap().clone();
    let (all, end) = (story.steps.len() - story.opening, story.end.clone().unwrap());
    let mut file: serde_json::Value = serde_json::from_str(&story.to_json().unwrap()).unwrap();
    for taken in [all, all / 2, 1] {
        file["steps"].as_array_mut().unwrap().truncate(taken);
        let from = |draft| {
            let check = Check::new(waits(draft)).beginning_with(file.to_string());
            check.property("liveness").run().unwrap()
        };
        let checked = from(3);
        let [row] = checked.rows() else { panic!("{checked}") };
        let own::Verdict::NotLive { steps, story: told } = &row.verdict else { panic!("{taken}: {checked}") };
        assert_eq!(told.steps.len(), story.opening + taken + steps);
        let shown = told.end.clone().unwrap();
        assert!(shown.stable_after >= taken && *steps <= all, "{taken}: {shown:?}");
        if taken == all {
            assert_eq!((*steps, &shown.then), (0, &end.then));
        }
        // With timers in every round what has happened so far stops nobody.
        let live = from(4);
        assert_eq!(live.conclusion(), Conclusion::Holds, "{taken}: {live}");
    }
}
