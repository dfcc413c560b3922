//! The graph of all runs.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use itertools::Itertools as _;
use stateright::Model;

use super::bound::Bound;
use super::histories::{EventId, EventRef};
use super::lies::Lies;
use super::locals::{LocalId, Locals};
use super::network::{Delivery, Link, Traffic, link};
use super::place::{Participants, PlaceId};
use super::refusal::Refusal;
use super::violation;
use crate::protocol::{Invariant, Network, NodeId, Protocol};

/// How nodes without a key are told apart.
pub(crate) const BY_HISTORY: &str = "history of inputs";

/// What is the case at one moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct GraphState {
    /// By [`PlaceId`].
    pub(super) locals: Vec<LocalId>,
    pub(super) traffic: Traffic,
    /// How often each offer was taken.
    pub(super) used: Vec<u8>,
    /// How many crashes are left.
    pub(super) crashes: u8,
}

/// Something that happens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Step {
    /// A message arrives.
    Deliver(Delivery),
    /// An event from outside, by the number of the offer.
    Event(PlaceId, EventId, u16),
    /// A timer runs out.
    Timer(PlaceId, EventId),
    /// A node crashes and comes up again.
    Crash(PlaceId),
    /// A message is lost.
    Lose(Delivery),
    /// A link is cut without a cause.
    Cut(NodeId, NodeId),
}

impl Step {
    /// To whom it happens; to nobody if it happens to a link.
    #[cfg(feature = "explore")]
    pub(crate) fn place(self) -> Option<PlaceId> {
        self.handed().map(|(place, _)| place)
    }

    /// What it hands to whom.
    pub(super) fn handed(self) -> Option<(PlaceId, EventRef)> {
        match self {
            Step::Deliver(Delivery { to, message, .. }) => Some((to, EventRef::Message(message))),
            Step::Event(place, event, _) | Step::Timer(place, event) => Some((place, EventRef::Event(event))),
            Step::Crash(place) => Some((place, EventRef::Crash)),
            Step::Cut(..) | Step::Lose(_) => None,
        }
    }
}

/// An offer at one place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Offered {
    pub at: PlaceId,
    pub event: EventId,
    pub times: u8,
    pub cuts: Vec<Link>,
}

/// Every run of a protocol within a bound.
pub struct Graph<P: Protocol> {
    pub(super) protocol: Arc<P>,
    pub(super) participants: Participants,
    pub(super) network: Network,
    pub(super) offers: Vec<Offered>,
    pub(super) invariants: Vec<Invariant<P>>,
    /// The one property that is looked at, if not all are.
    pub(super) asked: Option<String>,
    pub(super) locals: Mutex<Locals<P>>,
    pub(super) refusal: Mutex<Option<Refusal>>,
    pub(super) stop: Arc<AtomicBool>,
    /// What has happened before the search begins.
    pub(super) opening: Vec<Step>,
    /// Before anything has happened; and after the opening.
    pub(super) root: GraphState,
    pub(super) start: GraphState,
    pub(super) is_keyed: bool,
    /// What Byzantine nodes can say that run nothing.
    pub(super) lies: Option<Lies>,
}

impl<P: Protocol> Graph<P> {
    /// What is checked.
    pub fn protocol(&self) -> &P {
        &self.protocol
    }

    /// Who takes part.
    pub fn participants(&self) -> &Participants {
        &self.participants
    }

    /// What becomes of messages, in words.
    pub fn network(&self) -> String {
        let words = self.network.in_words(self.is_keyed);
        let caused = self.offers.iter().any(|offer| !offer.cuts.is_empty());
        if caused { format!("{words}, cut by events") } else { words }
    }

    /// Who is not honest, in words.
    pub fn adversary(&self) -> String {
        let crashes = match self.root.crashes {
            0 => String::new(),
            1 => "1 crash".to_owned(),
            n => format!("{n} crashes"),
        };
        match (self.participants.byzantine.is_empty(), crashes.is_empty()) {
            (true, true) => return "nobody lies".to_owned(),
            (true, false) => return format!("{crashes}, nobody lies"),
            _ => {}
        }
        let byzantine = &self.participants.byzantine;
        let liars = match &self.lies {
            None => format!("twins of {}", byzantine.iter().join(",")),
            Some(lies) => lies.in_words(byzantine),
        };
        if crashes.is_empty() { liars } else { format!("{liars}; {crashes}") }
    }

    /// What tells states of a node apart, in words.
    pub fn key(&self) -> &'static str {
        if self.is_keyed { "the protocol's key, tried on samples" } else { BY_HISTORY }
    }

    /// Whether nodes have a key of their own.
    pub fn is_keyed(&self) -> bool {
        self.is_keyed
    }

    /// The bound that it was made with.
    pub fn bound(&self) -> Bound {
        let byzantine = self.participants.byzantine.clone();
        let most_general = self.lies.is_some();
        Bound { byzantine, most_general, crashes: self.root.crashes, network: Some(self.network) }
    }

    /// Why nothing can be said of the code, if that was found out.
    pub fn refusal(&self) -> Option<Refusal> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What ends the search when the code cannot be checked.
    pub(crate) fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// What has happened before the search begins.
    pub fn opening(&self) -> &[Step] {
        &self.opening
    }

    pub(super) fn tables(&self) -> MutexGuard<'_, Locals<P>> {
        self.locals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the search: nothing can be said of this code.
    pub(super) fn refuse(&self, refusal: Refusal) {
        let mut kept = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get_or_insert(refusal);
        self.stop.store(true, Relaxed);
    }

    /// What can happen. A node that is known by its history gets no message twice.
    pub(super) fn possible(&self, state: &GraphState) -> Vec<Step> {
        let mut steps = self.all_possible(state);
        if !self.is_keyed {
            let tables = self.tables();
            steps.retain(|step| match step {
                Step::Deliver(Delivery { to, message, .. }) => {
                    tables.at(state.locals[to.index()]).takes(*message)
                }
                _ => true,
            });
        }
        steps
    }

    /// What can happen where any message may come twice.
    pub(super) fn all_possible(&self, state: &GraphState) -> Vec<Step> {
        let tables = self.tables();
        let runs = |place: PlaceId| tables.at(state.locals[place.index()]).wreck.is_none();
        let mut steps = Vec::new();
        let arriving = state.traffic.deliverable(&tables.histories, &self.participants);
        steps.extend(arriving.into_iter().filter(|delivery| runs(delivery.to)).map(Step::Deliver));
        for (number, offer) in (0u16..).zip(&self.offers) {
            if state.used[usize::from(number)] < offer.times && runs(offer.at) {
                steps.push(Step::Event(offer.at, offer.event, number));
            }
        }
        for (place, &local) in (0u16..).map(PlaceId).zip(&state.locals) {
            let timers = tables.at(local).timers.iter().filter(|_| runs(place));
            steps.extend(timers.map(|&timer| Step::Timer(place, timer)));
        }
        if state.crashes > 0 {
            steps.extend(self.participants.honest().filter(|place| runs(*place)).map(Step::Crash));
        }
        steps.extend(state.traffic.losable().into_iter().map(Step::Lose));
        let cuts = state.traffic.may_be_cut(self.participants.nodes);
        steps.extend(cuts.into_iter().map(|(one, other)| Step::Cut(one, other)));
        steps
    }

    /// Where a step leads.
    pub(super) fn follow(&self, state: &GraphState, step: Step) -> Result<GraphState, Refusal> {
        let mut next = state.clone();
        match step {
            Step::Cut(one, other) => next.traffic.cut_at_will(&self.participants, link(one, other)),
            Step::Lose(delivery) => next.traffic.lose(delivery),
            Step::Deliver(delivery) => next.traffic.deliver(delivery),
            Step::Timer(..) => {}
            Step::Crash(place) => {
                next.crashes = next.crashes.saturating_sub(1);
                next.traffic.crash(place);
            }
            Step::Event(_, _, number) => {
                let number = usize::from(number);
                next.used[number] += 1;
                for &cut in &self.offers[number].cuts {
                    next.traffic.cut(&self.participants, cut);
                }
            }
        }
        let Some((place, input)) = step.handed() else { return Ok(next) };
        let mut tables = self.tables();
        let taken = tables.take(&self.protocol, &self.participants, state.locals[place.index()], input)?;
        next.locals[place.index()] = taken.to;
        next.traffic.send(&tables.histories, &self.participants, place, &taken.sent);
        if let Some(lies) = &self.lies {
            lies.join(&mut next.traffic);
        }
        Ok(next)
    }
}

impl<P: Protocol> Model for Graph<P> {
    type State = GraphState;
    type Action = Step;

    fn init_states(&self) -> Vec<GraphState> {
        vec![self.start.clone()]
    }

    fn actions(&self, state: &GraphState, actions: &mut Vec<Step>) {
        actions.extend(self.possible(state));
    }

    fn next_state(&self, state: &GraphState, step: Step) -> Option<GraphState> {
        // Nothing is half done here: what was handed to a node by now is known from now on.
        self.tables().histories.about_to_grow();
        match self.follow(state, step) {
            Ok(next) => Some(next),
            Err(refusal) => {
                self.refuse(refusal);
                None
            }
        }
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        violation::properties(self)
    }
}

impl<P: Protocol> std::fmt::Debug for Graph<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph")
            .field("participants", &self.participants)
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}
