//! The runs that go on from where a run has led.

use stateright::{Model, Property};

use super::graph::{Graph, GraphState, Step};
use super::refusal::Refusal;
use crate::protocol::Protocol;

/// What is wrong is found out when the run is told.
const SAFETY: &str = "safety";

/// The states that can be reached from one.
#[derive(Debug)]
pub(crate) struct Onward<'a, P: Protocol> {
    graph: &'a Graph<P>,
    from: GraphState,
}

impl<'a, P: Protocol> Onward<'a, P> {
    /// From where these steps have led, behind the prelude.
    ///
    /// # Errors
    /// The code does not do the same again.
    pub(crate) fn new(graph: &'a Graph<P>, begun: &[Step]) -> Result<Self, Refusal> {
        Ok(Onward { graph, from: graph.after(begun)? })
    }
}

impl<P: Protocol> Graph<P> {
    /// Where these steps lead, behind the prelude.
    pub(crate) fn after(&self, begun: &[Step]) -> Result<GraphState, Refusal> {
        begun.iter().try_fold(self.start().clone(), |at, &step| self.follow(&at, step))
    }
}

impl<P: Protocol> Model for Onward<'_, P> {
    type State = GraphState;
    type Action = Step;

    fn init_states(&self) -> Vec<GraphState> {
        vec![self.from.clone()]
    }

    fn actions(&self, state: &GraphState, actions: &mut Vec<Step>) {
        self.graph.actions(state, actions);
    }

    fn next_state(&self, state: &GraphState, step: Step) -> Option<GraphState> {
        Model::next_state(self.graph, state, step)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(SAFETY, |onward: &Self, state: &GraphState| {
            onward.graph.violation(state).is_none()
        })]
    }
}
