//! Panics of the code under test: caught where it is run, and kept as what they are, a fault of that code.
//!
//! Whatever belongs to the code under test, a rule or the replica that a rule has led astray, is run behind
//! [`guarded`]. A panic there prints nothing and ends nothing: it comes back as a [`Panicked`]. A panic that begins in
//! the checker's own files is no fault of the code under test, and goes on as any other.
//!
//! What is no panic cannot be caught: a stack that overflows, memory that is used up, a loop without end, and a
//! program that is built to abort when it panics.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind, set_hook, take_hook};
use std::sync::{Arc, Once};

/// A panic of the code under test.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Panicked {
    /// What it says.
    pub message: Arc<str>,
    /// Where it began: file, line and column.
    pub place: Arc<str>,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' at {}", self.message, self.place)
    }
}

thread_local! {
    /// Whether this thread runs code under test.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
    /// The panic of the code under test that unwinds this thread.
    static LAST: RefCell<Option<Panicked>> = const { RefCell::new(None) };
}

/// Runs code under test; its panic, if it panics.
///
/// # Errors
/// The panic.
pub fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, Panicked> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |info| {
            if !is_kept(info) {
                others(info)
            }
        }));
    });
    let outside = IS_GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    IS_GUARDED.set(outside);
    result.map_err(panicked)
}

/// The answer of code under test that was asked for something while no participant takes a step.
///
/// # Panics
/// With the [`Panicked`] of that code, for the next [`guarded`] outside.
pub(crate) fn raised<T>(result: Result<T, Panicked>) -> T {
    result.unwrap_or_else(|panicked| resume_unwind(Box::new(panicked)))
}

/// Runs what may raise a panic of code under test, and is none itself.
///
/// # Errors
/// The panic that was raised.
#[cfg(feature = "cli")]
pub(crate) fn unanswered<T>(run: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| match payload.downcast::<Panicked>() {
        Ok(raised) => *raised,
        Err(payload) => resume_unwind(payload),
    })
}

#[cold]
fn panicked(payload: Box<dyn Any + Send>) -> Panicked {
    let last = LAST.take();
    match (payload.downcast::<Panicked>(), last) {
        (Ok(raised), _) => *raised,
        (Err(_), Some(last)) => last,
        // It began in the checker, or on another thread.
        (Err(payload), None) => resume_unwind(payload),
    }
}

/// Keeps a panic of the code under test, if it is one.
fn is_kept(info: &PanicHookInfo<'_>) -> bool {
    // A hook that is called while the thread ends may find no storage left.
    if !IS_GUARDED.try_with(Cell::get).unwrap_or(false) {
        return false;
    }
    if info.location().is_some_and(|location| is_ours(location.file())) {
        LAST.set(None);
        return false;
    }
    let text = info.payload().downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| info.payload().downcast_ref::<String>().cloned());
    let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let message = text.unwrap_or_else(|| "a value that is no text".to_owned());
    let panicked = Panicked { message: message.into(), place: place.into() };
    LAST.try_with(|last| *last.borrow_mut() = Some(panicked)).is_ok()
}

/// Whether a file is the checker's own: of this crate, and neither the protocol nor a rulebook.
fn is_ours(file: &str) -> bool {
    let crate_root = file!().trim_end_matches("engine/panics.rs");
    let inside = file.strip_prefix(crate_root);
    inside.is_some_and(|inside| !["pbft/", "bugs/"].iter().any(|tested| inside.starts_with(tested)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_checker_is_none_of_the_code_under_test() {
        // Where this file stands depends on the package that compiles it.
        let here = |file: &str| file!().replace("engine/panics.rs", file);
        assert!(["engine/panics.rs", "check/search.rs", "lib.rs"].map(here).iter().all(|file| is_ours(file)));
        assert!(!["pbft/replica/log.rs", "bugs/amnesia.rs"].map(here).iter().any(|file| is_ours(file)));
        assert!(!is_ours("tests/it/panics.rs") && !is_ours("/rustc/1/library/alloc/src/collections/mod.rs"));
        // This one begins in a file of the checker.
        let ours = || guarded(|| panic!("ours"));
        assert!(catch_unwind(ours).is_err());
    }

    #[test]
    fn what_was_raised_is_what_the_next_guard_gets() {
        let first = Panicked { message: "why".into(), place: "there".into() };
        let raise = || -> u32 { raised(Err(first.clone())) };
        assert_eq!(guarded(raise), Err(first.clone()));
        let through = || guarded(|| guarded(raise));
        assert_eq!(through(), Ok(Err(first.clone())));
        assert_eq!(first.to_string(), "'why' at there");
        assert_eq!((guarded(|| 1), unanswered(|| 2)), (Ok(1), Ok(2)));
        assert_eq!(unanswered(raise), Err(first));
    }
}
