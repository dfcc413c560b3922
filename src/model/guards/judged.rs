//! Which properties of replicas alone a state lacks.

use super::GuardModel;
use super::ids::LocalId;
use super::state::GuardState;
use crate::model::participant::Local;
use crate::model::property::{
    Certificates, Decided, GlobalView, Judge as _, ObservationId, Observations, Properties, violated_in,
};
use crate::pbft::State;

impl GuardModel {
    /// Which of the properties of replicas alone a state lacks.
    pub(in crate::model) fn violated(&self, state: &GuardState) -> Properties {
        self.verdicts.of_state(&state.0, || {
            let observations = self.observations(state);
            self.verdicts.of_observations(observations, || self.with_view(state, violated_in))
        })
    }

    /// What the properties see of each honest replica.
    fn observations(&self, state: &GuardState) -> Observations {
        let replicas = state.locals(self.system.honest().len());
        let tables = self.read();
        replicas.iter().map(|local| tables.locals.observation_of(local)).collect()
    }

    /// Which properties of replicas alone are violated where the honest replicas, the first ones, are in these states.
    pub(in crate::model) fn violated_of<'a>(&self, locals: impl Iterator<Item = &'a Local>) -> Properties {
        GlobalView::with(&self.system, locals, None, violated_in)
    }

    /// Which properties of replicas alone are violated where the honest replicas, the first ones, are in the local
    /// states of these numbers.
    pub(in crate::model) fn violated_with(&self, locals: impl IntoIterator<Item = LocalId>) -> Properties {
        let tables = self.read();
        let nodes = locals.into_iter().filter_map(|local| tables.locals.node(local));
        self.violated_of(nodes.map(|node| &node.local))
    }

    /// What a replica has decided, and which certificates it holds, if the properties see this of it.
    pub(in crate::model) fn seen(&self, observation: ObservationId) -> (Decided, Certificates) {
        self.read().locals.observation(observation).parts()
    }

    /// Whether this local state is that of a replica that is like this.
    pub(in crate::model) fn is_replica(&self, local: LocalId, good: &dyn Fn(&State) -> bool) -> bool {
        self.read().locals.node(local).and_then(|node| node.local.replica()).is_some_and(good)
    }

    /// What the properties see of a replica in this local state.
    pub(in crate::model) fn observation_of(&self, local: LocalId) -> ObservationId {
        self.read().locals.observation_of(local)
    }
}
