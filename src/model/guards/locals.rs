//! The local states of participants that were met, a number each, and the guards of each as far as they are known.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::hashed::IndexMap;
use indexmap::map::Entry;
use smallvec::SmallVec;

use super::guard::Guard;
use super::ids::{EventId, LocalId, MessageSet, SentId};
use super::messages::Messages;
use super::plan::Plan;
use super::state::{LocalIds, Move};
use crate::model::numbers::{Interned, Number as _};
use crate::model::participant::Local;
use crate::model::property::{Observation, ObservationId};
use crate::model::system::System;
use crate::pbft::{NewView, Signed, State};

/// What a participant is, as far as others or its own future can tell.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub participant: u16,
    pub local: Local,
    pub sent: MessageSet,
    /// Where somebody may ask for it: the NEW-VIEW that it would send again. States are equal whatever that
    /// is, but it need not exist on every path that leads to one of them.
    pub resends: Option<Arc<Signed<NewView>>>,
    /// The VIEW-CHANGEs that alone are offered to it while it moves to a view that is explored by itself; none
    /// if all are.
    pub changes: Option<Arc<MessageSet>>,
}

impl Node {
    /// A participant with this state, which has sent this and is offered these VIEW-CHANGEs alone, if not all.
    pub fn new(
        system: &System,
        participant: u16,
        local: Local,
        sent: MessageSet,
        changes: Option<Arc<MessageSet>>,
    ) -> Self {
        let resends = local.replica().and_then(State::new_view).cloned();
        let resends = resends.filter(|_| system.has_checkpoints());
        Node { participant, local, sent, resends, changes }
    }
}

/// What is known of the guards of a local state.
#[derive(Clone, Default)]
pub(super) struct LocalGuards {
    /// The messages up to here were considered.
    pub known: u32,
    pub admitted: Vec<EventId>,
    pub refused: Vec<EventId>,
    pub guards: Arc<Vec<Guard>>,
    /// Whether every message that is admitted brings something about by itself: none is just counted.
    pub is_plain: bool,
}

impl LocalGuards {
    /// Whether all of these messages were considered.
    #[inline]
    pub fn are_up_to(&self, messages: &Messages) -> bool {
        self.known > 0 && self.known == messages.met()
    }
}

/// What participants have sent, a number for each of them.
pub(super) type Sets = SmallVec<[SentId; 4]>;

/// What a search asks of a local state in every state that it visits.
struct Brief {
    /// What was sent.
    sent: SentId,
    /// What the properties see of a replica.
    observation: ObservationId,
    /// The messages up to here were considered.
    known: u32,
    plan: Plan,
}

/// The local states that were met, in the order of their numbers.
#[derive(Default)]
pub(super) struct Locals {
    nodes: IndexMap<Node, LocalGuards>,
    /// By number, side by side.
    briefs: Vec<Brief>,
    /// What somebody has sent in some local state.
    sent: Interned<SentId, MessageSet>,
    /// Whether one of these is that of somebody whose code has panicked: asked of every state, mostly in vain.
    is_any_wrecked: Arc<AtomicBool>,
    observations: Interned<ObservationId, Observation>,
}

impl Locals {
    /// The number of a local state, which is met if it was not yet.
    pub fn intern(&mut self, node: Node) -> LocalId {
        if node.local.wreck().is_some() {
            self.is_any_wrecked.store(true, Relaxed);
        }
        let entry = self.nodes.entry(node);
        let number = LocalId::at(entry.index());
        if let Entry::Vacant(entry) = entry {
            let node = entry.key();
            let observed = node.local.replica().map(Observation::of);
            let observation = observed.map(|seen| self.observations.number(seen));
            // Who is no replica is not asked for it.
            let observation = observation.unwrap_or(ObservationId::at(0));
            let sent = self.sent.number_of(&node.sent);
            let sent = sent.unwrap_or_else(|| self.sent.number(node.sent.clone()));
            self.briefs.push(Brief { sent, observation, known: 0, plan: Plan::default() });
            entry.insert(LocalGuards::default());
        }
        number
    }

    /// How many were met.
    pub fn met(&self) -> usize {
        self.nodes.len()
    }

    #[inline]
    pub fn get(&self, number: LocalId) -> Option<(&Node, &LocalGuards)> {
        self.nodes.get_index(number.place())
    }

    #[inline]
    pub fn node(&self, number: LocalId) -> Option<&Node> {
        self.get(number).map(|(node, _)| node)
    }

    #[inline]
    pub fn guards(&self, number: LocalId) -> Option<&LocalGuards> {
        self.get(number).map(|(_, guards)| guards)
    }

    pub fn get_mut(&mut self, number: LocalId) -> Option<(&Node, &mut LocalGuards)> {
        self.nodes.get_index_mut(number.place())
    }

    /// Keeps what was found out about the guards of a local state.
    pub fn keep(&mut self, number: LocalId, guards: LocalGuards) {
        if let Some((_, known)) = self.nodes.get_index_mut(number.place()) {
            let brief = &mut self.briefs[number.place()];
            (brief.known, brief.plan) = (guards.known, Plan::of(&guards.guards));
            *known = guards;
        }
    }

    /// Notes that what is known of the guards of a local state holds for the messages up to there.
    pub fn note_known(&mut self, number: LocalId) {
        if let Some((_, guards)) = self.nodes.get_index(number.place()) {
            self.briefs[number.place()].known = guards.known;
        }
    }

    /// Whether all of these messages were considered in a local state.
    #[inline]
    pub fn is_up_to(&self, number: LocalId, messages: &Messages) -> bool {
        let known = self.briefs[number.place()].known;
        known > 0 && known == messages.met()
    }

    /// Adds the moves of a participant in a local state where these messages are there.
    #[inline]
    pub fn enabled(
        &self,
        number: LocalId,
        participant: u16,
        available: &MessageSet,
        may_crash: bool,
        moves: &mut Vec<Move>,
    ) {
        let guards = || self.guards(number).map_or(&[][..], |guards| &guards.guards);
        self.briefs[number.place()].plan.enabled(guards, participant, available, may_crash, moves);
    }

    /// The numbers of what participants in these local states have sent.
    #[inline]
    pub fn sets(&self, locals: LocalIds<'_>) -> Sets {
        locals.iter().map(|number| self.briefs[number.place()].sent).collect()
    }

    /// All of them.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.keys()
    }

    /// Those of which the guards were looked for.
    pub fn explored(&self) -> impl Iterator<Item = LocalId> {
        let explored = self.nodes.values().enumerate().filter(|(_, guards)| guards.known > 0);
        explored.map(|(place, _)| LocalId::at(place))
    }

    /// What participants in these local states have sent.
    pub fn sent(&self, locals: LocalIds<'_>) -> MessageSet {
        let mut sent = MessageSet::default();
        for number in locals.iter() {
            if let Some(node) = self.node(number) {
                sent.union_with(&node.sent);
            }
        }
        sent
    }

    /// Whether one of these participants' code has panicked, so that nothing happens any more: what else can go wrong
    /// goes wrong where nobody has panicked.
    pub fn is_over(&self, locals: LocalIds<'_>) -> bool {
        let is_wrecked = |local| self.node(local).is_some_and(|node| node.local.wreck().is_some());
        self.is_any_wrecked.load(Relaxed) && locals.iter().any(is_wrecked)
    }

    /// Whether somebody's code has panicked, in a form that can be asked without the tables.
    pub fn is_any_wrecked(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_any_wrecked)
    }

    /// How often participants in these local states have crashed.
    pub fn crashes(&self, locals: LocalIds<'_>) -> u32 {
        locals.iter().filter_map(|number| self.node(number)).map(|node| node.local.crashes()).sum()
    }

    /// What the properties see of a replica in this local state.
    pub fn observation_of(&self, local: LocalId) -> ObservationId {
        self.briefs[local.place()].observation
    }

    /// What the properties see of a replica, by number.
    pub fn observation(&self, number: ObservationId) -> &Observation {
        &self.observations[number]
    }
}
