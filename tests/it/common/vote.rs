//! A protocol of one's own: a single vote.

use std::collections::{BTreeMap, BTreeSet};

use bft_check::protocol::{Effects, Input, Key, Layers, Network, NodeId, Offer, Protocol, Recover, Slot};

/// Everybody votes once, for the first proposal of node 0, and decides on a quorum of votes.
#[derive(Clone, Copy, Debug)]
pub struct Vote {
    pub quorum: usize,
    /// Whether a node writes down its vote before it sends it.
    pub records: bool,
    /// Whether nodes have a key, or are known by their histories.
    pub is_keyed: bool,
    pub network: Network,
}

/// Two votes are enough.
pub const VOTE: Vote = Vote { quorum: 2, records: true, is_keyed: true, network: Network::AnyOrder };

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Said {
    Proposal(char),
    Vote(char),
}

#[derive(Debug, Default)]
pub struct Voter {
    id: u16,
    voted: Option<char>,
    votes: BTreeMap<char, BTreeSet<u16>>,
}

impl Vote {
    fn vote(self, node: &mut Voter, value: char, effects: &mut Effects<Self>) {
        if node.voted.is_none() {
            node.voted = Some(value);
            effects.broadcast(Said::Vote(value));
            self.count(node, node.id, value, effects);
        }
    }

    fn count(self, node: &mut Voter, voter: u16, value: char, effects: &mut Effects<Self>) {
        let votes = node.votes.entry(value).or_default();
        votes.insert(voter);
        if votes.len() >= self.quorum {
            effects.decide(Slot(0), value);
        }
    }
}

impl Protocol for Vote {
    type Node = Voter;
    type Message = Said;
    type Event = char;
    type Value = char;

    fn nodes(&self) -> usize {
        3
    }

    fn init(&self, id: NodeId, _: &mut Effects<Self>) -> Voter {
        Voter { id: id.0, ..Voter::default() }
    }

    fn step(&self, node: &mut Voter, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Event(value) if node.voted.is_none() => {
                effects.broadcast(Said::Proposal(value));
                self.vote(node, value, effects);
            }
            Input::Message { from: NodeId(0), message: Said::Proposal(value) } => {
                self.vote(node, value, effects)
            }
            Input::Message { from, message: Said::Vote(value) } => self.count(node, from.0, value, effects),
            _ => {}
        }
    }

    fn events(&self) -> Vec<Offer<char>> {
        ['a', 'b'].map(|value| Offer::once(NodeId(0), value)).to_vec()
    }

    fn network(&self) -> Network {
        self.network
    }

    fn key(&self, node: &Voter) -> Option<Key> {
        self.is_keyed.then(|| Key::debug(node))
    }

    fn is_valid(&self, _: Slot, value: &char) -> bool {
        ['a', 'b'].contains(value)
    }

    fn layers(&self) -> Layers<Self> {
        Layers::none().crashes()
    }
}

impl Recover for Vote {
    type Disk = Option<char>;

    fn disk(&self, node: Voter) -> Option<char> {
        node.voted.filter(|_| self.records)
    }

    fn recover(&self, id: NodeId, disk: Option<char>, effects: &mut Effects<Self>) -> Voter {
        let mut node = Voter { id: id.0, ..Voter::default() };
        if let Some(value) = disk {
            self.vote(&mut node, value, effects);
        }
        node
    }
}
