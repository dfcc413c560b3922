//! The jobs of a check, run on the threads that there are.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::builder::CheckError;
use super::job::{Job, JudgeKind};
use super::limits::{Level, Limit, Limits, Progress};
use super::outcome::{Outcome, Verdict};
use super::pausing::pausing;
use super::plan::Plan;
use super::run::run_on;
use super::save::{Kept, Unfinished};
use super::search::Coverage;
use super::watch::Watch;
use crate::pbft::Rules;

/// What all jobs of a check are run under.
pub(super) struct Schedule<'a> {
    pub rules: &'static dyn Rules,
    pub limits: Limits,
    pub deadline: Option<Instant>,
    pub stop: Arc<AtomicBool>,
    pub watch: &'a dyn Watch,
    /// How often all jobs pause, so that what they came to can be kept.
    pub every: Option<Duration>,
}

type Result<T> = std::result::Result<T, CheckError>;

/// Keeps what all jobs have come to by now.
pub(super) type Keep<'a> = &'a mut dyn FnMut(&[(Outcome, Option<&Unfinished>)]);

/// What came of a job so far.
pub(super) struct Ran {
    pub outcome: Outcome,
    /// What it takes to go on, if something has ended it.
    pub unfinished: Option<Unfinished>,
}

/// A job, and how far it is.
enum Slot {
    /// It waits to be run, from the beginning or from where it was.
    Waits(Option<Unfinished>),
    /// It goes on in a moment.
    Paused(Ran),
    Done(Ran),
}

impl Schedule<'_> {
    /// Runs all jobs: side by side those that run on one thread, then those of judge *message*, each on all threads. The
    /// results stand in the order of the plan. `keep` is given, now and then, what all have come to by then.
    pub fn run(&self, plan: &Plan, kept: Vec<Kept>, keep: Keep<'_>) -> Result<Vec<Ran>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.limits.threads).build()?;
        let mut slots: Vec<Slot> = kept
            .into_iter()
            .map(|kept| match kept {
                Kept::Done(outcome) => Slot::Done(Ran { outcome, unfinished: None }),
                Kept::Unfinished(from) => Slot::Waits(Some(from)),
                Kept::Nothing => Slot::Waits(None),
            })
            .collect();
        let mut levels: Vec<Vec<Level>> = vec![Vec::new(); slots.len()];
        loop {
            self.round(plan, &mut slots, &mut levels, &pool)?;
            if slots.iter().all(|slot| matches!(slot, Slot::Done(_))) {
                break;
            }
            let rows: Vec<_> = slots.iter().zip(&plan.jobs).map(|(slot, job)| slot.row(job)).collect();
            keep(&rows);
            for slot in &mut slots {
                *slot = match std::mem::replace(slot, Slot::Waits(None)) {
                    Slot::Paused(ran) => Slot::Waits(ran.unfinished),
                    other => other,
                };
            }
        }
        let done = slots.into_iter().zip(levels).filter_map(|(slot, levels)| match slot {
            Slot::Done(Ran { outcome, unfinished }) => {
                Some(Ran { outcome: Outcome { levels, ..outcome }, unfinished })
            }
            Slot::Waits(_) | Slot::Paused(_) => None,
        });
        Ok(done.collect())
    }

    /// Runs all jobs that wait, until they have ended or it is time to pause.
    fn round(
        &self,
        plan: &Plan,
        slots: &mut [Slot],
        levels: &mut [Vec<Level>],
        pool: &rayon::ThreadPool,
    ) -> Result<()> {
        let jobs = &plan.jobs;
        let pause = Arc::new(AtomicBool::new(false));
        let waiting = (0..jobs.len()).filter(|&i| matches!(slots[i], Slot::Waits(_)));
        let (alone, together): (Vec<_>, Vec<_>) = waiting.partition(|&i| jobs[i].judge == JudgeKind::Message);
        let beside = together.len();
        let shared = Mutex::new((slots, levels));
        let one = |i: usize| -> Result<()> {
            let from = match &mut locked(&shared).0[i] {
                Slot::Waits(from) => from.take(),
                Slot::Paused(_) | Slot::Done(_) => None,
            };
            let limits = self.limits_of(&jobs[i], beside);
            let (ran, more) = self.run_one(&jobs[i], plan, &limits, from, &pause, pool)?;
            let is_paused = pause.load(Relaxed)
                && !self.stop.load(Relaxed)
                && is_stopped(&ran)
                && ran.unfinished.is_some();
            let mut shared = locked(&shared);
            shared.1[i].extend(more);
            shared.0[i] = if is_paused { Slot::Paused(ran) } else { Slot::Done(ran) };
            Ok(())
        };
        let failed = Mutex::new(None);
        let threads = self.limits.threads.min(together.len());
        let queue = Mutex::new(together);
        pausing(self.every, &pause, || {
            std::thread::scope(|scope| {
                for worker in 0..threads {
                    let (queue, one, failed, pause) = (&queue, &one, &failed, &pause);
                    // Liveness takes longest, so that one thread begins with it; not the only one, since most violations are
                    // found by the others, and soon.
                    let begins_with_liveness = worker > 0 && worker + 1 == threads;
                    scope.spawn(move || {
                        while !pause.load(Relaxed) {
                            let next = {
                                let mut queue = locked(queue);
                                let is_live = |&i: &usize| jobs[i].judge == JudgeKind::Liveness;
                                let place = queue.iter().position(|i| is_live(i) == begins_with_liveness);
                                let place = place.unwrap_or(0);
                                if place < queue.len() { queue.remove(place) } else { break }
                            };
                            if let Err(error) = one(next) {
                                locked(failed).get_or_insert(error);
                            }
                        }
                    });
                }
            });
            for i in alone {
                if pause.load(Relaxed) {
                    break;
                }
                if let Err(error) = one(i) {
                    locked(&failed).get_or_insert(error);
                }
            }
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// What a job is run under where so many run side by side. Searches on one thread each wait for each other less than those
    /// that share all threads.
    fn limits_of(&self, job: &Job, beside: usize) -> Limits {
        let is_one_of_many = job.judge == JudgeKind::Guards && beside >= self.limits.threads;
        Limits { threads: if is_one_of_many { 1 } else { self.limits.threads }, ..self.limits }
    }

    fn run_one(
        &self,
        job: &Job,
        plan: &Plan,
        limits: &Limits,
        mut from: Option<Unfinished>,
        pause: &Arc<AtomicBool>,
        pool: &rayon::ThreadPool,
    ) -> Result<(Ran, Vec<Level>)> {
        let (stop, pause) = (Arc::clone(&self.stop), Arc::clone(pause));
        let progress = Progress { stop, pause, ..Progress::default() };
        let mut result = None;
        let whose = format!("{} {}", job.judge_with(), job.whose());
        self.watch.watch(&whose, &progress, &mut || {
            let from = from.take();
            let run = || run_on(job, self.rules, plan.property, limits, self.deadline, &progress, from);
            result = Some(pool.install(run));
        });
        let (outcome, unfinished) = result.ok_or(CheckError::NotRun)??;
        Ok((Ran { outcome, unfinished }, progress.levels()))
    }
}

fn is_stopped(ran: &Ran) -> bool {
    // A judge that refuses may still find something to be violated.
    matches!(ran.outcome.verdict, Verdict::NotExhausted(Limit::Stopped) | Verdict::Refused(_))
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    /// What can be kept of it.
    fn row(&self, job: &Job) -> (Outcome, Option<&Unfinished>) {
        match self {
            Slot::Paused(ran) | Slot::Done(ran) => (ran.outcome.clone(), ran.unfinished.as_ref()),
            Slot::Waits(from) => {
                let nothing = Verdict::NotExhausted(Limit::Stopped);
                (Outcome::of(job, Coverage::default(), nothing), from.as_ref())
            }
        }
    }
}
