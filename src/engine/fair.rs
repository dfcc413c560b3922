//! A time from which the network is stable, and who owes which step then.
//!
//! **Before it** everything may happen that the bound allows, but that nobody gets into a round of a given number, or past it.
//!
//! **After it** nothing is lost, cut or crashes. What honest nodes have sent each other arrives. A timer is longer than
//! that takes: it runs out only where no honest node has a message of another on its way that changes anything. That of a later
//! round is longer: it runs out only where nobody waits in an earlier one. What a
//! Byzantine node does, and what comes from outside, is owed by nobody: it happens, or not.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use stateright::Model;

use super::graph::{Graph, GraphState, Step};
use super::locals::Standing;
use super::network::Delivery;
use super::place::PlaceId;
use super::refusal::Refusal;
use crate::interrupt;
use crate::protocol::{NodeId, Protocol};

/// What is owed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Owed {
    /// The network becomes stable.
    Stabilisation,
    /// What this honest node has sent to that one arrives.
    Delivery(NodeId, NodeId),
    /// This one's timer runs out, when nothing else is left to happen.
    Timer(NodeId),
}

/// What is the case at one moment, and whether the network is stable.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FairState {
    pub(super) at: GraphState,
    pub(super) is_stable: bool,
}

/// Something that happens, or the network becomes stable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FairStep {
    /// The network becomes stable.
    Stabilise,
    /// A step of the protocol.
    Step(Step),
}

/// Every run of a protocol whose network becomes stable.
#[derive(Debug)]
pub struct FairGraph<P: Protocol> {
    graph: Graph<P>,
    /// The steps with which every run begins, and where they lead.
    begun: Vec<Step>,
    start: GraphState,
    /// Before the network is stable nobody gets into this round.
    before: u64,
    is_stable_at_once: bool,
}

impl<P: Protocol> FairGraph<P> {
    /// The runs of a graph, in which the network is unstable for so many rounds at most.
    pub(crate) fn new(graph: Graph<P>, rounds: u64) -> Self {
        let first = graph.standings(graph.start()).iter().map(|standing| standing.round).min();
        let before = first.unwrap_or_default().saturating_add(rounds);
        let start = graph.start().clone();
        FairGraph { graph, begun: Vec::new(), start, before, is_stable_at_once: rounds == 0 }
    }

    /// The runs that begin with these steps, behind the prelude. The network becomes stable after them, and is unstable for so
    /// many rounds at most beyond the highest in which somebody is by then.
    ///
    /// # Errors
    /// The code does not do the same again.
    pub(crate) fn beginning_with(graph: Graph<P>, begun: &[Step], rounds: u64) -> Result<Self, Refusal> {
        let start = graph.after(begun)?;
        let furthest = graph.standings(&start).iter().map(|standing| standing.round).max();
        let before = furthest.unwrap_or_default().saturating_add(rounds);
        Ok(FairGraph { graph, begun: begun.to_vec(), start, before, is_stable_at_once: rounds == 0 })
    }

    /// Where those lead.
    #[cfg(feature = "explore")]
    pub(crate) fn begins_at(&self) -> &GraphState {
        &self.start
    }

    /// The steps with which every run begins.
    pub(crate) fn begun(&self) -> &[Step] {
        &self.begun
    }

    /// The runs without a time of stabilisation.
    pub fn graph(&self) -> &Graph<P> {
        &self.graph
    }

    /// Whether all honest nodes have come to what they must come to.
    pub fn is_done(&self, state: &FairState) -> bool {
        self.graph.is_done(&state.at)
    }

    /// Whether the bound keeps an honest node from going on.
    pub fn is_cut(&self, state: &FairState) -> bool {
        self.graph.is_cut(&state.at)
    }

    /// Who owes a step.
    pub fn owed(&self, state: &FairState, step: &FairStep) -> Option<Owed> {
        match step {
            FairStep::Stabilise => Some(Owed::Stabilisation),
            FairStep::Step(_) if !state.is_stable => None,
            FairStep::Step(step) => self.graph.owed_when_stable(*step),
        }
    }

    /// Whether a step leads somewhere before the network is stable.
    fn is_before(&self, state: &GraphState, step: Step) -> bool {
        interrupt::poll();
        let Ok(next) = self.graph.follow(state, step) else { return true };
        self.graph.standings(&next).iter().all(|standing| standing.round < self.before)
    }
}

impl<P: Protocol> Graph<P> {
    /// How far the honest nodes are; nothing of those that have panicked.
    fn standings(&self, state: &GraphState) -> Vec<Standing> {
        let tables = self.tables();
        let honest = self.participants.honest();
        honest.filter_map(|place| tables.at(state.locals[place.index()]).standing).collect()
    }

    /// Whether all honest nodes have come to what they must come to.
    pub(crate) fn is_done(&self, state: &GraphState) -> bool {
        let standings = self.standings(state);
        standings.len() == self.participants.honest().count()
            && standings.iter().all(|standing| standing.is_done)
    }

    /// Whether all honest nodes have come to what they must come to; to a decision, if the protocol does not say.
    pub(crate) fn are_all_done(&self, state: &GraphState) -> bool {
        match self.protocol.layers().fair {
            Some(_) => self.is_done(state),
            None => self.have_all_decided(state),
        }
    }

    /// Whether the bound keeps an honest node from going on.
    pub(crate) fn is_cut(&self, state: &GraphState) -> bool {
        self.standings(state).iter().any(|standing| standing.is_cut && !standing.is_done)
    }

    /// Who has not come to what they must come to.
    pub(crate) fn undone(&self, state: &GraphState) -> Vec<NodeId> {
        let tables = self.tables();
        let honest = self.participants.honest();
        let undone = honest.filter(|place| {
            tables.at(state.locals[place.index()]).standing.is_none_or(|standing| !standing.is_done)
        });
        undone.map(|place| self.participants.at(place).node).collect()
    }

    /// Whether not all honest nodes have come to what they must come to, none because of the bound, and once the network is stable
    /// nothing is owed that would change that.
    pub(crate) fn is_stalled(&self, state: &GraphState) -> bool {
        let is_owed = |step: Step| self.owed_when_stable(step).is_some();
        !self.is_done(state)
            && !self.is_cut(state)
            && !self.possible_when_stable(state).into_iter().any(is_owed)
    }

    /// Whether nothing can happen any more once the network is stable.
    pub(crate) fn is_dead_end(&self, state: &GraphState) -> bool {
        self.possible_when_stable(state).is_empty()
    }

    /// Whether a run from the beginning goes on for ever on a fair run as it is said to: it ends where it [is
    /// stalled](Graph::is_stalled), or repeats what comes after so many steps, and not all honest nodes come to what they must come to.
    ///
    /// # Errors
    /// The code does not do the same again.
    pub(crate) fn stays(&self, path: &[Step], repeats_after: Option<usize>) -> Result<bool, Refusal> {
        let Some((prefix, cycle)) = path.split_at_checked(repeats_after.unwrap_or(path.len())) else {
            return Ok(false);
        };
        let first = self.after(prefix)?;
        if repeats_after.is_none() {
            return Ok(self.is_stalled(&first));
        }
        let mut state = first.clone();
        // What is owed all the time and never happens.
        let mut owed: Option<BTreeSet<Owed>> = None;
        for &step in cycle {
            let possible = self.possible_when_stable(&state);
            if self.is_done(&state) || self.is_cut(&state) || !possible.contains(&step) {
                return Ok(false);
            }
            let all: BTreeSet<_> =
                possible.into_iter().filter_map(|step| self.owed_when_stable(step)).collect();
            let owed = owed.get_or_insert_with(|| all.clone());
            owed.retain(|debt| all.contains(debt));
            if let Some(paid) = self.owed_when_stable(step) {
                owed.remove(&paid);
            }
            state = self.follow(&state, step)?;
        }
        Ok(state == first && owed.is_some_and(|owed| owed.is_empty()))
    }

    /// Who owes a step once the network is stable.
    fn owed_when_stable(&self, step: Step) -> Option<Owed> {
        match step {
            Step::Deliver(delivery) => {
                let (from, to) = self.ends_if_honest(delivery)?;
                Some(Owed::Delivery(from, to))
            }
            Step::Timer(place, _) => self.honest(place).map(Owed::Timer),
            _ => None,
        }
    }

    fn honest(&self, place: PlaceId) -> Option<NodeId> {
        Some(self.participants.at(place)).filter(|place| place.twin.is_none()).map(|place| place.node)
    }

    /// Sender and receiver, if both are honest.
    fn ends_if_honest(&self, delivery: Delivery) -> Option<(NodeId, NodeId)> {
        let from = self.tables().histories.envelope(delivery.message)?.from;
        let is_honest = !self.participants.byzantine.contains(&from);
        Some((from, self.honest(delivery.to)?)).filter(|_| is_honest)
    }

    /// In which round an honest node is whose timer runs out.
    fn round_of_timer(&self, state: &GraphState, step: Step) -> Option<u64> {
        let Step::Timer(place, _) = step else { return None };
        self.honest(place)?;
        let tables = self.tables();
        Some(tables.at(state.locals[place.index()]).standing.map_or(0, |standing| standing.round))
    }

    /// What can happen once the network is stable: timers last.
    fn possible_when_stable(&self, state: &GraphState) -> Vec<Step> {
        let mut is_quiet = true;
        let mut steps = Vec::new();
        let mut timers = Vec::new();
        for step in self.possible(state) {
            interrupt::poll();
            match step {
                Step::Deliver(delivery) => {
                    let next = self.follow(state, step);
                    let changes = next.is_ok_and(|next| next != *state);
                    is_quiet &= !changes || self.ends_if_honest(delivery).is_none();
                    steps.extend(changes.then_some(step));
                }
                Step::Event(..) => steps.push(step),
                Step::Timer(..) => timers.push(step),
                Step::Crash(_) | Step::Lose(_) | Step::Cut(..) => {}
            }
        }
        let lowest = timers.iter().filter_map(|step| self.round_of_timer(state, *step)).min();
        timers.retain(|step| {
            let round = self.round_of_timer(state, *step);
            round.is_none() || is_quiet && round == lowest
        });
        steps.extend(timers);
        steps
    }
}

impl<P: Protocol> Model for FairGraph<P> {
    type State = FairState;
    type Action = FairStep;

    fn init_states(&self) -> Vec<FairState> {
        vec![FairState { at: self.start.clone(), is_stable: self.is_stable_at_once }]
    }

    fn actions(&self, state: &FairState, actions: &mut Vec<FairStep>) {
        // What a node has come to it does not lose.
        if self.is_done(state) {
            return;
        }
        if state.is_stable {
            actions.extend(self.graph.possible_when_stable(&state.at).into_iter().map(FairStep::Step));
            return;
        }
        let steps =
            self.graph.possible(&state.at).into_iter().filter(|step| self.is_before(&state.at, *step));
        actions.extend(steps.map(FairStep::Step));
        actions.push(FairStep::Stabilise);
    }

    fn next_state(&self, state: &FairState, step: FairStep) -> Option<FairState> {
        match step {
            FairStep::Stabilise => Some(FairState { is_stable: true, ..state.clone() }),
            FairStep::Step(step) => {
                let at = Model::next_state(&self.graph, &state.at, step)?;
                Some(FairState { at, ..*state })
            }
        }
    }
}

/// The nodes, in words.
pub(crate) fn nodes_in_words(nodes: &[NodeId]) -> String {
    let all: BTreeSet<_> = nodes.iter().map(ToString::to_string).collect();
    all.into_iter().collect::<Vec<_>>().join(", ")
}
