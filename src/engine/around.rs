//! What is near a run: some of its steps, and then some others.

use stateright::{Model, Property};

use super::graph::{Graph, GraphState, Step};
use crate::protocol::Protocol;

/// What is wrong is found out when the story is told.
const SAFETY: &str = "safety";

/// The states within so many steps of a run.
#[derive(Debug)]
pub(crate) struct Around<'a, P: Protocol> {
    graph: &'a Graph<P>,
    run: &'a [Step],
    within: u32,
}

/// A state, and how it was got to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct NearState {
    at: GraphState,
    /// After how many of the run's steps it is, unless another was taken.
    on: Option<u32>,
    /// How many other steps are left.
    left: u32,
}

impl<'a, P: Protocol> Around<'a, P> {
    pub(crate) fn new(graph: &'a Graph<P>, run: &'a [Step], within: u32) -> Self {
        Around { graph, run, within }
    }

    fn planned(&self, state: &NearState) -> Option<Step> {
        self.run.get(state.on? as usize).copied()
    }
}

impl<P: Protocol> Model for Around<'_, P> {
    type State = NearState;
    type Action = Step;

    fn init_states(&self) -> Vec<NearState> {
        vec![NearState { at: self.graph.start().clone(), on: Some(0), left: self.within }]
    }

    fn actions(&self, state: &NearState, actions: &mut Vec<Step>) {
        let planned = self.planned(state);
        actions.extend(planned);
        if state.left > 0 {
            actions.extend(self.graph.possible(&state.at).into_iter().filter(|step| Some(*step) != planned));
        }
    }

    fn next_state(&self, state: &NearState, step: Step) -> Option<NearState> {
        let at = Model::next_state(self.graph, &state.at, step)?;
        Some(match self.planned(state) == Some(step) {
            true => NearState { at, on: state.on.map(|on| on + 1), left: state.left },
            false => NearState { at, on: None, left: state.left.saturating_sub(1) },
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(SAFETY, |around: &Self, state: &NearState| {
            around.graph.violation(&state.at).is_none()
        })]
    }
}
