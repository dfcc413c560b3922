//! A rulebook as it is asked by whoever is no replica: the adversary, the bound, a premise.
//!
//! Where a rule panics then, no replica has panicked yet, and perhaps none ever does. So a question whether something
//! is let through is answered with yes: what it is about reaches a replica, which asks the same and panics by itself, in
//! a step that can be shown. For any other question there is no such answer, and the panic is raised again: as a
//! [`Panicked`], for the [`guarded`] outside.

use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};

use super::panics::{Panicked, guarded, raised};
use crate::pbft::*;

/// A rulebook for who is no replica.
struct Lenient(&'static dyn Rules);

impl fmt::Debug for Lenient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The rulebooks that were asked for so: rulebooks live as long as the program, and so do these.
#[derive(Default)]
struct Followed {
    /// By the place of the rulebook; rulebooks without content may share one.
    by_rulebook: FxHashMap<usize, Vec<&'static Lenient>>,
    /// Their own places.
    own: FxHashSet<usize>,
}

fn place<T: ?Sized>(of: &T) -> usize {
    std::ptr::from_ref(of).cast::<()>().addr()
}

/// What replicas follow that are given this rulebook, and the rulebook as it is asked by who is no replica: its
/// [`Rules::itself`] is the rulebook itself, which replicas follow that are given it.
pub(super) fn lenient(rules: &'static dyn Rules) -> (&'static dyn Rules, &'static dyn Rules) {
    static KNOWN: LazyLock<Mutex<Followed>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let itself = rules.itself();
    let followed = if known.own.contains(&place(rules)) { itself } else { rules };
    let Followed { by_rulebook, own } = &mut *known;
    let alike = by_rulebook.entry(place(itself)).or_default();
    let lenient = alike.iter().copied().find(|known| std::ptr::eq(known.0, itself));
    let lenient = lenient.unwrap_or_else(|| {
        let lenient: &'static Lenient = Box::leak(Box::new(Lenient(itself)));
        alike.push(lenient);
        own.insert(place(lenient));
        lenient
    });
    (followed, lenient)
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
        impl Rules for Lenient {
            $(fn $name $(<$life>)? (&self, $($arg: $type),*) -> $out {
                guarded(|| self.0.$name($($arg),*)).unwrap_or_else(Answer::instead_of)
            })*

            fn itself(&self) -> &dyn Rules {
                self.0
            }
        }
    };
}

every_rule! { answers }
