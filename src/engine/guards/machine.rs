//! Real nodes, run input by input, with all that they do in numbers.

use std::sync::Arc;

use crate::hashed::IndexSet;

use super::alphabet::{Alphabet, Content, Nature};
use super::error::Unfit;
use crate::engine::Refusal;
use crate::engine::panics::{Panicked, guarded};
use crate::protocol::{Effects, Input, Key, NodeId, Protocol, Quorums, Receiver, Slot};

/// What is handed to a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Feed {
    /// A message of the alphabet, from a node.
    Message(NodeId, Content),
    /// An event of the node's own: a timer.
    Timer(u16),
}

/// A node that runs.
pub(super) struct Running<P: Protocol> {
    pub node: P::Node,
    /// The timers that run, ascending.
    pub timers: Vec<u16>,
    pub control: u32,
    /// What it has sent that is no vote, ascending: it may keep it, and nobody can give it that again.
    own: Vec<Content>,
}

/// A control state: what the protocol says it is, and what the node has sent that is no vote.
pub(super) type ControlState = (Key, Vec<Content>);

/// What came of an input.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Done {
    pub sent: Vec<Content>,
    pub decided: Vec<u16>,
    pub panicked: Option<Panicked>,
    /// Whether the control state is another.
    pub is_moved: bool,
}

impl Done {
    /// Whether anything came of it that others, or the control state, can tell.
    pub fn is_step(&self) -> bool {
        self.is_moved || !self.sent.is_empty() || !self.decided.is_empty() || self.panicked.is_some()
    }
}

/// What runs nodes, and knows all that was met by number.
pub(super) struct Machine<P: Protocol> {
    pub protocol: Arc<P>,
    pub quorums: Quorums<P>,
    pub alphabet: Arc<Alphabet<P>>,
    pub timers: IndexSet<P::Event>,
    pub decisions: IndexSet<(Slot, P::Value)>,
    pub controls: IndexSet<ControlState>,
    /// How many inputs were handed over.
    pub runs: u64,
}

impl<P: Protocol> Machine<P> {
    pub fn new(protocol: Arc<P>, quorums: Quorums<P>, alphabet: Arc<Alphabet<P>>) -> Self {
        let (timers, decisions, controls) = (IndexSet::default(), IndexSet::default(), IndexSet::default());
        Machine { protocol, quorums, alphabet, timers, decisions, controls, runs: 0 }
    }

    /// A new node; none if it panics at once.
    pub fn begin(&mut self, id: NodeId) -> Result<(Option<Running<P>>, Done), Unfit> {
        let mut effects = Effects::default();
        let protocol = Arc::clone(&self.protocol);
        let control = self.quorums.control;
        let ran = guarded(|| {
            let node = protocol.init(id, &mut effects);
            let key = control(&protocol, &node);
            (node, key)
        });
        match ran {
            Err(panicked) => Ok((None, Done { panicked: Some(panicked), ..Done::default() })),
            Ok((node, key)) => {
                let mut running = Running { node, timers: Vec::new(), control: 0, own: Vec::new() };
                let done = self.noted(id, &mut running, effects)?;
                running.control = self.controls.insert_full((key, running.own.clone())).0 as u32;
                Ok((Some(running), done))
            }
        }
    }

    /// Hands over an input.
    pub fn feed(&mut self, id: NodeId, running: &mut Running<P>, feed: Feed) -> Result<Done, Unfit> {
        let mut done = self.hand(id, running, feed)?;
        if done.panicked.is_none() {
            match self.place(running) {
                Ok(is_moved) => done.is_moved = is_moved,
                Err(panicked) => return Ok(Done { panicked: Some(panicked), ..Done::default() }),
            }
        }
        Ok(done)
    }

    /// Hands over inputs of which it is known what comes of them: the control state is looked at once, at the end. Whether
    /// nothing has panicked.
    pub fn replay(&mut self, id: NodeId, running: &mut Running<P>, feeds: &[Feed]) -> Result<bool, Unfit> {
        for &feed in feeds {
            if self.hand(id, running, feed)?.panicked.is_some() {
                return Ok(false);
            }
        }
        Ok(feeds.is_empty() || self.place(running).is_ok())
    }

    /// Hands over an input, and does not look at the control state.
    pub fn hand(&mut self, id: NodeId, running: &mut Running<P>, feed: Feed) -> Result<Done, Unfit> {
        self.runs += 1;
        let input = match feed {
            Feed::Message(from, content) => {
                let message = self.alphabet.messages.get_index(usize::from(content)).cloned();
                message.map(|message| Input::Message { from, message })
            }
            Feed::Timer(timer) => {
                running.timers.retain(|other| *other != timer);
                self.timers.get_index(usize::from(timer)).cloned().map(Input::Event)
            }
        };
        let Some(input) = input else { return Ok(Done::default()) };
        let mut effects = Effects::default();
        match guarded(|| self.protocol.step(&mut running.node, input, &mut effects)) {
            Err(panicked) => Ok(Done { panicked: Some(panicked), ..Done::default() }),
            Ok(()) => self.noted(id, running, effects),
        }
    }

    /// Looks at the control state of a node. Whether it is another.
    pub fn place(&mut self, running: &mut Running<P>) -> Result<bool, Panicked> {
        let key = guarded(|| (self.quorums.control)(&self.protocol, &running.node))?;
        let known = self.controls.get_index(running.control as usize);
        let is_moved = known.is_none_or(|(known, own)| *known != key || *own != running.own);
        if is_moved {
            running.control = self.controls.insert_full((key, running.own.clone())).0 as u32;
        }
        Ok(is_moved)
    }

    fn noted(&mut self, id: NodeId, running: &mut Running<P>, effects: Effects<P>) -> Result<Done, Unfit> {
        let mut done = Done::default();
        for (receiver, message) in effects.sent {
            let words = || self.protocol.message_in_words(&message);
            if let Receiver::One(to) = receiver {
                return Err(match to.index() < self.protocol.nodes() {
                    true => Unfit::ToOne(id, words(), to),
                    false => Refusal::NoSuchReceiver(id.to_string(), to, words()).into(),
                });
            }
            let content = self.alphabet.messages.get_index_of(&message);
            let content = content.ok_or_else(|| Unfit::Unforeseen(id, words()))? as Content;
            done.sent.push(content);
            if !matches!(self.alphabet.natures[usize::from(content)], Nature::Vote(_))
                && let Err(place) = running.own.binary_search(&content)
            {
                running.own.insert(place, content);
            }
        }
        for decision in effects.decided {
            done.decided.push(self.decisions.insert_full(decision).0 as u16);
        }
        for (timer, runs) in effects.timers {
            let timer = self.timers.insert_full(timer).0 as u16;
            match (running.timers.binary_search(&timer), runs) {
                (Err(place), true) => running.timers.insert(place, timer),
                (Ok(place), false) => drop(running.timers.remove(place)),
                _ => {}
            }
        }
        Ok(done)
    }

    /// An input in words.
    pub fn in_words(&self, feed: Feed) -> String {
        match feed {
            Feed::Message(from, content) => {
                let message = self.alphabet.messages.get_index(usize::from(content));
                let words = message.map(|message| self.protocol.message_in_words(message));
                format!("'{}' of {from}", words.unwrap_or_default())
            }
            Feed::Timer(timer) => {
                let event = self.timers.get_index(usize::from(timer));
                format!("'{}'", event.map(|event| self.protocol.event_in_words(event)).unwrap_or_default())
            }
        }
    }

    /// What came of an input, in words.
    pub fn done_in_words(&self, done: Option<&Done>, control: u32) -> String {
        let Some(done) = done else { return "nothing".to_owned() };
        if let Some(panicked) = &done.panicked {
            return format!("a panic, {panicked}");
        }
        let mut all = Vec::new();
        for content in &done.sent {
            let message = self.alphabet.messages.get_index(usize::from(*content));
            all.extend(
                message.map(|message| format!("'{}' is sent", self.protocol.message_in_words(message))),
            );
        }
        for decision in &done.decided {
            let decision = self.decisions.get_index(usize::from(*decision));
            all.extend(decision.map(|(slot, value)| {
                format!("{} is decided in {slot}", self.protocol.value_in_words(value))
            }));
        }
        let key = self.controls.get_index(control as usize).filter(|_| done.is_moved);
        all.extend(key.map(|(key, _)| format!("the control state is {}", key.as_str())));
        all.join(", ")
    }
}
