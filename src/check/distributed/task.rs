//! A job that the threads of a process search together.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use super::dictionary::Dictionary;
use super::ids::Team;
use super::shards::Shards;
use crate::check::limits::{Limits, Progress};
use crate::check::save::SaveError;
use crate::engine::Portable;
use crate::interrupt::{self, Interrupted};

/// What the threads of a process share of a job.
pub(super) struct Task<M: Portable> {
    pub model: Arc<M>,
    pub dictionary: Dictionary<M>,
    pub team: Team,
    pub limits: Limits,
    /// Where the threads keep their shares, if they do.
    pub shards: Option<Shards>,
    /// Why one could not.
    pub failure: Mutex<Option<SaveError>>,
    /// How far all processes are, at the last level that all have come to.
    pub progress: Arc<Progress>,
    /// Of the good outcomes, in their order, whether a state of these levels has it.
    pub reached: Mutex<Vec<bool>>,
    begun: OnceLock<Instant>,
    warmed_up: OnceLock<Result<(), Interrupted>>,
}

impl<M: Portable> Task<M> {
    /// One that nobody has begun.
    pub fn new(model: Arc<M>, team: Team, limits: Limits, shards: Option<Shards>) -> Self {
        let (progress, failure) = (Arc::default(), Mutex::default());
        let dictionary = Dictionary::new(Arc::clone(&model), team.processes);
        let (reached, begun, warmed_up) = (Mutex::default(), OnceLock::new(), OnceLock::new());
        Task { model, dictionary, team, limits, shards, failure, progress, reached, begun, warmed_up }
    }

    /// Begins it, if nobody has: before any thread of the process searches.
    ///
    /// # Errors
    /// It was interrupted: some thread will say why.
    pub fn begin(&self) -> Result<(), Interrupted> {
        let told = || {
            self.progress.walked.fetch_add(1, Relaxed);
        };
        self.begun();
        *self.warmed_up.get_or_init(|| interrupt::caught(|| self.model.warm_up(&told)))
    }

    /// When somebody has begun it, which is now if nobody has.
    pub fn begun(&self) -> Instant {
        *self.begun.get_or_init(Instant::now)
    }
}
