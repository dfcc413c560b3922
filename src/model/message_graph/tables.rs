//! What is interned: events, envelopes, local states, networks and histories, a number each.

use crate::hashed::IndexSet;
use rustc_hash::FxHashMap;

use super::GraphState;
use super::ids::{BundleId, EnvelopeId, EnvelopeSet, EventId, EventSet, LocalId, NetworkId};
use crate::engine::record::Journal;
use crate::model::event::Event;
use crate::model::histories::Histories;
use crate::model::numbers::{Interned, Number as _};
use crate::model::participant::{Local, Participant};
use crate::model::property::{Observation, ObservationId};
use crate::pbft::Principal;

/// An event on its way. Who brought it tells envelopes apart, as on a real network.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Envelope {
    pub from: Principal,
    pub to: Principal,
    pub event: EventId,
}

/// What a delivery to a local state brings about.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub envelope: EnvelopeId,
    pub next: LocalId,
    /// The envelopes that are sent.
    pub sent: BundleId,
    pub crash: bool,
}

/// What a participant can do in a local state.
#[derive(Default)]
pub(super) struct Steps {
    /// The envelopes that were delivered to it for trial.
    pub tried: EnvelopeSet,
    /// Those that it acts on, ordered by their events.
    pub steps: Vec<Step>,
}

/// The place of the empty set of envelopes.
pub(super) const NOTHING: usize = 0;

/// Everything that was met, by number, and what came of it.
#[derive(Default)]
pub(super) struct Tables {
    pub events: IndexSet<Event>,
    pub envelopes: IndexSet<Envelope>,
    /// For each honest participant the envelopes to it.
    pub to: Vec<EnvelopeSet>,
    pub locals: IndexSet<(u16, Local)>,
    /// Whether one of these is that of somebody whose code has panicked.
    pub is_any_wrecked: bool,
    /// For each local state.
    pub steps: Vec<Steps>,
    /// For each local state what the properties see of a replica.
    pub observed: Vec<ObservationId>,
    pub observations: Interned<ObservationId, Observation>,
    /// What can be in the network, and what can be sent at once.
    pub networks: IndexSet<EnvelopeSet>,
    pub bundles: IndexSet<EnvelopeSet>,
    /// The network after a bundle was sent into one.
    pub after: FxHashMap<(NetworkId, BundleId), NetworkId>,
    /// What the adversary makes of the events that it learns from.
    pub answers: FxHashMap<EventSet, EnvelopeSet>,
    pub histories: Histories<LocalId>,
    pub journal: Journal,
    /// How many events, envelopes, local states, networks and histories were met by the last entry of the journal. What was met
    /// since may be of something that was given up in the middle.
    pub whole: [usize; 5],
}

impl Tables {
    /// Writes down what has made the tables grow, now that it is done.
    pub fn note(&mut self, kind: u32, words: &[u32]) {
        self.journal.note(kind, words);
        let (events, envelopes, locals) = (self.events.len(), self.envelopes.len(), self.locals.len());
        self.whole = [events, envelopes, locals, self.networks.len(), self.histories.met()];
    }

    pub fn event(&mut self, event: Event) -> EventId {
        EventId::at(self.events.insert_full(event).0)
    }

    pub fn local(&mut self, participant: u16, local: Local) -> LocalId {
        self.is_any_wrecked |= local.wreck().is_some();
        let (place, fresh) = self.locals.insert_full((participant, local));
        if fresh {
            self.steps.push(Steps::default());
            let seen = self.locals[place].1.replica().map(Observation::of);
            let observed = seen.map(|seen| self.observations.number(seen));
            // Who is no replica is not asked for it.
            self.observed.push(observed.unwrap_or(ObservationId::at(0)));
        }
        LocalId::at(place)
    }

    pub fn envelope(
        &mut self,
        honest: &[Participant],
        from: Principal,
        to: Principal,
        event: EventId,
    ) -> EnvelopeId {
        let (place, fresh) = self.envelopes.insert_full(Envelope { from, to, event });
        let number = EnvelopeId::at(place);
        if fresh && let Some(participant) = honest.iter().position(|p| p.id() == to) {
            self.to[participant].insert(number);
        }
        number
    }

    pub fn network(&self, state: &GraphState, honest: usize) -> (NetworkId, &EnvelopeSet) {
        let number = NetworkId::of_word(state.0.get(honest).copied().unwrap_or_default());
        (number, &self.networks[number.place()])
    }
}
