//! `--format junit`: each row as a test case, for what shows the results of continuous integration. What holds passes, what
//! is violated fails, and what has no verdict, or was not exhausted, is an error: neither is a success.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::limits;
use crate::check::{Checked, Outcome, Verdict};
use crate::simulate::Report as Campaign;

/// The report of a check.
pub(super) fn checked(checked: &Checked) -> Result<String, quick_junit::SerializeError> {
    let name = format!("bft check {}", checked.subject().name());
    let cases = checked.outcomes().iter().map(|outcome| {
        let job = &outcome.job;
        let name = format!("{}, Byzantine {}: {}", job.judge_with(), job.whose(), job.covers());
        (name, status(outcome), outcome.coverage.elapsed)
    });
    whole(name, checked.subject().name(), cases)
}

/// The report of a campaign: a test case for each finding, or one for all of it.
pub(super) fn simulated(report: &Campaign) -> Result<String, quick_junit::SerializeError> {
    let rules = &report.settings.rules;
    let name = format!("bft simulate {rules}");
    let elapsed = Duration::try_from_secs_f64(report.seconds).unwrap_or_default();
    let mut cases: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(finding.property.name()).set_message(&finding.what);
            status.set_description(report.command(finding.seed));
            (format!("seed {}", finding.seed), status, Duration::ZERO)
        })
        .collect();
    if cases.is_empty() {
        let status = match report.uncovered() {
            None => TestCaseStatus::success(),
            Some(why) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                status.set_type("not exhausted").set_message(why);
                status
            }
        };
        cases.push((format!("seeds {}", report.seeds_in_words()), status, elapsed));
    }
    whole(name, rules, cases.into_iter())
}

fn whole(
    name: String,
    rules: &str,
    cases: impl Iterator<Item = (String, TestCaseStatus, Duration)>,
) -> Result<String, quick_junit::SerializeError> {
    let mut suite = TestSuite::new(name.clone());
    for (name, status, elapsed) in cases {
        let mut case = TestCase::new(name, status);
        case.set_classname(rules).set_time(elapsed);
        suite.add_test_case(case);
    }
    let mut report = Report::new(name);
    report.add_test_suite(suite);
    report.to_string()
}

fn status(outcome: &Outcome) -> TestCaseStatus {
    match &outcome.verdict {
        Verdict::Holds | Verdict::Vacuous => TestCaseStatus::success(),
        Verdict::Violated { property, trace, .. } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(property.name()).set_message(outcome.verdict.to_string());
            status.set_description(trace.to_text(Some(*property)));
            status
        }
        Verdict::NotExhausted(limit) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type(limits::limit(*limit)).set_message(outcome.verdict.to_string());
            status
        }
        Verdict::Refused(why) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type("no verdict").set_message(why);
            status
        }
    }
}
