//! Which properties of replicas alone states lack, found once for all states in which the properties see the same.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::{GlobalView, Properties, Property};
use crate::memory;
use crate::model::numbers::numbers;

numbers! {
    /// What the properties see of a replica, by number.
    pub(in crate::model) ObservationId
}

/// What the properties see of each honest replica.
pub(in crate::model) type Observations = SmallVec<[ObservationId; 4]>;

/// What was said of states that were asked about.
pub(in crate::model) struct Verdicts {
    /// Tells these from those of other models.
    id: u64,
    /// By the observations of all honest replicas, which properties states with these lack.
    judged: RwLock<FxHashMap<Observations, Properties>>,
}

/// A state that was asked about, and which properties it lacks.
struct Last {
    of: u64,
    /// As it is written down.
    state: SmallVec<[u32; 4]>,
    lacks: Properties,
}

thread_local! {
    /// The state that this thread asked about last: one property after the other is asked for.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

impl Default for Verdicts {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Verdicts { id: NEXT.fetch_add(1, Relaxed), judged: RwLock::default() }
    }
}

impl Verdicts {
    /// Which properties the state that is written down so lacks, by `judge` if it is not the one that was asked about last.
    pub fn of_state(&self, state: &[u32], judge: impl FnOnce() -> Properties) -> Properties {
        let known = LAST.with_borrow(|last| {
            let last = last.as_ref().filter(|last| last.of == self.id && last.state[..] == *state);
            last.map(|last| last.lacks)
        });
        known.unwrap_or_else(|| {
            let lacks = judge();
            LAST.set(Some(Last { of: self.id, state: state.into(), lacks }));
            lacks
        })
    }

    /// Which properties states with these observations lack, by `judge` if none was met yet.
    pub fn of_observations(
        &self,
        observations: Observations,
        judge: impl FnOnce() -> Properties,
    ) -> Properties {
        let judged = self.judged.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(&lacks) = judged.get(&observations) {
            return lacks;
        }
        memory::before(&*judged);
        drop(judged);
        let lacks = judge();
        self.judged.write().unwrap_or_else(PoisonError::into_inner).insert(observations, lacks);
        lacks
    }
}

/// Which properties of replicas alone are violated.
pub(in crate::model) fn violated_in(view: &GlobalView<'_>) -> Properties {
    let of_replicas = Property::SAFETY.into_iter().filter(|property| property.is_of_replicas());
    of_replicas.filter(|property| property.violation(view).is_some()).collect()
}
