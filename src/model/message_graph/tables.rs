//! What is interned: events, envelopes, local states, networks and histories, a number each.

use crate::hashed::IndexSet;
use rustc_hash::FxHashMap;

use super::GraphState;
use crate::engine::record::Journal;
use crate::model::bits::Bits;
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
    pub event: u32,
}

/// What a delivery to a local state brings about.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub envelope: u32,
    pub next: u32,
    /// The number of the set of envelopes that is sent.
    pub sent: u32,
    pub crash: bool,
}

/// What a participant can do in a local state.
#[derive(Default)]
pub(super) struct Steps {
    /// The envelopes that were delivered to it for trial.
    pub tried: Bits<u32>,
    /// Those that it acts on, ordered by their events.
    pub steps: Vec<Step>,
}

/// The number of the empty set of envelopes.
pub(super) const NOTHING: u32 = 0;

/// Everything that was met, by number, and what came of it.
#[derive(Default)]
pub(super) struct Tables {
    pub events: IndexSet<Event>,
    pub envelopes: IndexSet<Envelope>,
    /// For each honest participant the envelopes to it.
    pub to: Vec<Bits<u32>>,
    pub locals: IndexSet<(u16, Local)>,
    /// Whether one of these is that of somebody whose code has panicked.
    pub is_any_wrecked: bool,
    /// For each local state.
    pub steps: Vec<Steps>,
    /// For each local state what the properties see of a replica.
    pub observed: Vec<ObservationId>,
    pub observations: Interned<ObservationId, Observation>,
    /// What can be in the network, and what can be sent at once.
    pub networks: IndexSet<Bits<u32>>,
    pub bundles: IndexSet<Bits<u32>>,
    /// The network after a bundle was sent into one.
    pub after: FxHashMap<(u32, u32), u32>,
    /// What the adversary makes of the events that it learns from.
    pub answers: FxHashMap<Bits<u32>, Bits<u32>>,
    pub histories: Histories<u32>,
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

    pub fn event(&mut self, event: Event) -> u32 {
        self.events.insert_full(event).0 as u32
    }

    pub fn local(&mut self, participant: u16, local: Local) -> u32 {
        self.is_any_wrecked |= local.wreck().is_some();
        let (number, fresh) = self.locals.insert_full((participant, local));
        if fresh {
            self.steps.push(Steps::default());
            let seen = self.locals[number].1.replica().map(Observation::of);
            let observed = seen.map(|seen| self.observations.number(seen));
            // Who is no replica is not asked for it.
            self.observed.push(observed.unwrap_or(ObservationId::at(0)));
        }
        number as u32
    }

    pub fn envelope(&mut self, honest: &[Participant], from: Principal, to: Principal, event: u32) -> u32 {
        let (number, fresh) = self.envelopes.insert_full(Envelope { from, to, event });
        let number = number as u32;
        if fresh && let Some(participant) = honest.iter().position(|p| p.id() == to) {
            self.to[participant].insert(number);
        }
        number
    }

    pub fn network(&self, state: &GraphState, honest: usize) -> (u32, &Bits<u32>) {
        let number = state.0.get(honest).copied().unwrap_or_default();
        (number, &self.networks[number as usize])
    }
}
