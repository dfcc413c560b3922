//! What ends a search early, and how far one has come.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::trace::{count, thousands};

/// The most threads that a check takes.
pub const MOST_THREADS: usize = crate::memory::MOST_THREADS;

/// What ends a search early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The most distinct states to visit.
    pub max_states: Option<u64>,
    /// The longest time to search.
    pub timeout: Option<Duration>,
    /// The most memory that the process may hold, in bytes, all searches in it together. What it holds is
    /// asked of the system; where the system does not say, nothing is limited.
    pub max_memory: Option<u64>,
    /// Threads that expand states.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_states: None, timeout: None, max_memory: None, threads: 1 }
    }
}

/// How long a run may still take, for the whole of a check.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

/// How far a running search has come; read by whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Distinct states met.
    pub states: AtomicU64,
    /// States met and not yet expanded.
    pub frontier: AtomicU64,
    /// Steps from the initial state to the level that is being expanded.
    pub depth: AtomicU64,
    /// Transitions taken.
    pub transitions: AtomicU64,
    /// Steps of walks before the search, by which a judge meets what there is.
    pub walked: AtomicU64,
    /// What was covered after each level of the search so far.
    pub levels: Mutex<Vec<Level>>,
    /// Set this to stop the search, and all others that share it.
    pub stop: Arc<AtomicBool>,
    /// Set this to have the search stop where it can go on from, and soon will.
    pub pause: Arc<AtomicBool>,
    /// Whether it is somewhere now where it can go on from.
    pub can_pause: AtomicBool,
}

/// What a search has covered once all states of a level are expanded.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Level {
    /// Steps from the initial states to those of the level.
    pub level: u64,
    /// Distinct states met so far, those of the next level among them.
    pub states: u64,
    /// States of the next level.
    pub frontier: u64,
    /// Transitions taken so far.
    pub transitions: u64,
    /// The time since the search began.
    pub elapsed: Duration,
    /// The bytes that the states met so far take.
    pub bytes: u64,
}

impl Progress {
    /// The levels that are done.
    pub fn levels(&self) -> Vec<Level> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the search is to stop for a moment, and can.
    pub(super) fn pauses(&self) -> bool {
        self.pause.load(Relaxed) && self.can_pause.load(Relaxed)
    }

    pub(super) fn note(&self, level: Level) {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner).push(level);
    }
}

/// The limit that ended a search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// [`Limits::max_states`].
    States(u64),
    /// [`Limits::timeout`].
    Time(Duration),
    /// [`Limits::max_memory`]: what was held then, or would have been held a moment later.
    Memory(u64),
    /// [`Progress::stop`].
    Stopped,
    /// The bound itself: before the goal of a liveness property a run could go on to further views, or had
    /// no sequence number left.
    Bound,
    /// Another process of a check on several machines was lost.
    Lost(Process, Lost),
}

/// A process of a check on several machines, by its number from 0 on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Process(pub u32);

impl Process {
    /// Its place in a list of all processes.
    #[cfg(feature = "distributed")]
    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.0)
    }
}

/// How a process was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// It has ended, or the link to it has.
    Ended,
    /// Nothing was heard of it for too long.
    Silent,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::States(n) => write!(f, "stopped at {}", count(*n, "state", "states")),
            Limit::Time(_) => f.write_str("stopped by the timeout"),
            Limit::Memory(bytes) => write!(f, "stopped at {} MiB of memory", thousands(bytes >> 20)),
            Limit::Stopped => f.write_str("stopped by a signal"),
            Limit::Bound => f.write_str("it went on beyond the views or sequence numbers of the bound"),
            Limit::Lost(process, Lost::Ended) => write!(f, "{process} ended"),
            Limit::Lost(process, Lost::Silent) => write!(f, "{process} was not heard of any more"),
        }
    }
}
