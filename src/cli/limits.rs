//! The arguments that say when to give up.

use std::time::Duration;

use clap::Args;

use super::{UsageError, seconds, with};
use crate::check::{Check, Limit, MOST_THREADS, Subject};

/// The most states that are numbered.
const MOST_STATES: u64 = u32::MAX as u64;
/// The most memory that one can ask for, in MiB: 16 TiB.
pub(super) const MOST_MEMORY: u64 = 1 << 24;
/// The most runs of one simulation.
pub(super) const MOST_RUNS: u64 = 1_000_000_000;

#[derive(Debug, Args)]
pub(super) struct LimitArguments {
    /// Threads to use, from 1 to 1,024 [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = threads())]
    pub threads: Option<u64>,
    /// Give up a run at so many distinct states, up to 4,294,967,295 [default: that many]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=MOST_STATES))]
    pub max_states: Option<u64>,
    /// Give up after so many seconds in all, up to 1,000,000,000 [default: never]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Give up when the process is about to hold more than so many MiB of memory, up to 16,777,216 [default: four fifths of
    /// what the machine has, or its control group may have]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(..=MOST_MEMORY))]
    memory: Option<u64>,
}

/// Reads a number of threads.
pub(super) fn threads() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=MOST_THREADS as u64)
}

impl LimitArguments {
    /// The check with the limits that were given.
    pub fn given_to<S: Subject>(&self, check: Check<S>) -> Result<Check<S>, UsageError> {
        let check = with(check, self.threads.map(|threads| threads as usize), Check::threads);
        let check = with(check, self.max_states, Check::max_states);
        let check = with(check, self.memory.map(|mib| mib << 20), Check::max_memory);
        Ok(with(check, self.timeout()?, Check::timeout))
    }

    /// The limit of memory in bytes, if one was given.
    #[cfg(feature = "distributed")]
    pub fn memory(&self) -> Option<u64> {
        self.memory.map(|mib| mib << 20)
    }

    /// The time limit, if one was given.
    pub fn timeout(&self) -> Result<Option<Duration>, UsageError> {
        self.timeout.map(seconds).transpose()
    }
}

/// What ended a search, as a code.
pub(super) fn limit(limit: Limit) -> &'static str {
    match limit {
        Limit::States(_) => "states",
        Limit::Time(_) => "time",
        Limit::Memory(_) => "memory",
        Limit::Stopped => "signal",
        Limit::Bound => "bound",
        Limit::Lost(..) => "process",
    }
}
