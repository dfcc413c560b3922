//! Judge *message* at look-up speed: the same graph as [`MessageModel`](super::MessageModel), told in numbers.
//!
//! A message-by-message run meets the same few local states and the same few networks again and again, in
//! other combinations. Each local state, each envelope and each network is interned; the real replica is run
//! once for each local state and each envelope that meets it, and what the adversary makes of what was sent is
//! found once for each set of messages that it learns from. A global state is a handful of numbers.
//!
//! Nothing is left out and nothing is merged: two states are equal here if and only if they are in the other
//! model, and every delivery is a step, as often as there are envelopes that bring it. That the two have as
//! many states and transitions, and the same control parts, is a test (`tests/it/engine.rs`).
//!
//! The actions of a state are ordered by what happens, never by number: numbers depend on which thread came
//! first, the order of the search and the trace that it finds do not.

mod ids;
#[cfg(feature = "distributed")]
mod portable;
mod saved;
mod tables;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use smallvec::SmallVec;
use stateright::{Model, Property};

use self::ids::{BundleId, EnvelopeId, EnvelopeSet, EventSet, LocalId, NetworkId};
use self::saved::{HISTORY, STATE};
use self::tables::{NOTHING, Step, Steps, Tables};
use super::adversary::Adversary;
use super::histories::HistoryId;
use super::network::{concerned, first_events, receivers};
use super::numbers::Number as _;
use super::participant::{Event, Participant, participants};
use super::property::{
    GlobalView, Judge, Properties, Property as Kind, Verdicts, first_history, properties, violated_in,
};
use super::system::System;
use crate::interrupt;
use crate::memory;
use crate::pbft::{Message, Principal, State};

/// PBFT message by message, in numbers.
pub struct MessageGraph {
    system: Arc<System>,
    adversary: Adversary,
    honest: Vec<Participant>,
    tables: RwLock<Tables>,
    verdicts: Verdicts,
}

/// A state of [`MessageGraph`]: the number of each honest participant's local state, of the network and, if
/// clients take part, of the history of what they were told.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GraphState(SmallVec<[u32; 4]>);

/// A step of [`MessageGraph`]: an envelope is delivered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Delivery {
    /// Which of the honest participants, in the order of [`participants`].
    participant: u16,
    envelope: EnvelopeId,
    next: LocalId,
    network: NetworkId,
}

/// Something that the tables do not hold yet.
struct Unknown;

impl MessageGraph {
    /// The model of a system.
    pub fn new(system: Arc<System>) -> Self {
        let adversary = Adversary::new(Arc::clone(&system));
        let honest = participants(&system);
        let mut tables = Tables { to: vec![EnvelopeSet::default(); honest.len()], ..Tables::default() };
        tables.bundles.insert(EnvelopeSet::default());
        MessageGraph { system, adversary, honest, tables: RwLock::new(tables), verdicts: Verdicts::default() }
    }

    /// A step, as the event that it is.
    pub fn expand(&self, step: &Delivery) -> (Principal, Event) {
        let tables = self.read();
        let envelope = &tables.envelopes[step.envelope.place()];
        (envelope.to, tables.events[envelope.event.place()].clone())
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The network before anybody has sent anything, without what the adversary makes of it.
    fn first_network(&self, tables: &mut Tables) -> EnvelopeSet {
        let mut network = EnvelopeSet::default();
        for (from, to, event) in first_events(&self.system, &self.honest) {
            let event = tables.event(event);
            network.insert(tables.envelope(&self.honest, from, to, event));
        }
        for message in self.adversary.unconditional_messages() {
            self.spread(tables, &mut network, message);
        }
        network
    }

    /// Puts a message of the adversary into the network, for everybody honest whom it concerns.
    fn spread(&self, tables: &mut Tables, network: &mut EnvelopeSet, message: &Message) {
        let from = message.signer();
        let event = tables.event(Event::Deliver(message.clone()));
        for to in concerned(&self.system, message) {
            network.insert(tables.envelope(&self.honest, from, to, event));
        }
    }

    /// The number of the network that `network` becomes by what is `new` in it and by what the adversary
    /// makes of that.
    fn closed(
        &self,
        tables: &mut Tables,
        mut network: EnvelopeSet,
        new: &EnvelopeSet,
        is_first: bool,
    ) -> NetworkId {
        let byzantine = &self.system.bound().byzantine;
        let learns = |tables: &Tables, envelope: EnvelopeId| {
            let event = tables.envelopes[envelope.place()].event;
            match &tables.events[event.place()] {
                Event::Deliver(message) => self.adversary.learns_from(message).then_some(event),
                _ => None,
            }
        };
        let learnt = is_first || new.iter().any(|envelope| learns(tables, envelope).is_some());
        if learnt && !byzantine.is_empty() {
            let known: EventSet = network
                .iter()
                .filter_map(|envelope| learns(tables, envelope))
                .filter(|&event| match &tables.events[event.place()] {
                    Event::Deliver(m) => !m.signer().replica().is_some_and(|id| byzantine.contains(&id)),
                    _ => false,
                })
                .collect();
            if !tables.answers.contains_key(&known) {
                let messages: BTreeSet<Message> = known
                    .iter()
                    .filter_map(|event| match &tables.events[event.place()] {
                        Event::Deliver(message) => Some(message.clone()),
                        _ => None,
                    })
                    .collect();
                let mut answer = EnvelopeSet::default();
                for message in self.adversary.messages(&messages) {
                    self.spread(tables, &mut answer, &message);
                }
                tables.answers.insert(known.clone(), answer);
            }
            network.union_with(&tables.answers[&known]);
        }
        NetworkId::at(tables.networks.insert_full(network).0)
    }

    /// Runs the participant of a local state on an envelope, and keeps what comes of it.
    fn try_out(&self, tables: &mut Tables, participant: u16, local: LocalId, envelope: EnvelopeId) {
        tables.steps[local.place()].tried.insert(envelope);
        let event = tables.events[tables.envelopes[envelope.place()].event.place()].clone();
        let honest = &self.honest[usize::from(participant)];
        let before = &tables.locals[local.place()].1;
        let stimulus = event.as_stimulus(before);
        let admitted = stimulus.filter(|&stimulus| honest.admits(&self.system, before, stimulus));
        let Some(taken) = admitted.and_then(|stimulus| honest.step(&self.system, before, stimulus)) else {
            return;
        };
        let sent = taken.sent(&self.system);
        let next = tables.local(participant, taken.after);
        let mut bundle = EnvelopeSet::default();
        let from = honest.id();
        for (to, message) in sent {
            let event = tables.event(Event::Deliver(message));
            for to in receivers(&self.system, to).filter(|&to| to != from) {
                bundle.insert(tables.envelope(&self.honest, from, to, event));
            }
        }
        let sent = BundleId::at(tables.bundles.insert_full(bundle).0);
        let step = Step { envelope, next, sent, crash: event == Event::Crash };
        let Tables { events, envelopes, steps, .. } = tables;
        let steps = &mut steps[local.place()].steps;
        // Of two envelopes with the same event the order makes no difference.
        let place =
            steps.partition_point(|other| events[envelopes[other.envelope.place()].event.place()] < event);
        steps.insert(place, step);
    }

    /// Finds everything that can happen in a state.
    fn fill(&self, tables: &mut Tables, state: &GraphState) {
        let (number, network) = tables.network(state, self.honest.len());
        let network = network.clone();
        for (participant, local) in (0..).zip(self.locals(state)) {
            let here = network.intersection(&tables.to[usize::from(participant)]);
            for envelope in here.difference(&tables.steps[local.place()].tried).iter() {
                self.try_out(tables, participant, local, envelope);
            }
            let steps = &tables.steps[local.place()].steps;
            let possible = steps.iter().filter(|step| here.contains(step.envelope));
            let sent: BTreeSet<BundleId> = possible.map(|step| step.sent).collect();
            for bundle in sent {
                if bundle.place() == NOTHING || tables.after.contains_key(&(number, bundle)) {
                    continue;
                }
                let new = tables.bundles[bundle.place()].difference(&network);
                let mut next = network.clone();
                next.union_with(&new);
                let next = if new == EnvelopeSet::default() {
                    number
                } else {
                    self.closed(tables, next, &new, false)
                };
                tables.after.insert((number, bundle), next);
            }
        }
    }

    /// Everything that can happen in a state, if the tables hold it.
    fn known(&self, tables: &Tables, state: &GraphState, actions: &mut Vec<Delivery>) -> Result<(), Unknown> {
        // What else can go wrong goes wrong where nobody has panicked.
        let is_wrecked = |local: LocalId| tables.locals[local.place()].1.wreck().is_some();
        if tables.is_any_wrecked && self.locals(state).any(is_wrecked) {
            return Ok(());
        }
        let (number, network) = tables.network(state, self.honest.len());
        let may_crash = self.may_crash(tables, state);
        for ((participant, local), to) in (0..).zip(self.locals(state)).zip(&tables.to) {
            let Steps { tried, steps } = &tables.steps[local.place()];
            if !network.is_covered_within(to, tried) {
                return Err(Unknown);
            }
            for &Step { envelope, next, sent, crash } in steps {
                if !network.contains(envelope) || (crash && !may_crash) {
                    continue;
                }
                let network = match sent.place() {
                    NOTHING => number,
                    _ => *tables.after.get(&(number, sent)).ok_or(Unknown)?,
                };
                actions.push(Delivery { participant, envelope, next, network });
            }
        }
        Ok(())
    }

    fn may_crash(&self, tables: &Tables, state: &GraphState) -> bool {
        let most = self.system.bound().scope.crashes;
        let crashes = |local: LocalId| tables.locals[local.place()].1.crashes();
        most > 0 && self.locals(state).map(crashes).sum::<u32>() < most
    }

    /// Which of the properties of replicas alone a state lacks.
    fn violated(&self, state: &GraphState) -> Properties {
        self.verdicts.of_state(&state.0, || {
            let tables = self.read();
            let replicas = self.locals(state).take(self.system.honest().len());
            let observations = replicas.map(|local| tables.observed[local.place()]).collect();
            drop(tables);
            self.verdicts.of_observations(observations, || self.with_view(state, violated_in))
        })
    }

    fn locals<'a>(&self, state: &'a GraphState) -> impl Iterator<Item = LocalId> + use<'a> {
        state.0[..self.honest.len()].iter().map(|&word| LocalId::of_word(word))
    }

    /// The number of the history after a client's step.
    fn history(&self, participant: u16, history: HistoryId, before: LocalId, after: LocalId) -> HistoryId {
        let telling = (participant, history, before, after);
        if let Some(next) = self.read().histories.after(telling) {
            return next;
        }
        let mut tables = self.write();
        interrupt::poll();
        tables.note(HISTORY, &[participant.into(), history.word(), before.word(), after.word()]);
        let Tables { locals, histories, .. } = &mut *tables;
        let client_state = |local: LocalId| locals[local.place()].1.client();
        match (&self.honest[usize::from(participant)], client_state(before), client_state(after)) {
            (Participant::Client(client), Some(before), Some(after)) => {
                histories.tell(telling, client.id(), before, after).unwrap_or(history)
            }
            _ => history,
        }
    }
}

impl Model for MessageGraph {
    type State = GraphState;
    type Action = Delivery;

    fn init_states(&self) -> Vec<GraphState> {
        let mut tables = self.write();
        let tables = &mut *tables;
        let locals = (0..).zip(&self.honest);
        let mut state: SmallVec<_> = locals
            .map(|(number, participant)| tables.local(number, participant.init(&self.system)).word())
            .collect();
        let network = self.first_network(tables);
        let is_empty = network == EnvelopeSet::default();
        let network = match is_empty {
            true => NetworkId::at(tables.networks.insert_full(network).0),
            false => self.closed(tables, network, &EnvelopeSet::default(), true),
        };
        state.push(network.word());
        if let Some(history) = first_history(&self.system, &self.honest) {
            state.push(tables.histories.intern(history).word());
        }
        vec![GraphState(state)]
    }

    fn actions(&self, state: &GraphState, actions: &mut Vec<Delivery>) {
        let before = actions.len();
        if self.known(&self.read(), state, actions).is_ok() {
            return;
        }
        let mut tables = self.write();
        interrupt::poll();
        memory::before(&tables.networks);
        memory::before(&tables.after);
        memory::before(&tables.answers);
        self.fill(&mut tables, state);
        // Only then: what is given up in the middle is no part of what is met.
        tables.note(STATE, &state.0);
        actions.truncate(before);
        let found = self.known(&tables, state, actions);
        debug_assert!(found.is_ok(), "everything that can happen was found");
    }

    fn next_state(&self, state: &GraphState, step: Delivery) -> Option<GraphState> {
        let mut next = state.clone();
        let (locals, others) = next.0.split_at_mut(self.honest.len());
        let local = &mut locals[usize::from(step.participant)];
        let before = LocalId::of_word(std::mem::replace(local, step.next.word()));
        if let [network, history @ ..] = others {
            *network = step.network.word();
            if let ([history], Participant::Client(_)) =
                (history, &self.honest[usize::from(step.participant)])
            {
                let told = HistoryId::of_word(*history);
                *history = self.history(step.participant, told, before, step.next).word();
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties(&self.system)
    }
}

impl Judge for MessageGraph {
    fn system(&self) -> &System {
        &self.system
    }

    fn holds(&self, state: &GraphState, property: Kind) -> bool {
        match property.is_of_replicas() {
            true => !self.violated(state).contains(property),
            false if property == Kind::Panics && !self.read().is_any_wrecked => true,
            false => self.with_view(state, |view| property.violation(view).is_none()),
        }
    }

    fn every_replica_reaches(&self, state: &GraphState, good: &dyn Fn(&State) -> bool) -> bool {
        let tables = self.read();
        self.locals(state).filter_map(|local| tables.locals[local.place()].1.replica()).all(good)
    }

    fn some_replica_reaches(&self, state: &GraphState, good: &dyn Fn(&State) -> bool) -> bool {
        let tables = self.read();
        self.locals(state).filter_map(|local| tables.locals[local.place()].1.replica()).any(good)
    }

    fn with_view<R>(&self, state: &GraphState, see: impl FnOnce(&GlobalView<'_>) -> R) -> R {
        let tables = self.read();
        let locals = self.locals(state).map(|local| &tables.locals[local.place()].1);
        let history = state.0.get(self.honest.len() + 1);
        let history = history.and_then(|&word| tables.histories.get(HistoryId::of_word(word)));
        GlobalView::with(&self.system, locals, history, see)
    }
}

impl fmt::Debug for MessageGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageGraph").field("system", &self.system.bound()).finish()
    }
}
