//! Simulated runs: the same on every machine, not vacuous, clean under the paper's rules whatever Byzantine replicas
//! do, and able to find faults; what they find is a trace like any other.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bft_check::bugs::{self, RULEBOOKS};
use bft_check::model::{Event, Load, Property, Scope};
use bft_check::pbft::{Message, Principal, ReplicaId, Rules};
use bft_check::simulate;
use bft_check::simulate::{
    Campaign, Case, Counts, End, Limits, MergeError, Method, Outcome, Progress, Report, SchedulerKind,
    Settings, SettingsError, StrategyKind, campaign, matrix_row, merge, reduced,
};
use bft_check::trace::{Form, ReadError, Trace, TraceFile};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

const SCHEDULERS: [SchedulerKind; 3] = [SchedulerKind::Random, SchedulerKind::Pct, SchedulerKind::RoundRobin];

fn settings(rules: &str, replicas: u16, strategy: StrategyKind) -> Settings {
    Settings { strategy, ..Settings::new(rules, replicas) }
}

/// The rules that the settings name.
fn rules(settings: &Settings) -> &'static dyn Rules {
    bugs::find(&settings.rules).unwrap().rules
}

fn run(
    settings: &Settings,
    seed: u64,
    records: bool,
    stop: Option<&AtomicBool>,
) -> Result<Outcome, SettingsError> {
    simulate::run(rules(settings), settings, seed, records, stop)
}

fn any_case(settings: &Settings) -> Result<impl Strategy<Value = Case> + use<>, SettingsError> {
    simulate::any_case(rules(settings), settings)
}

fn run_case(settings: &Settings, case: &Case, records: bool) -> Result<Outcome, SettingsError> {
    simulate::run_case(rules(settings), settings, case, records)
}

fn outcome(settings: &Settings, seed: u64) -> Outcome {
    run(settings, seed, true, None).unwrap()
}

fn sum<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Counts {
    outcomes.into_iter().fold(Counts::default(), |sum, outcome| {
        let counts = outcome.counts;
        Counts {
            answered: sum.answered + counts.answered,
            byzantine: sum.byzantine + counts.byzantine,
            lost: sum.lost + counts.lost,
            duplicated: sum.duplicated + counts.duplicated,
            view_changes: sum.view_changes + counts.view_changes,
            checkpoints: sum.checkpoints + counts.checkpoints,
            transfers: sum.transfers + counts.transfers,
            crashes: sum.crashes + counts.crashes,
            evidence: sum.evidence + counts.evidence,
            ..sum
        }
    })
}

/// The digests of some runs. They are written down so that a machine, or a change, that draws other runs is seen;
/// whoever changes what is drawn on purpose writes the new ones down.
#[test]
fn a_seed_is_the_same_run_on_every_machine() {
    let mut found = Vec::new();
    for (strategy, scheduler, seed) in
        DIGESTS.iter().map(|(strategy, scheduler, seed, _)| (*strategy, *scheduler, *seed))
    {
        let settings = Settings { scheduler, ..settings("castro99", 4, strategy) };
        let (first, second) = (outcome(&settings, seed), outcome(&settings, seed));
        assert_eq!(first.digest(), second.digest());
        assert!(first.events.len() > 50, "{strategy} {scheduler}: {} events", first.events.len());
        found.push(first.digest().to_string());
    }
    assert_eq!(found, DIGESTS.map(|(_, _, _, digest)| digest));
}

const DIGESTS: [(StrategyKind, SchedulerKind, u64, &str); 5] = [
    (StrategyKind::Honest, SchedulerKind::RoundRobin, 1, "bafbcfdf"),
    (StrategyKind::Equivocate, SchedulerKind::Random, 2, "63fdde5f"),
    (StrategyKind::Random, SchedulerKind::Pct, 3, "d49e1ca1"),
    (StrategyKind::Twins, SchedulerKind::Random, 4, "da783fe8"),
    (StrategyKind::Mutate, SchedulerKind::Random, 5, "502c4a8e"),
];

#[test]
fn other_seeds_are_other_runs() {
    let settings = settings("castro99", 4, StrategyKind::Mixed);
    let digests: std::collections::BTreeSet<_> =
        (0..20).map(|seed| outcome(&settings, seed).digest()).collect();
    assert_eq!(digests.len(), 20);
}

/// A run under the paper's rules violates nothing, and comes to its end.
fn assert_clean(settings: &Settings, seeds: std::ops::Range<u64>) -> Counts {
    let outcomes: Vec<_> = seeds.map(|seed| run(settings, seed, false, None).unwrap()).collect();
    for outcome in &outcomes {
        let at = format!(
            "{} {} n={} seed {}",
            settings.strategy, settings.scheduler, settings.scope.replicas, outcome.seed
        );
        assert_eq!(outcome.end, End::Finished, "{at}");
        let load = settings.scope.load.unwrap();
        assert_eq!(outcome.counts.answered, u64::from(settings.scope.requests * load.operations), "{at}");
    }
    sum(&outcomes)
}

/// Nothing that runs are made of is missing: each strategy under each scheduler.
#[test]
fn four_replicas_survive_every_strategy_and_no_run_is_vacuous() {
    let mut transfers = 0;
    for strategy in StrategyKind::ALL {
        let mut all = Counts::default();
        for scheduler in SCHEDULERS {
            let settings = Settings { scheduler, ..settings("castro99", 4, strategy) };
            let counts = assert_clean(&settings, 0..12);
            assert!(counts.view_changes > 0 && counts.checkpoints > 0, "{strategy} {scheduler}: {counts:?}");
            assert!(counts.lost > 0 && counts.crashes > 0, "{strategy} {scheduler}: {counts:?}");
            all.byzantine += counts.byzantine;
            all.transfers += counts.transfers;
            all.evidence += counts.evidence;
            all.duplicated += counts.duplicated;
        }
        assert_eq!(all.byzantine > 0, strategy != StrategyKind::Silent, "{strategy}");
        assert!(all.duplicated > 0, "{strategy}: {all:?}");
        transfers += all.transfers;
        let lies = matches!(strategy, StrategyKind::Equivocate | StrategyKind::Mutate | StrategyKind::Random);
        assert!(all.evidence > 0 || !lies, "{strategy} is never caught");
    }
    assert!(transfers > 0);
}

#[test]
fn seven_and_thirty_one_replicas_survive() {
    assert_clean(&settings("castro99", 7, StrategyKind::Mixed), 0..14);
    let large = settings("castro99", 31, StrategyKind::Mixed);
    let load = Load { operations: 2, ..Load::default() };
    assert_clean(&Settings { scope: Scope { load: Some(load), requests: 2, ..large.scope }, ..large }, 0..2);
}

/// In a calm network nothing is lost, no view is changed, and the checkpoints of the paper are far away.
#[test]
fn a_hundred_replicas_execute_in_a_calm_network() {
    let calm = Settings::calm("castro99", 100);
    let load = Load { operations: 1, ..Load::default() };
    let settings = Settings { scope: Scope { load: Some(load), ..calm.scope }, ..calm };
    let outcome = run(&settings, 0, false, None).unwrap();
    assert_eq!((outcome.end, outcome.counts.answered, outcome.counts.lost), (End::Finished, 3, 0));
    assert_eq!(outcome.counts.view_changes, 0);
}

/// The simulator steps participants where they stand; a trace steps them as the judges do. Both end in the same states.
#[test]
fn a_run_happens_again_as_a_trace() {
    for strategy in
        [StrategyKind::Mutate, StrategyKind::Random, StrategyKind::Twins, StrategyKind::Equivocate]
    {
        for seed in 0..3 {
            let outcome = outcome(&settings("castro99", 4, strategy), seed);
            let events = outcome.happened();
            let trace = Trace::replay(&outcome.system, &events)
                .unwrap_or_else(|why| panic!("{strategy} {seed}: {why}"));
            assert_eq!(trace.steps().len(), events.len());
            let heights = trace.states().map(|state| state.chain().height().0);
            assert_eq!(heights.max(), Some(outcome.counts.blocks), "{strategy} {seed}");
        }
    }
}

/// What a method finds, and how soon.
fn kill(rules: &str, method: Method, seeds: u64) -> (Settings, Outcome, Property) {
    let rulebook = bft_check::bugs::find(rules).unwrap();
    let settings = method.settings(rulebook);
    for seed in 0..seeds {
        let outcome = outcome(&settings, seed);
        if let End::Violated { property, .. } = &outcome.end
            // What replicas say of others on their way no state shows.
            && *property != Property::Evidence
        {
            let property = *property;
            return (settings, outcome, property);
        }
    }
    panic!("{rules} survives {seeds} runs of {}", method.name());
}

#[test]
fn faults_of_the_corpus_are_found_and_shrunk() {
    let found = [
        ("relabelled-batch", Method::Mutation),
        ("unsigned-request", Method::Random),
        ("weak-prepare", Method::Random),
        ("second-proposal", Method::Random),
        ("no-timer", Method::Random),
    ];
    for (rules, method) in found {
        let (_, outcome, property) = kill(rules, method, 300);
        if property == Property::Executed {
            continue;
        }
        let small = reduced(&outcome.system, &outcome.happened(), property).unwrap();
        assert!(small.trace.violation(property).is_some(), "{rules}: {property}");
        assert_locally_minimal(&small.trace, property);
    }
}

fn assert_locally_minimal(trace: &Trace, property: Property) {
    let events: Vec<_> = trace.steps().iter().map(|step| (step.to, step.event.clone())).collect();
    let system = Arc::new(trace.system().clone());
    for left_out in 0..events.len() {
        let mut fewer = events.clone();
        fewer.remove(left_out);
        let still = Trace::replay(&system, &fewer).is_ok_and(|run| run.violation(property).is_some());
        assert!(!still, "step {} is superfluous", left_out + 1);
    }
}

/// A fault at n = 7, from the run to a file and back: nothing is lost on the way, and nothing can be added.
#[test]
fn a_violation_at_seven_replicas_is_shrunk_written_and_read_again() {
    let rules = "weak-prepare";
    let base = Method::Random.settings(bft_check::bugs::find(rules).unwrap());
    let scope = Scope { replicas: 7, faults: 2, ..base.scope };
    let seven = Settings { scope, byzantine: 2, steps: Settings::default_steps(7), ..base };
    let outcome =
        (0..300).map(|seed| outcome(&seven, seed)).find(|o| matches!(o.end, End::Violated { .. })).unwrap();
    let End::Violated { property, .. } = outcome.end else { panic!() };
    let small = reduced(&outcome.system, &outcome.happened(), property).unwrap();
    assert!(small.trace.steps().len() < small.from / 2, "{} of {}", small.trace.steps().len(), small.from);
    assert_locally_minimal(&small.trace, property);

    let events =
        |trace: &Trace| trace.steps().iter().map(|s| format!("{} {:?}", s.to, s.event)).collect::<Vec<_>>();
    for form in [Form::Json, Form::Itf] {
        let text = small.trace.written(form, rules, Some(property)).unwrap();
        let read = TraceFile::read(&text, &bft_check::bugs::catalogue()).unwrap();
        assert_eq!(read.trace.system().bound(), outcome.system.bound());
        assert_eq!(events(&read.trace), events(&small.trace));
        assert_eq!(read.violates, Some(property));
        assert!(read.trace.violation(property).is_some());
        assert_eq!(read.trace.written(form, rules, Some(property)).unwrap(), text);
    }
    let mermaid = small.trace.written(Form::Mermaid, rules, Some(property)).unwrap();
    assert_eq!(mermaid.matches("->>").count(), delivered(&small.trace));
    assert!(mermaid.contains("participant r6"));
    assert!(small.trace.written(Form::Text, rules, Some(property)).unwrap().contains("Violated"));

    // What an honest replica never signed cannot be smuggled in as part of what a Byzantine one sends.
    let mut file: serde_json::Value =
        serde_json::from_str(&small.trace.to_json(rules, Some(property)).unwrap()).unwrap();
    let byzantine = outcome.system.bound().byzantine.clone();
    let honest = (0..7).map(ReplicaId).find(|id| !byzantine.contains(id)).unwrap();
    let steps = file["steps"].as_array_mut().unwrap();
    let index = steps.iter().position(|step| step["message"].is_object()).unwrap();
    let old = steps[index]["from"].as_str().unwrap().to_owned();
    let forged = serde_json::to_string(&steps[index])
        .unwrap()
        .replace(&format!("\"{old}\""), &format!("\"{honest}\""));
    steps[index] = serde_json::from_str(&forged).unwrap();
    assert!(matches!(
        TraceFile::read(file.to_string(), &bft_check::bugs::catalogue()),
        Err(ReadError::Step(..))
    ));
}

fn delivered(trace: &Trace) -> usize {
    trace.steps().iter().filter(|step| matches!(step.event, Event::Deliver(_))).count()
}

/// The same faults are not found where nobody misbehaves and nothing goes wrong: it is the faults that are found.
#[test]
fn the_paper_survives_what_kills_the_corpus() {
    let paper = bft_check::bugs::find("castro99").unwrap();
    for method in Method::ALL.into_iter().filter(|&method| method != Method::Proptest) {
        let settings = method.settings(paper);
        for seed in 0..40 {
            let outcome = run(&settings, seed, false, None).unwrap();
            assert_eq!(outcome.end, End::Finished, "{} seed {seed}", method.name());
        }
    }
}

proptest! {
    #![proptest_config(crate::common::cases(48))]

    /// Whoever is Byzantine and by whatever strategy, whatever goes wrong, in whatever order: the paper's protocol
    /// violates nothing and comes to its end. And a case is the same run each time, which replicas and traces agree on.
    #[test]
    fn the_paper_survives_every_case(case in any_case(&settings("castro99", 4, StrategyKind::Mixed)).unwrap()) {
        let settings = settings("castro99", 4, StrategyKind::Mixed);
        let outcome = run_case(&settings, &case, true).unwrap();
        prop_assert_eq!(&outcome.end, &End::Finished);
        prop_assert_eq!(outcome.digest(), run_case(&settings, &case, true).unwrap().digest());
        let trace = Trace::replay(&outcome.system, &outcome.happened());
        prop_assert_eq!(trace.map(|trace| trace.steps().len()).ok(), Some(outcome.events.len()));
    }
}

/// A rulebook and any case of it, as the kill matrix draws them.
fn any_case_of_any_rulebook() -> impl Strategy<Value = (Settings, Case)> {
    prop::sample::select(RULEBOOKS).prop_flat_map(|rulebook| {
        let settings = Method::Proptest.settings(&rulebook);
        let case = any_case(&settings).unwrap();
        (Just(settings), case)
    })
}

proptest! {
    #![proptest_config(crate::common::cases(64))]

    /// A rulebook may be broken; the replica that follows it is not: it never panics.
    #[test]
    fn no_rulebook_makes_a_replica_panic((settings, case) in any_case_of_any_rulebook()) {
        prop_assert_ne!(run_case(&settings, &case, false).unwrap().counts.steps, 0);
    }
}

/// A run that once made a replica panic: entering a view decided a batch, the checkpoint after it moved the window, and
/// the next proposal of the new view lay below it.
#[test]
fn a_new_view_that_moves_the_window_while_it_begins() {
    let settings = Method::Mutation.settings(bft_check::bugs::find("early-proposal").unwrap());
    let outcome = run(&settings, (3 << 32) + 978, false, None).unwrap();
    assert!(outcome.counts.checkpoints > 0, "{:?}", outcome.counts);
}

/// What proptest finds it makes smaller: what the fault does not need goes right in the end.
#[test]
fn a_case_that_fails_shrinks() {
    let settings = Method::Proptest.settings(bft_check::bugs::find("weak-prepare").unwrap());
    let config =
        ProptestConfig { failure_persistence: None, max_shrink_iters: 2000, ..crate::common::cases(300) };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[5; 32]);
    let mut first = None;
    let first_of = std::cell::RefCell::new(&mut first);
    let found = TestRunner::new_with_rng(config, rng).run(&any_case(&settings).unwrap(), |case| {
        match run_case(&settings, &case, false).unwrap().end {
            End::Violated { property, .. } => {
                first_of.borrow_mut().get_or_insert(case);
                Err(TestCaseError::fail(property.name()))
            }
            _ => Ok(()),
        }
    });
    let Err(TestError::Fail(property, case)) = found else { panic!("{found:?}") };
    let first = first.unwrap();
    assert!(case.schedule.len() < first.schedule.len(), "{case:?} of {first:?}");
    let faults = &case.faults;
    assert_eq!((faults.drop, faults.duplicate, faults.late, faults.crashes.len()), (0, 0, 0, 0), "{case:?}");
    let outcome = run_case(&settings, &case, true).unwrap();
    let property = property.message().parse().unwrap();
    let small = reduced(&outcome.system, &outcome.happened(), property).unwrap();
    assert_locally_minimal(&small.trace, property);
}

/// Each method finds a fault that is near, and is asked as often as it was told to be.
#[test]
fn the_matrix_counts_the_runs_of_each_method() {
    let row = matrix_row(bft_check::bugs::find("weak-prepare").unwrap(), 3, 100).unwrap();
    assert_eq!(row.cells.iter().map(|cell| cell.method).collect::<Vec<_>>(), Method::ALL);
    for cell in &row.cells {
        assert_eq!(cell.found(), 3, "{cell:?}");
        assert!(cell.tries.iter().all(|tried| (1..=100).contains(&tried.runs)), "{cell:?}");
    }
    let clean = matrix_row(bft_check::bugs::find("decides-unprepared").unwrap(), 1, 10).unwrap();
    assert!(clean.cells.iter().all(|cell| cell.found() == 0 && cell.tries[0].runs == 10), "{clean:?}");
}

/// More Byzantine replicas than f that say nothing: the paper promises nothing, and nothing comes about.
#[test]
fn a_run_that_comes_to_nothing_is_seen() {
    let silent = Settings { byzantine: 2, ..settings("castro99", 4, StrategyKind::Silent) };
    let outcome = outcome(&silent, 0);
    let End::Violated { property, what } = &outcome.end else { panic!("{:?}", outcome.end) };
    assert_eq!(*property, Property::Executed, "{what}");
    let trace = Trace::replay(&outcome.system, &outcome.happened()).unwrap();
    let text = trace.to_json("castro99", Some(Property::Executed)).unwrap();
    assert_eq!(
        TraceFile::read(&text, &bft_check::bugs::catalogue()).unwrap().trace.steps().len(),
        trace.steps().len()
    );
}

/// A load that never ends, and a primary that leaves one client out. By the paper's timer it is replaced for that
/// client's sake; by a timer that every block starts again it never is.
#[test]
fn no_client_is_left_out_while_others_are_served() {
    let rulebook = bft_check::bugs::find("restarted-timer").unwrap();
    let scope = rulebook.runs[0].scope;
    let endless = |rules: &str, byzantine| Settings {
        scope,
        byzantine: 1,
        placed: Some(vec![ReplicaId(byzantine)]),
        strategy: StrategyKind::Neglect,
        steps: 40_000,
        ..Settings::calm(rules, 4)
    };
    for seed in 0..6 {
        let left_out = run(&endless(rulebook.name, 0), seed, false, None).unwrap();
        let End::Violated { property, what } = left_out.end else { panic!("{seed}: {:?}", left_out.end) };
        assert_eq!(property, Property::Executed);
        assert!(what.contains("others were served"), "{what}");
        assert_eq!(left_out.counts.view_changes, 0, "{seed}");
        // The load is what the rest of the run is about: many others were answered meanwhile.
        assert!(left_out.counts.answered > 50, "{seed}: {:?}", left_out.counts);
        let served = run(&endless("castro99", 0), seed, false, None).unwrap();
        assert_eq!(served.end, End::Steps, "{seed}");
        assert!(served.counts.view_changes > 0 && served.counts.answered > 50, "{seed}: {:?}", served.counts);
        // Who is not primary leaves nobody out.
        let led_honestly = run(&endless(rulebook.name, 1), seed, false, None).unwrap();
        assert_eq!((led_honestly.end, led_honestly.counts.view_changes), (End::Steps, 0), "{seed}");
    }
}

#[test]
fn runs_that_are_cut_off_are_not_said_to_have_finished() {
    let short = Settings { steps: 30, ..settings("castro99", 4, StrategyKind::Honest) };
    assert_eq!(outcome(&short, 0).end, End::Steps);
    let report = report(&short, 0, 5, 1);
    assert_eq!((report.finished, report.cut_off), (0, 5));
}

/// Twins are one identity: two different messages of one Byzantine replica for one place exist in some run.
#[test]
fn twins_contradict_each_other() {
    let settings = settings("castro99", 4, StrategyKind::Twins);
    let conflicts = (0..30).filter(|&seed| {
        let mut proposed = std::collections::BTreeMap::new();
        outcome(&settings, seed).events.iter().any(|(_, _, event)| match event {
            Event::Deliver(Message::PrePrepare(p)) => {
                let place = (p.pre_prepare.signer(), p.view(), p.seq());
                *proposed.entry(place).or_insert(p.digest()) != p.digest()
            }
            _ => false,
        })
    });
    assert!(conflicts.count() > 0);
}

#[test]
fn silent_replicas_are_silent() {
    let settings = settings("castro99", 4, StrategyKind::Silent);
    let outcome = outcome(&settings, 3);
    let byzantine = Principal::Replica(outcome.system.bound().byzantine[0]);
    let from = |event: &Event| matches!(event, Event::Deliver(message) if message.signer() == byzantine);
    assert!(!outcome.events.iter().any(|(_, _, event)| from(event)));
}

fn report(settings: &Settings, from: u64, to: u64, threads: usize) -> Report {
    let campaign =
        Campaign { rules: rules(settings), settings: settings.clone(), from, to, keeps_going: true };
    let limits = Limits { threads, deadline: None, max_memory: None };
    bft_check::simulate::campaign(&campaign, &limits, &Progress::default()).unwrap()
}

#[test]
fn a_campaign_is_the_sum_of_its_parts() {
    let settings = Settings { byzantine: 2, ..settings("castro99", 4, StrategyKind::Silent) };
    let settings = Settings { byzantine: 1, ..settings };
    let whole = report(&settings, 10, 22, 2);
    let parts = [report(&settings, 16, 22, 1), report(&settings, 10, 13, 1), report(&settings, 13, 16, 2)];
    let mut merged = merge(parts.clone()).unwrap();
    merged.seconds = whole.seconds;
    assert_eq!(merged, whole);
    assert_eq!(merged.seeds, [(10, 22)]);

    assert_eq!(merge([parts[0].clone(), whole.clone()]), Err(MergeError::Overlap(16)));
    let other = report(&Settings { depth: 5, ..settings.clone() }, 0, 1, 1);
    assert_eq!(merge([whole.clone(), other]), Err(MergeError::Different("the settings")));
    let old = Report { version: "0.0.0".to_owned(), ..whole };
    assert_eq!(merge([old, parts[0].clone()]), Err(MergeError::Different("the versions")));
    assert_eq!(merge([]), Err(MergeError::Nothing));
}

/// The first violation by seed, whatever the number of threads.
#[test]
fn a_campaign_ends_at_the_first_violation() {
    let settings = Method::Mutation.settings(bft_check::bugs::find("relabelled-batch").unwrap());
    let first = |threads| {
        let what = Campaign {
            rules: rules(&settings),
            settings: settings.clone(),
            from: 0,
            to: 500,
            keeps_going: false,
        };
        campaign(&what, &Limits { threads, deadline: None, max_memory: None }, &Progress::default()).unwrap()
    };
    let (one, three) = (first(1), first(3));
    assert_eq!(one.findings, three.findings);
    assert_eq!((one.seeds, one.counts), (three.seeds, three.counts));
    assert_eq!(one.findings.len(), 1);
}

fn bft(arguments: &[&str]) -> std::process::Output {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    Command::new(env!("CARGO_BIN_EXE_bft-under-test")).args(arguments).current_dir(folder).output().unwrap()
}

/// The exit code and what was printed.
fn said(output: &std::process::Output) -> (i32, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
fn bad_questions_are_refused() {
    for (arguments, names) in [
        (&["--replicas", "101"][..], "--replicas is at most 100"),
        (&["--replicas", "4", "--faults", "2"], "--faults"),
        (&["--byzantine", "4"], "--byzantine 4"),
        (&["--byzantine", "r9"], "r9"),
        (&["--runs", "0"], "--runs"),
        (&["--seeds", "5..5"], "5..5"),
        (&["--seeds", "0..9", "--seed", "3"], "--seed"),
        (&["--strategy", "nonsense"], "nonsense"),
        (&["--scheduler", "nonsense"], "nonsense"),
        (&["--rules", "nonsense"], "nonsense"),
        (&["--property", "no-dead-end"], "no-dead-end"),
        (&["--drop", "1001"], "--drop 1001"),
        (&["--steps", "0"], "--steps"),
        (&["--depth", "0"], "--depth"),
        (&["--clients", "0"], "--clients"),
        (&["--threads", "0"], "--threads"),
        (&["--timeout=-1"], "--timeout"),
        (&["--checkpoint", "8", "--window", "4"], "--window 4"),
        (&["--trace", "no/such/folder/x.json"], "no/such/folder"),
        (&["--json", "no/such/folder/x.json"], "no/such/folder"),
        (&["--merge", "no-such-file.json"], "no-such-file.json"),
    ] {
        let (code, text) = said(&bft(&[&["simulate"], arguments].concat()));
        assert_eq!(code, 2, "{arguments:?}: {text}");
        assert!(text.contains(names), "{arguments:?}: {text}");
    }
}

/// From the command line: found, shrunk, written; found again by the command that it prints; read again.
#[test]
fn a_violation_is_told_with_the_command_that_shows_it_again() {
    let arguments =
        ["simulate", "--rules", "weak-prepare", "--replicas", "7", "--trace", "found-by-simulation.json"];
    let (code, text) = said(&bft(&arguments));
    assert_eq!(code, 10, "{text}");
    assert!(text.contains("VIOLATED") && text.contains("none of which can be left out"), "{text}");
    assert!(text.contains("The rule that would have stopped it"), "{text}");
    let command = text.lines().find_map(|line| line.trim().strip_prefix("bft simulate")).unwrap();
    let again: Vec<_> = ["simulate", "--no-trace"].into_iter().chain(command.split_whitespace()).collect();
    let (code, second) = said(&bft(&again));
    assert_eq!(code, 10, "{second}");
    let story =
        |text: &str| text.split("The run, ").nth(1).unwrap().split("\nWritten").next().unwrap().to_owned();
    assert_eq!(story(&second), story(&text));
    for (to, reads_again) in [("again.itf.json", true), ("again.json", true), ("again.mmd", false)] {
        let (code, text) = said(&bft(&["replay", "found-by-simulation.json", "--trace", to]));
        assert_eq!(code, 10, "{text}");
        if reads_again {
            let (code, text) = said(&bft(&["replay", to]));
            assert_eq!(code, 10, "{text}");
        }
    }
}

#[test]
fn what_was_not_violated_is_not_said_to_hold() {
    let (code, text) = said(&bft(&["simulate", "--runs", "3"]));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("No violation in 3 runs") && !text.contains("holds"), "{text}");
    let (code, text) = said(&bft(&["simulate", "--runs", "3", "--steps", "20"]));
    assert_eq!(code, 20, "{text}");
    assert!(text.contains("3 runs were cut off"), "{text}");
    let stuck = ["simulate", "--runs", "1", "--byzantine", "2", "--strategy", "silent", "--no-trace"];
    let (code, text) = said(&bft(&stuck));
    assert_eq!(code, 11, "{text}");
    assert!(text.contains("executed") && text.contains("promises nothing"), "{text}");
}

#[test]
fn parts_of_a_campaign_are_merged_from_files() {
    for (seeds, file) in [("0..3", "part-a.json"), ("3..5", "part-b.json"), ("2..4", "part-c.json")] {
        let (code, text) = said(&bft(&["simulate", "--seeds", seeds, "--json", file]));
        assert_eq!(code, 0, "{text}");
    }
    let (code, text) = said(&bft(&["simulate", "--merge", "part-b.json", "part-a.json"]));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("seeds 0..5") && text.contains("No violation in 5 runs"), "{text}");
    let (code, text) = said(&bft(&["simulate", "--merge", "part-a.json", "part-c.json"]));
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("seed 2"), "{text}");
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let half = std::fs::read_to_string(folder.join("part-a.json")).unwrap();
    std::fs::write(folder.join("half.json"), &half[..half.len() / 2]).unwrap();
    let (code, text) = said(&bft(&["simulate", "--merge", "half.json"]));
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("half.json"), "{text}");
}
