//! The tie between the proof and the running code: every step that the checker explores is a proved action,
//! a rulebook with a fault breaks that, and so does a model that says anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bft_check::bugs::{self, Class, RULEBOOKS, Rulebook};
use bft_check::check::{self, Job, JudgeKind, Limits, Outcome, Progress, Verdict};
use bft_check::model::{Bound, Byzantine, Event, Liveness, Scope, Stabilisation, System, placements};
use bft_check::pbft::{Castro99, Principal, ReplicaId, Rules};
use bft_check::proof::{self, Fault, Formula, Model, Tie, TieError, TieReport, Tied};
use bft_check::trace::Trace;

use crate::common::live::OF_THE_PAPER;

fn model() -> Model {
    proof::pbft().unwrap()
}

fn system(rules: &'static dyn Rules, scope: Scope, byzantine: &[ReplicaId]) -> Arc<System> {
    Arc::new(System::new(Bound::new(scope, byzantine.iter().copied()), rules).unwrap())
}

fn explore(model: &Model, rules: &'static dyn Rules, scope: Scope, byzantine: &[ReplicaId]) -> TieReport {
    Tie::new(model, system(rules, scope, byzantine)).unwrap().explore(None).unwrap()
}

/// Every placement of f Byzantine replicas, up to symmetry.
fn everywhere(scope: Scope, rules: &dyn Rules) -> Vec<Vec<ReplicaId>> {
    let committee = Bound::new(scope, []).validate().unwrap();
    placements(&Byzantine::Count(scope.faults), committee, scope.views, rules)
}

/// One view with a checkpoint at every sequence number: state transfer, adoption and garbage collection.
const CHECKPOINTS: Scope = Scope { views: 1, requests: 1, checkpoint: Some(1), ..Scope::DEFAULT };

/// Explores a bound with every placement; the actions that were taken.
fn assert_tied(scope: Scope) -> BTreeSet<String> {
    let (model, mut taken) = (model(), BTreeSet::new());
    for byzantine in everywhere(scope, &Castro99) {
        let report = explore(&model, &Castro99, scope, &byzantine);
        assert_holds(&format!("{scope} | {byzantine:?}"), &report);
        taken.extend(report.actions.keys().map(ToString::to_string));
    }
    taken
}

/// Prints the row of proofs/README.md.
fn assert_holds(bound: &str, report: &TieReport) {
    println!(
        "| {bound} | {} | {} | {} | {} |",
        report.states, report.edges, report.mapped_states, report.mapped_edges
    );
    if let Tied::Broken(broken) = &report.end {
        panic!("{bound}: {} after {:#?}", broken.fault, broken.events);
    }
    assert_eq!(report.end, Tied::Holds);
    assert!(report.stutters < report.edges);
}

/// Explores what the liveness check explored; the report. It holds, of as many states and edges as that check visited.
fn assert_live_tied(checked: &Outcome) -> TieReport {
    let Bound { scope, byzantine } = &checked.job.bound;
    let stabilisation = Stabilisation { further: u64::from(scope.faults) };
    let model = Liveness::new(checked.job.bound.clone(), &Castro99, stabilisation).unwrap();
    let report = Tie::explore_liveness(&self::model(), &model, None).unwrap();
    assert_holds(&format!("liveness: {scope} | {byzantine:?}"), &report);
    assert!(matches!(checked.verdict, Verdict::Holds));
    assert_eq!((report.states, report.edges), (checked.coverage.states, checked.coverage.transitions));
    report
}

// --- the protocol of the paper ------------------------------------------------------------------------

#[test]
fn every_step_of_the_default_check_is_a_proved_action() {
    let taken = assert_tied(Scope::DEFAULT);
    let expected = ["commit", "decide", "join", "prepare", "propose", "view-change"];
    assert_eq!(taken, expected.map(str::to_owned).into());
}

#[test]
fn every_step_with_checkpoints_and_garbage_collection_is_a_proved_action() {
    let taken = assert_tied(CHECKPOINTS);
    let expected = ["adopt", "checkpoint", "commit", "decide", "learn", "prepare", "propose", "truncate"];
    assert_eq!(taken, expected.map(str::to_owned).into());
}

/// What the liveness rows of the default check visit. Two backups that are primary in no view are alike, and
/// one of them is in the check twice.
#[test]
#[ignore = "slow: .ci/run runs it"]
fn every_step_of_the_liveness_check_is_a_proved_action() {
    assert_eq!(OF_THE_PAPER.len(), 4);
    let taken: BTreeSet<_> =
        OF_THE_PAPER.iter().flat_map(|checked| assert_live_tied(checked).actions.into_keys()).collect();
    println!("{taken:?}");
}

/// The same where no view is given up: in every run of the tests.
#[test]
fn every_step_of_a_small_liveness_check_is_a_proved_action() {
    let live = Scope { views: 1, requests: 1, ..Scope::DEFAULT };
    for byzantine in [0, 1].map(ReplicaId) {
        let job = Job::new(JudgeKind::Liveness, Bound::new(live, [byzantine]));
        let (limits, progress) = (Limits::default(), Progress::default());
        assert_live_tied(&check::run(&job, &Castro99, None, &limits, None, &progress).unwrap());
    }
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn every_step_over_a_view_change_with_checkpoints_is_a_proved_action() {
    assert_tied(Scope { views: 2, ..CHECKPOINTS });
}

#[test]
#[ignore = "minutes"]
fn every_step_of_two_slots_with_checkpoints_is_a_proved_action() {
    assert_tied(Scope { slots: 2, ..CHECKPOINTS });
}

/// A backup once took a NEW-VIEW that was made on another path only, within so many states.
#[test]
fn what_is_sent_again_was_sent() {
    let model = model();
    let tie = Tie::new(&model, system(&Castro99, Scope { views: 2, ..CHECKPOINTS }, &[ReplicaId(1)]));
    assert_eq!(tie.unwrap().explore(Some(40_000)).unwrap().end, Tied::Limited);
}

/// The tie speaks of the states and edges that the check visits: all of them.
#[test]
fn what_is_held_against_the_model_is_what_the_check_visits() {
    for (scope, byzantine) in [
        (Scope::DEFAULT, ReplicaId(2)),
        (Scope { requests: 1, ..Scope::DEFAULT }, ReplicaId(1)),
        (CHECKPOINTS, ReplicaId(0)),
    ] {
        let job = Job::new(JudgeKind::Guards, Bound::new(scope, [byzantine]));
        let (limits, progress) = (Limits::default(), Progress::default());
        let outcome = check::run(&job, &Castro99, None, &limits, None, &progress).unwrap();
        assert!(matches!(outcome.verdict, Verdict::Holds));
        let report = explore(&model(), &Castro99, scope, &[byzantine]);
        let covered = (outcome.coverage.states, outcome.coverage.transitions);
        assert_eq!((report.states, report.edges), covered, "{scope}");
    }
}

#[test]
fn a_limit_is_not_taken_for_an_end() {
    let model = model();
    let tie = Tie::new(&model, system(&Castro99, CHECKPOINTS, &[ReplicaId(3)]));
    assert_eq!(tie.unwrap().explore(Some(10)).unwrap().end, Tied::Limited);
}

#[test]
fn what_the_proof_assumes_is_asked_of_the_bound() {
    let model = model();
    let two = [ReplicaId(2), ReplicaId(3)];
    let error = Tie::new(&model, system(&Castro99, Scope::DEFAULT, &two)).err();
    assert_eq!(error, Some(TieError::Assumption("quorums-meet".into())));
}

// --- a model that says something else -----------------------------------------------------------------

/// Small bounds which use every action and every way to justify a proposal between them.
fn small_bounds() -> Vec<(Scope, Vec<ReplicaId>)> {
    let two_views = Scope { requests: 1, ..Scope::DEFAULT };
    vec![
        (Scope { views: 1, requests: 1, ..Scope::DEFAULT }, vec![ReplicaId(0)]),
        (CHECKPOINTS, vec![ReplicaId(3)]),
        (two_views, vec![ReplicaId(2)]),
        (Scope { views: 2, ..CHECKPOINTS }, vec![ReplicaId(2)]),
    ]
}

/// Whether the tie breaks, within so many states of each bound.
fn breaks(model: &Model) -> bool {
    small_bounds().iter().any(|(scope, byzantine)| {
        let tie = Tie::new(model, system(&Castro99, *scope, byzantine)).unwrap();
        matches!(tie.explore(Some(3000)).unwrap().end, Tied::Broken(_))
    })
}

/// Without any one update of any one action the code is seen to do more than the model. What is left out of
/// the history of quorums is not: of that the model may know less.
#[test]
fn without_any_update_of_the_model_the_tie_breaks() {
    let whole = model();
    assert!(!breaks(&whole));
    let mut kept = Vec::new();
    for (i, action) in whole.actions.iter().enumerate().filter(|(_, a)| &*a.name != "byzantine") {
        for effect in 0..action.effects.len() {
            let mut model = whole.clone();
            let removed = model.actions[i].effects.remove(effect);
            if !breaks(&model) {
                kept.push(format!("{} {}", action.name, whole.relations[removed.relation.0].name));
            }
        }
    }
    assert_eq!(kept, ["decide chosen", "learn chosen"]);
}

/// Every check of every guard is looked at: one that never holds makes the code do what the model forbids.
#[test]
fn with_any_check_that_never_holds_the_tie_breaks() {
    let whole = model();
    let mut kept = Vec::new();
    for (i, action) in whole.actions.iter().enumerate().filter(|(_, a)| &*a.name != "byzantine") {
        for check in action.guard.checks() {
            let mut model = whole.clone();
            model.actions[i].guard = action.guard.without_check(&check, false);
            if !breaks(&model) {
                kept.push(format!("{} {check}", action.name));
            }
        }
    }
    assert_eq!(kept, Vec::<String>::new());
}

/// What is related and not mapped, and the history besides, may be more or less without making any step
/// possible or impossible.
#[test]
fn history_is_read_by_no_guard_and_no_other_update() {
    let model = model();
    let history = ["acc", "prepd", "chosen", "kn"].map(|name| model.relation(name).unwrap());
    let mut read = Vec::new();
    for action in &model.actions {
        let conditions = action.effects.iter().flat_map(|effect| [&effect.within, &effect.at_least]);
        for formula in conditions.chain([&action.guard]) {
            formula.visit(&mut |part| match part {
                Formula::Atom(relation, ..) if history.contains(relation) => read.push(&action.name),
                _ => {}
            });
        }
    }
    assert_eq!(read, Vec::<&Arc<str>>::new());
}

/// A clause that does not hold of the code is noticed.
#[test]
fn a_clause_that_is_false_breaks_the_tie() {
    let mut model = model();
    let last = model.clauses.len() - 1;
    // Nobody ever decides.
    let clause = &mut model.clauses[last];
    let Formula::Forall(vars, body) = clause.formula.clone() else { panic!("another formula") };
    let Formula::Implies(decided, _) = *body else { panic!("another formula") };
    clause.formula = Formula::Forall(vars, Box::new(Formula::Not(decided)));
    let report = explore(&model, &Castro99, CHECKPOINTS, &[ReplicaId(3)]);
    let Tied::Broken(broken) = report.end else { panic!("it holds") };
    assert_eq!(broken.fault, Fault::Clauses(vec!["decided-chosen".into()]));
}

// --- the corpus -----------------------------------------------------------------------------------------

/// Where the tie breaks under a rulebook, as a row of the table in proofs/README.md; none if it holds.
fn row(rulebook: &'static Rulebook) -> Option<String> {
    let (model, run, rules) = (model(), rulebook.runs[0], rulebook.rules);
    let scope = match rulebook.name {
        // One request is enough to break it.
        "certificate-wiped" | "stale-view-change" | "lowest-start" => Scope { requests: 1, ..run.scope },
        // Its own bound is more than can be exhausted.
        "unanimous-start" => Scope { requests: 1, ..Scope::DEFAULT },
        _ => run.scope,
    };
    let placed = run.byzantine.map_or_else(|| everywhere(scope, rules), |ids| vec![ids.to_vec()]);
    for byzantine in placed {
        let system = system(rules, scope, &byzantine);
        let tie = Tie::new(&model, Arc::clone(&system)).unwrap();
        let (report, how) = if run.script.is_empty() {
            (tie.explore(None).unwrap(), "")
        } else {
            let told = Trace::scripted(&system, run.script).unwrap();
            let events: Vec<(Principal, Event)> =
                told.steps().iter().map(|step| (step.to, step.event.clone())).collect();
            (tie.follow(&events), ", replay")
        };
        if let Tied::Broken(broken) = report.end {
            let ids: Vec<_> = byzantine.iter().map(ToString::to_string).collect();
            let (name, ids, events) = (rulebook.name, ids.join(" "), broken.events.len());
            return Some(format!("| {name} | {scope}{how} | {ids} | {events} | {} |", broken.fault));
        }
        assert_eq!(report.end, Tied::Holds);
    }
    None
}

/// Who panics takes no step, and a step that is not taken breaks nothing.
const PANICS: &str = "low-watermark";

/// Two certificates of different views take a search of three.
const SLOW: &str = "lowest-certificate";

fn assert_rows(wanted: impl Fn(&Rulebook) -> bool) {
    let table = include_str!("../../proofs/README.md");
    let rows: BTreeMap<&str, Option<String>> = RULEBOOKS
        .iter()
        .filter(|rulebook| rulebook.class == Class::Safety && wanted(rulebook))
        .map(|rulebook| {
            let start = std::time::Instant::now();
            let row = row(rulebook);
            println!("{} {:.1?}", row.as_deref().unwrap_or(rulebook.name), start.elapsed());
            (rulebook.name, row)
        })
        .collect();
    let whole: Vec<_> = rows.iter().filter(|(_, row)| row.is_none()).map(|(name, _)| name).collect();
    assert!(whole.is_empty(), "the tie holds under {whole:?}");
    let other: Vec<_> =
        rows.values().flatten().filter(|row| !table.lines().any(|line| line == **row)).collect();
    assert!(other.is_empty(), "not in proofs/README.md: {other:#?}");
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn every_fault_of_safety_breaks_the_tie() {
    assert_rows(|rulebook| rulebook.name != SLOW && rulebook.name != PANICS);
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn the_slow_fault_of_safety_breaks_the_tie() {
    assert_rows(|rulebook| rulebook.name == SLOW);
}

/// No row of the table is of a rulebook that is gone.
#[test]
fn the_table_lists_the_faults_of_safety_and_no_others() {
    let safety = RULEBOOKS.iter().filter(|rulebook| rulebook.class == Class::Safety);
    let names: BTreeSet<&str> = safety.map(|rulebook| rulebook.name).filter(|&name| name != PANICS).collect();
    let rows = include_str!("../../proofs/README.md").lines().filter(|line| {
        line.contains(" is not possible: ")
            || line.contains("| no action ")
            || line.contains(" ought to hold afterwards")
            || line.contains(" does not make it so ")
    });
    let listed: BTreeSet<&str> = rows.filter_map(|row| row.split('|').nth(1)).map(str::trim).collect();
    assert_eq!(listed, names);
}

/// A told run that the protocol of the paper takes part in is one of proved actions.
#[test]
fn a_told_run_of_the_correct_rules_is_tied() {
    let (model, rulebook) = (model(), bugs::find("commit-any-view").unwrap());
    let run = rulebook.runs[0];
    let faulty = system(rulebook.rules, run.scope, run.byzantine.unwrap());
    let told = Trace::scripted(&faulty, run.script).unwrap();
    let events: Vec<(Principal, Event)> = told.steps().iter().map(|s| (s.to, s.event.clone())).collect();
    let tie = Tie::new(&model, system(&Castro99, run.scope, run.byzantine.unwrap())).unwrap();
    let report = tie.follow(&events);
    assert_eq!(report.end, Tied::Holds);
    assert_eq!(report.edges, events.len() as u64);
    assert!(report.edges > 20 && report.actions.len() > 4, "{report:?}");
}

/// Where the tie breaks, over all placements.
fn faults(name: &str) -> BTreeSet<String> {
    let (model, rulebook) = (model(), bugs::find(name).unwrap());
    let scope = rulebook.smallest();
    let faults = everywhere(scope, rulebook.rules).into_iter().filter_map(|byzantine| {
        match explore(&model, rulebook.rules, scope, &byzantine).end {
            Tied::Broken(broken) => Some(broken.fault.to_string()),
            _ => None,
        }
    });
    faults.collect()
}

/// The tie is to the protocol, not to its safety: the controls are safe, and part from it.
#[test]
fn the_controls_part_from_the_protocol_where_they_must() {
    let unprepared = faults("decides-unprepared");
    assert_eq!(unprepared, ["(decide r3 #1 v0 c0.t1) is not possible: decide.prepared".to_owned()].into());
    let receiver = faults("first-receiver");
    let expected = [
        "(prepare r0 #1 v0 c0.t1) is not possible: prepare.backup",
        "no action is like this: r1 proposes in v0, of which r0 is the primary",
    ];
    assert_eq!(receiver, expected.map(str::to_owned).into());
}

/// What clients believe and whether anything happens is no matter of the model; but it knows one kind of
/// signature, which everybody can verify or nobody, and one primary in each view.
#[test]
#[ignore = "slow: .ci/run runs it"]
fn faults_that_are_none_of_agreement_keep_the_tie() {
    let elsewhere = [Class::Client, Class::Liveness, Class::Performance];
    let others = RULEBOOKS.iter().filter(|rulebook| elsewhere.contains(&rulebook.class));
    // What is simulated has no bound to explore.
    let others = others.filter(|rulebook| rulebook.runs[0].scope.load.is_none());
    let broken: Vec<_> = others.filter(|&rulebook| row(rulebook).is_some()).map(|r| r.name).collect();
    // `late-check` takes VIEW-CHANGEs that no action sends.
    assert_eq!(broken, ["partial-authenticator", "late-check", "first-receiver-untimed"]);
    let fault = "(propose #1 v0 c0.t2) is not possible: propose.authentic";
    assert!(faults("partial-authenticator").contains(fault));
    let another_protocol = "(prepare r0 #1 v0 c0.t1) is not possible: prepare.backup";
    assert!(faults("first-receiver-untimed").contains(another_protocol));
}
