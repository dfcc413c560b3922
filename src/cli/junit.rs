//! `--format junit`: each row as a test case, for what shows the results of continuous integration. What holds passes, what
//! is violated fails, and what has no verdict, or was not exhausted, is an error: neither is a success.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::limits;
use crate::check::Limit;
use crate::check::protocol::{CheckedProtocol, Verdict as OfProtocol};
#[cfg(feature = "pbft")]
use crate::check::{Checked, Verdict};
#[cfg(feature = "pbft")]
use crate::simulate::Report as Campaign;
use crate::simulate::protocol::Simulated;

/// What a test case is called, how it ended, and how long it took.
type Case = (String, TestCaseStatus, Duration);

/// The report of a check of PBFT.
#[cfg(feature = "pbft")]
pub(super) fn checked(checked: &Checked) -> Result<String, SerializeError> {
    let name = format!("bft check {}", checked.subject().name());
    let cases = checked.outcomes().iter().map(|outcome| {
        let (job, said) = (&outcome.job, outcome.verdict.to_string());
        let name = format!("{}, Byzantine {}: {}", job.judge_with(), job.whose(), job.covers());
        let status = match &outcome.verdict {
            Verdict::Holds | Verdict::Vacuous => TestCaseStatus::success(),
            Verdict::Violated { property, trace, .. } => {
                violated(property.name(), &said, trace.to_text(Some(*property)))
            }
            Verdict::NotExhausted(limit) => not_exhausted(*limit, &said),
            Verdict::Refused(why) => no_success("no verdict", why),
        };
        (name, status, outcome.coverage.elapsed)
    });
    whole(name, checked.subject().name(), cases)
}

/// The report of a check of a protocol of one's own.
pub(super) fn checked_protocol(checked: &CheckedProtocol) -> Result<String, SerializeError> {
    let cases = checked.rows().iter().map(|row| {
        let (name, said) =
            (format!("{}, {}: {}", row.asked, row.adversary, row.network), row.verdict.to_string());
        let status = match &row.verdict {
            OfProtocol::Holds | OfProtocol::Vacuous => TestCaseStatus::success(),
            OfProtocol::Violated { story, .. } | OfProtocol::NotLive { story, .. } => {
                let property = story.violation.as_ref().map_or("", |violation| &violation.property);
                violated(property, &said, story.to_text())
            }
            OfProtocol::NotExhausted(limit) => not_exhausted(*limit, &said),
            OfProtocol::Refused(why) => no_success("no verdict", &why.to_string()),
        };
        (name, status, row.coverage.elapsed)
    });
    whole(format!("check {}", checked.name()), checked.name(), cases)
}

/// The report of a campaign of PBFT: a test case for each finding, or one for all of it.
#[cfg(feature = "pbft")]
pub(super) fn simulated(report: &Campaign) -> Result<String, SerializeError> {
    let rules = &report.settings.rules;
    let elapsed = Duration::try_from_secs_f64(report.seconds).unwrap_or_default();
    let findings = report.findings.iter().map(|finding| {
        let status = violated(finding.property.name(), &finding.what, report.command(finding.seed));
        (format!("seed {}", finding.seed), status, Duration::ZERO)
    });
    let all = || (format!("seeds {}", report.seeds_in_words()), covered(report.uncovered()), elapsed);
    whole(format!("bft simulate {rules}"), rules, or_one(findings, all))
}

/// The report of runs of a protocol of one's own: a test case for each finding, or one for all of them.
pub(super) fn simulated_protocol(simulated: &Simulated) -> Result<String, SerializeError> {
    let findings = simulated.findings().iter().map(|finding| {
        let wrong = finding.story.violation.as_ref();
        let (property, why) = wrong.map_or(("", ""), |wrong| (&wrong.property, &wrong.why));
        let status = violated(property, why, finding.story.to_text());
        (format!("seed {}", finding.seed), status, Duration::ZERO)
    });
    let seeds = simulated.seeds();
    let all = || {
        let name = format!("seeds {}..{}", seeds.start, seeds.end);
        (name, covered(simulated.uncovered()), simulated.elapsed())
    };
    whole(format!("simulate {}", simulated.protocol()), simulated.protocol(), or_one(findings, all))
}

/// The findings, or where there are none one case for all runs.
fn or_one(findings: impl Iterator<Item = Case>, all: impl FnOnce() -> Case) -> impl Iterator<Item = Case> {
    let mut cases: Vec<_> = findings.collect();
    if cases.is_empty() {
        cases.push(all());
    }
    cases.into_iter()
}

fn covered(uncovered: Option<String>) -> TestCaseStatus {
    uncovered.map_or_else(TestCaseStatus::success, |why| no_success("not exhausted", &why))
}

fn whole(name: String, class: &str, cases: impl Iterator<Item = Case>) -> Result<String, SerializeError> {
    let mut suite = TestSuite::new(name.clone());
    for (name, status, elapsed) in cases {
        let mut case = TestCase::new(name, status);
        case.set_classname(class).set_time(elapsed);
        suite.add_test_case(case);
    }
    let mut report = Report::new(name);
    report.add_test_suite(suite);
    report.to_string()
}

fn violated(property: &str, said: &str, run: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(property).set_message(said).set_description(run);
    status
}

fn not_exhausted(limit: Limit, said: &str) -> TestCaseStatus {
    no_success(limits::limit(limit), said)
}

fn no_success(kind: &str, why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(kind).set_message(why);
    status
}
