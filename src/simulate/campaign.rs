//! Many runs: on all processors, and on several machines.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::outcome::{Counts, End};
use super::run::run;
use super::settings::{Settings, SettingsError};
use crate::model::Property;
use crate::pbft::Rules;
use crate::trace::count;

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
    /// The most memory that the process may hold, in bytes.
    pub max_memory: Option<u64>,
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
#[serde(deny_unknown_fields)]
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
#[serde(deny_unknown_fields)]
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

/// Runs a campaign. Without `keeps_going` it ends at the first violation, by seed: the same one whatever the number
/// of threads.
///
/// # Errors
/// Settings that make no sense.
pub fn campaign(campaign: &Campaign, limits: &Limits, progress: &Progress) -> Result<Report, SettingsError> {
    campaign.settings.validate()?;
    let start = Instant::now();
    let runs = Runs::new(campaign, limits, progress);
    let threads =
        limits.threads.clamp(1, usize::try_from(campaign.to - campaign.from).unwrap_or(usize::MAX).max(1));
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| runs.watch());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| runs.work());
            }
        });
        runs.have_ended.store(true, Relaxed);
        watch.thread().unpark();
    });
    runs.report(start)
}

/// The runs of a campaign, shared by the threads that run them.
struct Runs<'a> {
    campaign: &'a Campaign,
    limits: &'a Limits,
    progress: &'a Progress,
    /// The next seed to run.
    next: AtomicU64,
    /// The first that is not run any more.
    last: AtomicU64,
    done: Mutex<Done>,
    failed: Mutex<Option<SettingsError>>,
    /// What has ended it before all seeds were run.
    stopped: Mutex<Option<&'static str>>,
    have_ended: AtomicBool,
}

/// What came of the runs that have ended: put together as far as all before them have, so that little is kept however many
/// there are.
struct Done {
    report: Report,
    /// The seed that is put to the others next.
    next: u64,
    pending: BTreeMap<u64, (End, Counts)>,
}

impl Done {
    /// Puts together what can be, up to that seed.
    fn gather(&mut self, last: u64) {
        while self.next < last
            && let Some((end, counts)) = self.pending.remove(&self.next)
        {
            self.report.count(self.next, end, &counts);
            self.next += 1;
        }
    }
}

impl<'a> Runs<'a> {
    fn new(campaign: &'a Campaign, limits: &'a Limits, progress: &'a Progress) -> Self {
        let report = Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: campaign.settings.clone(),
            seeds: Vec::new(),
            finished: 0,
            cut_off: 0,
            stopped: None,
            counts: Counts::default(),
            findings: Vec::new(),
            seconds: 0.0,
        };
        Runs {
            campaign,
            limits,
            progress,
            next: AtomicU64::new(campaign.from),
            last: AtomicU64::new(campaign.to),
            done: Mutex::new(Done { report, next: campaign.from, pending: BTreeMap::new() }),
            failed: Mutex::default(),
            stopped: Mutex::default(),
            have_ended: AtomicBool::new(false),
        }
    }

    /// Runs one seed after the other, until there is none left.
    fn work(&self) {
        loop {
            let last = self.last.load(Relaxed);
            let taken = self.next.fetch_update(Relaxed, Relaxed, |seed| (seed < last).then(|| seed + 1));
            let Ok(seed) = taken else { return };
            self.look_at_limits();
            match run(self.campaign.rules, &self.campaign.settings, seed, false, Some(&self.progress.stop)) {
                Ok(outcome) if outcome.end == End::Stopped => return,
                Ok(outcome) => {
                    self.progress.runs.fetch_add(1, Relaxed);
                    self.progress.steps.fetch_add(outcome.counts.steps, Relaxed);
                    if matches!(outcome.end, End::Violated { .. }) && !self.campaign.keeps_going {
                        self.last.fetch_min(seed + 1, Relaxed);
                    }
                    let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.pending.insert(seed, (outcome.end, outcome.counts));
                    done.gather(self.last.load(Relaxed));
                }
                Err(error) => {
                    *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return;
                }
            }
        }
    }

    /// Ends the runs when a limit is reached.
    fn look_at_limits(&self) {
        let Limits { deadline, max_memory, .. } = *self.limits;
        let held = || memory_stats::memory_stats().map_or(0, |held| held.physical_mem as u64);
        let what = match (deadline, max_memory) {
            (Some(deadline), _) if Instant::now() >= deadline => "the timeout",
            (_, Some(most)) if held() >= most => "the limit of memory",
            _ => return,
        };
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        stopped.get_or_insert(what);
        self.progress.stop.store(true, Relaxed);
    }

    /// Looks at the limits until all runs have ended.
    fn watch(&self) {
        while !self.have_ended.load(Relaxed) && !self.progress.stop.load(Relaxed) {
            self.look_at_limits();
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// What came of all of them, when all have ended.
    fn report(self, start: Instant) -> Result<Report, SettingsError> {
        if let Some(error) = self.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let Done { mut report, pending, .. } = self.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        let end = self.last.into_inner();
        // What ended after a run that was stopped.
        for (seed, (how, counts)) in pending.into_iter().filter(|(seed, _)| *seed < end) {
            report.count(seed, how, &counts);
        }
        if report.runs() < end - self.campaign.from {
            let stopped = self.stopped.into_inner().unwrap_or_else(PoisonError::into_inner);
            report.stopped = Some(stopped.unwrap_or("a signal").to_owned());
        }
        report.seconds = start.elapsed().as_secs_f64();
        Ok(report)
    }
}

impl Report {
    fn count(&mut self, seed: u64, end: End, counts: &Counts) {
        match self.seeds.last_mut() {
            Some(last) if last.1 == seed => last.1 += 1,
            _ => self.seeds.push((seed, seed + 1)),
        }
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
        // One that was read may say anything, until it is validated.
        self.seeds.iter().fold(0, |sum, (from, to)| sum.saturating_add(to.saturating_sub(*from)))
    }

    /// What of that which was asked was not looked at, if anything: nothing violated in what was says nothing of it.
    pub fn uncovered(&self) -> Option<String> {
        match (&self.stopped, self.cut_off) {
            (Some(what), _) => Some(format!("not all seeds were run: {what} ended it")),
            (None, 0) if self.runs() == 0 => Some("no seed was run".to_owned()),
            (None, 0) => None,
            (None, cut_off) => Some(format!(
                "{} cut off by --steps {}",
                count(cut_off, "run was", "runs were"),
                self.settings.steps
            )),
        }
    }
}
