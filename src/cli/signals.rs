//! What ends a run from outside.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::{register, register_conditional_shutdown};

use super::UsageError;
use super::output::say;
use crate::interrupt::{self, Allowance};
use crate::memory;

/// The exit code of who was interrupted and did not wait, as shells give it.
const INTERRUPTED: i32 = 130;

/// Set by Ctrl-C and by the other signals that ask a process to end (SIGTERM, SIGHUP): the runs end then, and say what they
/// covered. A second one ends the process at once. Who was started by nohup does not hear that its terminal is gone.
pub(super) fn stopped() -> Result<Arc<AtomicBool>, UsageError> {
    #[cfg(unix)]
    const ALL: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];
    #[cfg(not(unix))]
    const ALL: [i32; 2] = [SIGINT, SIGTERM];
    let stop = Arc::new(AtomicBool::new(false));
    for signal in ALL.into_iter().filter(|&signal| signal == SIGINT || !is_ignored(signal)) {
        // In this order: the first one only sets it.
        register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&stop))?;
        register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Does work that a signal, or all memory that there is, ends with what it has come to by then, which is said; none if it has
/// come to nothing.
pub(super) fn until_stopped<T>(stop: &AtomicBool, work: impl FnOnce() -> T) -> Option<T> {
    let max_memory = memory::by_default();
    let allowance = Allowance { timeout: None, deadline: None, max_memory, stop };
    let done = interrupt::overseen(&allowance, || (work(), interrupt::is_set()));
    if !matches!(done, Ok((_, false))) {
        say("It was ended before all was tried: more steps might be left out.");
    }
    done.ok().map(|(done, _)| done)
}

/// Whether whoever has started the process wants it to ignore a signal, where the system says so.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    u32::try_from(signal - 1).is_ok_and(|bit| ignored.checked_shr(bit).unwrap_or(0) & 1 != 0)
}
