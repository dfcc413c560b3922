//! What ends a run from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::UsageError;

/// The exit code of who was interrupted and did not wait, as shells give it.
const INTERRUPTED: i32 = 130;

/// Set by Ctrl-C and by the signals that ask a process to end (SIGTERM, SIGHUP): the runs end then, and say what they
/// covered. A second one ends the process at once.
pub(super) fn stopped() -> Result<Arc<AtomicBool>, UsageError> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if seen.swap(true, Relaxed) {
            std::process::exit(INTERRUPTED);
        }
    })?;
    Ok(stop)
}
