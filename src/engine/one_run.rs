//! One run, followed step by step: nodes are stepped on, not rebuilt, so that it may be long.

use super::graph::{Graph, GraphState, Step};
use super::network::{Delivery, Traffic};
use super::place::PlaceId;
use super::refusal::{Refusal, SetupError};
use super::violation::Violation;
use crate::protocol::Protocol;

/// A run under way.
#[derive(Debug)]
pub(crate) struct OneRun<P: Protocol> {
    graph: Graph<P>,
    state: GraphState,
    path: Vec<Step>,
}

/// What a step is, for somebody who chooses among steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sort {
    /// A message arrives, in the order in which its sender sent, if that matters.
    Delivery(Ends),
    /// A message of a link arrives before those that are older, which are left out.
    LeavingOut,
    Event,
    Timer(PlaceId),
    Crash,
    Loss,
    Cut,
}

/// Where a message comes from and goes to; and whether either is a twin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ends {
    /// The sender; of twins, if it is not known which of them, the first.
    pub from: PlaceId,
    pub to: PlaceId,
    pub is_byzantine: bool,
    /// Whether it is a word of the alphabet, said by a Byzantine node that runs nothing.
    pub is_lie: bool,
}

impl<P: Protocol> OneRun<P> {
    /// A run from the start of a graph.
    pub(crate) fn of(graph: Graph<P>) -> Result<Self, Refusal> {
        if let Some(refusal) = graph.refusal() {
            return Err(refusal);
        }
        let state = graph.start().clone();
        graph.tables().follow_one_run(&graph.protocol, &graph.participants, &state.locals)?;
        Ok(OneRun { graph, state, path: Vec::new() })
    }

    /// Every run of which this is one.
    pub(crate) fn graph(&self) -> &Graph<P> {
        &self.graph
    }

    /// The steps so far.
    pub(crate) fn path(&self) -> &[Step] {
        &self.path
    }

    /// What can happen, a message that has arrived again and again.
    pub(crate) fn possible(&self) -> Vec<(Step, Sort)> {
        let steps = self.graph.all_possible(&self.state).into_iter();
        steps.map(|step| (step, self.sort(step))).collect()
    }

    /// Lets something happen.
    pub(crate) fn take(&mut self, step: Step) -> Result<(), Refusal> {
        self.state = self.graph.follow(&self.state, step)?;
        self.path.push(step);
        Ok(())
    }

    /// What is wrong now.
    pub(crate) fn violation(&self) -> Option<Violation> {
        self.graph.violation(&self.state)
    }

    /// Whether all honest nodes have come to what they must come to; to a decision, if the protocol does not say.
    pub(crate) fn is_done(&self) -> bool {
        self.graph.are_all_done(&self.state)
    }

    /// Whether the bound keeps somebody from going on.
    pub(crate) fn is_cut(&self) -> bool {
        self.graph.is_cut(&self.state)
    }

    /// Whether a message arrives no more than once by itself.
    pub(crate) fn is_in_order(&self) -> bool {
        matches!(self.state.traffic, Traffic::Fifo { .. })
    }

    /// Makes everything happen once more, to new nodes.
    pub(crate) fn confirm(&self) -> Result<(), Refusal> {
        let mut tables = self.graph.tables();
        for &local in &self.state.locals {
            let history = tables.at(local).history();
            tables.histories.rebuilt(&self.graph.protocol, &self.graph.participants, history)?;
        }
        Ok(())
    }

    fn sort(&self, step: Step) -> Sort {
        match step {
            Step::Deliver(Delivery { from: Some((_, 1..)), .. }) => Sort::LeavingOut,
            Step::Deliver(Delivery { to, message, from }) => {
                let sender = self.graph.tables().histories.envelope(message).map(|envelope| envelope.from);
                let place = sender.and_then(|sender| self.graph.participants.of(sender).next());
                let from = from.map(|(from, _)| from).or(place).unwrap_or(to);
                let is_twin = |place| self.graph.participants.at(place).twin.is_some();
                let is_lie = sender.is_some_and(|sender| self.graph.participants.only_speaks(sender));
                let is_byzantine = is_lie || is_twin(from) || is_twin(to);
                Sort::Delivery(Ends { from, to, is_byzantine, is_lie })
            }
            Step::Event(..) => Sort::Event,
            Step::Timer(place, _) => Sort::Timer(place),
            Step::Crash(_) => Sort::Crash,
            Step::Lose(_) => Sort::Loss,
            Step::Cut(..) => Sort::Cut,
        }
    }
}

impl<P: Protocol> Graph<P> {
    /// The graph of one run; of what must happen too, if the protocol says it.
    pub(crate) fn of_one_run(
        protocol: std::sync::Arc<P>,
        bound: &super::bound::Bound,
        asked: Option<&str>,
        stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
    ) -> Result<Self, SetupError> {
        let fair = protocol.layers().fair;
        Graph::about(protocol, bound, asked, stop, fair)
    }

    /// Whether a step can happen there, a message that has arrived again and again.
    pub(crate) fn is_possible(&self, state: &GraphState, step: Step) -> bool {
        self.all_possible(state).contains(&step)
    }
}
