//! A check that goes on from the end of a run: judge *guards* from there, held against judge *message* from there.

use std::sync::Arc;

use bft_check::bugs;
use bft_check::check::{self, End, Limits, Progress, Verdict, search};
use bft_check::model::{
    Bound, Delivery, Event, GlobalView, GraphState, Judge, MessageGraph, Property, Scope, System, properties,
};
use bft_check::pbft::{Principal, ReplicaId};
use bft_check::trace::Trace;
use stateright::Model;

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

/// A run that cannot happen within its bound is refused, and so is a question about liveness.
#[test]
fn what_cannot_be_gone_on_from_is_refused() {
    let system =
        System::open(Bound::new(Scope { views: 1, ..Scope::DEFAULT }, []), &bft_check::pbft::Castro99);
    let system = Arc::new(system.unwrap());
    let begun = Trace::scripted(&system, &["c0 → r1 REQUEST c0.t1", "r1 timer of v0"]).unwrap();
    let asked = |property| check::run_from(&begun, property, &Limits::default(), &Progress::default());
    let refused = asked(Some(Property::Agreement)).unwrap_err().to_string();
    assert!(refused.contains("cannot be searched: step"), "{refused}");
    assert!(asked(Some(Property::Executed)).is_err());
}
