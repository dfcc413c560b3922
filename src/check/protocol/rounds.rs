//! The rows of a check, side by side, in rounds: after each all that they have come to can be kept.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::quorums::HaltedRow;
use super::report::{Row, Verdict};
use super::run::Job;
use crate::check::fair::HaltedGraph;
use crate::check::limits::Limit;
use crate::check::pausing::pausing;
use crate::check::search::Halted;
use crate::engine::{FairGraph, FairState, Graph, GraphState, Owed, SetupError};
use crate::protocol::Protocol;

/// A search that a limit ended, or that has not begun, with the graph that it is in.
pub(super) enum Suspended<P: Protocol> {
    Safety(Box<Graph<P>>, Option<Halted<GraphState>>),
    Liveness(Box<FairGraph<P>>, Option<HaltedGraph<FairState, Owed>>),
    /// Whole quorums are steps.
    Quorums(Box<HaltedRow>),
}

/// What is known of a job that was run before.
pub(super) enum Kept<P: Protocol> {
    /// It ended by itself.
    Done(Row),
    /// A limit ended it.
    Unfinished(Suspended<P>),
    /// Nothing that would help: it has to run again.
    Nothing,
}

/// What came of a job so far.
pub(super) struct Ran<P: Protocol> {
    pub row: Row,
    /// What it takes to go on, if something has ended it.
    pub unfinished: Option<Suspended<P>>,
}

/// What can be kept of a job.
#[derive(Clone, Copy)]
pub(super) struct Known<'a, P: Protocol> {
    /// None if it was not run yet.
    pub row: Option<&'a Row>,
    pub unfinished: Option<&'a Suspended<P>>,
}

impl<P: Protocol> Ran<P> {
    pub fn known(&self) -> Known<'_, P> {
        Known { row: Some(&self.row), unfinished: self.unfinished.as_ref() }
    }
}

impl<P: Protocol> From<Row> for Ran<P> {
    fn from(row: Row) -> Self {
        Ran { row, unfinished: None }
    }
}

/// A job, and how far it is.
enum Slot<P: Protocol> {
    /// It waits to be run, from the beginning or from where it was.
    Waits(Option<Suspended<P>>),
    /// It goes on in a moment.
    Paused(Ran<P>),
    Done(Ran<P>),
}

/// How jobs are run.
pub(super) struct Rounds<'a> {
    pub threads: usize,
    pub stop: &'a AtomicBool,
    /// How often all jobs pause, so that what they came to can be kept.
    pub every: Option<Duration>,
}

type Run<'a, P> =
    &'a (dyn Fn(&Job, Option<Suspended<P>>, &Arc<AtomicBool>) -> Result<Ran<P>, SetupError> + Sync);

impl Rounds<'_> {
    /// Runs all jobs; what came of them stands in their order. `keep` is given, now and then, what all have come to by then.
    pub fn run<P: Protocol>(
        &self,
        jobs: &[Job],
        kept: Vec<Kept<P>>,
        run: Run<'_, P>,
        keep: &mut dyn FnMut(&[Known<'_, P>]),
    ) -> Result<Vec<Ran<P>>, SetupError> {
        let mut slots: Vec<Slot<P>> = kept
            .into_iter()
            .map(|kept| match kept {
                Kept::Done(row) => Slot::Done(row.into()),
                Kept::Unfinished(from) => Slot::Waits(Some(from)),
                Kept::Nothing => Slot::Waits(None),
            })
            .collect();
        loop {
            self.round(jobs, &mut slots, run)?;
            if slots.iter().all(|slot| matches!(slot, Slot::Done(_))) {
                break;
            }
            keep(&slots.iter().map(Slot::known).collect::<Vec<_>>());
        }
        let done = slots.into_iter().filter_map(|slot| match slot {
            Slot::Done(ran) => Some(ran),
            Slot::Waits(_) | Slot::Paused(_) => None,
        });
        Ok(done.collect())
    }

    /// Runs all jobs that are not done, until they have ended or it is time to pause.
    fn round<P: Protocol>(
        &self,
        jobs: &[Job],
        slots: &mut [Slot<P>],
        run: Run<'_, P>,
    ) -> Result<(), SetupError> {
        let pause = Arc::new(AtomicBool::new(false));
        let waiting: Vec<_> = (0..jobs.len()).filter(|&i| !matches!(slots[i], Slot::Done(_))).collect();
        let threads = self.threads.min(waiting.len());
        let (queue, shared, failed) = (Mutex::new(waiting.into_iter()), Mutex::new(slots), Mutex::new(None));
        let work = || {
            while !pause.load(Relaxed) {
                let Some(next) = locked(&queue).next() else { break };
                let slot = std::mem::replace(&mut locked(&shared)[next], Slot::Waits(None));
                let (from, levels) = match slot {
                    Slot::Waits(from) => (from, Vec::new()),
                    Slot::Paused(ran) | Slot::Done(ran) => (ran.unfinished, ran.row.levels),
                };
                match run(&jobs[next], from, &pause) {
                    Ok(mut ran) => {
                        ran.row.levels.splice(0..0, levels);
                        let is_paused = pause.load(Relaxed) && !self.stop.load(Relaxed) && ran.is_stopped();
                        locked(&shared)[next] = if is_paused { Slot::Paused(ran) } else { Slot::Done(ran) };
                    }
                    Err(why) => drop(locked(&failed).get_or_insert(why)),
                }
            }
        };
        pausing(self.every, &pause, || {
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(work);
                }
            });
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

impl<P: Protocol> Ran<P> {
    fn is_stopped(&self) -> bool {
        self.unfinished.is_some() && matches!(self.row.verdict, Verdict::NotExhausted(Limit::Stopped))
    }
}

impl<P: Protocol> Slot<P> {
    /// What can be kept of it.
    fn known(&self) -> Known<'_, P> {
        match self {
            Slot::Paused(ran) | Slot::Done(ran) => ran.known(),
            Slot::Waits(from) => Known { row: None, unfinished: from.as_ref() },
        }
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
