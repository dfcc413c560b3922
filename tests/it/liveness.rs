//! Liveness of PBFT once the network is stable: it holds for the paper's rules wherever the Byzantine
//! replica stands, it is violated where it should be, and a bound that cuts it off gives no verdict.

use bft_check::bugs;
use bft_check::check::{
    self, Cut, FairModel, Job, JudgeKind, Limits, LivenessProperty, LivenessVerdict, Outcome, Progress,
    Verdict, check_liveness, liveness_properties,
};
use bft_check::model::{
    Beginning, Bound, Conduct, Event, Liveness, LivenessMove, LivenessState, Owed, Property, Scope,
    Stabilisation,
};
use bft_check::pbft::{
    Castro99, ClientId, Committee, Effect, Input, Message, Principal, Rename as _, ReplicaId, Rules, SeqNum,
    State, View, ViewChange,
};
use stateright::Model;

use crate::common::live::{OF_THE_PAPER, SCOPE};

const ONE_VIEW: Scope = Scope { views: 1, ..SCOPE };

fn run(rules: &'static dyn Rules, scope: Scope, byzantine: &[u16], property: Option<Property>) -> Outcome {
    let bound = Bound::new(scope, byzantine.iter().copied().map(ReplicaId));
    let job = Job::new(JudgeKind::Liveness, bound);
    check::run(&job, rules, property, &Limits::default(), None, &Progress::default()).unwrap()
}

fn of_corpus(name: &str, scope: Scope, byzantine: &[u16], property: Property) -> Outcome {
    run(bugs::find(name).unwrap().rules, scope, byzantine, Some(property))
}

fn assert_holds(outcome: &Outcome) {
    assert!(matches!(outcome.verdict, Verdict::Holds), "{:?}: {:?}", outcome.job.bound, outcome.verdict);
    assert_eq!(outcome.unreached, Vec::<&str>::new());
}

/// What is violated, and the text of the trace.
fn violation(outcome: Outcome) -> (Property, String) {
    let Verdict::Violated { property, trace, steps } = outcome.verdict else {
        panic!("{:?}: {:?}", outcome.job.bound, outcome.verdict)
    };
    let stay = trace.lasso().unwrap();
    assert_eq!(stay.property, property);
    assert!(steps > 0 && stay.stable_after <= trace.steps().len());
    let text = trace.to_text(Some(property));
    for part in ["from here on the network is stable", "↻─", &format!("Violated: {property}")] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    (property, text)
}

// --- the protocol of the paper --------------------------------------------------------------------

#[test]
#[ignore = "slow: .ci/run runs it"]
fn the_paper_is_live_wherever_the_byzantine_replica_stands() {
    let outcomes = &*OF_THE_PAPER;
    let placed: Vec<_> = outcomes.iter().map(|outcome| outcome.job.bound.byzantine.clone()).collect();
    // Three views in all: the primaries of each, and the other one.
    assert_eq!(placed, [[0], [1], [2], [3]].map(|ids| ids.map(ReplicaId).to_vec()));
    for outcome in outcomes {
        assert_holds(outcome);
        assert!(outcome.coverage.states > 10_000, "{:?}", outcome.coverage);
    }
}

#[test]
fn the_paper_is_live_with_nobody_byzantine_or_with_messages_lost() {
    assert_holds(&run(&Castro99, ONE_VIEW, &[], None));
    for byzantine in 0..4 {
        assert_holds(&run(&Castro99, Scope { lossy: true, ..ONE_VIEW }, &[byzantine], None));
    }
}

/// A Byzantine replica's CHECKPOINT can make a checkpoint stable at one replica alone, which lacks the state there.
#[test]
fn the_paper_is_live_with_checkpoints() {
    for byzantine in [0, 1, 2] {
        let scope = Scope { checkpoint: Some(1), ..ONE_VIEW };
        assert_holds(&run(&Castro99, scope, &[byzantine], None));
    }
}

#[test]
fn seven_replicas_two_of_them_byzantine_are_live() {
    let scope = Scope { replicas: 7, faults: 2, ..ONE_VIEW };
    assert_holds(&run(&Castro99, scope, &[5, 6], None));
}

/// Without a view after the one with a Byzantine primary nothing can be said, and nothing is.
#[test]
fn views_that_are_cut_off_give_no_verdict() {
    let verdicts = |further| {
        let bound = Bound::new(ONE_VIEW, [ReplicaId(0)]);
        let model = Liveness::new(bound, &Castro99, Stabilisation { further }).unwrap();
        let report =
            check_liveness(&model, &liveness_properties(), &Limits::default(), &Progress::default()).unwrap();
        report.findings.into_iter().map(|finding| finding.verdict).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(0), [const { LivenessVerdict::NotExhausted(Cut::Boundary) }; 2]);
    assert_eq!(verdicts(1), [const { LivenessVerdict::Holds }; 2]);
}

/// Each assumption of the model is needed: what it says of timers, and what it says of messages.
#[test]
fn timers_wait_for_what_is_owed_and_run_out_only_then() {
    let bound = Bound::new(ONE_VIEW, [ReplicaId(0)]);
    let model = Liveness::new(bound, &Castro99, Stabilisation { further: 1 }).unwrap();
    let mut queue = model.init_states();
    let mut seen: std::collections::HashSet<_> = queue.iter().cloned().collect();
    let (mut quiet, mut busy) = (0, 0);
    while let Some(state) = queue.pop() {
        let mut actions = Vec::new();
        model.actions(&state, &mut actions);
        let is = |wanted: fn(&Owed) -> bool| {
            actions.iter().any(|action| matches!(action, LivenessMove::Fire(_, Some(owed)) if wanted(owed)))
        };
        let (delivers, times_out) =
            (is(|o| matches!(o, Owed::Delivery(_))), is(|o| matches!(o, Owed::Timer(_))));
        assert!(!(delivers && times_out), "a timer runs out before what is owed has arrived");
        assert!(state.is_stable() || !(delivers || times_out), "something is owed before it is stable");
        assert_eq!(actions.contains(&LivenessMove::Stabilise), !state.is_stable() && !actions.is_empty());
        busy += u32::from(delivers);
        quiet += u32::from(times_out);
        let next = actions.into_iter().filter_map(|action| model.next_state(&state, action));
        queue.extend(next.filter(|next| model.within_boundary(next) && seen.insert(next.clone())));
    }
    assert!(quiet > 0 && busy > 100, "{quiet} {busy}");
}

/// The model with one kind of step owed by nobody.
struct Without(Liveness, fn(&Owed) -> bool);

impl Model for Without {
    type State = LivenessState;
    type Action = LivenessMove;

    fn init_states(&self) -> Vec<LivenessState> {
        self.0.init_states()
    }

    fn actions(&self, state: &LivenessState, actions: &mut Vec<LivenessMove>) {
        self.0.actions(state, actions);
    }

    fn next_state(&self, state: &LivenessState, action: LivenessMove) -> Option<LivenessState> {
        self.0.next_state(state, action)
    }

    fn within_boundary(&self, state: &LivenessState) -> bool {
        self.0.within_boundary(state)
    }
}

impl FairModel for Without {
    type Class = Owed;

    fn class(&self, state: &LivenessState, action: &LivenessMove) -> Option<Owed> {
        self.0.class(state, action).filter(|owed| !self.1(owed))
    }
}

/// Nothing is owed in vain: without any one of the three kinds the paper's rules are not live either.
#[test]
fn each_kind_of_fairness_is_needed() {
    let live = |without: fn(&Owed) -> bool| {
        let bound = Bound::new(ONE_VIEW, [ReplicaId(0)]);
        let model = Without(Liveness::new(bound, &Castro99, Stabilisation { further: 1 }).unwrap(), without);
        let goal = LivenessProperty::eventually("executed", |m: &Without, state| m.0.is_executed(state));
        let report = check_liveness(&model, &[goal], &Limits::default(), &Progress::default()).unwrap();
        match &report.findings[0].verdict {
            LivenessVerdict::Holds => true,
            LivenessVerdict::Violated(_) => false,
            cut => panic!("{cut:?}"),
        }
    };
    assert!(live(|_| false));
    assert!(!live(|owed| matches!(owed, Owed::Stabilisation)));
    assert!(!live(|owed| matches!(owed, Owed::Delivery(_))));
    assert!(!live(|owed| matches!(owed, Owed::Delivery(Principal::Replica(ReplicaId(3))))));
    assert!(!live(|owed| matches!(owed, Owed::Timer(_))));
}

// --- what is not live -----------------------------------------------------------------------------

/// f replicas may do what they like; of f + 1 it is enough that they are silent.
#[test]
fn f_plus_1_silent_replicas_stop_everything() {
    for byzantine in [[0, 1], [0, 2], [1, 2], [2, 3]] {
        for asked in [Property::Answered, Property::Executed] {
            let (property, text) = violation(run(&Castro99, ONE_VIEW, &byzantine, Some(asked)));
            assert_eq!(property, asked);
            assert!(
                text.contains("only Byzantine replicas") || text.contains("nothing can happen"),
                "{text}"
            );
        }
    }
}

/// The verdicts on the runs with views without end, one for each property: whether it is violated.
fn endless(rules: &'static dyn Rules, scope: Scope, byzantine: &[u16], conduct: Conduct) -> Vec<bool> {
    let bound = Bound::new(scope, byzantine.iter().copied().map(ReplicaId));
    let model = Liveness::endless(bound, rules, conduct, Beginning::Stable).unwrap().unwrap();
    // As many as a check looks at.
    let limits = Limits { max_states: Some(20_000), ..Limits::default() };
    let report = check_liveness(&model, &liveness_properties(), &limits, &Progress::default()).unwrap();
    let verdicts = report.findings.into_iter().map(|finding| finding.verdict);
    verdicts.map(|verdict| matches!(verdict, LivenessVerdict::Violated(_))).collect()
}

/// What some runs with views without end say of the paper: nothing with f Byzantine replicas, whether they are silent or
/// say that they know of nothing.
#[test]
fn more_than_f_replicas_that_do_little_stop_the_paper_and_f_do_not() {
    let one_slot = Scope { slots: 1, requests: 1, checkpoint: Some(1), window: Some(1), ..ONE_VIEW };
    let two_slots = Scope { slots: 2, requests: 2, checkpoint: Some(1), ..ONE_VIEW };
    for conduct in [Conduct::Unproved, Conduct::Far, Conduct::Scattered, Conduct::Any] {
        for byzantine in [0, 1, 3] {
            assert_eq!(endless(&Castro99, ONE_VIEW, &[byzantine], conduct), [false; 2], "{conduct:?}");
        }
    }
    // What one of them does to a broken rule is among what any of them does.
    let highest = bugs::find("highest-join").unwrap().rules;
    assert_eq!(endless(highest, ONE_VIEW, &[0], Conduct::Any), [true; 2]);
    for conduct in [Conduct::Silent, Conduct::Stale] {
        for byzantine in [&[][..], &[0], &[1], &[3]] {
            assert_eq!(
                endless(&Castro99, one_slot, byzantine, conduct),
                [false; 2],
                "{byzantine:?} {conduct:?}"
            );
        }
        assert_eq!(endless(&Castro99, two_slots, &[0], conduct), [false; 2], "{conduct:?}");
        assert_eq!(endless(&Castro99, one_slot, &[1, 3], conduct), [true; 2]);
    }
}

/// A new view starts at a checkpoint that three of four view changes name.
#[derive(Debug)]
struct Matching;

impl Rules for Matching {
    fn new_view_start(&self, changes: &[&ViewChange]) -> Option<SeqNum> {
        let named = |seq| changes.iter().filter(|change| change.stable.seq == seq).count();
        changes.iter().map(|change| change.stable.seq).find(|&seq| named(seq) >= 3)
    }
}

/// Where one view change can spoil the others, a replica that always says that it knows of no checkpoint is enough
/// for views to change for ever; one that is silent is not.
#[test]
#[ignore = "slow: .ci/run runs it"]
fn a_view_change_that_spoils_the_others_is_enough_if_it_comes_every_time() {
    let scope = Scope { slots: 2, requests: 2, checkpoint: Some(1), ..ONE_VIEW };
    let rules = bugs::find("unanimous-start").unwrap().rules;
    assert_eq!(endless(rules, scope, &[0], Conduct::Silent), [false; 2]);
    assert_eq!(endless(rules, scope, &[0], Conduct::Stale), [true; 2]);
    // Where a quorum has to match, and not everybody, the honest replicas are enough.
    assert_eq!(endless(&Matching, scope, &[0], Conduct::Stale), [false; 2]);
    // Before any checkpoint there is nothing to differ in.
    assert_eq!(endless(rules, Scope { checkpoint: None, ..scope }, &[0], Conduct::Stale), [false; 2]);
    let (_, text) = violation(of_corpus("unanimous-start", scope, &[0], Property::Executed));
    for part in ["holds a stable checkpoint at #1", "in higher and higher views"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
}

/// A rule that makes every view fail: the views change for ever, and after n of them everything is as it was but for
/// their numbers.
#[test]
fn views_that_change_for_ever_are_a_loop() {
    let scope = Scope { slots: 1, requests: 1, checkpoint: Some(1), window: Some(1), ..ONE_VIEW };
    for byzantine in [&[][..], &[3]] {
        let outcome = of_corpus("short-window", scope, byzantine, Property::Executed);
        let Verdict::Violated { trace, .. } = &outcome.verdict else { panic!("{:?}", outcome.verdict) };
        let stay = trace.lasso().unwrap().clone();
        assert!(stay.repeats_after < trace.steps().len());
        let views = |at: usize| trace.steps()[at].replica().unwrap().2.view().0;
        assert_eq!(views(trace.steps().len() - 1) - views(stay.repeats_after - 1), 4);
        let (_, text) = violation(outcome);
        assert!(text.contains("in higher and higher views"), "{text}");
    }
    assert_holds(&of_corpus("castro99", scope, &[], Property::Executed));
}

/// Each of these goes wrong only from a state that is reached before the network is stable, or because a Byzantine
/// replica does the same in every view, however far. What is found is judged by its definition: nobody owes
/// anything that does not happen, and the request is never executed.
#[test]
#[ignore = "slow: .ci/run runs it"]
fn what_goes_wrong_far_away_or_from_some_state_on_is_found() {
    let rising = [("highest-join", 0), ("no-repetition", 0), ("open-gap", 0), ("late-check", 0)];
    for (name, run) in rising.into_iter().chain([("same-view-join", 0)]) {
        let rulebook = bugs::find(name).unwrap();
        let row =
            check::run_row(rulebook, &rulebook.runs[run], &Limits::default(), &Progress::default()).unwrap();
        assert!(row.as_expected(), "{name}: {:?}", row.outcomes[0].verdict);
        let Verdict::Violated { trace, .. } = &row.outcomes[0].verdict else { panic!("{name}") };
        let stay = trace.lasso().unwrap();
        assert_eq!(stay.is_rising(), name != "same-view-join", "{name}");
        assert_eq!(trace.fair(), Ok(()), "{name}");
        // What was executed stays so.
        assert!(trace.states().any(|state| state.last_reply(ClientId(0)).is_none()), "{name}");
    }
}

/// A rulebook that asks of a view whether it is even: it cannot be said of one far view what it says of all.
#[derive(Debug)]
struct Even;

impl Rules for Even {
    fn join(&self, committee: Committee, views: &[View]) -> Option<View> {
        Castro99.join(committee, views).filter(|_| views.iter().all(|view| view.0 < 4 || view.0 % 2 == 0))
    }
}

#[test]
fn one_far_view_stands_for_all_where_no_rule_tells_them_apart() {
    let alike = |rules: &'static dyn Rules, byzantine: &[u16]| {
        let bound = Bound::new(SCOPE, byzantine.iter().copied().map(ReplicaId));
        Liveness::new(bound, rules, Stabilisation { further: 1 }).unwrap().far_views_are_alike()
    };
    assert!(alike(&Castro99, &[0]) && alike(bugs::find("highest-join").unwrap().rules, &[0]));
    assert!(!alike(&Even, &[0]));
    // Who is honest asks for no view that is far.
    assert!(alike(&Even, &[]));
    let job = Job::new(JudgeKind::Liveness, Bound::new(ONE_VIEW, [ReplicaId(3)]));
    let limits = Limits { max_states: Some(10_000), ..Limits::default() };
    let said = |rules| check::run(&job, rules, None, &limits, None, &Progress::default()).unwrap().verdict;
    assert!(matches!(said(&Castro99), Verdict::Holds));
    assert!(matches!(said(&Even), Verdict::NotExhausted(_)));
}

/// What that rests on: n views higher a replica does what it does here.
#[test]
fn n_views_higher_everything_happens_alike() {
    let bound = Bound::new(ONE_VIEW, [ReplicaId(0)]);
    let model = Liveness::new(bound, &Castro99, Stabilisation { further: 1 }).unwrap();
    let system = model.shared_system();
    let (up, down) = (system.renumbering(View(0), 4), system.renumbering(View(0), -4));
    assert_eq!([View(3), View(4)].map(|view| down.view(view)), [None, Some(View(0))]);
    assert_eq!(system.renumbering(View(2), -4).view(View(1)), Some(View(1)));
    let sent = |effects: &[Effect]| -> Vec<Message> {
        let message = |effect: &Effect| match effect {
            Effect::Broadcast(message) | Effect::Send(_, message) => Some(message.clone()),
            _ => None,
        };
        effects.iter().filter_map(message).collect()
    };
    let mut queue = std::collections::VecDeque::from(model.init_states());
    let mut seen: std::collections::HashSet<_> = queue.iter().cloned().collect();
    let (mut taken, mut changed_view) = (0, 0);
    while let Some(state) = queue.pop_front() {
        let mut locals: Vec<_> =
            model.with_view(&state, |seen| seen.replicas.iter().map(|&r| r.clone()).collect());
        let mut actions = Vec::new();
        model.actions(&state, &mut actions);
        for action in &actions {
            for (who, event) in model.expand(&state, action) {
                let index = system.honest().iter().position(|r| Some(r.id()) == who.replica()).unwrap();
                let (replica, local) = (&system.honest()[index], &locals[index]);
                let higher = (local.renamed(&up).unwrap(), event.renamed(&up).unwrap());
                assert_eq!(higher.0.renamed(&down).as_ref(), Some(local));
                assert_eq!(higher.1.renamed(&down).as_ref(), Some(&event));
                let step = |state: &State, event: &Event| {
                    let mut effects = Vec::new();
                    let input = match event {
                        Event::Deliver(message) => Input::Deliver(message),
                        _ => Input::Timeout,
                    };
                    replica.successor(state, input, &mut effects).map(|next| (next, sent(&effects)))
                };
                let (here, there) = (step(local, &event), step(&higher.0, &higher.1));
                let moved = here.clone().map(|(next, messages)| {
                    changed_view += u32::from(next.view() != local.view());
                    (next.renamed(&up).unwrap(), messages.renamed(&up).unwrap())
                });
                assert_eq!(moved, there);
                taken += 1;
                // The events of one step come one after the other.
                locals[index] = here.map_or_else(|_| local.clone(), |(next, _)| next);
            }
            locals = model.with_view(&state, |seen| seen.replicas.iter().map(|&r| r.clone()).collect());
            if let Some(next) = model.next_state(&state, *action)
                && taken < 20_000
                && model.within_boundary(&next)
                && seen.insert(next.clone())
            {
                queue.push_back(next);
            }
        }
    }
    assert!(taken > 1_000 && changed_view > 100, "{taken} {changed_view}");
}

/// The document's rules with no view change split the votes, and nobody is to blame.
#[test]
fn the_first_receiver_rule_splits_the_votes() {
    let scope = Scope { requests: 2, ..ONE_VIEW };
    let (_, text) = violation(of_corpus("first-receiver-untimed", scope, &[], Property::Answered));
    assert!(text.contains("nothing can happen any more"), "{text}");
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn timers_that_never_run_leave_a_silent_primary_in_office() {
    violation(of_corpus("no-timer", ONE_VIEW, &[0], Property::Answered));
    // Where the primary is honest and nothing is lost, none is needed.
    assert_holds(&of_corpus("no-timer", ONE_VIEW, &[2], Property::Answered));
    violation(of_corpus("idle-timer", SCOPE, &[1], Property::Answered));
}

/// Where nothing is lost and nothing sent again, somebody who was left behind remains so, but with nobody
/// Byzantine the clients have their answers. One Byzantine replica is enough to take these away: it lets one
/// replica decide, which then waits for nothing, and falls silent; the primary has no timer in its own view; and
/// a view change of the third alone is joined by nobody.
#[test]
fn who_is_left_behind_needs_that_things_are_sent_again() {
    violation(of_corpus("no-retransmission", SCOPE, &[], Property::Executed));
    assert_holds(&of_corpus("no-retransmission", SCOPE, &[], Property::Answered));
    let (_, text) = violation(of_corpus("no-retransmission", SCOPE, &[2], Property::Answered));
    assert!(text.contains("DECIDES"), "{text}");
    violation(of_corpus("no-retransmission", Scope { lossy: true, ..ONE_VIEW }, &[2], Property::Answered));
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn a_lock_that_is_kept_and_a_view_change_that_nobody_joins_stop_everything() {
    violation(of_corpus("kept-lock", SCOPE, &[], Property::Answered));
    violation(of_corpus("no-join", SCOPE, &[2], Property::Answered));
}

/// Replicas crash as often as the bound says, and fairness asks nobody to crash.
#[test]
fn a_crash_can_come_and_is_owed_by_nobody() {
    let amnesia = bugs::find("amnesia").unwrap().rules;
    let states = [0, 1, 2].map(|crashes| {
        let outcome = run(amnesia, Scope { crashes, ..ONE_VIEW }, &[], None);
        assert_holds(&outcome);
        outcome.coverage.states
    });
    assert!(states.is_sorted_by(|fewer, more| fewer < more), "{states:?}");
    for crashes in [0, 1] {
        let scope = Scope { views: 1, crashes, ..Scope::DEFAULT };
        let outcome = of_corpus("first-receiver-untimed", scope, &[], Property::Answered);
        assert_eq!(violation(outcome).0, Property::Answered);
    }
}

#[test]
fn a_judge_of_safety_says_nothing_of_liveness_nor_the_other_way_round() {
    for (judge, property) in
        [(JudgeKind::Guards, Property::Executed), (JudgeKind::Liveness, Property::Agreement)]
    {
        let job = Job::new(judge, Bound::new(ONE_VIEW, []));
        let outcome =
            check::run(&job, &Castro99, Some(property), &Limits::default(), None, &Progress::default());
        assert!(outcome.is_err(), "{:?}", outcome.unwrap().verdict);
    }
}

/// A client counts replies of any view: which of them exist makes no difference to it.
#[test]
fn clients_that_take_part_get_their_answers() {
    for byzantine in [0, 2] {
        assert_holds(&run(&Castro99, Scope { clients: true, ..ONE_VIEW }, &[byzantine], None));
    }
}
