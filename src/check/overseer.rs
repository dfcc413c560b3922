//! Limits that are looked at from outside: while work goes on, however long it takes to its next step.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::limits::{Limit, Limits};
use crate::interrupt::{self, Allowance, Cause, Interrupted};

/// Does work, and ends it in the middle once a limit is reached: the time, the memory, or that somebody wants it to stop. Work
/// within work that is overseen already goes on under the same limits.
///
/// # Errors
/// The limit.
pub(super) fn overseen<T>(
    limits: &Limits,
    deadline: Option<Instant>,
    stop: &AtomicBool,
    work: impl FnOnce() -> T,
) -> Result<T, Limit> {
    if interrupt::is_overseen() {
        return Ok(work());
    }
    let Limits { timeout, max_memory, .. } = *limits;
    let deadline = deadline.or_else(|| super::limits::deadline(timeout));
    let allowance = Allowance { timeout, deadline, max_memory, stop };
    interrupt::overseen(&allowance, work).map_err(|interrupted| limit(interrupted, limits))
}

/// The limit that was reached where work was interrupted.
pub(super) fn limit(Interrupted(cause): Interrupted, limits: &Limits) -> Limit {
    match cause {
        Cause::Stopped => Limit::Stopped,
        Cause::Time => Limit::Time(limits.timeout.unwrap_or_default()),
        Cause::Memory => Limit::Memory(limits.max_memory.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Work that would never end by itself.
    fn for_ever() {
        loop {
            interrupt::poll();
            std::hint::spin_loop();
        }
    }

    #[test]
    fn work_ends_by_whatever_is_reached() {
        let never = AtomicBool::new(false);
        let short = Limits { timeout: Some(Duration::from_millis(20)), ..Limits::default() };
        assert_eq!(overseen(&short, None, &never, for_ever), Err(Limit::Time(Duration::from_millis(20))));
        let small = Limits { max_memory: Some(1), ..Limits::default() };
        assert_eq!(overseen(&small, None, &never, for_ever), Err(Limit::Memory(1)));
        let stop = AtomicBool::new(true);
        assert_eq!(overseen(&Limits::default(), None, &stop, for_ever), Err(Limit::Stopped));
        let over = Some(Instant::now());
        assert!(matches!(overseen(&Limits::default(), over, &never, for_ever), Err(Limit::Time(_))));
        assert_eq!(overseen(&Limits::default(), None, &never, || 7), Ok(7));
    }

    #[test]
    fn a_panic_in_the_work_is_not_waited_for() {
        let panics = || {
            let work = || std::panic::resume_unwind(Box::new(7));
            overseen(&Limits::default(), None, &AtomicBool::new(false), work)
        };
        let caught = std::panic::catch_unwind(panics);
        assert_eq!(caught.err().and_then(|payload| payload.downcast::<i32>().ok()), Some(Box::new(7)));
    }
}
