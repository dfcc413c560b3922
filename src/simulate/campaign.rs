//! Many runs: on all processors, and on several machines.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::outcome::{Counts, End};
use super::run::run;
use super::settings::{Settings, SettingsError};
use crate::model::Property;
use crate::pbft::Rules;

/// Which seeds are run, and when to stop.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The rules that replicas follow.
    pub rules: &'static dyn Rules,
    /// What runs are drawn from.
    pub settings: Settings,
    /// The first seed.
    pub from: u64,
    /// The seed after the last.
    pub to: u64,
    /// Whether to go on after a violation.
    pub keeps_going: bool,
}

/// What ends a campaign early.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many runs happen at the same time.
    pub threads: usize,
    /// When to stop.
    pub deadline: Option<Instant>,
}

/// How far a campaign is, and a way to end it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Runs that have ended.
    pub runs: AtomicU64,
    /// Steps of those.
    pub steps: AtomicU64,
    /// Set to end it.
    pub stop: std::sync::Arc<AtomicBool>,
}

/// A violation that was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The seed that shows it.
    pub seed: u64,
    /// The property.
    pub property: Property,
    /// What is wrong.
    pub what: String,
    /// How many steps it took.
    pub steps: u64,
}

/// What came of a campaign, or of several put together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The version of this program: another may draw other runs.
    pub version: String,
    /// What the runs were drawn from.
    pub settings: Settings,
    /// The seeds that were run, as ranges without their ends, in order.
    pub seeds: Vec<(u64, u64)>,
    /// How many runs came to their end.
    pub finished: u64,
    /// How many were cut off by the number of steps.
    pub cut_off: u64,
    /// Whether the campaign was ended before all seeds were run, by what.
    pub stopped: Option<String>,
    /// What happened in all of them.
    pub counts: Counts,
    /// What was found, by seed.
    pub findings: Vec<Finding>,
    /// How long it took, in seconds of one clock, all parts together.
    pub seconds: f64,
}

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
}

/// Runs a campaign. Without `keeps_going` it ends at the first violation, by seed: the same one whatever the number
/// of threads.
///
/// # Errors
/// Settings that make no sense.
pub fn campaign(campaign: &Campaign, limits: &Limits, progress: &Progress) -> Result<Report, SettingsError> {
    campaign.settings.validate()?;
    let start = Instant::now();
    let runs = Runs::new(campaign, limits, progress);
    std::thread::scope(|scope| {
        for _ in 0..limits.threads.max(1) {
            scope.spawn(|| runs.work());
        }
        if let Some(deadline) = limits.deadline {
            let runs = &runs;
            scope.spawn(move || runs.watch(deadline));
        }
    });
    runs.report(start)
}

/// The runs of a campaign, shared by the threads that run them.
struct Runs<'a> {
    campaign: &'a Campaign,
    deadline: Option<Instant>,
    progress: &'a Progress,
    /// The next seed to run.
    next: AtomicU64,
    /// The first that is not run any more.
    last: AtomicU64,
    done: Mutex<Vec<(u64, End, Counts)>>,
    failed: Mutex<Option<SettingsError>>,
    timed_out: AtomicBool,
}

impl<'a> Runs<'a> {
    fn new(campaign: &'a Campaign, limits: &Limits, progress: &'a Progress) -> Self {
        Runs {
            campaign,
            deadline: limits.deadline,
            progress,
            next: AtomicU64::new(campaign.from),
            last: AtomicU64::new(campaign.to),
            done: Mutex::default(),
            failed: Mutex::default(),
            timed_out: AtomicBool::new(false),
        }
    }

    /// Runs one seed after the other, until there is none left.
    fn work(&self) {
        loop {
            let seed = self.next.fetch_add(1, Relaxed);
            if seed >= self.last.load(Relaxed) {
                return;
            }
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.time_is_over();
            }
            match run(self.campaign.rules, &self.campaign.settings, seed, false, Some(&self.progress.stop)) {
                Ok(outcome) if outcome.end == End::Stopped => return,
                Ok(outcome) => {
                    self.progress.runs.fetch_add(1, Relaxed);
                    self.progress.steps.fetch_add(outcome.counts.steps, Relaxed);
                    if matches!(outcome.end, End::Violated { .. }) && !self.campaign.keeps_going {
                        self.last.fetch_min(seed + 1, Relaxed);
                    }
                    let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((seed, outcome.end, outcome.counts));
                }
                Err(error) => {
                    *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return;
                }
            }
        }
    }

    fn time_is_over(&self) {
        self.timed_out.store(true, Relaxed);
        self.progress.stop.store(true, Relaxed);
    }

    /// Ends the runs when the time is over; returns when all have ended.
    fn watch(&self, deadline: Instant) {
        loop {
            let ended = self.done.lock().unwrap_or_else(PoisonError::into_inner).len() as u64;
            let last = self.last.load(Relaxed);
            let all_ended = self.next.load(Relaxed) >= last && ended >= last - self.campaign.from;
            if self.progress.stop.load(Relaxed) || all_ended {
                return;
            }
            if Instant::now() >= deadline {
                self.time_is_over();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What came of all of them, when all have ended.
    fn report(self, start: Instant) -> Result<Report, SettingsError> {
        if let Some(error) = self.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let Campaign { settings, from, .. } = self.campaign;
        let mut done = self.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        let end = self.last.into_inner();
        done.retain(|(seed, ..)| *seed < end);
        done.sort_unstable_by_key(|(seed, ..)| *seed);
        let ran = done.len() as u64;
        let stopped = match (self.timed_out.into_inner(), self.progress.stop.load(Relaxed)) {
            _ if ran == end - from => None,
            (true, _) => Some("the timeout".to_owned()),
            (false, true) => Some("Ctrl-C".to_owned()),
            (false, false) => None,
        };
        let mut report = Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: settings.clone(),
            seeds: ranges(done.iter().map(|(seed, ..)| (*seed, seed + 1))),
            finished: 0,
            cut_off: 0,
            stopped,
            counts: Counts::default(),
            findings: Vec::new(),
            seconds: start.elapsed().as_secs_f64(),
        };
        for (seed, end, counts) in done {
            report.count(seed, end, &counts);
        }
        Ok(report)
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

impl Report {
    fn count(&mut self, seed: u64, end: End, counts: &Counts) {
        self.counts.add(counts);
        match end {
            End::Finished => self.finished += 1,
            End::Steps | End::Stopped => self.cut_off += 1,
            End::Violated { property, what } => {
                self.findings.push(Finding { seed, property, what, steps: counts.steps });
            }
        }
    }

    /// How many runs there were.
    pub fn runs(&self) -> u64 {
        self.seeds.iter().map(|(from, to)| to - from).sum()
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
        all.finished += report.finished;
        all.cut_off += report.cut_off;
        all.stopped = all.stopped.or(report.stopped);
        all.counts.add(&report.counts);
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
