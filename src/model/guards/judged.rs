//! Which properties of replicas alone a state lacks.

use std::sync::{Mutex, PoisonError, RwLock};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::GuardModel;
use super::state::GuardState;
use crate::memory;
use crate::model::participant::Local;
use crate::model::property::{Certificates, Decided, GlobalView, Judge as _, Properties, Property};
use crate::pbft::State;

/// What the properties see of each honest replica, by number.
type Observations = SmallVec<[u32; 4]>;

/// What was said of states that were asked about.
#[derive(Default)]
pub(super) struct Verdicts {
    /// By the observations of all honest replicas, which properties states with these lack, a bit each.
    judged: RwLock<FxHashMap<Observations, Properties>>,
    /// The state that was asked about last, and which it lacks: one property after the other is asked for.
    last: Mutex<Option<(GuardState, Properties)>>,
}

impl Verdicts {
    /// Which properties this state lacks, by `judge` if it is not the one that was asked about last.
    fn of_state(&self, state: &GuardState, judge: impl FnOnce() -> Properties) -> Properties {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, violated)) if known == state => *violated,
            _ => last.insert((state.clone(), judge())).1,
        }
    }

    /// Which properties states with these observations lack, by `judge` if none was met yet.
    fn of_observations(&self, observations: Observations, judge: impl FnOnce() -> Properties) -> Properties {
        let judged = self.judged.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(&violated) = judged.get(&observations) {
            return violated;
        }
        memory::before(&*judged);
        drop(judged);
        let violated = judge();
        self.judged.write().unwrap_or_else(PoisonError::into_inner).insert(observations, violated);
        violated
    }
}

impl GuardModel {
    /// Which of the properties of replicas alone a state lacks.
    pub(in crate::model) fn violated(&self, state: &GuardState) -> Properties {
        self.verdicts.of_state(state, || {
            let observations = self.observations(state);
            self.verdicts.of_observations(observations, || self.with_view(state, violated_in))
        })
    }

    /// What the properties see of each honest replica.
    fn observations(&self, state: &GuardState) -> Observations {
        let replicas = &state.0[..self.system.honest().len()];
        let tables = self.read();
        replicas.iter().map(|&local| tables.locals.observation_in(local)).collect()
    }

    /// Which properties of replicas alone are violated where the honest replicas, the first ones, are in these states.
    pub(in crate::model) fn violated_of<'a>(&self, locals: impl Iterator<Item = &'a Local>) -> Properties {
        GlobalView::with(&self.system, locals, None, violated_in)
    }

    /// Which properties of replicas alone are violated where the honest replicas, the first ones, are in the local
    /// states of these numbers.
    pub(in crate::model) fn violated_with(&self, locals: &[u32]) -> Properties {
        let tables = self.read();
        let nodes = locals.iter().filter_map(|&local| tables.locals.node(local));
        self.violated_of(nodes.map(|node| &node.local))
    }

    /// What a replica has decided, and which certificates it holds, if the properties see this of it.
    pub(in crate::model) fn seen(&self, observation: u32) -> (Decided, Certificates) {
        self.read().locals.observation(observation).parts()
    }

    /// Whether this local state is that of a replica that is like this.
    pub(in crate::model) fn is_replica(&self, local: u32, good: &dyn Fn(&State) -> bool) -> bool {
        self.read().locals.node(local).and_then(|node| node.local.replica()).is_some_and(good)
    }

    /// The number of what the properties see of a replica in this local state.
    pub(in crate::model) fn aspect(&self, local: u32) -> u32 {
        self.read().locals.observation_in(local)
    }
}

/// Which of the properties of replicas alone are violated.
fn violated_in(view: &GlobalView<'_>) -> Properties {
    let of_replicas = Property::SAFETY.into_iter().filter(|property| property.is_of_replicas());
    of_replicas.filter(|property| property.violation(view).is_some()).collect()
}
