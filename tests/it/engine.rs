//! The engine: judge *message* in numbers against judge *message* on stateright's ActorModel, and searches that a limit ends
//! and that go on later.

use std::collections::BTreeSet;
use std::fs;
use std::hash::Hash;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use bft_check::bugs::{self, Run};
use bft_check::check::save::{self, Kept, SaveError};
use bft_check::check::{
    Coverage, End, Job, JudgeKind, Limit, Limits, Outcome, Progress, Report, Verdict, run, run_on, search,
    search_on,
};
use bft_check::model::{
    Bound, Event, Fingerprint, GuardModel, Judge, MessageGraph, MessageModel, Property, Recorded, Scope,
    Store, System, fingerprint,
};
use bft_check::pbft::{Principal, ReplicaId};
use stateright::{Checker as _, Model};

use crate::program::fits_the_schema;

fn bound(n: u16, byzantine: &[u16], views: u64, slots: u64, requests: u32) -> Bound {
    let scope =
        Scope { replicas: n, faults: n.saturating_sub(1) / 3, views, slots, requests, ..Scope::DEFAULT };
    Bound::new(scope, byzantine.iter().copied().map(ReplicaId))
}

fn with(mut bound: Bound, change: impl FnOnce(&mut Scope)) -> Bound {
    change(&mut bound.scope);
    bound
}

fn system(bound: &Bound, rules: &str) -> Arc<System> {
    Arc::new(System::new(bound.clone(), bugs::find(rules).unwrap().rules).unwrap())
}

fn threads(threads: usize) -> Limits {
    Limits { threads, ..Limits::default() }
}

// --- judge *message* in numbers ---------------------------------------------------------------------------

/// The local states that are reached together, and what was covered. No property is checked: a broken
/// rulebook must be explored past its first violation.
fn beliefs<J>(judge: &J, limits: &Limits) -> (BTreeSet<Fingerprint>, Coverage)
where
    J: Judge + Sync,
    J::State: Hash + Send + Sync,
    J::Action: Clone,
{
    let mut reached = BTreeSet::new();
    let report = search(judge, &[], limits, &Progress::default(), |state| {
        let believed = judge.with_view(state, |seen| {
            fingerprint(&(seen.replicas.to_vec(), seen.clients.to_vec(), seen.history.cloned()))
        });
        reached.insert(believed);
    });
    assert!(matches!(report.end, End::Exhausted));
    (reached, Coverage { elapsed: Default::default(), ..report.coverage })
}

/// The bounds are small, and such that each kind of event, of message and of adversary takes part.
fn compared() -> Vec<(Bound, &'static str)> {
    let mut all = Vec::new();
    for rules in ["castro99", "digest-blind", "weak-commit", "second-proposal"] {
        for byzantine in [0, 2] {
            all.push((bound(3, &[byzantine], 1, 1, 2), rules));
        }
        // Where votes for anything count for everything, that is half a million states.
        if rules != "digest-blind" {
            all.push((bound(4, &[3], 1, 1, 1), rules));
        }
    }
    for rules in ["castro99", "prepared-lost", "short-new-view", "prepare-any-view", "double-vote"] {
        all.push((bound(2, &[], 3, 1, 1), rules));
        all.push((bound(2, &[], 2, 2, 2), rules));
        all.push((bound(2, &[0], 2, 1, 2), rules));
        all.push((bound(2, &[1], 3, 1, 1), rules));
    }
    all.push((bound(3, &[1], 2, 1, 1), "castro99"));
    all.push((bound(2, &[0], 1, 1, 1), "unsigned-request"));
    all.push((bound(3, &[], 1, 1, 1), "first-receiver"));
    for store in [Store::Keeps, Store::LosesLast] {
        let crashing = |bound| {
            with(bound, |scope| {
                scope.crashes = 1;
                scope.store = store;
            })
        };
        all.push((crashing(bound(2, &[], 2, 1, 1)), "castro99"));
        all.push((crashing(bound(3, &[0], 1, 1, 1)), "castro99"));
        all.push((crashing(bound(2, &[1], 2, 1, 1)), "amnesia"));
    }
    let asking = |bound, reads| {
        with(bound, |scope| {
            scope.clients = true;
            scope.reads = reads;
        })
    };
    for rules in ["castro99", "single-reply", "unordered-reads"] {
        all.push((asking(bound(3, &[], 1, 1, 1), 1), rules));
        all.push((asking(bound(2, &[1], 1, 1, 1), 1), rules));
        all.push((asking(bound(2, &[], 2, 1, 1), 0), rules));
    }
    for rules in ["castro99", "weak-checkpoint", "unchecked-state"] {
        let every = |bound| with(bound, |scope| scope.checkpoint = Some(1));
        all.push((every(bound(2, &[], 1, 2, 2)), rules));
        all.push((every(bound(3, &[2], 1, 1, 1)), rules));
        all.push((every(bound(2, &[1], 2, 1, 1)), rules));
    }
    all
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn in_numbers_the_graph_is_the_same() {
    let mut together = 0;
    for (bound, rules) in compared() {
        let system = system(&bound, rules);
        let (by_messages, covered) = beliefs(&MessageModel::new(Arc::clone(&system)), &threads(1));
        let (in_numbers, counted) = beliefs(&MessageGraph::new(Arc::clone(&system)), &threads(1));
        assert_eq!(counted, covered, "{rules} {bound:?}");
        assert!(in_numbers == by_messages, "{rules} {bound:?}");
        assert!(covered.states > 1, "nothing happens: {rules} {bound:?}");
        together += covered.states;
    }
    assert!(together > 50_000, "{together} states are hardly a test");
}

/// stateright counts the initial state among the transitions.
#[test]
fn in_numbers_stateright_counts_the_same() {
    for (bound, rules) in [
        (bound(2, &[], 2, 2, 2), "castro99"),
        (bound(3, &[0], 1, 1, 2), "castro99"),
        (bound(4, &[0], 1, 1, 1), "castro99"),
        (with(bound(2, &[], 2, 1, 1), |scope| scope.crashes = 1), "castro99"),
        (with(bound(2, &[1], 1, 1, 1), |scope| scope.clients = true), "castro99"),
    ] {
        let system = system(&bound, rules);
        let theirs = MessageModel::new(Arc::clone(&system)).checker().spawn_dfs().join();
        let same = MessageGraph::new(Arc::clone(&system)).checker().spawn_bfs().join();
        let ours = MessageGraph::new(Arc::clone(&system));
        let ours = search(&ours, &[], &threads(1), &Progress::default(), |_| {});
        assert!(theirs.is_done() && same.is_done() && matches!(ours.end, End::Exhausted));
        let Coverage { states, transitions, .. } = ours.coverage;
        let theirs = (theirs.unique_state_count() as u64, theirs.state_count() as u64);
        assert_eq!((states, transitions + 1), theirs, "{rules} {bound:?}");
        assert_eq!(
            (same.unique_state_count() as u64, same.state_count() as u64),
            theirs,
            "{rules} {bound:?}"
        );
    }
}

type Found = (Option<(&'static str, Vec<(Principal, Event)>)>, Vec<&'static str>, Coverage);

fn found<J: Judge>(report: &Report<J::Action>, told: impl Fn(&J::Action) -> (Principal, Event)) -> Found {
    let violated = match &report.end {
        End::Violated { property, path } => Some((*property, path.iter().map(told).collect())),
        end => {
            assert!(matches!(end, End::Exhausted));
            None
        }
    };
    (violated, report.reached.clone(), Coverage { elapsed: Default::default(), ..report.coverage })
}

/// The tables of judge *guards* grow while it runs. They grow alike, and rules are asked as often, whoever finds out what is to
/// be put into them.
#[test]
fn judge_guards_comes_to_the_same_at_any_number_of_threads() {
    let is_quick = |run: &&Run| run.scope.views == 1 && run.scope.checkpoint.is_none() && !run.slow;
    let is_searched = |run: &&Run| {
        run.script.is_empty() && !run.asks_for().is_some_and(Property::is_liveness) && run.scope.faults > 0
    };
    let rows = bugs::RULEBOOKS.iter().flat_map(|rulebook| {
        let runs = rulebook.runs.iter().filter(is_quick).filter(is_searched);
        runs.map(|run| (rulebook.rules, run.asks_for(), run.scope, run.byzantine.unwrap_or(&[ReplicaId(0)])))
    });
    let castro99 = bugs::find("castro99").unwrap().rules;
    let two_views = Scope { views: 2, requests: 1, ..Scope::DEFAULT };
    let checkpoints = Scope { checkpoint: Some(1), ..two_views };
    let one_view = Scope { views: 1, ..checkpoints };
    let correct =
        [(two_views, &[ReplicaId(0)][..]), (two_views, &[ReplicaId(1)]), (one_view, &[ReplicaId(3)])];
    let correct = correct.map(|(scope, byzantine)| (castro99, None, scope, byzantine));
    let all: Vec<_> = rows.chain(correct).collect();
    assert!(all.len() > 12, "{}", all.len());
    for (rules, property, scope, byzantine) in all {
        let job = Job::new(JudgeKind::Guards, Bound::new(scope, byzantine.iter().copied()));
        let [one, two, four] = [1, 2, 4].map(|workers| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build().unwrap();
            let ran =
                pool.install(|| run(&job, rules, property, &threads(workers), None, &Progress::default()));
            let outcome = ran.unwrap();
            (said(&outcome), outcome.rules)
        });
        assert_eq!(one, two, "{rules:?} at {scope}");
        assert_eq!(one, four, "{rules:?} at {scope}");
    }
}

/// Not only is a counterexample as short: it is the same one, at any number of threads.
#[test]
#[ignore = "slow: .ci/run runs it"]
fn in_numbers_the_verdict_and_the_run_are_the_same() {
    let mut violated = 0;
    for (bound, rules) in compared() {
        let system = system(&bound, rules);
        let model = MessageModel::new(Arc::clone(&system));
        let report = search(&model, &model.properties(), &threads(1), &Progress::default(), |_| {});
        let by_messages = found::<MessageModel>(&report, |action| (action.to, action.event.clone()));
        for workers in [1, 3] {
            let model = MessageGraph::new(Arc::clone(&system));
            let report = search(&model, &model.properties(), &threads(workers), &Progress::default(), |_| {});
            let in_numbers = found::<MessageGraph>(&report, |step| model.expand(step));
            assert_eq!(in_numbers.0, by_messages.0, "{rules} {bound:?}");
            assert_eq!(in_numbers.2, by_messages.2, "{rules} {bound:?}");
        }
        violated += usize::from(by_messages.0.is_some());
    }
    assert!(violated > 5, "{violated} violations are hardly a test");
}

// --- searches that go on later --------------------------------------------------------------------

/// Long chains that meet again: what is left of a level matters.
#[derive(Debug)]
struct Grid;

impl Model for Grid {
    type State = (u32, u32);
    type Action = bool;

    fn init_states(&self) -> Vec<(u32, u32)> {
        vec![(0, 0), (40, 0)]
    }

    fn actions(&self, _: &(u32, u32), actions: &mut Vec<bool>) {
        actions.extend([false, true, true]);
    }

    fn next_state(&self, &(x, y): &(u32, u32), down: bool) -> Option<(u32, u32)> {
        Some(if down { (x, y + 1) } else { (x + 1, y) }).filter(|&(x, y)| x < 80 && y < 70)
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        vec![
            stateright::Property::always("in reach", |_, &(x, y)| x + y < 140),
            stateright::Property::sometimes("in the corner", |_, &place| place == (79, 0)),
            stateright::Property::sometimes("far away", |_, &(x, _)| x > 1_000),
        ]
    }
}

#[test]
fn a_search_that_is_ended_at_any_place_goes_on_to_the_same_end() {
    let whole = search(&Grid, &Grid.properties(), &threads(1), &Progress::default(), |_| {});
    assert!(matches!(&whole.end, End::Violated { path, .. } if path.len() == 100));
    for workers in [1, 2] {
        for step in [1, 7, 500, 2_000] {
            let (mut halted, mut most, mut visits, mut times) = (None, 1, 0, 0);
            let report = loop {
                most += step;
                let limits = Limits { max_states: Some(most), ..threads(workers) };
                let visit = |_: &(u32, u32)| visits += 1;
                let (report, rest) =
                    search_on(&Grid, &Grid.properties(), &limits, &Progress::default(), halted, visit);
                if report.end == End::Limited(Limit::States(most)) {
                    assert_eq!(report.coverage.states, most);
                } else {
                    assert!(rest.is_none());
                    break report;
                }
                halted = rest;
                times += 1;
            };
            assert!(times > 1);
            assert_eq!(visits, whole.coverage.states, "each state is visited once");
            assert_eq!(report.end, whole.end);
            assert_eq!((&report.reached, &report.unreached), (&whole.reached, &whole.unreached));
            let Coverage { states, transitions, depth, .. } = whole.coverage;
            let covered = report.coverage;
            assert_eq!((covered.states, covered.transitions, covered.depth), (states, transitions, depth));
        }
    }
}

#[test]
fn a_search_that_is_ended_before_it_began_has_nothing_to_go_on_with() {
    let limits = Limits { max_states: Some(1), ..threads(1) };
    let (report, rest) = search_on(&Grid, &[], &limits, &Progress::default(), None, |_| {});
    assert_eq!(report.end, End::Limited(Limit::States(1)));
    assert!(rest.is_none());
}

/// The tables of a judge come out the same when they are made again.
#[test]
fn numbers_are_had_again() {
    fn check<M: Recorded + Sync>(model: &M, again: &M)
    where
        M::State: Hash + Send + Sync + Clone + PartialEq,
        M::Action: Clone,
    {
        let mut states = Vec::new();
        search(model, &[], &threads(1), &Progress::default(), |state| states.push(state.clone()));
        again.replay(&model.journal()).unwrap();
        assert_eq!(again.digest(), model.digest());
        assert_eq!(again.journal(), model.journal());
        for state in &states {
            let same = again.numbered(&M::numbers(state)).expect("its numbers are of what was met");
            assert!(same == *state);
        }
        let wrong = [u32::MAX, 0].map(|number| vec![number; M::numbers(&states[0]).len()]);
        assert!(again.numbered(&wrong[0]).is_none() && again.numbered(&[]).is_none());
        assert!(again.replay(&[0, 3, 1]).is_err() && again.replay(&[77, 0]).is_err());
    }
    let clients = with(bound(3, &[], 1, 1, 1), |scope| {
        scope.clients = true;
        scope.reads = 1;
    });
    for (bound, rules) in [
        (bound(4, &[0], 2, 1, 1), "castro99"),
        (clients, "unordered-reads"),
        (with(bound(2, &[1], 2, 1, 1), |scope| scope.checkpoint = Some(1)), "castro99"),
    ] {
        let system = system(&bound, rules);
        check(&GuardModel::new(Arc::clone(&system)), &GuardModel::new(Arc::clone(&system)));
        if bound.scope.replicas < 4 {
            check(&MessageGraph::new(Arc::clone(&system)), &MessageGraph::new(Arc::clone(&system)));
        }
    }
}

fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

/// What a check says, but for the time that it took.
fn said(outcome: &Outcome) -> String {
    let Coverage { states, transitions, depth, .. } = outcome.coverage;
    let verdict = match &outcome.verdict {
        Verdict::Violated { property, steps, trace } => {
            format!("{property} in {steps}: {}", trace.to_text(Some(*property)))
        }
        verdict => format!("{verdict:?}"),
    };
    format!("{states} {transitions} {depth} {:?} {verdict}", outcome.unreached)
}

fn saved_job(judge: JudgeKind, bound: Bound) -> Job {
    Job::new(judge, bound)
}

#[test]
fn a_check_that_is_saved_goes_on_to_the_same_verdict() {
    let clients = with(bound(3, &[], 2, 1, 1), |scope| scope.clients = true);
    for (number, (judge, rules, property, bound)) in [
        (JudgeKind::Message, "castro99", None, bound(3, &[2], 1, 1, 2)),
        (JudgeKind::Message, "digest-blind", None, bound(4, &[0], 1, 1, 2)),
        (JudgeKind::Guards, "castro99", None, bound(4, &[0], 2, 1, 1)),
        (JudgeKind::Guards, "prepared-lost", Some(Property::Agreement), bound(4, &[0], 2, 1, 2)),
        (JudgeKind::Guards, "castro99", None, clients),
    ]
    .into_iter()
    .enumerate()
    {
        let rulebook = bugs::find(rules).unwrap();
        let job = saved_job(judge, bound);
        let path = file(&format!("goes-on-{number}"));
        let progress = Progress::default();
        let whole = run(&job, rulebook.rules, property, &threads(1), None, &progress).unwrap();
        let cut = whole.coverage.states / 3;
        assert!(cut > 20, "{rules}: nothing is left to go on with");
        let mut from = None;
        for most in [cut, 2 * cut] {
            let limits = Limits { max_states: Some(most), ..threads(1) };
            let row = run_on(&job, rulebook.rules, property, &limits, None, &progress, from).unwrap();
            assert!(matches!(row.0.verdict, Verdict::NotExhausted(Limit::States(_))), "{rules}");
            save::write(&path, &rulebook.into(), property, &[(&row.0, row.1.as_ref())]).unwrap();
            let mut kept = save::read(&path, &rulebook.into(), property, std::slice::from_ref(&job)).unwrap();
            let Some(Kept::Unfinished(unfinished)) = kept.pop() else { panic!("{rules}: it was unfinished") };
            from = Some(unfinished);
        }
        let (outcome, rest) =
            run_on(&job, rulebook.rules, property, &threads(2), None, &progress, from).unwrap();
        assert!(rest.is_none());
        assert_eq!(said(&outcome), said(&whole), "{rules}");

        // What had ended is not run again, and its counterexample is still one.
        save::write(&path, &rulebook.into(), property, &[(&outcome, None)]).unwrap();
        let kept = save::read(&path, &rulebook.into(), property, std::slice::from_ref(&job)).unwrap();
        let [Kept::Done(again)] = &kept[..] else { panic!("{rules}: it had ended") };
        assert_eq!(said(again), said(&whole), "{rules}");
    }
}

#[test]
fn a_file_that_does_not_fit_is_refused_and_left_alone() {
    let rulebook = bugs::find("castro99").unwrap();
    let job = saved_job(JudgeKind::Guards, bound(4, &[0], 2, 1, 1));
    let path = file("refused");
    let limits = Limits { max_states: Some(300), ..threads(1) };
    let row = run_on(&job, rulebook.rules, None, &limits, None, &Progress::default(), None).unwrap();
    save::write(&path, &rulebook.into(), None, &[(&row.0, row.1.as_ref())]).unwrap();
    let whole = fs::read(&path).unwrap();
    let read = |rules: &str, property, jobs: &[Job]| {
        save::read(&path, &bugs::find(rules).unwrap().into(), property, jobs)
    };
    let one = std::slice::from_ref(&job);
    assert!(matches!(read("castro99", None, one).unwrap()[..], [Kept::Unfinished(_)]));

    // Of another check.
    let other = |result: Result<_, SaveError>| {
        let error = result.err().unwrap();
        assert!(matches!(error, SaveError::Other { .. }), "{error}");
        error.to_string()
    };
    assert!(other(read("digest-blind", None, one)).contains("digest-blind"));
    assert!(other(read("castro99", Some(Property::Agreement), one)).contains("agreement"));
    assert!(other(read("castro99", None, &[])).contains("other judges"));
    for bound in [bound(4, &[1], 2, 1, 1), bound(4, &[0], 3, 1, 1), bound(4, &[0], 2, 1, 2)] {
        other(read("castro99", None, &[saved_job(JudgeKind::Guards, bound)]));
    }
    other(read("castro99", None, &[saved_job(JudgeKind::Message, bound(4, &[0], 2, 1, 1))]));

    // Cut short, or changed anywhere.
    let refuses = |content: &[u8], what: &str| {
        fs::write(&path, content).unwrap();
        let error = read("castro99", None, one).err().unwrap_or_else(|| panic!("{what} is taken"));
        assert_eq!(fs::read(&path).unwrap(), content, "{what}");
        error
    };
    for length in [16, 17, 40, whole.len() / 2, whole.len() - 1] {
        let error = refuses(&whole[..length], &format!("{length} bytes"));
        assert!(matches!(error, SaveError::Damaged(_)), "{length} bytes: {error}");
    }
    for place in (16..whole.len()).step_by(whole.len() / 97) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x20;
        let error = refuses(&damaged, &format!("byte {place}"));
        assert!(matches!(error, SaveError::Damaged(_)), "byte {place}: {error}");
    }
    assert!(matches!(refuses(b"", "nothing"), SaveError::Foreign(_)));
    assert!(matches!(refuses(b"{\"rules\": \"castro99\"}", "a trace"), SaveError::Foreign(_)));
    let mut newer = whole.clone();
    newer[14] = b'9';
    assert!(matches!(refuses(&newer, "another form"), SaveError::Version(..)));
    fs::write(&path, &whole).unwrap();
    assert!(read("castro99", None, one).is_ok());
    assert!(matches!(
        save::read(&path.with_extension("none"), &rulebook.into(), None, one),
        Err(SaveError::Io(..))
    ));
}

/// Runs `bft check` in a process of its own: what it prints, and its exit code.
fn bft(arguments: &[&str]) -> (String, String, i32) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_bft-under-test")).arg("check").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr), output.status.code().unwrap())
}

/// The rows of a report in JSON, without their times, and without how often each rule was asked: that is not known of
/// a run that was gone on with.
fn rows(json: &str) -> serde_json::Value {
    let mut report: serde_json::Value = serde_json::from_str(json).unwrap();
    fits_the_schema(&report);
    for row in report["rows"].as_array_mut().unwrap() {
        let row = row.as_object_mut().unwrap();
        assert!(row.remove("seconds").is_some() && row.remove("rules").is_some());
    }
    report
}

#[test]
fn another_process_goes_on_where_one_was_ended() {
    let small = ["--views", "2", "--requests", "1"];
    let forking = ["--rules", "prepared-lost", "--byzantine", "r2"];
    for (name, judge, bound, code) in [
        ("process-guards", "guards", &small[..], 0),
        ("process-message", "message", &["--views", "1", "--requests", "1"][..], 0),
        ("process-violated", "guards", &forking[..], 10),
    ] {
        let path = file(name);
        let path = path.to_str().unwrap();
        let asked = [&["--format", "json", "--judge", judge][..], bound].concat();
        let (whole, _, ended) = bft(&asked);
        assert_eq!(ended, code, "{whole}");
        let (first, told, ended) = bft(&[&asked[..], &["--max-states", "200", "--save", path]].concat());
        assert_eq!(ended, 20, "{first} {told}");
        assert!(told.contains("--resume"), "{told}");

        // Nothing that was saved is written over by accident.
        let before = fs::read(path).unwrap();
        let (_, told, ended) = bft(&[&asked[..], &["--save", path]].concat());
        assert_eq!((ended, fs::read(path).unwrap() == before), (2, true), "{told}");
        assert!(told.contains("there is such a file already"), "{told}");
        let (_, told, ended) = bft(&["--judge", judge, "--views", "3", "--resume", path]);
        assert_eq!((ended, fs::read(path).unwrap() == before), (2, true), "{told}");
        assert!(told.contains("--views is ") && told.contains("there, and 3 here"), "{told}");

        let further = ["--max-states", "400", "--save", path, "--resume", path];
        let (_, told, ended) = bft(&[&asked[..], &further].concat());
        assert!(ended == 20 && fs::read(path).unwrap() != before, "{told}");
        let (last, told, ended) = bft(&[&asked[..], &["--resume", path]].concat());
        assert_eq!(ended, code, "{told}");
        assert_eq!(rows(&last), rows(&whole), "{name}");
    }
}
