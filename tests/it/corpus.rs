//! The kill matrix: every fault of the corpus is found where it shows, the controls come out clean, and
//! the protocol of the paper passes at the same bounds. What takes minutes is left to a release build, in CI:
//! three of the slow rows, and the paper's protocol at three views (`bft check --views 3`). The other slow rows are for who
//! asks for them: `bft bugs --check --all`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bft_check::bugs::{self, Class, Expected, RULEBOOKS, Rulebook, Run};
use bft_check::check::{self, Job, JudgeKind, Limits, Progress, Row, Verdict};
use bft_check::model::{Bound, Byzantine, Property, Run as Simulated, Scope};
use bft_check::pbft::{RULES, ReplicaId};
use bft_check::trace::Trace;

use crate::common::definitions;
use crate::common::matrix::{OTHERS, QUICK, fast, outcome, runs};

fn assert_as_expected(row: &Row) {
    let Row { rulebook, run, .. } = row;
    let verdicts: Vec<_> = row.outcomes.iter().map(|o| (&o.job.bound.byzantine, &o.verdict)).collect();
    let below: Vec<_> = row.below.iter().map(|o| (&o.job.bound.byzantine, &o.verdict)).collect();
    assert!(row.as_expected(), "{} at {}: {verdicts:?}; below {below:?}", rulebook.name, run.scope);
    assert_exercised(row);
    assert_locally_minimal(row);
    for outcome in &row.outcomes {
        let Verdict::Violated { property, trace, .. } = &outcome.verdict else { continue };
        let text = trace.to_text(Some(*property));
        assert!(
            definitions::violates(*property, trace),
            "{}: no violation of {property}: {text}",
            rulebook.name
        );
    }
}

/// Of a violating run of safety, as it is shown, no step can be left out: no message, no fault, nothing that a
/// Byzantine replica does. What then cannot happen is left out with it.
fn assert_locally_minimal(row: &Row) {
    for outcome in &row.outcomes {
        let Verdict::Violated { property, trace, .. } = &outcome.verdict else { continue };
        if property.is_liveness() || !row.run.script.is_empty() {
            continue;
        }
        let system = Arc::new(trace.system().clone());
        for left_out in 0..trace.steps().len() {
            let mut run = Simulated::new(Arc::clone(&system));
            let others = trace.steps().iter().enumerate().filter(|(index, _)| *index != left_out);
            let mut kept = Vec::new();
            for (_, step) in others {
                if run.step(step.to, &step.event).is_ok() {
                    kept.push((step.to, step.event.clone()));
                }
            }
            let still = Trace::replay(&system, &kept).is_ok_and(|run| run.violation(*property).is_some());
            assert!(
                !still,
                "{} at {}: step {} is superfluous",
                row.rulebook.name,
                row.run.scope,
                left_out + 1
            );
        }
    }
}

// --- the matrix -----------------------------------------------------------------------------------

#[test]
fn every_row_of_one_view_comes_out_as_it_must() {
    assert!(QUICK.len() > 10, "{}", QUICK.len());
    QUICK.iter().for_each(assert_as_expected);
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn every_other_fast_row_comes_out_as_it_must() {
    assert!(OTHERS.len() > 40, "{}", OTHERS.len());
    OTHERS.iter().for_each(assert_as_expected);
}

fn judge_of(property: Option<Property>) -> JudgeKind {
    if property.is_some_and(Property::is_liveness) { JudgeKind::Liveness } else { JudgeKind::Guards }
}

/// Castro and Liskov's rules at a bound of the matrix, with the property that a row there is about. Of their own rows it is
/// known what came.
fn assert_correct_rules_hold(run: &Run, rows: &[&'static Row]) {
    let castro99 = bugs::find("castro99").unwrap();
    let property = run.asks_for();
    let everywhere = Byzantine::Count(run.scope.faults);
    let bound = Bound::new(run.scope, []);
    let jobs = check::jobs(judge_of(property), &bound, &everywhere, castro99.rules).unwrap();
    let mut ran = 0;
    for job in jobs {
        if property != Some(Property::NoDeadEnd) || check::is_led_honestly(&job.bound, castro99.rules) {
            match outcome(rows, castro99, &job, property) {
                Some(known) => assert!(matches!(known.verdict, Verdict::Holds), "{:?}", known.job.bound),
                None => assert_holds(&job, property),
            }
            ran += 1;
        }
    }
    assert!(ran > 0, "{}", run.scope);
}

fn assert_holds(job: &Job, property: Option<Property>) {
    let castro99 = bugs::find("castro99").unwrap();
    let limits = Limits::default();
    let outcome = check::run(job, castro99.rules, property, &limits, None, &Progress::default()).unwrap();
    assert!(matches!(outcome.verdict, Verdict::Holds), "{:?}: {:?}", job.bound, outcome.verdict);
}

/// What the paper's rules are not exhausted at here.
const LARGE: [Scope; 3] = [
    Scope { views: 1, slots: 2, checkpoint: Some(1), ..Scope::DEFAULT },
    Scope { slots: 2, ..Scope::DEFAULT },
    Scope { checkpoint: Some(1), ..Scope::DEFAULT },
];

/// One run of each bound, and of each property that is asked for by name.
fn bounds(wanted: impl Fn(&Run) -> bool) -> Vec<&'static Run> {
    let key = |run: &Run| (run.scope.to_string(), run.asks_for());
    let distinct: BTreeMap<_, _> = runs().map(|(_, run)| (key(run), run)).collect();
    distinct.into_values().filter(|run| wanted(run)).collect()
}

/// The bound of `unanimous-start` is more than can be exhausted for the paper; what `tests/liveness.rs` shows there is that
/// the paper does not fail in the same way. That of `lowest-start` takes a minute, and is left to a release build.
#[test]
#[ignore = "slow: .ci/run runs it"]
fn the_correct_rules_hold_at_the_bounds_of_the_matrix() {
    // The bound of `open-gap` takes the paper's liveness a minute.
    let is_of_open_gap = |run: &Run| run.scope.slots > 1 && run.asks_for() == Some(Property::Executed);
    let is_searched =
        |run: &Run| run.scope.load.is_none() && !LARGE.contains(&run.scope) && !is_of_open_gap(run);
    let searched = bounds(|run| run.scope.views < 3 && is_searched(run));
    assert!(searched.len() > 5);
    let rows = fast();
    searched.into_iter().for_each(|run| assert_correct_rules_hold(run, &rows));
}

/// There is one bound of three views, and CI runs it; four views are beyond what can be exhausted here.
#[test]
fn three_views_are_the_bound_that_is_left_to_a_release_build() {
    let is_safety = |run: &Run| run.asks_for().is_none();
    let larger: Vec<_> =
        bounds(|run| run.scope.views == 3 && is_safety(run)).iter().map(|run| run.scope).collect();
    assert_eq!(larger, [Scope { views: 3, ..Scope::DEFAULT }]);
    let ci = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/run")).unwrap();
    assert!(ci.contains("-- check --views 3 --judge guards\n"));
}

/// With checkpoints and a window that has to move: whatever is delivered first, nobody gets stuck.
#[test]
fn the_correct_rules_reach_no_dead_end() {
    let one_view = Scope { views: 1, ..Scope::DEFAULT };
    for (slots, requests, checkpoint, window) in
        [(1, 1, None, None), (1, 2, None, None), (2, 1, Some(1), Some(1)), (2, 2, Some(2), Some(2))]
    {
        let scope = Scope { slots, requests, checkpoint, window, ..one_view };
        for byzantine in [&[][..], &[ReplicaId(3)]] {
            let bound = Bound::new(scope, byzantine.iter().copied());
            assert_holds(&Job::new(JudgeKind::Guards, bound), Some(Property::NoDeadEnd));
        }
    }
}

/// Judge *message* sees the same: a dead end is no artefact of putting deliveries off.
#[test]
fn judge_message_agrees_on_dead_ends() {
    let scope = Scope { replicas: 3, faults: 0, views: 1, ..Scope::DEFAULT };
    for (name, stuck) in [("castro99", false), ("first-receiver", true)] {
        let job = Job::new(JudgeKind::Message, Bound::new(scope, []));
        let rules = bugs::find(name).unwrap().rules;
        let limits = Limits::default();
        let outcome =
            check::run(&job, rules, Some(Property::NoDeadEnd), &limits, None, &Progress::default()).unwrap();
        assert_eq!(
            matches!(outcome.verdict, Verdict::Violated { .. }),
            stuck,
            "{name}: {:?}",
            outcome.verdict
        );
        assert_eq!(matches!(outcome.verdict, Verdict::Holds), !stuck, "{name}: {:?}", outcome.verdict);
    }
}

/// Where a row needs two slots or requests, one is not enough.
#[test]
fn what_takes_two_slots_or_requests_is_not_seen_with_one() {
    // Where a request that is not authentic takes the only slot, the bound alone makes the other one wait.
    // Liveness is told by who is Byzantine, and not by how much there is to do.
    let meaningful = |rulebook: &Rulebook, run: &Run| {
        rulebook.name != "partial-authenticator" && judge_of(run.asks_for()) == JudgeKind::Guards
    };
    let in_one_view = runs().filter(|(rulebook, run)| run.scope.views == 1 && meaningful(rulebook, run));
    for (rulebook, run) in in_one_view {
        let Expected::Violated(property) = run.expected else { continue };
        let checkpoint = run.scope.checkpoint.filter(|&interval| interval == 1);
        let one_slot = Scope { slots: 1, checkpoint, ..run.scope };
        for scope in [one_slot, Scope { requests: 1, ..run.scope }] {
            if scope == run.scope {
                continue;
            }
            let bound = Bound::new(scope, []);
            let placed = Byzantine::Count(scope.faults);
            for job in check::jobs(JudgeKind::Guards, &bound, &placed, rulebook.rules).unwrap() {
                if property == Property::NoDeadEnd && !check::is_led_honestly(&job.bound, rulebook.rules) {
                    continue;
                }
                let (limits, progress) = (Limits::default(), Progress::default());
                let outcome =
                    check::run(&job, rulebook.rules, Some(property), &limits, None, &progress).unwrap();
                assert!(outcome.verdict.is_clean(), "{} at {scope}", rulebook.name);
            }
        }
    }
}

/// A fault that a bound never asks about shows nothing there.
fn assert_exercised(row: &Row) {
    // What a simulated run asks is not counted.
    if row.run.scope.load.is_some() {
        return;
    }
    for rule in row.rulebook.overrides {
        assert!(row.asked(rule) > 0, "{} at {}: {rule} was never asked", row.rulebook.name, row.run.scope);
    }
}

// --- the corpus -----------------------------------------------------------------------------------

#[test]
fn names_and_numbers_are_unique_and_every_entry_says_what_must_be_found() {
    let names: BTreeSet<_> = RULEBOOKS.iter().map(|rulebook| rulebook.name).collect();
    assert_eq!(names.len(), RULEBOOKS.len());
    let numbers: Vec<_> = RULEBOOKS.iter().filter_map(|rulebook| rulebook.number).collect();
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len());
    for rulebook in RULEBOOKS {
        let name = rulebook.name;
        assert!(!rulebook.runs.is_empty() && !rulebook.source.is_empty(), "{name}");
        assert_eq!(rulebook.breaks.is_none(), rulebook.class == Class::Correct, "{name}");
        let clean = matches!(rulebook.class, Class::Correct | Class::Control);
        assert_eq!(clean, rulebook.runs[0].expected == Expected::Holds, "{name}");
        for run in rulebook.runs {
            assert!(run.passes_with_views.is_none_or(|views| views < run.scope.views), "{name}");
        }
    }
}

/// What takes three views is shown to be missed by two, and `commit-any-view`, which takes four, by three.
#[test]
fn what_a_check_of_two_views_misses_is_known() {
    let invisible: BTreeSet<_> = RULEBOOKS
        .iter()
        .filter(|rulebook| rulebook.runs.iter().any(|run| run.passes_with_views >= Some(2)))
        .map(|rulebook| rulebook.name)
        .collect();
    let expected = [
        "certificate-wiped",
        "commit-any-view",
        "prepare-any-view",
        "lowest-certificate",
        "stale-view-change",
        "backward-view",
        "first-listed",
        "primary-twice-in-certificate",
    ];
    assert_eq!(invisible, BTreeSet::from(expected));
    let longest: Vec<_> = runs().filter(|(_, run)| run.scope.views > 3).map(|(bug, _)| bug.name).collect();
    assert_eq!(longest, ["commit-any-view"; 2]);
}

/// The methods that an implementation in this text defines.
fn methods(text: &str) -> BTreeSet<&str> {
    let defined = text.lines().filter_map(|line| line.strip_prefix("    fn "));
    defined.filter_map(|rest| rest.split(['(', '<']).next()).collect()
}

/// An entry names the rules that its file really overrides; a bug overrides one.
#[test]
fn every_entry_names_the_rules_that_it_overrides() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/bugs");
    let files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    for rulebook in RULEBOOKS.iter().filter(|rulebook| rulebook.class != Class::Correct) {
        let declared = format!("struct {:?};", rulebook.rules);
        let file = files.iter().find(|text| text.contains(&declared)).unwrap();
        let named: BTreeSet<_> = rulebook.overrides.iter().copied().collect();
        assert_eq!(methods(file), named, "{}", rulebook.name);
        assert!(named.is_subset(&RULES.into()), "{}", rulebook.name);
        // What is checked later is left out of one rule and kept in another.
        if !rulebook.name.starts_with("first-receiver") && rulebook.name != "late-check" {
            assert_eq!(named.len(), 1, "{} breaks more than one rule", rulebook.name);
        }
    }
}

/// Rules that no fault of the corpus breaks, and the test in tests/guards.rs or tests/client.rs that fails
/// without them.
const DEFENDED_BY_TESTS: &[(&str, &str)] = &[
    ("primary", "primary_is_whom_the_rulebook_names"),
    ("may_propose_null", "rulebook_decides_which_votes_and_proposals_are_admitted"),
    ("read_quorum", "rulebook_decides_which_replies_are_enough"),
];

/// A rule that nothing defends could be wrong and nobody would know.
#[test]
fn every_rule_is_defended_by_a_fault_or_by_a_test() {
    let guards = concat!(include_str!("guards.rs"), include_str!("client.rs"));
    let broken: BTreeSet<_> = RULEBOOKS.iter().flat_map(|rulebook| rulebook.overrides).copied().collect();
    for rule in RULES {
        let test = DEFENDED_BY_TESTS.iter().find(|(name, _)| *name == rule);
        assert!(
            broken.contains(rule) || test.is_some(),
            "nothing defends the rule {rule}: add a fault to src/bugs"
        );
        if let Some((_, test)) = test {
            let (_, body) = guards.split_once(&format!("fn {test}()")).unwrap();
            let body = body.split_once("\n}\n").unwrap().0;
            assert!(body.contains(&format!("fn {rule}(")), "{test} does not break {rule}");
        }
    }
}
