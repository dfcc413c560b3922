//! Reports of parts of a campaign, put together. A report comes from a file, and a file can say anything: what cannot be of a
//! campaign is refused, and what was found has to happen again.

use super::campaign::{Finding, Report};
use super::outcome::{COUNTED, Counts, End};
use super::run::run;
use super::settings::{MOST_STEPS, Settings, SettingsError};
use crate::model::Property;
use crate::subject::Catalogue;
use crate::trace::{count, thousands};

/// Why reports cannot be put together.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// There is none.
    #[error("there is no report to merge")]
    Nothing,
    /// They are not of the same campaign.
    #[error("the reports are of different campaigns: {0} differ")]
    Different(&'static str),
    /// A seed was run twice.
    #[error("seed {0} was run in more than one of them: its run would count twice")]
    Overlap(u64),
    /// Together they count more than there are numbers.
    #[error("together they count more than 2^64: {0}")]
    TooMany(&'static str),
    /// A report cannot have come of a campaign.
    #[error("no campaign comes to this report: {0}")]
    Impossible(String),
    /// It is of another version of this program, which may draw other runs.
    #[error(
        "the report is of version {0} of this program, and this is {1}: another version may draw other runs"
    )]
    Version(String, &'static str),
    /// Its rulebook is unknown.
    #[error("the report is of the rulebook '{0}', which does not exist; bft rules lists them")]
    Rules(String),
    /// Its settings make no sense.
    #[error("the settings of the report make no sense: {0}")]
    Settings(#[from] SettingsError),
    /// What it says was found is not there.
    #[error("the report says that seed {0} violates {1}, and it does not happen again: {2}")]
    NotThere(u64, Property, String),
}

/// More seconds than any campaign takes: some thirty years of each of a thousand machines.
const MOST_SECONDS: f64 = 1e12;

/// More of anything than a run counts: a thousand times as many as it has steps at most.
const MOST_OF_A_RUN: u64 = 1000 * MOST_STEPS;

impl Report {
    /// Checks that this can be what a campaign of this version, on one of these subjects, came to. What was found is not run
    /// again.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn validate(&self, catalogue: &Catalogue) -> Result<(), MergeError> {
        let impossible = |why: String| Err(MergeError::Impossible(why));
        let own = env!("CARGO_PKG_VERSION");
        if self.version != own {
            return Err(MergeError::Version(self.version.clone(), own));
        }
        if catalogue.find(&self.settings.rules).is_none() {
            return Err(MergeError::Rules(self.settings.rules.clone()));
        }
        self.settings.validate()?;
        if self.settings.scope.load.is_none() {
            return impossible("its settings are of no simulated system".to_owned());
        }
        if let Some((from, to)) = self.seeds.iter().find(|(from, to)| from >= to) {
            return impossible(format!("{from}..{to} is no range of seeds"));
        }
        if let Some(pair) = self.seeds.windows(2).find(|pair| pair[0].1 > pair[1].0) {
            return impossible(format!(
                "seed {} stands in it twice, or its seeds are in no order",
                pair[1].0
            ));
        }
        let runs = self.seeds.iter().try_fold(0u64, |sum, (from, to)| sum.checked_add(to - from));
        let ends =
            self.finished.checked_add(self.cut_off).and_then(|it| it.checked_add(self.findings.len() as u64));
        if runs.is_none() || runs != ends {
            return impossible(
                "its seeds are not as many as runs that finished, were cut off or violated something"
                    .to_owned(),
            );
        }
        self.counts_fit(runs.unwrap_or(0))?;
        if runs == Some(0) && self.stopped.is_none() {
            return impossible("no seed was run, and nothing ended it".to_owned());
        }
        if let Some(finding) = self.findings.iter().find(|finding| !self.has_run(finding.seed)) {
            return impossible(format!("seed {} violates something, and was not run", finding.seed));
        }
        if self.findings.windows(2).any(|pair| pair[0].seed >= pair[1].seed) {
            return impossible("what was found stands in no order, or twice".to_owned());
        }
        if !(0.0..=MOST_SECONDS).contains(&self.seconds) {
            return impossible(format!("it took {} seconds", self.seconds));
        }
        let found = self.findings.iter().try_fold(0u64, |sum, finding| sum.checked_add(finding.steps));
        if found.is_none_or(|steps| steps > self.counts.steps) {
            return impossible("what was found took more steps than all runs".to_owned());
        }
        Ok(())
    }

    /// Whether so many runs can have counted that: where their settings limit it no more than that, and nothing without end.
    fn counts_fit(&self, runs: u64) -> Result<(), MergeError> {
        let Counts { steps, crashes, .. } = self.counts;
        let limited =
            [("steps", steps, self.settings.steps), ("crashes", crashes, self.settings.scope.crashes.into())];
        let counted = COUNTED.into_iter().zip(self.counts.each());
        let all = counted.map(|(what, counted)| (what, counted, MOST_OF_A_RUN));
        for (what, counted, each) in limited.into_iter().chain(all) {
            // As many as there are numbers is as many as one likes.
            if counted > runs.saturating_mul(each) {
                return Err(MergeError::Impossible(format!(
                    "{} with at most {} each have no {} {what}",
                    count(runs, "run", "runs"),
                    thousands(each),
                    thousands(counted)
                )));
            }
        }
        Ok(())
    }

    fn has_run(&self, seed: u64) -> bool {
        self.seeds.iter().any(|(from, to)| (*from..*to).contains(&seed))
    }

    /// Runs what was found first once more: it has to come to the same.
    ///
    /// # Errors
    /// It does not.
    pub fn reproduce(&self, catalogue: &Catalogue) -> Result<(), MergeError> {
        let Some(Finding { seed, property, what, steps }) = self.findings.first() else { return Ok(()) };
        let subject = catalogue.find(&self.settings.rules);
        let subject = subject.ok_or_else(|| MergeError::Rules(self.settings.rules.clone()))?;
        // What takes longer than is said is another run.
        let settings =
            Settings { steps: self.settings.steps.min(steps.saturating_add(1)), ..self.settings.clone() };
        let outcome = run(subject.rules(), &settings, *seed, false, None)?;
        let not_there = |why: String| Err(MergeError::NotThere(*seed, *property, why));
        match &outcome.end {
            End::Violated { property: found, what: why } if (found, why) == (property, what) => {
                if outcome.counts.steps == *steps {
                    return Ok(());
                }
                not_there(format!("it takes {} steps, and not {steps}", outcome.counts.steps))
            }
            End::Violated { property, what } => not_there(format!("it violates {property}: {what}")),
            End::Finished | End::Steps | End::Stopped => not_there("nothing is violated".to_owned()),
        }
    }
}

/// Puts the reports of parts of a campaign together.
///
/// # Errors
/// If they are of different campaigns, or a seed stands in two of them.
pub fn merge(reports: impl IntoIterator<Item = Report>) -> Result<Report, MergeError> {
    let mut reports = reports.into_iter();
    let mut all = reports.next().ok_or(MergeError::Nothing)?;
    for report in reports {
        if report.version != all.version {
            return Err(MergeError::Different("the versions"));
        }
        if report.settings != all.settings {
            return Err(MergeError::Different("the settings"));
        }
        all.seeds.extend(report.seeds);
        all.finished = sum(all.finished, report.finished, "runs")?;
        all.cut_off = sum(all.cut_off, report.cut_off, "runs")?;
        all.stopped = all.stopped.or(report.stopped);
        all.counts =
            all.counts.and(&report.counts).ok_or(MergeError::TooMany("steps, or what else is counted"))?;
        all.findings.extend(report.findings);
        all.seconds += report.seconds;
    }
    all.seeds.sort_unstable();
    if let Some(pair) = all.seeds.windows(2).find(|pair| pair[0].1 > pair[1].0) {
        return Err(MergeError::Overlap(pair[1].0));
    }
    all.seeds = ranges(std::mem::take(&mut all.seeds));
    all.findings.sort_by_key(|finding| finding.seed);
    Ok(all)
}

fn sum(a: u64, b: u64, of: &'static str) -> Result<u64, MergeError> {
    a.checked_add(b).ok_or(MergeError::TooMany(of))
}

impl Counts {
    /// Both together, if there are numbers that large.
    fn and(mut self, other: &Counts) -> Option<Counts> {
        let pairs = self.each_mut().into_iter().zip(other.each());
        for (own, other) in pairs {
            *own = own.checked_add(other)?;
        }
        Some(self)
    }
}

/// Neighbouring ranges made one.
fn ranges(parts: impl IntoIterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let mut out: Vec<(u64, u64)> = Vec::new();
    for (from, to) in parts {
        match out.last_mut() {
            Some(last) if last.1 == from => last.1 = to,
            _ => out.push((from, to)),
        }
    }
    out
}
