//! What was found out of a rulebook while its views are explored, by all threads together.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashSet;

use super::assumptions::Assumption;
use super::error::{Objection, Unexplorable};
use crate::engine::Fingerprint;

/// The good outcomes that some view must have: a model in which nothing happens proves nothing.
pub(super) const GOOD: [&str; 2] =
    ["every honest replica decides a request", "a request is decided after a view change"];

/// What was found out.
#[derive(Default)]
pub(super) struct Findings {
    refusal: Mutex<Option<Unexplorable>>,
    /// What the rulebook does not fulfil: what is found to be violated stands, what is found to hold does not.
    unmet: Mutex<Option<Assumption>>,
    objection: Mutex<Option<Objection>>,
    reached: Mutex<BTreeSet<&'static str>>,
    /// What was followed once for all pasts: so it is counted once.
    counted: Mutex<FxHashSet<Fingerprint>>,
    within: AtomicU64,
}

impl Findings {
    pub fn new(refusal: Option<Unexplorable>, unmet: Option<Assumption>) -> Self {
        Findings { refusal: Mutex::new(refusal), unmet: Mutex::new(unmet), ..Findings::default() }
    }

    /// Why the views cannot be explored one by one.
    pub fn refusal(&self) -> Option<Unexplorable> {
        locked(&self.refusal).clone()
    }

    /// Of several refusals the same one is kept, whichever thread comes first.
    pub fn refuse(&self, why: Unexplorable) {
        let mut refusal = locked(&self.refusal);
        *refusal = refusal.take().into_iter().chain([why]).min_by_key(Unexplorable::to_string);
    }

    /// What the rulebook does not fulfil of all that is assumed of it.
    pub fn unmet(&self) -> Option<Assumption> {
        locked(&self.unmet).clone()
    }

    pub fn does_not_meet(&self, assumption: Assumption) {
        locked(&self.unmet).get_or_insert(assumption);
    }

    /// Why no state can be left out for one that subsumes it.
    pub fn objection(&self) -> Option<Objection> {
        *locked(&self.objection)
    }

    /// Of several objections the same one is kept, whichever thread comes first.
    pub fn object(&self, why: Objection) {
        let mut objection = locked(&self.objection);
        *objection = Some(objection.map_or(why, |other| other.min(why)));
    }

    /// The good outcomes that were met.
    pub fn reached(&self) -> BTreeSet<&'static str> {
        locked(&self.reached).clone()
    }

    pub fn reach(&self, good: BTreeSet<&'static str>) {
        locked(&self.reached).extend(good);
    }

    /// Whether some good outcome was not met in any view yet.
    pub fn is_any_good_missing(&self) -> bool {
        locked(&self.reached).len() < GOOD.len()
    }

    /// Counts so many states within views for what has this hash, unless they were counted: what was given up in the middle is
    /// followed once more.
    pub fn count(&self, key: Fingerprint, states: u64) {
        if locked(&self.counted).insert(key) {
            self.visit(states);
        }
    }

    /// All that was counted.
    pub fn counted(&self) -> Vec<Fingerprint> {
        let mut all: Vec<_> = locked(&self.counted).iter().copied().collect();
        all.sort_unstable();
        all
    }

    /// How many states were visited within views.
    pub fn within(&self) -> u64 {
        self.within.load(Relaxed)
    }

    pub fn visit(&self, states: u64) {
        self.within.fetch_add(states, Relaxed);
    }
}

/// What a thread that has panicked was changing is whole: each change is one step.
pub(super) fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
