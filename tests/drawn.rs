//! Rulebooks that chance draws.

#![cfg(test)]

#[path = "common/drawn/mod.rs"]
mod drawn;

use std::collections::BTreeSet;

use bft_check::check::{self, Job, JudgeKind, Limits, Progress, Verdict};
use bft_check::model::{Bound, Scope};
use bft_check::pbft::{Castro99, ReplicaId, Rules};
use drawn::{Departure, Drawn};

#[test]
fn names_are_read_as_they_are_printed() {
    for rulebook in Drawn::singles().chain([Drawn::paper()]) {
        assert_eq!(format!("{rulebook:?}").parse(), Ok(rulebook));
    }
    let pair = Drawn::of([Departure::SelectFirst, Departure::CommitKeyNoDigest]);
    assert_eq!(format!("{pair:?}"), "CommitKeyNoDigest+SelectFirst");
    assert!("SelectFirst+Nonsense".parse::<Drawn>().is_err());
}

/// The rules that a text defines.
fn rules() -> BTreeSet<&'static str> {
    let text = include_str!("../src/pbft/rules.rs");
    let (_, rest) = text.split_once("\npub trait Rules").unwrap();
    let defined = rest.split_once("\n}\n").unwrap().0.lines().filter_map(|line| line.strip_prefix("    fn "));
    let names = defined.filter_map(|rest| rest.split(['(', '<']).next());
    names.filter(|&name| name != "as_rules").collect()
}

#[test]
fn every_rule_can_be_departed_from() {
    let families: BTreeSet<_> = Departure::FAMILIES.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(families, rules());
}

/// A drawn rulebook that departs in nothing is the paper's: the same states, by every judge.
#[test]
fn without_departures_it_is_the_paper() {
    let one_view = Scope { views: 1, ..Scope::DEFAULT };
    let alone = Scope { replicas: 3, faults: 0, ..one_view };
    let placed = |scope, byzantine: &[u16]| Bound::new(scope, byzantine.iter().copied().map(ReplicaId));
    for (judge, bound) in [
        (JudgeKind::Message, placed(alone, &[])),
        (JudgeKind::Absorbed, placed(Scope::DEFAULT, &[1])),
        (JudgeKind::Absorbed, placed(Scope { checkpoint: Some(1), requests: 1, ..one_view }, &[0])),
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
