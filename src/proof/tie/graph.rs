//! What is explored: the graph of a judge, with every way in which each of its edges comes about.

use std::hash::Hash;

use stateright::Model as _;

use crate::model::{EventIds, GuardModel, GuardState, Liveness, LivenessMove, LivenessState, LocalIds};

/// A step of a participant.
pub(super) struct Edge<S> {
    /// Who steps, by number.
    pub participant: u16,
    /// What it can be fed for that; nothing at all where no participant does anything.
    pub ways: Vec<EventIds>,
    /// Where it leads.
    pub next: S,
}

/// A graph whose states are numbers of local states.
pub(super) trait Graph {
    /// A state.
    type State: Clone + Eq + Hash;

    /// Who knows the local states.
    fn judge(&self) -> &GuardModel;

    /// The numbers of the local states.
    fn numbers<'s>(&self, state: &'s Self::State) -> LocalIds<'s>;

    /// Where it begins.
    fn initial(&self) -> Vec<Self::State>;

    /// The steps of a state within the bound.
    fn edges(&self, state: &Self::State) -> Vec<Edge<Self::State>>;
}

impl Graph for GuardModel {
    type State = GuardState;

    fn judge(&self) -> &GuardModel {
        self
    }

    fn numbers<'s>(&self, state: &'s GuardState) -> LocalIds<'s> {
        GuardModel::numbers(self, state)
    }

    fn initial(&self) -> Vec<GuardState> {
        self.init_states()
    }

    fn edges(&self, state: &GuardState) -> Vec<Edge<GuardState>> {
        let mut moves = Vec::new();
        self.actions(state, &mut moves);
        let edge = |step| {
            let next = self.next_state(state, step)?;
            Some(Edge { participant: step.participant, ways: self.ways(state, &step), next })
        };
        moves.into_iter().filter_map(edge).collect()
    }
}

impl Graph for Liveness {
    type State = LivenessState;

    fn judge(&self) -> &GuardModel {
        Liveness::judge(self)
    }

    fn numbers<'s>(&self, state: &'s LivenessState) -> LocalIds<'s> {
        Liveness::judge(self).numbers(state.at())
    }

    fn initial(&self) -> Vec<LivenessState> {
        self.init_states()
    }

    fn edges(&self, state: &LivenessState) -> Vec<Edge<LivenessState>> {
        let edge = |(action, ways)| {
            let participant = match action {
                LivenessMove::Stabilise => 0,
                LivenessMove::Fire(step, _) => step.participant,
            };
            let next = self.next_state(state, action).filter(|next| self.within_boundary(next))?;
            Some(Edge { participant, ways, next })
        };
        self.ways(state).into_iter().filter_map(edge).collect()
    }
}
