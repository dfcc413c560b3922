//! Nodes by the history of their inputs.
//!
//! What a node did in each step is noted when it is first run. It is run twice at once, and again whenever the node is
//! rebuilt; what then differs from the note is refused: the code does not do the same each time.

use std::hash::{Hash, Hasher};

use crate::hashed::IndexSet;
use rustc_hash::FxHashMap;

use super::panics::{Panicked, guarded};
use super::place::{Participants, PlaceId};
use super::refusal::Refusal;
use crate::interrupt;
use crate::memory;
use crate::protocol::{Effects, Input, Key, NodeId, Protocol, Receiver, Slot};

/// What a node may do at once. More is a mistake, such as a whole log that is sent again entry by entry.
const MOST_EFFECTS: usize = 10_000;

/// A message with its sender and receiver, by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MessageId(pub(super) u32);

/// An event or timer, by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventId(pub(super) u32);

/// A value in its slot, by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct DecisionId(u32);

/// A key, by number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct KeyId(u32);

/// All that has happened to a node, by number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct HistoryId(u32);

/// What is handed to a node, by number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum EventRef {
    Message(MessageId),
    Event(EventId),
    /// It crashes and comes up again.
    Crash,
}

impl EventRef {
    const MESSAGE: u32 = 0;
    const EVENT: u32 = 1;
    const CRASH: u32 = 2;

    /// Which kind it is, and its number.
    pub fn number(self) -> (u32, u32) {
        match self {
            EventRef::Message(MessageId(number)) => (EventRef::MESSAGE, number),
            EventRef::Event(EventId(number)) => (EventRef::EVENT, number),
            EventRef::Crash => (EventRef::CRASH, 0),
        }
    }

    /// The one of that kind and number, if there is such a kind.
    pub fn numbered(kind: u32, number: u32) -> Option<Self> {
        match (kind, number) {
            (EventRef::MESSAGE, number) => Some(EventRef::Message(MessageId(number))),
            (EventRef::EVENT, number) => Some(EventRef::Event(EventId(number))),
            (EventRef::CRASH, 0) => Some(EventRef::Crash),
            _ => None,
        }
    }
}

/// A message on its way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Envelope<M> {
    pub from: NodeId,
    pub to: NodeId,
    pub message: M,
}

/// What a node did in one step, and its key after it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Done {
    pub sent: Vec<MessageId>,
    pub decided: Vec<DecisionId>,
    /// Timers that were set or stopped.
    pub timers: Vec<(EventId, bool)>,
    pub key: Option<KeyId>,
    pub panicked: Option<Panicked>,
}

struct History {
    /// What happened before, and what happened last; nothing to a new node.
    parent: Option<(HistoryId, EventRef)>,
    place: PlaceId,
    done: Done,
}

/// All that was met, each with its number.
pub(super) struct Histories<P: Protocol> {
    pub messages: IndexSet<Envelope<P::Message>>,
    pub events: IndexSet<P::Event>,
    pub decisions: IndexSet<(Slot, P::Value)>,
    pub keys: IndexSet<Key>,
    all: Vec<History>,
    next: FxHashMap<(HistoryId, EventRef), HistoryId>,
    /// Of each place the node that has the latest history, where runs are followed one by one: it is stepped on rather than
    /// rebuilt.
    live: Option<FxHashMap<PlaceId, (HistoryId, P::Node)>>,
}

/// What was met, for a digest of it.
impl<P: Protocol> Hash for Histories<P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for Envelope { from, to, message } in &self.messages {
            (from, to, message).hash(state);
        }
        self.events.iter().for_each(|event| event.hash(state));
        self.decisions.iter().for_each(|decision| decision.hash(state));
        self.keys.iter().for_each(|key| key.hash(state));
        for History { parent, place, done } in &self.all {
            let Done { sent, decided, timers, key, panicked } = done;
            // Where a panic says of what it is may have an address in it.
            (parent, place, sent, decided, timers, key, panicked.is_some()).hash(state);
        }
    }
}

type Ran<P> = (Option<<P as Protocol>::Node>, Done);

impl<P: Protocol> Histories<P> {
    pub(super) fn new() -> Self {
        Histories {
            messages: IndexSet::default(),
            events: IndexSet::default(),
            decisions: IndexSet::default(),
            keys: IndexSet::default(),
            all: Vec::new(),
            next: FxHashMap::default(),
            live: None,
        }
    }

    /// From now on one run is followed, from where each place has such a history: every input is handed over once, to the
    /// node itself, and no key is asked for.
    pub(super) fn follow_one_run(
        &mut self,
        protocol: &P,
        participants: &Participants,
        from: impl Iterator<Item = (PlaceId, HistoryId)>,
    ) -> Result<(), Refusal> {
        let mut live = FxHashMap::default();
        for (place, history) in from {
            if let Some(node) = self.rebuilt(protocol, participants, history)? {
                live.insert(place, (history, node));
            }
        }
        self.live = Some(live);
        Ok(())
    }

    /// Whether one run is followed.
    pub(super) fn follows_one_run(&self) -> bool {
        self.live.is_some()
    }

    /// The node of a place, where one run is followed.
    pub(super) fn live(&self, place: PlaceId) -> Option<&P::Node> {
        self.live.as_ref()?.get(&place).map(|(_, node)| node)
    }

    /// Before a few more steps are noted: gives up the work at hand if the process would hold more than it may then, or it is to
    /// end anyway.
    pub(super) fn about_to_grow(&self) {
        interrupt::poll();
        memory::before(&self.next);
    }

    pub(super) fn event(&mut self, event: P::Event) -> EventId {
        EventId(self.events.insert_full(event).0 as u32)
    }

    pub(super) fn has_event(&self, id: EventId) -> bool {
        (id.0 as usize) < self.events.len()
    }

    pub(super) fn envelope(&self, id: MessageId) -> Option<&Envelope<P::Message>> {
        self.messages.get_index(id.0 as usize)
    }

    /// A message between two, whether or not anybody sends it.
    pub(super) fn message(&mut self, from: NodeId, to: NodeId, message: P::Message) -> MessageId {
        MessageId(self.messages.insert_full(Envelope { from, to, message }).0 as u32)
    }

    pub(super) fn decision(&self, id: DecisionId) -> Option<&(Slot, P::Value)> {
        self.decisions.get_index(id.0 as usize)
    }

    pub(super) fn key(&self, id: KeyId) -> Option<&Key> {
        self.keys.get_index(id.0 as usize)
    }

    pub(super) fn done(&self, id: HistoryId) -> &Done {
        &self.all[id.0 as usize].done
    }

    /// The inputs of a history, in order.
    pub(super) fn inputs(&self, id: HistoryId) -> Vec<EventRef> {
        let mut inputs = Vec::new();
        let mut at = id;
        while let Some((before, input)) = self.all[at.0 as usize].parent {
            inputs.push(input);
            at = before;
        }
        inputs.reverse();
        inputs
    }

    /// A new node.
    pub(super) fn root(
        &mut self,
        protocol: &P,
        participants: &Participants,
        place: PlaceId,
    ) -> Result<HistoryId, Refusal> {
        let (_, done) = self.begin(protocol, participants, place)?;
        let (_, again) = self.begin(protocol, participants, place)?;
        let id = self.push(History { parent: None, place, done });
        self.alike(protocol, participants, id, &again)?;
        Ok(id)
    }

    /// What comes of a node by an input: run once, and known from then on.
    pub(super) fn after(
        &mut self,
        protocol: &P,
        participants: &Participants,
        from: HistoryId,
        input: EventRef,
    ) -> Result<HistoryId, Refusal> {
        if let Some(&known) = self.next.get(&(from, input)) {
            return Ok(known);
        }
        let place = self.all[from.0 as usize].place;
        if self.live.is_some() {
            let latest = self.live.as_mut().and_then(|live| live.remove(&place));
            let latest = latest.filter(|(at, _)| *at == from).map(|(_, node)| node);
            let (node, done) = self.once(protocol, participants, from, input, latest)?;
            let id = self.push(History { parent: Some((from, input)), place, done });
            self.next.insert((from, input), id);
            if let (Some(live), Some(node)) = (&mut self.live, node) {
                live.insert(place, (id, node));
            }
            return Ok(id);
        }
        let (_, done) = self.once(protocol, participants, from, input, None)?;
        let (_, again) = self.once(protocol, participants, from, input, None)?;
        let id = self.push(History { parent: Some((from, input)), place, done });
        self.next.insert((from, input), id);
        self.alike(protocol, participants, id, &again)?;
        Ok(id)
    }

    /// The node itself, rebuilt; none if it has panicked.
    pub(super) fn rebuilt(
        &mut self,
        protocol: &P,
        participants: &Participants,
        id: HistoryId,
    ) -> Result<Option<P::Node>, Refusal> {
        let place = self.all[id.0 as usize].place;
        let mut route = vec![id];
        while let Some((before, _)) = route.last().and_then(|last| self.all[last.0 as usize].parent) {
            route.push(before);
        }
        let (mut node, done) = self.begin(protocol, participants, place)?;
        let follows_one_run = self.live.is_some();
        for (number, &at) in route.iter().rev().enumerate() {
            let done = match (number, self.all[at.0 as usize].parent) {
                (0, _) => done.clone(),
                (_, Some((_, input))) => {
                    let Some(running) = node.take() else { return Ok(None) };
                    let (after, done) = self.run(protocol, participants, place, running, input)?;
                    node = after;
                    done
                }
                (_, None) => return Ok(None),
            };
            // No key was asked for where one run was followed.
            let key = if follows_one_run { self.all[at.0 as usize].done.key } else { done.key };
            self.alike(protocol, participants, at, &Done { key, ..done })?;
        }
        Ok(node)
    }

    fn push(&mut self, history: History) -> HistoryId {
        self.all.push(history);
        HistoryId(self.all.len() as u32 - 1)
    }

    fn once(
        &mut self,
        protocol: &P,
        participants: &Participants,
        from: HistoryId,
        input: EventRef,
        node: Option<P::Node>,
    ) -> Result<Ran<P>, Refusal> {
        let place = self.all[from.0 as usize].place;
        let node = match node {
            Some(node) => Some(node),
            None => self.rebuilt(protocol, participants, from)?,
        };
        match node {
            Some(node) => self.run(protocol, participants, place, node, input),
            None => Ok((None, Done::default())),
        }
    }

    fn begin(
        &mut self,
        protocol: &P,
        participants: &Participants,
        place: PlaceId,
    ) -> Result<Ran<P>, Refusal> {
        let mut effects = Effects::default();
        let ran = guarded(|| {
            let node = protocol.init(participants.at(place).node, &mut effects);
            let key = protocol.key(&node);
            (node, key)
        });
        match ran {
            Ok((node, key)) => Ok((Some(node), self.noted(protocol, participants, place, effects, key)?)),
            Err(panicked) => Ok((None, Done { panicked: Some(panicked), ..Done::default() })),
        }
    }

    fn run(
        &mut self,
        protocol: &P,
        participants: &Participants,
        place: PlaceId,
        mut node: P::Node,
        input: EventRef,
    ) -> Result<Ran<P>, Refusal> {
        let given = match input {
            EventRef::Crash => None,
            known => match self.input(known) {
                None => return Ok((Some(node), Done::default())),
                given => given,
            },
        };
        let asks_for_a_key = self.live.is_none();
        let mut effects = Effects::default();
        let ran = guarded(|| {
            let node = match (given, protocol.layers().recover) {
                (Some(given), _) => {
                    protocol.step(&mut node, given, &mut effects);
                    node
                }
                (None, Some(recover)) => recover(protocol, participants.at(place).node, node, &mut effects),
                (None, None) => node,
            };
            let key = if asks_for_a_key { protocol.key(&node) } else { None };
            (node, key)
        });
        match ran {
            Ok((node, key)) => Ok((Some(node), self.noted(protocol, participants, place, effects, key)?)),
            Err(panicked) => Ok((None, Done { panicked: Some(panicked), ..Done::default() })),
        }
    }

    fn input(&self, input: EventRef) -> Option<Input<P>> {
        match input {
            EventRef::Message(id) => self.envelope(id).map(|envelope| {
                let Envelope { from, message, .. } = envelope.clone();
                Input::Message { from, message }
            }),
            EventRef::Event(id) => self.events.get_index(id.0 as usize).cloned().map(Input::Event),
            EventRef::Crash => None,
        }
    }

    /// Effects in numbers.
    fn noted(
        &mut self,
        protocol: &P,
        participants: &Participants,
        place: PlaceId,
        effects: Effects<P>,
        key: Option<Key>,
    ) -> Result<Done, Refusal> {
        let from = participants.at(place).node;
        let mut done = Done::default();
        let asked = effects.sent.len() + effects.decided.len() + effects.timers.len();
        if asked > MOST_EFFECTS {
            return Err(Refusal::TooMuch(participants.at(place).to_string(), asked));
        }
        for (receiver, message) in effects.sent {
            let to: Vec<_> = match receiver {
                Receiver::One(to) if to.index() >= participants.nodes => {
                    let words = protocol.message_in_words(&message);
                    return Err(Refusal::NoSuchReceiver(from.to_string(), to, words));
                }
                Receiver::One(to) => vec![to],
                Receiver::Others => NodeId::all(participants.nodes).filter(|&to| to != from).collect(),
            };
            for to in to {
                let envelope = Envelope { from, to, message: message.clone() };
                done.sent.push(MessageId(self.messages.insert_full(envelope).0 as u32));
            }
        }
        for decision in effects.decided {
            done.decided.push(DecisionId(self.decisions.insert_full(decision).0 as u32));
        }
        for (timer, runs) in effects.timers {
            done.timers.push((self.event(timer), runs));
        }
        done.key = key.map(|key| KeyId(self.keys.insert_full(key).0 as u32));
        Ok(done)
    }

    /// Whether what a node did is what it did before.
    fn alike(
        &self,
        protocol: &P,
        participants: &Participants,
        id: HistoryId,
        again: &Done,
    ) -> Result<(), Refusal> {
        let History { place, done, .. } = &self.all[id.0 as usize];
        // Where a panic says of what it is may have an address in it.
        let both_panic = done.panicked.is_some() && again.panicked.is_some();
        if done == again || both_panic {
            return Ok(());
        }
        Err(Refusal::Nondeterministic {
            node: participants.at(*place).to_string(),
            inputs: self.inputs_in_words(protocol, id),
            first: self.done_in_words(protocol, done),
            again: self.done_in_words(protocol, again),
        })
    }
}
