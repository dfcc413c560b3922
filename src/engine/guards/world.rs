//! Real nodes and what they have sent, message by message.

use std::collections::BTreeSet;

use super::alphabet::Content;
use super::error::Unfit;
use super::machine::{Done, Feed, Machine, Running};
use crate::engine::panics::Panicked;
use crate::protocol::{NodeId, Protocol};

/// Something handed to a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Input {
    pub at: NodeId,
    pub feed: Feed,
}

/// An honest node in a run.
pub(super) struct Inhabitant<P: Protocol> {
    pub id: NodeId,
    /// None if it has panicked.
    pub running: Option<Running<P>>,
    pub decided: BTreeSet<u16>,
    pub panicked: Option<Panicked>,
}

/// All honest nodes in a run.
pub(super) struct World<P: Protocol> {
    pub nodes: Vec<Inhabitant<P>>,
    pub byzantine: Vec<NodeId>,
    pub sent: BTreeSet<(NodeId, Content)>,
}

impl<P: Protocol> World<P> {
    /// New nodes.
    pub fn new(machine: &mut Machine<P>, byzantine: &[NodeId]) -> Result<Self, Unfit> {
        let mut world = World { nodes: Vec::new(), byzantine: byzantine.to_vec(), sent: BTreeSet::new() };
        for id in NodeId::all(machine.protocol.nodes()).filter(|id| !byzantine.contains(id)) {
            let (running, done) = machine.begin(id)?;
            let (decided, panicked) = (done.decided.iter().copied().collect(), done.panicked.clone());
            world.nodes.push(Inhabitant { id, running, decided, panicked });
            world.sent.extend(done.sent.iter().map(|content| (id, *content)));
        }
        Ok(world)
    }

    /// Whether a message can arrive: whoever is honest has sent it, and no part of it is forged.
    pub fn is_there(&self, machine: &Machine<P>, from: NodeId, content: Content) -> bool {
        let has =
            |signer, content| self.byzantine.contains(&signer) || self.sent.contains(&(signer, content));
        has(from, content) && machine.alphabet.parts(content).iter().all(|(signer, part)| has(*signer, *part))
    }

    /// Whether this can happen now.
    pub fn may(&self, machine: &Machine<P>, input: Input) -> bool {
        let node = self.nodes.iter().find(|node| node.id == input.at);
        let Some(running) = node.and_then(|node| node.running.as_ref()) else { return false };
        match input.feed {
            Feed::Message(from, content) => from != input.at && self.is_there(machine, from, content),
            Feed::Timer(timer) => running.timers.contains(&timer),
        }
    }

    /// Lets it happen, if it can.
    pub fn happen(&mut self, machine: &mut Machine<P>, input: Input) -> Result<Option<Done>, Unfit> {
        if !self.may(machine, input) {
            return Ok(None);
        }
        let Some(node) = self.nodes.iter_mut().find(|node| node.id == input.at) else { return Ok(None) };
        let Some(running) = &mut node.running else { return Ok(None) };
        let done = machine.feed(input.at, running, input.feed)?;
        if let Some(panicked) = &done.panicked {
            node.panicked = Some(panicked.clone());
            node.running = None;
        }
        node.decided.extend(&done.decided);
        self.sent.extend(done.sent.iter().map(|content| (input.at, *content)));
        Ok(Some(done))
    }

    /// What is wrong: agreement, validity or panics, and why, of that which is asked.
    pub fn wrong(&self, machine: &Machine<P>, asked: Option<&str>) -> Option<(&'static str, String)> {
        use crate::engine::violation::{AGREEMENT, PANICS, VALIDITY};
        let is_asked = |name: &str| asked.is_none_or(|asked| asked == name);
        let in_words = |node: &Inhabitant<P>, decision: &u16| {
            let (slot, value) = machine.decisions.get_index(usize::from(*decision))?;
            Some((node.id, *slot, value.clone()))
        };
        let decided =
            self.nodes.iter().flat_map(|node| node.decided.iter().filter_map(move |d| in_words(node, d)));
        let decided: Vec<_> = decided.collect();
        if let Some(node) =
            self.nodes.iter().find(|node| node.panicked.is_some()).filter(|_| is_asked(PANICS))
        {
            let panicked = node.panicked.as_ref().map(ToString::to_string).unwrap_or_default();
            return Some((PANICS, format!("{} panics: {panicked}", node.id)));
        }
        let pairs = decided.iter().flat_map(|one| decided.iter().map(move |other| (one, other)));
        let torn = pairs.into_iter().find(|(one, other)| one.1 == other.1 && one.2 != other.2);
        if let Some((one, other)) = torn.filter(|_| is_asked(AGREEMENT)) {
            let value = |value| machine.protocol.value_in_words(value);
            let (first, second) = (value(&one.2), value(&other.2));
            return Some((
                AGREEMENT,
                format!("in {} {} decides {first} and {} {second}", one.1, one.0, other.0),
            ));
        }
        let invalid = decided.iter().find(|(_, slot, value)| !machine.protocol.is_valid(*slot, value));
        let (id, slot, value) = invalid.filter(|_| is_asked(VALIDITY))?;
        let value = machine.protocol.value_in_words(value);
        Some((VALIDITY, format!("{id} decides {value} in {slot}, which is not valid")))
    }
}
