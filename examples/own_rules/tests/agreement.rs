//! The rules in `cargo test`: this is all that it takes to hold a rule against the checker.

use std::panic::AssertUnwindSafe;

use bft_check::check::Check;
use bft_check::model::Property;
use bft_check::simulate::Simulation;
use bft_check::subject::{Catalogue, Pbft};
use bft_check::trace::TraceFile;
use own_rules::{EveryCommit, FewCommits, HalfQuorum};

#[test]
fn every_commit_is_safe() {
    Check::new(Pbft::with(&EveryCommit)).replicas(4).views(2).requests(1).byzantine([1]).assert_holds();
}

#[test]
fn few_commits_fork() {
    Check::new(Pbft::with(&FewCommits)).replicas(4).views(2).assert_violates(Property::Agreement);
}

/// The failure of a test shows the table and the story, and writes the trace, which can be replayed.
#[test]
fn a_failure_tells_the_story_and_writes_the_trace() {
    let check = Check::new(Pbft::with(&FewCommits).named("few-commits-in-a-test")).replicas(4).views(2);
    let failed = std::panic::catch_unwind(AssertUnwindSafe(|| check.assert_holds())).expect_err("it holds");
    let said = failed.downcast_ref::<String>().expect("it says why");
    for part in [
        "VIOLATED: agreement",
        "Violated: agreement",
        "The rule that would have stopped it:",
        "commit_quorum",
    ] {
        assert!(said.contains(part), "'{part}' is missing in: {said}");
    }
    let file = said.lines().find_map(|line| line.strip_prefix("Written to ")).expect("it says where");
    let text = std::fs::read(file).expect("it is there");
    let mine = Catalogue::of([Pbft::with(&FewCommits).named("few-commits-in-a-test")]);
    let read = TraceFile::read(text, &mine).expect("it happens again");
    assert_eq!(read.violates, Some(Property::Agreement));
    assert!(read.trace.violation(Property::Agreement).is_some());
}

#[test]
fn simulated_runs_fork_as_well() {
    Simulation::new(Pbft::with(&HalfQuorum)).seeds(0..200).assert_violates(Property::Agreement);
    Simulation::new(Pbft::paper()).replicas(7).seeds(0..3).assert_no_violation();
}
