//! Rulebooks that chance draws, asked of every judge: none may contradict another, nothing may panic, no limit may be
//! overrun, every violation has to replay, and what simulation finds no judge may have missed.
//!
//! `cargo test` examines a few, by a fixed seed and by a fresh one, which it prints. For longer:
//!
//! ```sh
//! DRAWN_SECONDS=3600 DRAWN_THREADS=2 cargo test --test drawn -- --ignored --exact as_long_as_is_asked
//! DRAWN_RULES=SelectFirst+CommitKeyNoDigest cargo test --test drawn -- --ignored --exact those_that_are_named
//! ```
//!
//! `DRAWN_SEED` has the same rulebooks drawn again; `DRAWN_PAIRS=1` leaves out those that depart in one way alone.

#![cfg(test)]

#[path = "../common/drawn/mod.rs"]
mod drawn;

mod answer;
mod examine;
mod question;
mod simulated;
mod wild;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::Write as _;
use std::ops::Range;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bft_check::check::{self, Job, JudgeKind, Limits, Progress, Verdict};
use bft_check::model::{Bound, Scope};
use bft_check::pbft::{Castro99, RULES, ReplicaId, Rules};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use answer::{Answer, Patience, catch_panics, processor_time};
use drawn::{Departure, Drawn, any_drawn};
use examine::{Examined, Finding, Tallies, examine};
use question::{Question, questions};

/// How long a judge may take here.
const PATIENCE: Patience = Patience { states: 20_000, time: Duration::from_secs(2) };

/// When a short test begins no further rulebook: one takes some ten seconds, and both tests together a minute.
const SHORT: Duration = Duration::from_secs(15);

/// The seeds that are simulated under each rulebook.
const SEEDS: Range<u64> = 0..6;

/// What is printed while a test runs, whether or not its output is captured.
macro_rules! say {
    ($($text:tt)*) => {{
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, $($text)*);
        let _ = out.flush();
    }};
}

/// A value from the environment.
fn asked<T: FromStr>(name: &str) -> Option<T> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}

/// A seed that was not used before.
fn fresh_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// The rulebook of this number among those that a seed draws.
fn nth(seed: u64, number: u64) -> Drawn {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&number.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &key);
    let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
    any_drawn().new_tree(&mut runner).unwrap().current()
}

/// Examines the rulebooks that a seed draws for so much processor time; what must not be.
fn examine_for(time: Duration, seed: u64) -> Vec<Finding> {
    catch_panics();
    let (start, questions) = (processor_time(), questions());
    let mut findings = Vec::new();
    for number in 0.. {
        if processor_time() - start >= time {
            say!("seed {seed}: {number} rulebooks");
            break;
        }
        // How long something takes is no matter of right and wrong where others use the machine too.
        let examined = examine(nth(seed, number), &questions, PATIENCE, SEEDS);
        findings.extend(examined.findings.into_iter().filter(|finding| finding.kind != "overrun"));
    }
    findings.iter().for_each(|finding| say!("{finding}"));
    findings
}

#[test]
fn those_of_a_fixed_seed_are_answered_alike() {
    assert_eq!(examine_for(SHORT, 17), []);
}

#[test]
fn those_of_a_fresh_seed_are_answered_alike() {
    let seed = asked("DRAWN_SEED").unwrap_or_else(fresh_seed);
    say!("DRAWN_SEED={seed}");
    assert_eq!(examine_for(SHORT, seed), []);
}

/// Each rulebook that is named, with every answer; with DRAWN_ONLY, those to questions that contain it, with their runs.
#[test]
#[ignore = "examines what DRAWN_RULES names"]
fn those_that_are_named() {
    catch_panics();
    let only = env::var("DRAWN_ONLY").ok();
    let names = env::var("DRAWN_RULES").unwrap_or_else(|_| "Paper".to_owned());
    let mut findings = Vec::new();
    for name in names.split(',') {
        let rulebook: Drawn = name.parse().unwrap();
        let (start, spent) = (Instant::now(), processor_time());
        let mut questions = questions();
        questions.retain(|question| only.as_deref().is_none_or(|only| question.to_string().contains(only)));
        let examined = examine(rulebook, &questions, PATIENCE, SEEDS);
        for (question, answer, time) in examined.timed() {
            say!("{rulebook:?} {question}: {} ({} ms)", answer.brief(), time.as_millis());
            if let (Answer::Violated { property, trace, .. }, Some(_)) = (answer, &only) {
                say!("{}", trace.to_text(Some(*property)));
            }
        }
        say!("{rulebook:?}: {:?} of a processor, {:?}", processor_time() - spent, start.elapsed());
        findings.extend(examined.findings);
    }
    findings.iter().for_each(|finding| say!("{finding}"));
    assert_eq!(findings, []);
}

/// What many threads have found together.
#[derive(Default)]
struct Sum {
    rulebooks: u64,
    violated: u64,
    clean: u64,
    tallies: Tallies,
    /// The kinds of what was found under one departure alone.
    singles: BTreeMap<Departure, BTreeSet<&'static str>>,
    findings: Vec<Finding>,
}

impl Sum {
    fn add(&mut self, examined: &Examined) {
        self.rulebooks += 1;
        self.violated += u64::from(examined.is_violated());
        self.clean += u64::from(!examined.is_violated());
        self.tallies.add(&examined.tallies);
    }
}

/// Of what was found under several departures, keeps what none of them does alone; notes what was found under one.
fn retain_new(sum: &Mutex<Sum>, questions: &[Question], rulebook: Drawn, findings: &mut Vec<Finding>) {
    let lock = || sum.lock().unwrap_or_else(PoisonError::into_inner);
    let kinds = |findings: &[Finding]| findings.iter().map(|it| it.kind).collect::<BTreeSet<_>>();
    for departure in rulebook.departures() {
        if rulebook.departures().len() == 1 {
            lock().singles.insert(departure, kinds(findings));
        } else if !findings.is_empty() {
            // What one of the two does alone is found with that one.
            let known = lock().singles.get(&departure).cloned();
            let known = known.unwrap_or_else(|| {
                let alone = examine(Drawn::of([departure]), questions, PATIENCE, SEEDS);
                alone.findings.iter().for_each(|finding| say!("{finding}"));
                let mut sum = lock();
                sum.add(&alone);
                sum.findings.extend(alone.findings.clone());
                sum.singles.insert(departure, kinds(&alone.findings));
                kinds(&alone.findings)
            });
            findings.retain(|finding| !known.contains(finding.kind));
        }
    }
}

#[test]
#[ignore = "takes DRAWN_SECONDS, an hour unless told otherwise"]
fn as_long_as_is_asked() {
    catch_panics();
    let seed = asked("DRAWN_SEED").unwrap_or_else(fresh_seed);
    let until = Instant::now() + Duration::from_secs(asked("DRAWN_SECONDS").unwrap_or(3600));
    let threads = asked("DRAWN_THREADS").unwrap_or(2);
    let questions = questions();
    say!("DRAWN_SEED={seed}, {} questions of each rulebook", questions.len());
    let singles: Vec<_> = match asked::<u8>("DRAWN_PAIRS") {
        Some(_) => Vec::new(),
        None => Drawn::singles().collect(),
    };
    let from: usize = asked("DRAWN_FROM").unwrap_or(0);
    let (next, sum) = (AtomicUsize::new(from), Mutex::new(Sum::default()));
    let lock = || sum.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while Instant::now() < until {
                    let number = next.fetch_add(1, Relaxed);
                    let drawn = nth(seed, number as u64);
                    let rulebook = singles.get(number).copied().unwrap_or(drawn);
                    let left = until.saturating_duration_since(Instant::now()).as_secs();
                    say!("number {number}, {left} s to go: {rulebook:?}");
                    let examined = examine(rulebook, &questions, PATIENCE, SEEDS);
                    let mut findings = examined.findings.clone();
                    lock().add(&examined);
                    retain_new(&sum, &questions, rulebook, &mut findings);
                    findings.iter().for_each(|finding| say!("{finding}"));
                    lock().findings.extend(findings);
                }
            });
        }
    });
    let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    say!(
        "{} rulebooks, to number {}: {} violated, {} clean; answers: {:?}",
        sum.rulebooks,
        next.load(Relaxed),
        sum.violated,
        sum.clean,
        sum.tallies
    );
    assert_eq!(sum.findings, []);
}

#[test]
fn names_are_read_as_they_are_printed() {
    for rulebook in Drawn::singles().chain([Drawn::paper()]) {
        assert_eq!(format!("{rulebook:?}").parse(), Ok(rulebook));
    }
    let pair = Drawn::of([Departure::SelectFirst, Departure::CommitKeyNoDigest]);
    assert_eq!(format!("{pair:?}"), "CommitKeyNoDigest+SelectFirst");
    assert!("SelectFirst+Nonsense".parse::<Drawn>().is_err());
}

#[test]
fn every_rule_can_be_departed_from() {
    let families: BTreeSet<_> = Departure::FAMILIES.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(families, RULES.into());
}

/// A drawn rulebook that departs in nothing is the paper's: the same states, by every judge.
#[test]
fn without_departures_it_is_the_paper() {
    let one_view = Scope { views: 1, ..Scope::DEFAULT };
    let alone = Scope { replicas: 3, faults: 0, ..one_view };
    let placed = |scope, byzantine: &[u16]| Bound::new(scope, byzantine.iter().copied().map(ReplicaId));
    for (judge, bound) in [
        (JudgeKind::Message, placed(alone, &[])),
        (JudgeKind::Guards, placed(Scope::DEFAULT, &[1])),
        (JudgeKind::Guards, placed(Scope { checkpoint: Some(1), requests: 1, ..one_view }, &[0])),
        (JudgeKind::Unbounded, placed(one_view, &[3])),
    ] {
        let states = |rules: &'static dyn Rules| {
            let job = Job::new(judge, bound.clone());
            let limits = Limits { threads: 1, ..Limits::default() };
            let outcome = check::run(&job, rules, None, &limits, None, &Progress::default()).unwrap();
            assert!(matches!(outcome.verdict, Verdict::Holds), "{judge} {bound:?}: {:?}", outcome.verdict);
            (outcome.coverage.states, outcome.coverage.transitions)
        };
        assert_eq!(states(Drawn::paper().leak()), states(&Castro99), "{judge} {bound:?}");
    }
}
