//! A way out of the middle of long work: a search looks at its limits between expansions, and an expansion can take minutes.
//!
//! Work runs [under](under) an [`Interrupt`] that somebody else sets; in its inner loops it [polls](poll), and if the interrupt
//! is set it unwinds to whoever has called [`caught`]. What was half done by then is given up, so that work which polls
//! changes nothing that outlives it, or says that it is not to be relied on any more.
//!
//! Some work comes late: what a search has come to is made into an answer when the search has ended, perhaps by a limit. It is
//! [given a moment](late) beyond that, and ends when that is over too.
//!
//! The way out is an unwinding as of a panic, but none: no hook is called, nothing is printed, and it passes through
//! [`guarded`](crate::engine::guarded), which keeps the panics of the code under test. An interrupt belongs to a thread;
//! what is spread over several is put under it on each.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::thread::Thread;
use std::time::{Duration, Instant};

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
pub(crate) struct Interrupt {
    cause: AtomicU8,
    /// Whether the moment that late work is given beyond that is over.
    is_over: AtomicBool,
    /// The most memory that the process may hold, in bytes.
    most: Option<u64>,
}

/// Work was given up in the middle, for this reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Interrupted(pub Cause);

impl Interrupt {
    /// One for work that may take so much memory.
    fn within(most: Option<u64>) -> Self {
        Interrupt { most, ..Interrupt::default() }
    }

    /// Sets it for late work too.
    pub fn end(&self) {
        self.is_over.store(true, Relaxed);
    }

    /// Sets it; the first cause counts.
    pub fn set(&self, cause: Cause) {
        let number = match cause {
            Cause::Stopped => 1,
            Cause::Time => 2,
            Cause::Memory => 3,
        };
        let _ = self.cause.compare_exchange(0, number, Relaxed, Relaxed);
    }

    /// Why it is set, if it is.
    pub fn cause(&self) -> Option<Cause> {
        match self.cause.load(Relaxed) {
            0 => None,
            1 => Some(Cause::Stopped),
            2 => Some(Cause::Time),
            _ => Some(Cause::Memory),
        }
    }
}

/// Which of its two ends counts for the work at hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// The first.
    Usual,
    /// The second.
    Late,
    /// None.
    Undisturbed,
}

/// What a thread works under.
#[derive(Clone, Debug)]
pub(crate) struct Over {
    interrupt: Arc<Interrupt>,
    stage: Stage,
}

impl Over {
    fn cause(&self) -> Option<Cause> {
        match self.stage {
            Stage::Undisturbed => None,
            Stage::Late if !self.interrupt.is_over.load(Relaxed) => None,
            Stage::Usual | Stage::Late => self.interrupt.cause(),
        }
    }
}

thread_local! {
    /// What this thread works under.
    static OVER: RefCell<Option<Over>> = const { RefCell::new(None) };
}

/// Puts back what the thread worked under before, on every way out.
#[must_use = "it is put back at once"]
pub(crate) struct PutBack(Option<Over>);

impl Drop for PutBack {
    fn drop(&mut self) {
        let before = self.0.take();
        // While the thread ends there is nothing left to put it back to.
        let _ = OVER.try_with(|over| over.replace(before));
    }
}

/// Does work that ends when the interrupt is set and it polls.
pub(crate) fn under<T>(interrupt: Arc<Interrupt>, work: impl FnOnce() -> T) -> T {
    let _before = enter(Some(Over { interrupt, stage: Stage::Usual }));
    work()
}

/// Puts this thread under what another works under until the guard is dropped; under none, nothing ends its work.
pub(crate) fn enter(over: Option<Over>) -> PutBack {
    PutBack(OVER.with(|own| own.replace(over)))
}

/// Does work of another kind, under what this thread works under.
fn at<T>(stage: Stage, work: impl FnOnce() -> T) -> T {
    let over = OVER.with(|over| over.borrow().clone());
    let _before = enter(over.map(|over| Over { stage, ..over }));
    work()
}

/// Does work that is to be done whatever happens meanwhile.
pub(crate) fn undisturbed<T>(work: impl FnOnce() -> T) -> T {
    at(Stage::Undisturbed, work)
}

/// Does work that makes an answer of what was found: it goes on for a moment where all else ends. Also within work that is
/// undisturbed.
pub(crate) fn late<T>(work: impl FnOnce() -> T) -> T {
    at(Stage::Late, work)
}

/// What this thread works under: for the other threads that do a part of its work.
pub(crate) fn current() -> Option<Over> {
    OVER.with(|over| over.borrow().clone()).filter(|over| over.stage != Stage::Undisturbed)
}

/// Whether this thread works under an interrupt at all.
pub(crate) fn is_overseen() -> bool {
    current().is_some()
}

/// Whether the work at hand is to end.
pub(crate) fn is_set() -> bool {
    cause().is_some()
}

fn cause() -> Option<Cause> {
    OVER.with(|over| over.borrow().as_ref().and_then(Over::cause))
}

/// Gives up the work at hand if the process would hold more than it may with so many bytes more: for who asks for much at
/// once. Late work may take a little more than the rest.
pub(crate) fn ask_for(bytes: u64) {
    poll();
    let Some(Over { interrupt, .. }) = current() else { return };
    let Some(most) = interrupt.most else { return };
    let most = if is_late() { with_a_little_more(most) } else { most };
    if held().is_some_and(|held| held.saturating_add(bytes) >= most) {
        interrupt.set(Cause::Memory);
        give_up(Interrupted(Cause::Memory));
    }
}

fn is_late() -> bool {
    OVER.with(|over| over.borrow().as_ref().is_some_and(|over| over.stage == Stage::Late))
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

/// How often limits are looked at.
const TICK: Duration = Duration::from_millis(5);

thread_local! {
    /// When this thread has last looked at the limits itself.
    static LOOKED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Whether this thread may look at the limits itself: not if it has a moment ago.
pub(crate) fn is_time_to_look() -> bool {
    let now = Instant::now();
    LOOKED.with(|looked| {
        let is_due = looked.get().is_none_or(|last| now.saturating_duration_since(last) >= TICK);
        if is_due {
            looked.set(Some(now));
        }
        is_due
    })
}

/// How long late work goes on: this long, or a part of the time that the work was given, or has taken if it was given none. What
/// comes behind it, such as to print, has the rest of a second or of a tenth.
const MOMENT: Duration = Duration::from_millis(700);
const PART: f64 = 0.07;
const REST: Duration = Duration::from_millis(200);

/// The memory that late work may take where the rest may take so much.
fn with_a_little_more(most: u64) -> u64 {
    most.saturating_add(most / 20)
}

/// What work may take, and who ends it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance<'a> {
    /// How long.
    pub timeout: Option<Duration>,
    /// Until when.
    pub deadline: Option<Instant>,
    /// How much memory the process may hold meanwhile, in bytes.
    pub max_memory: Option<u64>,
    /// Somebody who wants it to stop sets it.
    pub stop: &'a AtomicBool,
}

impl Allowance<'_> {
    /// An allowance for what is last, and can do with what the moment of the rest leaves of a second or of a tenth.
    pub fn for_the_end(self) -> Self {
        let more = self.timeout.map_or(Duration::ZERO, |timeout| timeout.mul_f64(0.02)).max(REST);
        let deadline = self.deadline.map(|deadline| deadline.checked_add(more).unwrap_or(deadline));
        Allowance { deadline, ..self }
    }

    /// What is used up by now, if anything is.
    pub fn due(&self) -> Option<Cause> {
        if self.stop.load(Relaxed) {
            return Some(Cause::Stopped);
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Some(Cause::Time);
        }
        let most = self.max_memory?;
        (held()? >= most).then_some(Cause::Memory)
    }

    /// Looks at the limits until the work is done, or all of it is to end.
    fn look(&self, interrupt: &Interrupt, is_done: &AtomicBool, begun: Instant) {
        // When late work has to end: that is known once anything has ended the rest.
        let mut last: Option<Instant> = None;
        while !is_done.load(Relaxed) {
            if let Some(cause) = self.due() {
                interrupt.set(cause);
                if cause != Cause::Memory && last.is_none() {
                    let whole = self.timeout.unwrap_or_else(|| begun.elapsed());
                    let since = self.deadline.filter(|_| cause == Cause::Time).unwrap_or_else(Instant::now);
                    last = since.checked_add(whole.mul_f64(PART).max(MOMENT));
                }
            }
            let is_too_much = || {
                let most = self.max_memory.map(with_a_little_more);
                most.zip(held()).is_some_and(|(most, held)| held >= most)
            };
            if last.is_some_and(|last| Instant::now() >= last) || interrupt.cause().is_some() && is_too_much()
            {
                return interrupt.end();
            }
            std::thread::park_timeout(TICK);
        }
    }
}

/// The memory that the process holds, in bytes, where the system says so.
fn held() -> Option<u64> {
    memory_stats::memory_stats().map(|held| held.physical_mem as u64)
}

/// Does work within an allowance, and ends it in the middle where it polls once anything of that is used up.
///
/// # Errors
/// It was ended.
pub(crate) fn overseen<T>(allowance: &Allowance<'_>, work: impl FnOnce() -> T) -> Result<T, Interrupted> {
    let begun = Instant::now();
    let interrupt = Arc::new(Interrupt::within(allowance.max_memory));
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let look = || allowance.look(&interrupt, &is_done, begun);
        let overseer = std::thread::Builder::new().name("limits".to_owned()).spawn_scoped(scope, look);
        // On every way out, so that it is never waited for in vain.
        let _end = overseer.as_ref().ok().map(|overseer| End(&is_done, overseer.thread().clone()));
        caught(|| under(Arc::clone(&interrupt), work))
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
        assert_eq!(caught(|| under(Arc::clone(&interrupt), work)), Ok(7));
        interrupt.set(Cause::Time);
        interrupt.set(Cause::Stopped);
        assert_eq!(caught(|| under(Arc::clone(&interrupt), work)), Err(Interrupted(Cause::Time)));
        assert_eq!(caught(|| under(Arc::clone(&interrupt), || undisturbed(work))), Ok(7));
        // It is over with the work.
        assert_eq!(caught(work), Ok(7));
    }

    /// It is no panic of the code under test, and none of the checker.
    #[test]
    fn it_passes_through_what_keeps_panics() {
        let interrupt = Arc::new(Interrupt::default());
        interrupt.set(Cause::Memory);
        let work = || under(Arc::clone(&interrupt), || guarded(poll));
        assert_eq!(caught(work), Err(Interrupted(Cause::Memory)));
        let panics = || caught(|| std::panic::resume_unwind(Box::new("a panic")));
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    }

    /// Late work goes on for a moment where the rest ends, also within what is undisturbed.
    #[test]
    fn late_work_ends_when_its_moment_is_over() {
        let interrupt = Arc::new(Interrupt::default());
        interrupt.set(Cause::Time);
        let work = || {
            poll();
            7
        };
        let late_work = || caught(|| under(Arc::clone(&interrupt), || undisturbed(|| late(work))));
        assert_eq!(late_work(), Ok(7));
        interrupt.end();
        assert_eq!(late_work(), Err(Interrupted(Cause::Time)));
        assert_eq!(caught(|| under(Arc::clone(&interrupt), || late(|| undisturbed(work)))), Ok(7));
    }

    #[test]
    fn what_ends_work_ends_late_work_a_moment_later() {
        let for_ever = || -> u8 {
            loop {
                poll();
            }
        };
        let (never, stop) = (AtomicBool::new(false), AtomicBool::new(true));
        let none = Allowance { timeout: None, deadline: None, max_memory: None, stop: &never };
        for (allowance, cause) in [
            (Allowance { stop: &stop, ..none }, Cause::Stopped),
            (
                Allowance { deadline: Some(Instant::now()), timeout: Some(Duration::ZERO), ..none },
                Cause::Time,
            ),
            (Allowance { max_memory: Some(1), ..none }, Cause::Memory),
        ] {
            assert_eq!(overseen(&allowance, for_ever), Err(Interrupted(cause)));
            assert_eq!(overseen(&allowance, || late(for_ever)), Err(Interrupted(cause)));
        }
        assert_eq!(overseen(&none, || 7), Ok(7));
    }

    /// Who asks for much at once is told before it is there.
    #[test]
    fn memory_is_asked_for_before_it_is_taken() {
        let never = AtomicBool::new(false);
        let most = held().unwrap_or_default() + (1 << 30);
        let allowance = Allowance { timeout: None, deadline: None, max_memory: Some(most), stop: &never };
        let asking = |bytes| move || ask_for(bytes);
        assert_eq!(overseen(&allowance, asking(1 << 20)), Ok(()));
        assert_eq!(overseen(&allowance, asking(2 << 30)), Err(Interrupted(Cause::Memory)));
        assert_eq!(overseen(&allowance, || late(asking(2 << 30))), Err(Interrupted(Cause::Memory)));
        assert_eq!(overseen(&allowance, || undisturbed(asking(2 << 30))), Ok(()));
    }

    #[test]
    fn other_threads_are_put_under_it_too() {
        let interrupt = Arc::new(Interrupt::default());
        interrupt.set(Cause::Stopped);
        under(interrupt, || {
            let own = current();
            std::thread::scope(|scope| {
                let interrupted = || caught(poll).is_err();
                assert_eq!(scope.spawn(interrupted).join().ok(), Some(false));
                let under_it = scope.spawn(move || {
                    let _over = enter(own);
                    interrupted()
                });
                assert_eq!(under_it.join().ok(), Some(true));
            });
        });
    }
}
