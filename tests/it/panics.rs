//! A panic of the code under test is a violation, with a run that shows it, wherever the code is run: in every judge,
//! in a simulated run, where a run is replayed and where it is explained. Where a rule panics that no participant asks,
//! the judge refuses. It never ends the checker, and prints nothing.

use std::process::Command;
use std::sync::Arc;

use bft_check::bugs;
use bft_check::check::{self, Job, JudgeKind, Limits, PlanError, Progress, Verdict, search};
use bft_check::model::{
    Bound, Event, Judge as _, MessageModel, Property, Reductions, Scope, Store, System, guarded, properties,
};
use bft_check::pbft::{
    Batch, Committee, Digest, Effect, NewView, PreparedClaim, Principal, Refusal, ReplicaId, Reply, Rules,
    SeqNum, Setting, SignedRequest, StableCheckpoint, StableClaim, StateTransfer, TallyKey, View, ViewChange,
};
use bft_check::simulate::{self, End, Settings, StrategyKind, any_case, reduced, run_case};
use bft_check::trace::{Form, Trace, TraceFile};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

rulebook! { SecondClaim:
    fn select<'a>(&self, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
        Some(claims[1])
    }
}

rulebook! { SomethingPrepared:
    fn new_view_batches(&self, changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
        let claims = changes.iter().flat_map(|change| &change.prepared);
        let last = claims.max_by_key(|claim| claim.view()).unwrap();
        vec![(last.seq(), last.proposal.batch.clone())]
    }
}

rulebook! { FirstPrepared:
    fn check_view_change(&self, _: &Setting, change: &ViewChange) -> Result<(), Refusal> {
        let first = change.prepared.first().unwrap();
        if first.view() < change.new_view { Ok(()) } else { Err(Refusal::MisplacedCertificate) }
    }
}

rulebook! { ThirdView:
    fn join(&self, _: Committee, views: &[View]) -> Option<View> {
        Some(views[2])
    }
}

rulebook! { OnePrimary:
    fn primary(&self, _: Committee, view: View) -> ReplicaId {
        [ReplicaId(0)][view.0 as usize]
    }
}

rulebook! { NoPrimary:
    fn primary(&self, _: Committee, view: View) -> ReplicaId {
        [][view.0 as usize]
    }
}

rulebook! { NoNewView:
    fn view_change_quorum(&self, committee: Committee) -> usize {
        [1, 2][usize::from(committee.n())]
    }
}

rulebook! { EarlierView:
    fn commit_key(&self, view: View, digest: Digest) -> TallyKey {
        TallyKey { view: Some(View(view.0.checked_sub(1).expect("a view before"))), digest: Some(digest) }
    }
}

rulebook! { NoStranger:
    fn authentic(&self, _: &Setting, request: &SignedRequest) -> bool {
        match request.signer() {
            Principal::Client(id) => id == request.client,
            Principal::Replica(id) => unreachable!("{id} has no requests"),
        }
    }
}

rulebook! { OnlyDigests:
    fn check_state(&self, setting: &Setting, transfer: &StateTransfer) -> Result<(), Refusal> {
        let snapshot = transfer.snapshot.as_ref().unwrap();
        assert_eq!(snapshot.digest(), transfer.stable.state);
        self.check_stable(setting, &transfer.stable)
    }
}

rulebook! { NoReplies:
    fn reply_key(&self, reply: &Reply) -> TallyKey {
        todo!("replies of {}", reply.view)
    }
}

rulebook! { UnreadableNewView:
    fn check_new_view(&self, _: &Setting, new_view: &NewView) -> Result<(), Refusal> {
        let first = &new_view.proposals[0];
        if first.view() == new_view.view { Ok(()) } else { Err(Refusal::WrongProposals) }
    }
}

rulebook! { NoClaims:
    fn check_prepared(&self, _: &Setting, claim: &PreparedClaim) -> Result<(), Refusal> {
        todo!("{claim:?}")
    }
}

rulebook! { NoStatus:
    fn retransmits(&self) -> bool {
        todo!("retransmission")
    }
}

/// The rulebook of the corpus whose replicas panic.
fn low_watermark() -> &'static dyn Rules {
    bugs::find("low-watermark").unwrap().rules
}

/// A rulebook and a bound in which it panics.
struct Case {
    rules: &'static dyn Rules,
    scope: Scope,
    byzantine: &'static [u16],
}

impl Case {
    fn bound(&self) -> Bound {
        Bound::new(self.scope, self.byzantine.iter().copied().map(ReplicaId))
    }

    fn run(&self, judge: JudgeKind, reductions: Reductions, property: Option<Property>) -> Verdict {
        self.planned(judge, reductions, property).unwrap()
    }

    fn planned(
        &self,
        judge: JudgeKind,
        reductions: Reductions,
        property: Option<Property>,
    ) -> Result<Verdict, PlanError> {
        let job = Job { reductions, ..Job::new(judge, self.bound()) };
        let limits = Limits { max_states: Some(200_000), threads: 2, ..Limits::default() };
        let outcome = check::run(&job, self.rules, property, &limits, None, &Progress::default())?;
        Ok(outcome.verdict)
    }

    /// The violation, in a trace that is what it has to be.
    fn violation(&self, judge: JudgeKind, reductions: Reductions) -> Trace {
        let what = format!("{:?} under {judge} with {reductions:?}", self.rules);
        match self.run(judge, reductions, Some(Property::Panics)) {
            Verdict::Violated { property, trace, .. } => {
                assert_eq!(property, Property::Panics, "{what}");
                assert_is_one(&trace, &what);
                *trace
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

const ONE: Scope = Scope { views: 1, requests: 1, ..Scope::DEFAULT };
const TWO: Scope = Scope { requests: 1, ..Scope::DEFAULT };
/// Nobody may fail, and two of three are a quorum: few states.
const THREE: Scope = Scope { replicas: 3, faults: 0, ..TWO };

/// In one view, where judge *message* comes to an end.
fn in_one_view() -> Vec<Case> {
    let checkpoints = Scope { checkpoint: Some(1), ..ONE };
    let clients = Scope { clients: true, replicas: 3, faults: 0, ..ONE };
    vec![
        Case { rules: low_watermark(), scope: checkpoints, byzantine: &[] },
        Case { rules: low_watermark(), scope: checkpoints, byzantine: &[3] },
        Case { rules: &OnlyDigests, scope: checkpoints, byzantine: &[3] },
        Case { rules: &NoPrimary, scope: ONE, byzantine: &[] },
        Case { rules: &NoPrimary, scope: clients, byzantine: &[] },
        Case { rules: &EarlierView, scope: ONE, byzantine: &[] },
        Case { rules: &NoStranger, scope: ONE, byzantine: &[0] },
        Case { rules: &NoReplies, scope: clients, byzantine: &[] },
    ]
}

/// In a view change.
fn in_two_views() -> Vec<Case> {
    vec![
        Case { rules: &SecondClaim, scope: TWO, byzantine: &[] },
        Case { rules: &SecondClaim, scope: TWO, byzantine: &[0] },
        Case { rules: &SomethingPrepared, scope: TWO, byzantine: &[0] },
        Case { rules: &FirstPrepared, scope: TWO, byzantine: &[3] },
        Case { rules: &ThirdView, scope: TWO, byzantine: &[3] },
        Case { rules: &OnePrimary, scope: TWO, byzantine: &[1] },
        Case { rules: &NoNewView, scope: TWO, byzantine: &[3] },
        Case { rules: &UnreadableNewView, scope: TWO, byzantine: &[1] },
    ]
}

/// A run that ends with a panic, and can be shown in every way.
fn assert_is_one(trace: &Trace, what: &str) {
    let why = trace.violation(Property::Panics).unwrap_or_else(|| panic!("{what}: nobody panics"));
    let panicked: Vec<_> = trace.finally().filter(|(_, local)| local.wreck().is_some()).collect();
    // Before anything happens several can panic at once.
    let [(who, local), ref others @ ..] = panicked[..] else { panic!("{what}: {panicked:?}") };
    assert!(others.is_empty() || trace.steps().is_empty(), "{what}: {panicked:?}");
    let panic = &local.wreck().unwrap().panicked;
    assert_eq!(why, format!("{who} panicked: {panic}"), "{what}");
    assert!(panic.place.contains(".rs:"), "{what}: {panic}");
    if let Some(last) = trace.steps().last() {
        assert_eq!(last.to, who, "{what}");
        assert!(last.effects.is_empty() && last.of_client.is_empty(), "{what}");
        let whole = |local: &bft_check::model::Local| local.wreck().is_none();
        assert!(whole(&last.before) && !whole(&last.after), "{what}");
        assert!(trace.steps().iter().rev().skip(1).all(|step| whole(&step.after)), "{what}");
    }
    let system = Arc::new(trace.system().clone());
    let events: Vec<_> = trace.steps().iter().map(|step| (step.to, step.event.clone())).collect();
    let again = Trace::replay(&system, &events).unwrap();
    assert_eq!(again.violation(Property::Panics).unwrap(), why, "{what}");
    for left_out in 0..events.len() {
        let fewer = events.iter().enumerate().filter(|(place, _)| *place != left_out).map(|(_, event)| event);
        let fewer: Vec<_> = fewer.cloned().collect();
        let is_needed =
            Trace::replay(&system, &fewer).is_ok_and(|trace| trace.violation(Property::Panics).is_some());
        assert!(!is_needed, "{what}: it panics without step {left_out}");
    }
    let text = trace.to_text(Some(Property::Panics));
    assert!(text.contains("Violated: panics") && text.contains("has panicked"), "{what}: {text}");
    assert!(events.is_empty() || text.contains(" PANICS: '"), "{what}: {text}");
    for form in [Form::Json, Form::Itf, Form::Mermaid, Form::Shiviz] {
        let written = trace.written(form, "stranger", Some(Property::Panics)).unwrap();
        assert!(
            events.is_empty() || written.contains("panicked:") || written.contains("PANICS"),
            "{written}"
        );
    }
    assert!(trace.explain(Property::Panics).is_some(), "{what}");
}

/// Who is no participant gets yes for an answer, so that a participant panics, or a panic that is none of the
/// checker's.
#[test]
fn a_rule_that_is_asked_by_nobody_in_particular_lets_through_what_it_panics_over() {
    let rules = |rules: &'static dyn Rules| System::new(Bound::new(TWO, []), rules).unwrap().rules();
    let (committee, setting) =
        (Committee::of(4).unwrap(), System::new(Bound::new(TWO, []), &NoClaims).unwrap());
    assert_eq!(rules(&OnePrimary).primary(committee, View(0)), ReplicaId(0));
    assert!(!rules(&OnePrimary).may_propose(committee, View(0), ReplicaId(1)), "it has an answer");
    assert!(rules(&OnePrimary).may_propose(committee, View(1), ReplicaId(1)), "it has none");
    let nothing = ViewChange { new_view: View(1), stable: genesis(), prepared: Vec::new() };
    assert_eq!(rules(&FirstPrepared).check_view_change(setting.setting(), &nothing), Ok(()));
    let panicked = guarded(|| rules(&NoNewView).view_change_quorum(committee)).unwrap_err();
    assert!(panicked.message.contains("out of bounds") && panicked.place.starts_with("tests/it/panics.rs:"));
    // A system that is made with it follows the rulebook itself: its replicas panic.
    let again = System::new(Bound::new(TWO, []), rules(&OnePrimary)).unwrap();
    let direct = guarded(|| again.honest()[0].rules().may_propose(committee, View(1), ReplicaId(1)));
    assert!(direct.is_err());
}

fn genesis() -> StableClaim {
    StableCheckpoint::genesis().claim().clone()
}

#[test]
fn judge_message_finds_panics() {
    for case in in_one_view() {
        case.violation(JudgeKind::Message, Reductions::NONE);
    }
    for case in in_two_views().into_iter().filter(|case| case.byzantine.len() < 2) {
        let case = Case { scope: THREE, byzantine: &[], ..case };
        let verdict = case.run(JudgeKind::Message, Reductions::NONE, Some(Property::Panics));
        match verdict {
            Verdict::Violated { property: Property::Panics, trace, .. } => assert_is_one(&trace, "three"),
            // Some of them need somebody who lies.
            Verdict::Holds | Verdict::NotExhausted(_) => {}
            other => panic!("{:?}: {other:?}", case.rules),
        }
    }
}

#[test]
fn judge_guards_finds_panics() {
    for case in in_one_view().into_iter().chain(in_two_views()) {
        let of_message = case.violation(JudgeKind::Guards, Reductions::NONE);
        // A property that nobody asked about is not reported.
        let other = case.run(JudgeKind::Guards, Reductions::NONE, Some(Property::Agreement));
        assert!(
            !matches!(other, Verdict::Violated { property: Property::Panics, .. }),
            "{:?}: {other:?}",
            case.rules
        );
        assert!(of_message.steps().len() < 40);
    }
}

#[test]
fn reductions_of_judge_guards_find_panics_or_refuse() {
    let silent = Reductions { silent: true, ..Reductions::NONE };
    let decided = Reductions { quotient: true, ..silent };
    let symmetry = Reductions { symmetry: true, ..silent };
    for case in in_one_view().into_iter().chain(in_two_views()) {
        case.violation(JudgeKind::Guards, silent);
        for reductions in [decided, symmetry] {
            // Not every bound has every reduction.
            let planned = case.planned(JudgeKind::Guards, reductions, Some(Property::Panics));
            let Ok(verdict) = planned else { continue };
            match verdict {
                Verdict::Violated { property: Property::Panics, trace, .. } => {
                    assert_is_one(&trace, "reduced")
                }
                Verdict::Refused(why) => assert!(!why.contains("please report"), "{why}"),
                other => panic!("{:?} with {reductions:?}: {other:?}", case.rules),
            }
        }
    }
}

#[test]
fn judge_unbounded_finds_panics_or_refuses() {
    let mut found = 0;
    for case in in_one_view().into_iter().chain(in_two_views()) {
        let (scope, byzantine) = (Scope { views: 1, replicas: 4, faults: 1, ..case.scope }, &[3][..]);
        let case = Case { scope, byzantine, ..case };
        for (reductions, property) in [(Reductions::ALL, None), (Reductions::NONE, Some(Property::Panics))] {
            match case.run(JudgeKind::Unbounded, reductions, property) {
                Verdict::Violated { property: Property::Panics, trace, .. } => {
                    assert_is_one(&trace, "unbounded");
                    found += 1;
                }
                Verdict::Refused(why) => assert!(!why.contains("please report"), "{why}"),
                other => panic!("{:?} with {reductions:?}: {other:?}", case.rules),
            }
        }
        // What comes of a view in which somebody panics is not known, whatever is asked.
        match case.run(JudgeKind::Unbounded, Reductions::NONE, Some(Property::Agreement)) {
            Verdict::Violated { property: Property::Agreement, .. } | Verdict::Refused(_) => {}
            other => panic!("{:?}: {other:?}", case.rules),
        }
    }
    assert!(found >= 6, "{found}");
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn judge_liveness_finds_panics_or_refuses() {
    let mut found = 0;
    for case in in_one_view().into_iter().chain(in_two_views()) {
        match case.run(JudgeKind::Liveness, Reductions::NONE, Some(Property::Executed)) {
            Verdict::Violated { property: Property::Panics, trace, .. } => {
                assert_is_one(&trace, "liveness");
                found += 1;
            }
            Verdict::Refused(_) => {}
            other => panic!("{:?}: {other:?}", case.rules),
        }
    }
    assert!(found >= 6, "{found}");
}

/// Who panics is stuck, and that is not what is wrong with it.
#[test]
fn a_panic_is_no_dead_end() {
    for case in in_one_view().iter().filter(|case| !case.byzantine.contains(&0) && !case.scope.clients) {
        let verdict = case.run(JudgeKind::Guards, Reductions::NONE, Some(Property::NoDeadEnd));
        assert!(
            matches!(verdict, Verdict::Violated { property: Property::Panics, .. }),
            "{:?}: {verdict:?}",
            case.rules
        );
    }
}

#[test]
fn panics_are_found_where_replicas_crash() {
    let scope = Scope { crashes: 1, store: Store::Keeps, ..ONE };
    let case = Case { rules: &EarlierView, scope, byzantine: &[3] };
    case.violation(JudgeKind::Guards, Reductions::NONE);
    case.violation(JudgeKind::Message, Reductions::NONE);
}

/// stateright's own graph has the panic too, and goes no further there.
#[test]
fn stateright_sees_the_panic_as_a_state_without_steps() {
    let case = Case { rules: &NoPrimary, scope: ONE, byzantine: &[] };
    let model = MessageModel::new(Arc::new(System::new(case.bound(), case.rules).unwrap()));
    let all = properties(model.system());
    let mut panicked = 0;
    search(&model, &[], &Limits::default(), &Progress::default(), |state| {
        if model.with_view(state, |seen| seen.panicked.is_some()) {
            let mut actions = Vec::new();
            stateright::Model::actions(&model, state, &mut actions);
            assert!(actions.is_empty());
            panicked += 1;
        }
    });
    assert!(panicked > 0);
    assert!(
        all.iter()
            .any(|property: &stateright::Property<MessageModel>| property.name == Property::Panics.name())
    );
}

#[test]
fn a_trace_that_panics_is_written_and_read() {
    let rulebook = bugs::find("low-watermark").unwrap();
    let case = &in_one_view()[0];
    let trace = case.violation(JudgeKind::Guards, Reductions::NONE);
    for form in [Form::Json, Form::Itf] {
        let written = trace.written(form, rulebook.name, Some(Property::Panics)).unwrap();
        let read = TraceFile::read(&written, &bft_check::bugs::catalogue()).unwrap();
        assert_eq!(read.violates, Some(Property::Panics));
        assert_eq!(
            read.trace.violation(Property::Panics).unwrap(),
            trace.violation(Property::Panics).unwrap()
        );
        // Under the rules of the paper the last step does not happen: the message is refused.
        let lawful = written.replace("\"low-watermark\"", "\"castro99\"");
        assert!(
            TraceFile::read(lawful, &bft_check::bugs::catalogue())
                .unwrap_err()
                .to_string()
                .contains("watermarks")
        );
    }
    let why = trace.explain(Property::Panics).unwrap();
    let stopping: Vec<_> =
        why.rules.iter().flat_map(|blame| blame.stopping()).map(|rule| rule.rule).collect();
    assert_eq!(stopping, ["in_window"]);
}

/// The rule that panicked is the one that is blamed, with its panic for an answer.
#[test]
fn a_rule_that_panics_is_blamed() {
    let case = Case { rules: &EarlierView, scope: ONE, byzantine: &[] };
    let trace = case.violation(JudgeKind::Guards, Reductions::NONE);
    let text = trace.to_text(Some(Property::Panics));
    assert!(text.contains("commit_key") && text.contains("with a panic, 'a view before' at"), "{text}");
}

// --- simulation -----------------------------------------------------------------------------------

fn settings(strategy: StrategyKind) -> Settings {
    Settings { strategy, ..Settings::new("low-watermark", 4) }
}

#[test]
fn a_simulated_run_ends_with_the_panic() {
    let mut found = 0;
    for strategy in [StrategyKind::Honest, StrategyKind::Mixed, StrategyKind::Random] {
        for seed in 0..4 {
            let outcome = simulate::run(low_watermark(), &settings(strategy), seed, true, None).unwrap();
            let End::Violated { property, what } = &outcome.end else { continue };
            if *property != Property::Panics {
                continue;
            }
            found += 1;
            let shrunk = reduced(&outcome.system, &outcome.happened(), Property::Panics).unwrap();
            let why = shrunk.trace.violation(Property::Panics).unwrap();
            assert!(what.contains("panicked: '") && why.contains("panicked: '"), "{what}; {why}");
            assert_is_one(&shrunk.trace, "simulated");
            let written = shrunk.trace.written(Form::Json, "low-watermark", Some(Property::Panics)).unwrap();
            assert!(
                TraceFile::read(written, &bft_check::bugs::catalogue())
                    .unwrap()
                    .trace
                    .violation(Property::Panics)
                    .is_some()
            );
        }
    }
    assert!(found >= 6, "{found}");
}

/// Whatever rule it is that panics: Byzantine replicas run the same code, and strategies ask the same rules, and neither
/// ends the run otherwise.
#[test]
fn simulated_runs_of_any_rulebook_that_panics_end() {
    let all: [&'static dyn Rules; 10] = [
        &OnePrimary,
        &NoPrimary,
        &NoNewView,
        &FirstPrepared,
        &SomethingPrepared,
        &UnreadableNewView,
        &NoClaims,
        &NoReplies,
        &OnlyDigests,
        &NoStatus,
    ];
    let settings = Settings::new("castro99", 4);
    let mut panicked = 0;
    for rules in all {
        let mut found = false;
        for seed in 0..12 {
            let outcome = simulate::run(rules, &settings, seed, true, None).unwrap();
            let End::Violated { property, what } = &outcome.end else { continue };
            // To shrink a long run takes seconds: one of each rulebook is enough.
            if *property == Property::Panics && !found {
                found = true;
                let shrunk = reduced(&outcome.system, &outcome.happened(), Property::Panics).unwrap();
                assert_is_one(&shrunk.trace, what);
            }
        }
        panicked += usize::from(found);
    }
    // Whether a rule is asked what it panics over is up to chance.
    assert!(panicked >= 7, "{panicked}");
}

/// A run that is asked about something else ends there: what comes after a panic is no run.
#[test]
fn a_simulated_run_that_is_asked_about_something_else_ends_too() {
    let settings = Settings { property: Some(Property::Agreement), ..settings(StrategyKind::Honest) };
    for seed in 0..4 {
        let outcome = simulate::run(low_watermark(), &settings, seed, true, None).unwrap();
        assert!(!matches!(outcome.end, End::Violated { .. }), "{:?}", outcome.end);
    }
}

#[test]
fn a_case_that_proptest_draws_ends_with_the_panic() {
    let settings = settings(StrategyKind::Honest);
    let config = Config { cases: 40, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&any_case(low_watermark(), &settings).unwrap(), |case| {
        let end = run_case(low_watermark(), &settings, &case, false).unwrap().end;
        let panicked = matches!(&end, End::Violated { property, .. } if *property == Property::Panics);
        prop_assert!(!panicked, "{end:?}");
        Ok(())
    });
    assert!(result.is_err(), "40 cases, and nobody has panicked");
}

// --- the program ----------------------------------------------------------------------------------

fn bft(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_bft-under-test")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Exit code 10, and nothing of what a panic prints.
#[test]
fn the_program_reports_a_panic_as_a_violation() {
    let bound = ["--views", "1", "--requests", "1", "--checkpoint", "1", "--byzantine", "0"];
    let file = std::env::temp_dir().join(format!("bft-panics-{}.json", std::process::id()));
    let file = file.to_str().unwrap();
    for judge in ["message", "guards"] {
        let question =
            [&["check", "--rules", "low-watermark", "--judge", judge, "--trace", file], &bound[..]];
        let (code, out, err) = bft(&question.concat());
        assert_eq!(code, Some(10), "{out}{err}");
        assert!(out.contains("panics") && out.contains("PANICS: '"), "{out}");
        assert!(!err.contains("panicked at") && !err.contains("RUST_BACKTRACE"), "{err}");
        let (code, out, err) = bft(&["replay", file]);
        assert_eq!(code, Some(10), "{out}{err}");
        assert!(out.contains("Violated: panics") && !err.contains("panicked at"), "{out}{err}");
    }
    let (code, out, err) =
        bft(&["simulate", "--rules", "low-watermark", "--runs", "2", "--seed", "1", "--no-trace"]);
    assert_eq!(code, Some(10), "{out}{err}");
    assert!(!err.contains("panicked at"), "{err}");
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_panic_before_anything_happens_is_blamed_on_its_rule_too() {
    let scope = Scope { clients: true, ..ONE };
    let trace =
        Case { rules: &NoPrimary, scope, byzantine: &[] }.violation(JudgeKind::Guards, Reductions::NONE);
    assert!(trace.steps().is_empty());
    let text = trace.to_text(Some(Property::Panics));
    assert!(text.contains("At the start it answers with a panic, 'index out of bounds"), "{text}");
}

/// What a step that panics would have sent is not sent, and the other effects are none.
#[test]
fn nothing_is_sent_in_a_step_that_panics() {
    let case = Case { rules: &EarlierView, scope: ONE, byzantine: &[] };
    let trace = case.violation(JudgeKind::Message, Reductions::NONE);
    let last = trace.steps().last().unwrap();
    assert!(matches!(last.event, Event::Deliver(_)) && last.effects == Vec::<Effect>::new());
}
