//! The jobs of a check, run on the threads that there are.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::builder::CheckError;
use super::job::{Job, JudgeKind};
use super::limits::{Limits, Progress};
use super::outcome::Outcome;
use super::plan::Plan;
use super::run::run_on;
use super::save::{Kept, Unfinished};
use crate::pbft::Rules;

/// Somebody who looks on while jobs run.
pub trait Watch: Sync {
    /// Calls `work` once, which runs the job, and may show meanwhile how far it has come.
    fn watch(&self, job: &Job, progress: &Progress, work: &mut (dyn FnMut() + Send));
}

/// Nobody looks on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unwatched;

impl Watch for Unwatched {
    fn watch(&self, _job: &Job, _progress: &Progress, work: &mut (dyn FnMut() + Send)) {
        work();
    }
}

/// What all jobs of a check are run under.
pub(super) struct Schedule<'a> {
    pub rules: &'static dyn Rules,
    pub limits: Limits,
    pub deadline: Option<Instant>,
    pub stop: Arc<AtomicBool>,
    pub watch: &'a dyn Watch,
}

type Result<T> = std::result::Result<T, CheckError>;
type Ran = (Outcome, Option<Unfinished>);

impl Schedule<'_> {
    /// Runs all jobs: side by side those that run on one thread, then those of judge *message*, each on all threads. The
    /// results stand in the order of the plan.
    pub fn run(&self, plan: &Plan, kept: Vec<Kept>) -> Result<Vec<Ran>> {
        let jobs = &plan.jobs;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.limits.threads).build()?;
        let kept = Mutex::new(kept.into_iter().map(Some).collect::<Vec<_>>());
        let one = |i: usize| {
            let known = kept.lock().unwrap_or_else(PoisonError::into_inner)[i].take();
            match known.unwrap_or(Kept::Nothing) {
                Kept::Done(outcome) => Ok((outcome, None)),
                Kept::Unfinished(from) => self.run_one(&jobs[i], plan, Some(from), &pool),
                Kept::Nothing => self.run_one(&jobs[i], plan, None, &pool),
            }
        };
        let (alone, together): (Vec<_>, Vec<_>) =
            (0..jobs.len()).partition(|&i| jobs[i].judge == JudgeKind::Message);
        let results = Mutex::new((0..jobs.len()).map(|_| None).collect::<Vec<_>>());
        let keep = |i: usize, result| {
            results.lock().unwrap_or_else(PoisonError::into_inner)[i] = Some(result);
        };
        let queue = Mutex::new(together);
        std::thread::scope(|scope| {
            for worker in 0..self.limits.threads.min(jobs.len()) {
                let (queue, one, keep) = (&queue, &one, &keep);
                // Liveness takes longest, so that one thread begins with it; not the only one, since most violations are
                // found by the others, and soon.
                let begins_with_liveness = worker > 0 && worker + 1 == self.limits.threads.min(jobs.len());
                scope.spawn(move || {
                    loop {
                        let next = {
                            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                            let is_live = |&i: &usize| jobs[i].judge == JudgeKind::Liveness;
                            let place = queue.iter().position(|i| is_live(i) == begins_with_liveness);
                            let place = place.unwrap_or(0);
                            if place < queue.len() { queue.remove(place) } else { break }
                        };
                        keep(next, one(next));
                    }
                });
            }
        });
        for i in alone {
            keep(i, one(i));
        }
        results.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect()
    }

    fn run_one(
        &self,
        job: &Job,
        plan: &Plan,
        mut from: Option<Unfinished>,
        pool: &rayon::ThreadPool,
    ) -> Result<Ran> {
        let progress = Progress { stop: Arc::clone(&self.stop), ..Progress::default() };
        let mut result = None;
        self.watch.watch(job, &progress, &mut || {
            let from = from.take();
            let run = || run_on(job, self.rules, plan.property, &self.limits, self.deadline, &progress, from);
            result = Some(pool.install(run));
        });
        match result {
            Some(result) => {
                let (outcome, unfinished) = result?;
                Ok((Outcome { levels: progress.levels(), ..outcome }, unfinished))
            }
            None => Err(CheckError::NotRun),
        }
    }
}
