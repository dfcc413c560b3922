//! A rulebook as it is asked by whoever is no replica: the adversary, the bound, a premise.
//!
//! Where a rule panics then, no replica has panicked yet, and perhaps none ever does. So a question whether something
//! is let through is answered with yes: what it is about reaches a replica, which asks the same and panics by itself, in
//! a step that can be shown. For any other question there is no such answer, and the panic is raised again: as a
//! [`Panicked`], for the [`guarded`] outside.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use super::panics::{Panicked, guarded, raised};
use crate::pbft::*;

/// A rulebook for who is no replica.
#[derive(Debug)]
struct Asked(&'static dyn Rules);

/// A rulebook as it is asked by who is no replica. Its [`Rules::as_rules`] is the rulebook itself.
pub(super) fn asked(rules: &'static dyn Rules) -> &'static dyn Rules {
    thread_local! {
        /// One for each rulebook: rulebooks live as long as the program, and so do these.
        static KNOWN: RefCell<FxHashMap<*const dyn Rules, &'static Asked>> = RefCell::default();
    }
    let rules = rules.as_rules();
    KNOWN.with_borrow_mut(|known| {
        *known.entry(std::ptr::from_ref(rules)).or_insert_with(|| Box::leak(Box::new(Asked(rules))))
    })
}

/// What is answered in the place of a panic.
trait Answer: Sized {
    fn instead_of(panicked: Panicked) -> Self {
        raised(Err(panicked))
    }
}

impl Answer for bool {
    fn instead_of(_: Panicked) -> Self {
        true
    }
}

impl Answer for Result<(), Refusal> {
    fn instead_of(_: Panicked) -> Self {
        Ok(())
    }
}

impl Answer for usize {}
impl Answer for ReplicaId {}
impl Answer for TallyKey {}
impl<T> Answer for Option<T> {}
impl<T> Answer for Vec<T> {}
impl<T> Answer for Result<Vec<T>, Refusal> {}

macro_rules! answers {
    ($($name:ident $(<$life:lifetime>)? ($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        impl Rules for Asked {
            $(fn $name $(<$life>)? (&self, $($arg: $type),*) -> $out {
                guarded(|| self.0.$name($($arg),*)).unwrap_or_else(Answer::instead_of)
            })*

            fn as_rules(&self) -> &dyn Rules {
                self.0
            }
        }
    };
}

each_rule!(answers);
