//! A way out of the middle of long work: a search looks at its limits between expansions, and an expansion can take minutes.
//!
//! Work runs [under](under) an [`Interrupt`] that somebody else sets; in its inner loops it [polls](poll), and if the interrupt
//! is set it unwinds to whoever has called [`caught`]. What was half done by then is given up, so that work which polls
//! changes nothing that outlives it, or says that it is not to be relied on any more.
//!
//! The way out is an unwinding as of a panic, but none: no hook is called, nothing is printed, and it passes through
//! [`guarded`](crate::engine::guarded), which keeps the panics of the code under test. An interrupt belongs to a thread;
//! what is spread over several is put under it on each.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::thread::Thread;
use std::time::Instant;

/// Why work is interrupted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// Somebody wants it to stop.
    Stopped,
    /// The time is over.
    Time,
    /// The process holds as much memory as it may.
    Memory,
}

/// Something that can be set once, for whoever works under it.
#[derive(Debug, Default)]
pub(crate) struct Interrupt(AtomicU8);

/// Work was given up in the middle, for this reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Interrupted(pub Cause);

impl Interrupt {
    /// Sets it; the first cause counts.
    pub fn set(&self, cause: Cause) {
        let number = match cause {
            Cause::Stopped => 1,
            Cause::Time => 2,
            Cause::Memory => 3,
        };
        let _ = self.0.compare_exchange(0, number, Relaxed, Relaxed);
    }

    /// Why it is set, if it is.
    pub fn cause(&self) -> Option<Cause> {
        match self.0.load(Relaxed) {
            0 => None,
            1 => Some(Cause::Stopped),
            2 => Some(Cause::Time),
            _ => Some(Cause::Memory),
        }
    }
}

thread_local! {
    /// What this thread works under.
    static OVER: RefCell<Option<Arc<Interrupt>>> = const { RefCell::new(None) };
}

/// Puts back what the thread worked under before, on every way out.
#[must_use = "it is put back at once"]
pub(crate) struct PutBack(Option<Arc<Interrupt>>);

impl Drop for PutBack {
    fn drop(&mut self) {
        let before = self.0.take();
        // While the thread ends there is nothing left to put it back to.
        let _ = OVER.try_with(|over| over.replace(before));
    }
}

/// Does work that ends when the interrupt is set and it polls; under none, it never does.
pub(crate) fn under<T>(interrupt: Option<Arc<Interrupt>>, work: impl FnOnce() -> T) -> T {
    let _before = enter(interrupt);
    work()
}

/// Puts this thread under an interrupt until the guard is dropped.
pub(crate) fn enter(interrupt: Option<Arc<Interrupt>>) -> PutBack {
    PutBack(OVER.with(|over| over.replace(interrupt)))
}

/// Does work that is to be done whatever happens meanwhile.
pub(crate) fn undisturbed<T>(work: impl FnOnce() -> T) -> T {
    under(None, work)
}

/// What this thread works under: for the other threads that do a part of its work.
pub(crate) fn current() -> Option<Arc<Interrupt>> {
    OVER.with(|over| over.borrow().clone())
}

/// Whether this thread works under an interrupt at all.
pub(crate) fn is_overseen() -> bool {
    OVER.with(|over| over.borrow().is_some())
}

/// Whether the work at hand is to end.
pub(crate) fn is_set() -> bool {
    cause().is_some()
}

fn cause() -> Option<Cause> {
    OVER.with(|over| over.borrow().as_ref().and_then(|interrupt| interrupt.cause()))
}

/// Gives up the work at hand if it is to end. It costs a few nanoseconds.
#[inline]
pub(crate) fn poll() {
    if let Some(cause) = cause() {
        give_up(Interrupted(cause));
    }
}

#[cold]
fn give_up(interrupted: Interrupted) -> ! {
    resume_unwind(Box::new(interrupted))
}

/// Does work that may be given up in the middle.
///
/// # Errors
/// It was.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Interrupted> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| match payload.downcast::<Interrupted>() {
        Ok(interrupted) => *interrupted,
        Err(panic) => resume_unwind(panic),
    })
}

/// Does work that is given up at that time, if there is one; none if it was.
pub(crate) fn until<T>(deadline: Option<Instant>, work: impl FnOnce() -> T) -> Option<T> {
    let Some(deadline) = deadline else { return Some(work()) };
    let (interrupt, is_done) = (Arc::new(Interrupt::default()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let clock = scope.spawn(|| {
            while !is_done.load(Relaxed) {
                match deadline.checked_duration_since(Instant::now()) {
                    Some(left) => std::thread::park_timeout(left),
                    None => return interrupt.set(Cause::Time),
                }
            }
        });
        let _end = End(&is_done, clock.thread().clone());
        caught(|| under(Some(Arc::clone(&interrupt)), work)).ok()
    })
}

/// Ends a thread that looks on, when it is dropped: on every way out.
pub(crate) struct End<'a>(pub &'a AtomicBool, pub Thread);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
        self.1.unpark();
    }
}

/// The same on an error that some other code caught: whether it was no panic, but this.
pub(crate) fn passed_on(payload: Box<dyn std::any::Any + Send>) -> Box<dyn std::any::Any + Send> {
    match payload.downcast::<Interrupted>() {
        Ok(interrupted) => give_up(*interrupted),
        Err(payload) => payload,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::guarded;

    #[test]
    fn work_ends_where_it_polls_and_only_under_what_is_set() {
        let interrupt = Arc::new(Interrupt::default());
        let work = || {
            poll();
            7
        };
        assert_eq!(caught(|| under(Some(Arc::clone(&interrupt)), work)), Ok(7));
        interrupt.set(Cause::Time);
        interrupt.set(Cause::Stopped);
        assert_eq!(caught(|| under(Some(Arc::clone(&interrupt)), work)), Err(Interrupted(Cause::Time)));
        assert_eq!(caught(|| under(Some(Arc::clone(&interrupt)), || undisturbed(work))), Ok(7));
        // It is over with the work.
        assert_eq!(caught(work), Ok(7));
    }

    /// It is no panic of the code under test, and none of the checker.
    #[test]
    fn it_passes_through_what_keeps_panics() {
        let interrupt = Arc::new(Interrupt::default());
        interrupt.set(Cause::Memory);
        let work = || under(Some(Arc::clone(&interrupt)), || guarded(poll));
        assert_eq!(caught(work), Err(Interrupted(Cause::Memory)));
        let panics = || caught(|| std::panic::resume_unwind(Box::new("a panic")));
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    }

    #[test]
    fn work_is_given_up_when_its_time_is_over() {
        let for_ever = || -> u8 {
            loop {
                poll();
            }
        };
        assert_eq!(until(Some(Instant::now()), for_ever), None);
        let later = Instant::now() + std::time::Duration::from_secs(600);
        assert_eq!((until(Some(later), || 7), until(None, || 7)), (Some(7), Some(7)));
    }

    #[test]
    fn other_threads_are_put_under_it_too() {
        let interrupt = Arc::new(Interrupt::default());
        interrupt.set(Cause::Stopped);
        under(Some(interrupt), || {
            let own = current();
            std::thread::scope(|scope| {
                let interrupted = || caught(poll).is_err();
                assert_eq!(scope.spawn(interrupted).join().ok(), Some(false));
                let under_it = scope.spawn(move || under(own, interrupted));
                assert_eq!(under_it.join().ok(), Some(true));
            });
        });
    }
}
