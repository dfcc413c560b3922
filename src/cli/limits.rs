//! The arguments that say when to give up.

use clap::Args;

use super::{UsageError, seconds, with};
use crate::check::{Check, Subject};

#[derive(Debug, Args)]
pub(super) struct LimitArguments {
    /// Threads to use [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Give up a run at so many distinct states
    #[arg(long, value_name = "N")]
    max_states: Option<u64>,
    /// Give up after so many seconds in all
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Give up when the process is about to hold more than so many MiB of memory
    #[arg(long, value_name = "MIB")]
    memory: Option<u64>,
}

impl LimitArguments {
    /// The check with the limits that were given.
    pub fn given_to<S: Subject>(&self, check: Check<S>) -> Result<Check<S>, UsageError> {
        let timeout = self.timeout.map(seconds).transpose()?;
        let bytes = self.memory.map(|mib| mib.saturating_mul(1 << 20));
        let check = with(check, self.threads, Check::threads);
        let check = with(check, self.max_states, Check::max_states);
        let check = with(check, bytes, Check::max_memory);
        Ok(with(check, timeout, Check::timeout))
    }
}
