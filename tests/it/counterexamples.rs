//! Every counterexample that is shown is one, by the definition of what it violates: for each row of the corpus and each
//! judge besides judge *guards* that finds something there. Of the row's own judge `corpus.rs` asks the same, and of judge *guards*
//! with reductions `reductions/corpus.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bft_check::bugs::{Expected, RULEBOOKS, Rulebook, Run as Row};
use bft_check::check::{self, Job, JudgeKind, Limits, Outcome, Progress, Verdict};
use bft_check::model::{Bound, Byzantine, Property, System};
use bft_check::trace::Trace;
use rayon::prelude::*;

use crate::common::definitions::violates;
use crate::reductions::corpus::is_compared;

/// The jobs of every judge besides judge *guards* that can be asked about a row.
fn jobs(rulebook: &Rulebook, row: &Row, property: Property) -> Vec<Job> {
    let placed = row.byzantine.map_or(Byzantine::Count(row.scope.faults), |ids| Byzantine::Ids(ids.to_vec()));
    let bound = Bound::new(row.scope, []);
    let of = |judge| check::jobs(judge, &bound, &placed, rulebook.rules).unwrap();
    let mut all = [of(JudgeKind::Message), of(JudgeKind::Unbounded)].concat();
    all.retain(|job| check::validate(job, rulebook.rules, Some(property)).is_ok());
    all
}

/// What the other judges say about a row. What takes longer than a second is left to the judges' own tests.
fn asked(rulebook: &'static Rulebook, row: &Row, property: Property) -> Vec<Outcome> {
    let timeout = Some(Duration::from_secs(1));
    let limits = Limits { max_states: Some(2_000), timeout, ..Limits::default() };
    let run =
        |job: &Job| check::run(job, rulebook.rules, Some(property), &limits, None, &Progress::default());
    jobs(rulebook, row, property).iter().map(|job| run(job).unwrap()).collect()
}

#[test]
#[ignore = "slow: .ci/run runs it"]
fn every_counterexample_is_one_by_definition_whoever_found_it() {
    let rows = RULEBOOKS.iter().flat_map(|rulebook| rulebook.runs.iter().map(move |run| (rulebook, run)));
    let searched: Vec<_> = rows.filter(|(_, row)| !row.slow && row.script.is_empty()).collect();
    let found = searched.par_iter().flat_map_iter(|(rulebook, row)| {
        let Expected::Violated(property) = row.expected else { return Vec::new().into_iter() };
        let is_reduced = !property.is_liveness() && property != Property::NoDeadEnd;
        assert!(!is_reduced || is_compared(rulebook), "{}: not with reductions", rulebook.name);
        let mut found = Vec::new();
        for outcome in asked(rulebook, row, property) {
            let Verdict::Violated { property: violated, trace, .. } = &outcome.verdict else { continue };
            let judge = format!("{} {}", outcome.job.judge, outcome.job.reductions);
            let text = trace.to_text(Some(property));
            assert_eq!(*violated, property, "{} by {judge}", rulebook.name);
            assert!(violates(property, trace), "{} by {judge}: {text}", rulebook.name);
            found.push(judge);
        }
        found.into_iter()
    });
    let mut shown: BTreeMap<String, usize> = BTreeMap::new();
    found.collect::<Vec<_>>().into_iter().for_each(|judge| *shown.entry(judge).or_default() += 1);
    for (judge, least) in [
        ("message none", 8),
        ("unbounded silent,ample,maximal,counting,quotient,summaries,subsumed,symmetry", 2),
    ] {
        assert!(shown.get(judge).is_some_and(|&count| count >= least), "{judge}: {shown:?}");
    }
}

/// A run is no counterexample to what it does not violate: the definitions tell.
#[test]
fn a_run_in_which_nothing_happens_violates_nothing() {
    let castro99 = RULEBOOKS[0];
    let bound = Bound::new(bft_check::model::Scope { views: 1, clients: true, ..castro99.smallest() }, []);
    let system = Arc::new(System::new(bound, castro99.rules).unwrap());
    let nothing = Trace::replay(&system, &[]).unwrap();
    for property in Property::SAFETY.into_iter().chain([Property::NoDeadEnd]) {
        assert!(!violates(property, &nothing), "{property}");
        assert!(nothing.violation(property).is_none(), "{property}");
    }
}

/// The one delivery that was once shown as a dead end is none: from there on all execute.
#[test]
fn one_delivery_is_no_dead_end() {
    for name in ["first-receiver", "short-window", "partial-authenticator"] {
        let rulebook = bft_check::bugs::find(name).unwrap();
        let row = rulebook.runs.iter().find(|row| row.asks_for() == Some(Property::NoDeadEnd)).unwrap();
        let found = check::run_row(rulebook, row, &Limits::default(), &Progress::default()).unwrap();
        let Verdict::Violated { trace, .. } = &found.outcomes[0].verdict else { panic!("{name}") };
        let system = Arc::new(trace.system().clone());
        let events: Vec<_> = trace.steps().iter().map(|step| (step.to, step.event.clone())).collect();
        for length in 0..events.len() {
            let shorter = Trace::replay(&system, &events[..length]).unwrap();
            assert!(shorter.violation(Property::NoDeadEnd).is_none(), "{name} after {length} steps");
        }
        let goes_on = Trace::replay(&system, &events[..1]).unwrap().to_the_end();
        assert!(goes_on.steps().len() > 1, "{name}");
        // And which rule is to blame is seen: it is asked on the way.
        let why = trace.explain(Property::NoDeadEnd).unwrap();
        let blamed: BTreeSet<_> =
            why.rules.iter().flat_map(|rules| rules.stopping()).map(|it| it.rule).collect();
        assert!(rulebook.overrides.iter().any(|rule| blamed.contains(rule)), "{name}: {blamed:?}");
    }
}
