//! The safety properties hold for the protocol of the paper, and each can be violated: by the rulebooks
//! that break a rule, at the bounds that they name and no smaller ones. Their counterexamples are runs
//! that can be replayed, and cannot be tampered with.

use std::sync::Arc;

use bft_check::bugs::{self, Rulebook};
use bft_check::check::{self, Job, JudgeKind, Limits, Outcome, Progress, Verdict, search};
use bft_check::model::{Bound, Byzantine, Event, GuardModel, Judge, MessageGraph, Property, Scope, System};
use bft_check::pbft::{
    Effect, KeySet, Message, Principal, Refusal, ReplicaId, Request, SignedRequest, SigningKey, View,
};
use bft_check::trace::{ReplayError, Trace};

fn rulebook(name: &str) -> &'static Rulebook {
    bugs::find(name).unwrap()
}

/// The bound that a rulebook names, with a number of views.
fn smallest(rulebook: &Rulebook, views: u64) -> Bound {
    Bound::new(Scope { views, ..rulebook.smallest() }, [])
}

/// Judge *guards* on one placement.
fn outcome(rulebook: &Rulebook, bound: Bound, property: Option<Property>) -> Outcome {
    let job = Job::new(JudgeKind::Guards, bound);
    check::run(&job, rulebook.rules, property, &Limits::default(), None, &Progress::default()).unwrap()
}

/// Judge *guards* on every placement of f Byzantine replicas.
fn run(rulebook: &Rulebook, bound: &Bound, property: Option<Property>) -> Vec<Outcome> {
    let jobs =
        check::jobs(JudgeKind::Guards, bound, &Byzantine::Count(bound.scope.faults), rulebook.rules).unwrap();
    jobs.into_iter().map(|job| outcome(rulebook, job.bound, property)).collect()
}

fn at_smallest(name: &str, property: Option<Property>) -> Vec<Outcome> {
    let rulebook = rulebook(name);
    run(rulebook, &smallest(rulebook, rulebook.smallest().views), property)
}

/// The shortest counterexample of several placements. None of them may be without a verdict.
fn violation(outcomes: Vec<Outcome>) -> Option<(Property, Trace)> {
    let mut found = Vec::new();
    for outcome in outcomes {
        match outcome.verdict {
            Verdict::Holds => {}
            Verdict::Violated { property, steps, trace } => found.push((steps, property, *trace)),
            verdict => panic!("{}: {verdict:?}", outcome.job.bound.scope),
        }
    }
    found.into_iter().min_by_key(|(steps, ..)| *steps).map(|(_, property, trace)| (property, trace))
}

fn events(trace: &Trace) -> Vec<(Principal, Event)> {
    trace.steps().iter().map(|step| (step.to, step.event.clone())).collect()
}

/// The same system again, for a replay.
fn again(trace: &Trace) -> Arc<System> {
    Arc::new(System::new(trace.system().bound().clone(), trace.system().rules()).unwrap())
}

// --- each property holds, and can fail ------------------------------------------------------------

#[test]
fn every_property_holds_for_the_protocol_of_the_paper() {
    let castro99 = rulebook("castro99");
    let bound = smallest(castro99, 2);
    assert_eq!(
        (bound.scope.replicas, bound.scope.faults, bound.scope.slots, bound.scope.requests),
        (4, 1, 1, 2)
    );
    let outcomes = run(castro99, &bound, None);
    assert_eq!(outcomes.len(), 3, "the primary of each view, and one of the others");
    for outcome in outcomes {
        assert!(matches!(outcome.verdict, Verdict::Holds), "{:?}", outcome.job.bound.byzantine);
        assert!(outcome.coverage.states > 1_000, "{:?}", outcome.coverage);
        // A protocol that does nothing is safe.
        assert_eq!(outcome.unreached, Vec::<&str>::new(), "{:?}", outcome.job.bound.byzantine);
    }
}

/// Each property is checked alone: none is true only because another one fails first.
#[test]
fn every_property_is_violated_by_some_broken_rule() {
    let broken = [
        (Property::Agreement, &["prepared-lost", "weak-commit", "short-new-view"][..]),
        (Property::ChainPrefix, &["eager-execution"]),
        (Property::Validity, &["unsigned-request"]),
        (Property::ExactlyOnce, &["repeated-execution"]),
        (Property::CertificateUnique, &["digest-blind", "fixed-quorum"]),
        (Property::StableUnique, &["lone-checkpoint"]),
        (Property::StableHeld, &["weak-checkpoint"]),
        (Property::ReplyTrue, &["single-reply"]),
        (Property::Linearizable, &["unordered-reads"]),
        (Property::Panics, &["low-watermark"]),
    ];
    assert_eq!(broken.map(|(property, _)| property), Property::SAFETY);
    for (property, rulebooks) in broken {
        for name in rulebooks {
            let found = violation(at_smallest(name, Some(property)));
            let (violated, trace) = found.unwrap_or_else(|| panic!("{name} does not violate {property}"));
            assert_eq!(violated, property, "{name}");
            assert!(!trace.violation(property).unwrap().is_empty());
        }
    }
}

/// The rules that the property is about are kept: then it holds, also where another one fails.
#[test]
fn a_property_holds_under_a_broken_rule_that_it_is_not_about() {
    for (name, property) in [
        ("unsigned-request", Property::Agreement),
        ("unsigned-request", Property::CertificateUnique),
        ("repeated-execution", Property::Agreement),
        ("repeated-execution", Property::Validity),
        ("eager-execution", Property::Agreement),
        ("digest-blind", Property::Validity),
    ] {
        assert!(violation(at_smallest(name, Some(property))).is_none(), "{name} violates {property}");
    }
}

// --- counterexamples ------------------------------------------------------------------------------

/// Of several kinds: only the first has view changes in it.
fn counterexamples() -> Vec<(Property, Trace)> {
    ["prepared-lost", "digest-blind", "unsigned-request", "eager-execution"]
        .map(|name| violation(at_smallest(name, None)).unwrap())
        .into()
}

#[test]
fn a_counterexample_replays_into_its_violation() {
    for (property, trace) in counterexamples() {
        let replayed = Trace::replay(&again(&trace), &events(&trace)).unwrap();
        assert!(replayed.states().eq(trace.states()));
        assert_eq!(replayed.steps().len(), trace.steps().len());
        assert!(replayed.violation(property).is_some());
        for (step, same) in trace.steps().iter().zip(replayed.steps()) {
            assert_eq!((&step.before, &step.after), (&same.before, &same.after));
            assert_eq!(step.effects, same.effects);
        }
        // And not a step too early.
        let (_, shorter) =
            events(&trace).split_last().map(|(last, rest)| (last.clone(), rest.to_vec())).unwrap();
        let shorter = Trace::replay(&again(&trace), &shorter).unwrap();
        assert!(shorter.violation(property).is_none(), "{property} is violated before the end");
    }
}

#[test]
fn a_replay_under_the_correct_rules_does_not_end_in_the_violation() {
    for (property, trace) in counterexamples() {
        let castro99 = System::new(trace.system().bound().clone(), rulebook("castro99").rules).unwrap();
        let replayed = Trace::replay(&Arc::new(castro99), &events(&trace));
        let violated = replayed.is_ok_and(|trace| trace.violation(property).is_some());
        assert!(!violated, "the correct replicas violate {property} too");
    }
}

/// Some steps have others as their cause. Whatever step is left out, what remains is refused or is
/// another run; and the first that others need cannot be left out.
#[test]
fn a_step_whose_cause_is_left_out_is_refused() {
    for (_, trace) in counterexamples() {
        let (system, events) = (again(&trace), events(&trace));
        // A step that sends what a later one delivers, and nobody but an honest replica can send.
        let caused = |i: usize| {
            let sent: Vec<_> = trace.steps()[i].effects.iter().filter_map(broadcast).collect();
            let needs = |event: &Event| matches!(event, Event::Deliver(m) if sent.contains(&m));
            events.iter().skip(i + 1).position(|(_, event)| needs(event)).map(|after| i + 1 + after)
        };
        let (cause, effect) = (0..events.len()).find_map(|i| caused(i).map(|j| (i, j))).unwrap();
        let mut without = events.clone();
        without.remove(cause);
        let error = Trace::replay(&system, &without).unwrap_err();
        // The step after it moves up by one; it or an earlier one at the same replica is refused.
        match error {
            ReplayError::NeverSent(step, _) => assert_eq!(step, effect),
            ReplayError::Refused(step, who, ..) | ReplayError::Impossible(step, who, _) => {
                assert!(step <= effect && who == events[cause].0, "step {step} at {who}");
            }
            ReplayError::NotHonest(..) | ReplayError::Unfit(..) => panic!("{error}"),
        }
    }
}

fn broadcast(effect: &Effect) -> Option<&Message> {
    match effect {
        Effect::Broadcast(message) => Some(message),
        _ => None,
    }
}

#[test]
fn what_an_honest_replica_sends_later_cannot_be_delivered_first() {
    for (_, trace) in counterexamples() {
        let honest = |m: &Message| {
            m.signer()
                .replica()
                .is_some_and(|id| trace.system().honest().iter().any(|replica| replica.id() == id))
        };
        let late =
            events(&trace).into_iter().find(|(_, event)| matches!(event, Event::Deliver(m) if honest(m)));
        let error = Trace::replay(&again(&trace), &[late.unwrap()]).unwrap_err();
        assert!(matches!(error, ReplayError::NeverSent(1, _)), "{error}");
    }
}

#[test]
fn nothing_happens_at_a_byzantine_replica_or_a_stranger() {
    let (_, trace) = violation(at_smallest("prepared-lost", None)).unwrap();
    let [byzantine] = trace.system().bound().byzantine[..] else { panic!("one is Byzantine") };
    let events = events(&trace);
    for nobody in [byzantine, ReplicaId(4)].map(Principal::Replica) {
        for at in [0, events.len() / 2, events.len()] {
            let mut tampered = events.clone();
            tampered.insert(at, (nobody, Event::Timeout(View(0))));
            let error = Trace::replay(&again(&trace), &tampered).unwrap_err();
            assert_eq!(error, ReplayError::NotHonest(at + 1, nobody));
        }
    }
}

#[test]
fn a_timer_runs_out_only_where_it_runs() {
    let (_, trace) = violation(at_smallest("prepared-lost", None)).unwrap();
    let (system, events) = (again(&trace), events(&trace));
    let honest = Principal::Replica(system.honest()[0].id());
    // Of another view; and of this one, before anything is waited for.
    let error = Trace::replay(&system, &[(honest, Event::Timeout(View(1)))]).unwrap_err();
    assert!(matches!(error, ReplayError::Impossible(1, who, _) if who == honest), "{error}");
    let error = Trace::replay(&system, &[(honest, Event::Timeout(View(0)))]).unwrap_err();
    assert!(matches!(error, ReplayError::Refused(1, who, _, Refusal::NoTimer) if who == honest), "{error}");
    // A timer that ran out, again.
    let timeout = events.iter().position(|(_, event)| matches!(event, Event::Timeout(_))).unwrap();
    let mut twice = events[..=timeout].to_vec();
    twice.push(events[timeout].clone());
    let error = Trace::replay(&system, &twice).unwrap_err();
    let who = events[timeout].0;
    assert!(matches!(error, ReplayError::Impossible(step, at, _) if (step, at) == (timeout + 2, who)));
}

#[test]
fn a_message_that_nobody_can_have_sent_is_not_delivered() {
    for (_, trace) in counterexamples() {
        let system = again(&trace);
        let to = Principal::Replica(system.honest()[0].id());
        // A request that no client made, though the client's own key signs it: in this system it made
        // another one.
        let keys = KeySet::symbolic(4, 1);
        let request = Request {
            operation: Arc::from(&b"another"[..]),
            ..(**system.requests().first().unwrap()).clone()
        };
        let invented: SignedRequest = keys.clients[0].sign(request);
        let error = Trace::replay(&system, &[(to, Event::Deliver(Message::Request(invented)))]).unwrap_err();
        assert!(matches!(error, ReplayError::NeverSent(1, _)), "{error}");
        // Any message of the run, as an honest replica's that has not sent it: signed with its key.
        for (_, event) in events(&trace) {
            let Event::Deliver(message) = event else { continue };
            for honest in system.honest() {
                let key = &keys.replicas[honest.id().index()];
                let Some(impersonated) = resigned(&message, key) else { continue };
                let receiver = system.honest().iter().find(|r| r.id() != honest.id()).unwrap();
                let receiver = Principal::Replica(receiver.id());
                let error = Trace::replay(&system, &[(receiver, Event::Deliver(impersonated))]).unwrap_err();
                assert!(matches!(error, ReplayError::NeverSent(1, _)), "{error}");
            }
        }
    }
}

/// The same content, signed by somebody else.
fn resigned(message: &Message, key: &SigningKey) -> Option<Message> {
    Some(match message {
        Message::PrePrepare(m) => {
            let mut proposal = m.clone();
            proposal.pre_prepare = key.sign(*m.pre_prepare.message());
            Message::PrePrepare(proposal)
        }
        Message::Prepare(m) => Message::Prepare(key.sign(*m.message())),
        Message::Commit(m) => Message::Commit(key.sign(*m.message())),
        Message::ViewChange(m) => Message::ViewChange(Arc::new(key.sign(m.message().clone()))),
        Message::NewView(m) => Message::NewView(Arc::new(key.sign(m.message().clone()))),
        _ => return None,
    })
}

/// What a judge says of the first states that it meets, against what the properties say of what replicas believe there. How often
/// something is violated.
fn said_as_defined<J>(name: &str, judge: &J) -> usize
where
    J: Judge + Sync,
    J::State: Clone + std::hash::Hash + Send + Sync,
    J::Action: Clone,
{
    let limits = Limits { max_states: Some(2_000), ..Limits::default() };
    let mut violated = 0;
    search(judge, &[], &limits, &Progress::default(), |state| {
        for property in Property::SAFETY {
            let wrong = judge.with_view(state, |seen| property.violation(seen));
            violated += usize::from(wrong.is_some());
            assert_eq!(judge.holds(state, property), wrong.is_none(), "{name}: {property}: {wrong:?}");
        }
    });
    violated
}

/// A verdict is found once for all states in which the properties see the same: whatever a rulebook lets replicas believe, that
/// is all that they look at.
#[test]
fn what_is_said_of_a_state_is_what_its_properties_say() {
    let one_view = Scope { views: 1, ..Scope::DEFAULT };
    let checkpoints = Scope { checkpoint: Some(1), requests: 1, ..one_view };
    let mut violated = 0;
    for rulebook in bugs::RULEBOOKS {
        for (scope, byzantine) in [(one_view, 0), (checkpoints, 3)] {
            let bound = Bound::new(scope, [ReplicaId(byzantine)]);
            let system = || Arc::new(System::new(bound.clone(), rulebook.rules).unwrap());
            let name = format!("{} at {scope}", rulebook.name);
            violated += said_as_defined(&name, &GuardModel::new(system()));
            violated += said_as_defined(&name, &MessageGraph::new(system()));
        }
    }
    assert!(violated > 1_000, "{violated}");
}

/// One digest stands for two batches there, and that is seen.
#[test]
fn certificates_differ_in_their_batches_too() {
    let relabelled = rulebook("relabelled-batch");
    let bound = Bound::new(Scope { views: 1, ..Scope::DEFAULT }, [ReplicaId(0)]);
    for judge in [JudgeKind::Guards, JudgeKind::Message] {
        let (job, property) = (Job::new(judge, bound.clone()), Some(Property::CertificateUnique));
        let limits = Limits::default();
        let found =
            check::run(&job, relabelled.rules, property, &limits, None, &Progress::default()).unwrap();
        assert!(matches!(found.verdict, Verdict::Violated { steps: 4, .. }), "{judge}");
    }
}
