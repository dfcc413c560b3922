//! What tells the states of one node apart, and where its inputs lead.
//!
//! A node without a key is its history. Of the histories that a key makes one, a few are kept: whatever is handed to
//! the node is handed to each of these, and they must do the same.

use std::hash::{Hash, Hasher};

use crate::hashed::IndexMap;
use rustc_hash::FxHashMap;

use super::histories::{DecisionId, Done, EventId, EventRef, Histories, HistoryId, KeyId, MessageId};
use super::panics::{Panicked, guarded};
use super::place::{Participants, Place, PlaceId};
use super::record::Journal;
use super::refusal::{Refusal, UnlikeKeys};
use crate::protocol::{FairFns, Protocol};

/// Histories that are kept of a node with a key.
const SAMPLES: usize = 3;

/// A state of one node, by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LocalId(pub(super) u32);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Known {
    Key(KeyId),
    History(HistoryId),
    /// It has panicked, which leaves no key: after two histories with one key that is one state.
    Panicked(Panicked),
}

/// What tells a state of a node from others.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Identity {
    place: PlaceId,
    known: Known,
    decided: Vec<DecisionId>,
    timers: Vec<EventId>,
}

/// How far a node is on the way to what must happen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Standing {
    pub round: u64,
    pub is_done: bool,
    pub is_cut: bool,
}

/// A state of one node.
pub(super) struct Local<P: Protocol> {
    pub place: PlaceId,
    /// What it has decided, ascending.
    pub decided: Vec<DecisionId>,
    /// The timers that run, ascending.
    pub timers: Vec<EventId>,
    /// Whether it has a key.
    is_keyed: bool,
    /// The messages that have arrived, ascending, if one that is sent once could arrive for ever.
    received: Option<Vec<MessageId>>,
    pub wreck: Option<Panicked>,
    /// How far it is on the way to what must happen, if that is asked.
    pub standing: Option<Standing>,
    /// The node itself, if invariants look at it.
    pub node: Option<P::Node>,
    /// At least one.
    samples: Vec<HistoryId>,
    taken: FxHashMap<EventRef, Taken>,
}

impl<P: Protocol> Local<P> {
    /// Whether this may be delivered to it.
    pub(super) fn takes(&self, message: MessageId) -> bool {
        self.wreck.is_none() && self.received.as_ref().is_none_or(|received| !received.contains(&message))
    }

    /// A history that leads to it.
    pub(super) fn history(&self) -> HistoryId {
        self.samples[0]
    }
}

/// Where an input leads, and what is sent.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Taken {
    pub to: LocalId,
    pub sent: Vec<MessageId>,
}

/// All states of all nodes.
pub(super) struct Locals<P: Protocol> {
    pub histories: Histories<P>,
    all: IndexMap<Identity, Local<P>>,
    /// Histories to be held against what is known of a state.
    untried: Vec<(LocalId, HistoryId)>,
    keeps_nodes: bool,
    in_order: bool,
    fair: Option<FairFns<P>>,
    /// Whether nodes have a key, once one was met.
    are_keyed: Option<bool>,
    /// What was handed to which state, in the order in which that was first asked: it has made all of this grow.
    pub journal: Journal,
}

/// What was met, for a digest of it.
impl<P: Protocol> Hash for Locals<P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.histories.hash(state);
        for (identity, Local { standing, samples, .. }) in &self.all {
            (identity, standing, samples).hash(state);
        }
    }
}

impl<P: Protocol> Locals<P> {
    /// None yet. `keeps_nodes` if invariants look at them; `in_order` if it matters in which order messages are sent;
    /// `fair` if it is asked what must happen.
    pub(super) fn new(keeps_nodes: bool, in_order: bool, fair: Option<FairFns<P>>) -> Self {
        let histories = Histories::new();
        Locals {
            histories,
            all: IndexMap::default(),
            untried: Vec::new(),
            keeps_nodes,
            in_order,
            fair,
            are_keyed: None,
            journal: Journal::default(),
        }
    }

    pub(super) fn at(&self, id: LocalId) -> &Local<P> {
        &self.all[id.0 as usize]
    }

    /// The state of that number.
    pub(super) fn numbered(&self, number: u32) -> Option<&Local<P>> {
        self.all.get_index(number as usize).map(|(_, local)| local)
    }

    /// A new node, and what it sends at once.
    pub(super) fn root(
        &mut self,
        protocol: &P,
        participants: &Participants,
        place: PlaceId,
    ) -> Result<Taken, Refusal> {
        let history = self.histories.root(protocol, participants, place)?;
        let to = self.admit(protocol, participants, place, history, (&[], &[], &[]))?;
        Ok(Taken { to, sent: self.sent(history) })
    }

    /// From now on one run is followed, from these states.
    pub(super) fn follow_one_run(
        &mut self,
        protocol: &P,
        participants: &Participants,
        from: &[LocalId],
    ) -> Result<(), Refusal> {
        let histories = from.iter().map(|&local| (self.at(local).place, self.at(local).history()));
        let histories: Vec<_> = histories.collect();
        // What is known already would leave the node itself where it is.
        self.all.values_mut().for_each(|local| local.taken.clear());
        self.histories.follow_one_run(protocol, participants, histories.into_iter())
    }

    /// The node itself, if invariants look at it.
    pub(super) fn node(&self, id: LocalId) -> Option<&P::Node> {
        let local = self.at(id);
        if self.histories.follows_one_run() { self.histories.live(local.place) } else { local.node.as_ref() }
    }

    /// Whether a node has a key.
    pub(super) fn is_keyed(&self, id: LocalId) -> bool {
        self.at(id).is_keyed
    }

    /// Where an input leads.
    pub(super) fn take(
        &mut self,
        protocol: &P,
        participants: &Participants,
        from: LocalId,
        input: EventRef,
    ) -> Result<Taken, Refusal> {
        if let Some(known) = self.at(from).taken.get(&input) {
            return Ok(known.clone());
        }
        let taken = self.run(protocol, participants, from, self.at(from).history(), input)?;
        let others =
            if self.histories.follows_one_run() { Vec::new() } else { self.at(from).samples.clone() };
        for sample in others.into_iter().skip(1) {
            self.hold(protocol, participants, from, sample, input, &taken)?;
        }
        self.all[from.0 as usize].taken.insert(input, taken.clone());
        self.try_all(protocol, participants)?;
        let (kind, number) = input.number();
        self.journal.note(kind, &[from.0, number]);
        Ok(taken)
    }

    /// Holds new samples against all that is known of their states.
    fn try_all(&mut self, protocol: &P, participants: &Participants) -> Result<(), Refusal> {
        while let Some((local, sample)) = self.untried.pop() {
            let known: Vec<_> =
                self.at(local).taken.iter().map(|(input, taken)| (*input, taken.clone())).collect();
            for (input, taken) in known {
                self.hold(protocol, participants, local, sample, input, &taken)?;
            }
        }
        Ok(())
    }

    /// Holds a sample against what is known of its state.
    fn hold(
        &mut self,
        protocol: &P,
        participants: &Participants,
        local: LocalId,
        sample: HistoryId,
        input: EventRef,
        known: &Taken,
    ) -> Result<(), Refusal> {
        let taken = self.run(protocol, participants, local, sample, input)?;
        if taken == *known {
            return Ok(());
        }
        let histories = &mut self.histories;
        let one = self.all[local.0 as usize].history();
        let after_one = histories.after(protocol, participants, one, input)?;
        let after_other = histories.after(protocol, participants, sample, input)?;
        let histories = &self.histories;
        let key = histories.done(one).key.and_then(|key| histories.key(key));
        Err(Refusal::UnlikeKeys(Box::new(UnlikeKeys {
            node: participants.at(self.at(local).place).to_string(),
            key: key.map_or_else(String::new, |key| key.as_str().to_owned()),
            one: histories.inputs_in_words(protocol, one),
            other: histories.inputs_in_words(protocol, sample),
            input: histories.input_in_words(protocol, input),
            first: histories.done_in_words(protocol, histories.done(after_one)),
            second: histories.done_in_words(protocol, histories.done(after_other)),
        })))
    }

    /// Where an input leads from one history of a state.
    fn run(
        &mut self,
        protocol: &P,
        participants: &Participants,
        from: LocalId,
        history: HistoryId,
        input: EventRef,
    ) -> Result<Taken, Refusal> {
        let after = self.histories.after(protocol, participants, history, input)?;
        let local = self.at(from);
        let mut timers = local.timers.clone();
        if let EventRef::Event(event) = input {
            timers.retain(|timer| *timer != event);
        }
        let mut received = local.received.clone().unwrap_or_default();
        match input {
            EventRef::Message(message) => {
                received.push(message);
                received.sort_unstable();
            }
            EventRef::Event(_) => {}
            EventRef::Crash => {
                timers.clear();
                received.clear();
            }
        }
        let (place, decided) = (local.place, local.decided.clone());
        let to = self.admit(protocol, participants, place, after, (&decided, &timers, &received))?;
        Ok(Taken { to, sent: self.sent(after) })
    }

    fn sent(&self, history: HistoryId) -> Vec<MessageId> {
        let mut sent = self.histories.done(history).sent.clone();
        if !self.in_order {
            sent.sort_unstable();
            sent.dedup();
        }
        sent
    }

    /// The state that a history leads to, from one with such decisions, timers and messages that arrived.
    fn admit(
        &mut self,
        protocol: &P,
        participants: &Participants,
        place: PlaceId,
        history: HistoryId,
        (decided, timers, received): (&[DecisionId], &[EventId], &[MessageId]),
    ) -> Result<LocalId, Refusal> {
        let Done { decided: more, timers: changed, key, panicked, .. } = self.histories.done(history).clone();
        let mut decided = [decided, &more].concat();
        decided.sort_unstable();
        decided.dedup();
        let mut timers = timers.to_vec();
        for (timer, runs) in changed {
            timers.retain(|other| *other != timer);
            timers.extend(runs.then_some(timer));
        }
        timers.sort_unstable();
        if panicked.is_none() && !self.histories.follows_one_run() {
            let are_keyed = *self.are_keyed.get_or_insert(key.is_some());
            if are_keyed != key.is_some() {
                let inputs = self.histories.inputs_in_words(protocol, history);
                return Err(Refusal::KeySometimes(participants.at(place).to_string(), inputs));
            }
        }
        let known = match (&panicked, key) {
            (Some(panicked), _) if self.are_keyed == Some(true) => Known::Panicked(panicked.clone()),
            (_, Some(key)) => Known::Key(key),
            (_, None) => Known::History(history),
        };
        let identity = Identity { place, known, decided: decided.clone(), timers: timers.clone() };
        if let Some((number, _, local)) = self.all.get_full_mut(&identity) {
            let id = LocalId(number as u32);
            if local.samples.len() < SAMPLES && !local.samples.contains(&history) {
                local.samples.push(history);
                self.untried.push((id, history));
            }
            return Ok(id);
        }
        let is_asked = self.keeps_nodes || self.fair.is_some();
        let node = match is_asked && !self.histories.follows_one_run() {
            true => self.histories.rebuilt(protocol, participants, history)?,
            false => None,
        };
        let standing = self.standing(
            protocol,
            node.as_ref().or(self.histories.live(place)),
            &decided,
            participants.at(place),
        )?;
        let node = node.filter(|_| self.keeps_nodes);
        let is_keyed = key.is_some();
        // On a link a message arrives as often as it is sent, and that ends by itself.
        let received = (!is_keyed && !self.in_order).then(|| received.to_vec());
        let (samples, taken) = (vec![history], FxHashMap::default());
        let local = Local {
            place,
            decided,
            timers,
            is_keyed,
            received,
            wreck: panicked,
            standing,
            node,
            samples,
            taken,
        };
        Ok(LocalId(self.all.insert_full(identity, local).0 as u32))
    }

    fn standing(
        &self,
        protocol: &P,
        node: Option<&P::Node>,
        decided: &[DecisionId],
        place: Place,
    ) -> Result<Option<Standing>, Refusal> {
        let Some((fair, node)) = self.fair.zip(node) else { return Ok(None) };
        let decided = decided.iter().filter_map(|&id| self.histories.decision(id).cloned());
        let decided: Vec<_> = decided.collect();
        let standing = guarded(|| Standing {
            round: (fair.round)(protocol, node),
            is_done: (fair.is_done)(protocol, node, &decided),
            is_cut: (fair.is_cut)(protocol, node),
        });
        standing.map(Some).map_err(|panicked| Refusal::FairPanics(place.to_string(), panicked))
    }
}
