//! The protocol of the tutorial in the guide: a single-shot Tendermint whose votes the proposer collects.
//!
//! `cargo run --example tutorial -- check --draft 1` and so on, up to draft 4.

#![allow(missing_docs, reason = "the guide explains it")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use bft_check::cli::{Flag, run_protocol_with};
use bft_check::protocol::{Effects, Fair, Input, Key, Layers, NodeId, Offer, Protocol, Slot};

/// Four nodes, one of which may be Byzantine. Each draft repairs what the one before does wrong.
#[derive(Clone, Copy, Debug)]
pub struct Tendermint {
    pub draft: u8,
    /// How many rounds there are.
    pub rounds: u32,
    /// Whether node 1 may stop for good.
    pub stops: bool,
}

const NODES: u16 = 4;
/// Any two sets of so many nodes have an honest node in common.
const QUORUM: usize = 3;

/// A value that a quorum has voted for in a round.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Lock {
    round: u32,
    value: char,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Message {
    /// The proposer's, to all; with the lock that made it choose the value.
    Proposal { round: u32, value: char, lock: Option<Lock> },
    /// To the proposer.
    Prevote { round: u32, value: char },
    /// The proposer's, to all: it has a quorum of prevotes.
    Locked(Lock),
    /// To the proposer.
    Precommit(Lock),
    /// The proposer's, to all: it has a quorum of precommits.
    Decided(Lock),
    /// To the proposer of a round that begins.
    NewRound { round: u32, lock: Option<Lock> },
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// A client asks for a value.
    Ask(char),
    /// The timer of a round runs out.
    Timeout(u32),
    /// The node stops for good.
    Stop,
}

#[derive(Debug)]
pub struct Node {
    id: NodeId,
    wish: Option<char>,
    round: u32,
    has_voted: bool,
    lock: Option<Lock>,
    decided: Option<Lock>,
    has_stopped: bool,
    /// Whether there is no further round.
    is_out: bool,
    // What it has got as the proposer of its round.
    new_rounds: BTreeMap<NodeId, Option<Lock>>,
    has_proposed: bool,
    prevotes: BTreeMap<char, BTreeSet<NodeId>>,
    precommits: BTreeSet<NodeId>,
}

fn proposer(round: u32) -> NodeId {
    NodeId(round as u16 % NODES)
}

impl Tendermint {
    fn enter(self, node: &mut Node, round: u32, effects: &mut Effects<Self>) {
        effects.stop(Event::Timeout(node.round));
        node.round = round;
        node.has_voted = false;
        node.has_proposed = false;
        node.new_rounds.clear();
        node.prevotes.clear();
        node.precommits.clear();
        if self.draft >= 4 {
            effects.set(Event::Timeout(round));
        }
        self.to_proposer(node, round, Message::NewRound { round, lock: node.lock }, effects);
    }

    /// Sends a message to the proposer; to itself at once.
    fn to_proposer(self, node: &mut Node, round: u32, message: Message, effects: &mut Effects<Self>) {
        match proposer(round) {
            to if to == node.id => self.receive(node, to, message, effects),
            to => effects.send(to, message),
        }
    }

    /// Sends a message to all, itself included.
    fn to_all(self, node: &mut Node, message: Message, effects: &mut Effects<Self>) {
        effects.broadcast(message.clone());
        self.receive(node, node.id, message, effects);
    }

    fn propose(self, node: &mut Node, effects: &mut Effects<Self>) {
        let heard = node.round == 0 || node.new_rounds.len() >= QUORUM;
        if proposer(node.round) != node.id || node.has_proposed || !heard {
            return;
        }
        let lock = if self.draft >= 2 { node.new_rounds.values().flatten().max().copied() } else { None };
        if let Some(value) = lock.map(|lock| lock.value).or(node.wish) {
            node.has_proposed = true;
            node.new_rounds.clear();
            self.to_all(node, Message::Proposal { round: node.round, value, lock }, effects);
        }
    }

    fn receive(self, node: &mut Node, from: NodeId, message: Message, effects: &mut Effects<Self>) {
        match message {
            _ if node.has_stopped => {}
            Message::NewRound { .. } | Message::Proposal { .. } if node.decided.is_some() => {
                if let Some(lock) = node.decided.filter(|_| self.draft >= 4 && from != node.id) {
                    effects.send(from, Message::Decided(lock));
                }
            }
            _ if node.decided.is_some() => {}
            Message::NewRound { round, lock } if round == node.round && !node.has_proposed => {
                node.new_rounds.insert(from, lock);
                self.propose(node, effects);
            }
            Message::Proposal { round, value, lock } if round >= node.round && from == proposer(round) => {
                if round > node.round {
                    self.enter(node, round, effects);
                }
                let is_bound = node.lock.is_some_and(|mine| mine.value != value && Some(mine) > lock);
                if self.draft >= 3 && (node.has_voted || is_bound) {
                    return;
                }
                node.has_voted = true;
                self.to_proposer(node, round, Message::Prevote { round, value }, effects);
            }
            Message::Prevote { round, value } if round == node.round => {
                let votes = node.prevotes.entry(value).or_default();
                if votes.len() < QUORUM && votes.insert(from) && votes.len() == QUORUM {
                    self.to_all(node, Message::Locked(Lock { round, value }), effects);
                }
            }
            Message::Locked(lock) if lock.round == node.round && from == proposer(lock.round) => {
                node.lock = Some(lock);
                self.to_proposer(node, lock.round, Message::Precommit(lock), effects);
            }
            Message::Precommit(lock) if lock.round == node.round && node.precommits.len() < QUORUM => {
                node.precommits.insert(from);
                if node.precommits.len() == QUORUM {
                    self.to_all(node, Message::Decided(lock), effects);
                }
            }
            Message::Decided(lock) => {
                node.decided = Some(lock);
                effects.stop(Event::Timeout(node.round));
                effects.decide(Slot(0), lock.value);
            }
            _ => {}
        }
    }
}

impl Protocol for Tendermint {
    type Node = Node;
    type Message = Message;
    type Event = Event;
    type Value = char;

    fn nodes(&self) -> usize {
        usize::from(NODES)
    }

    fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> Node {
        effects.set(Event::Timeout(0));
        Node {
            id,
            wish: if id == NodeId(0) { None } else { Some('b') },
            round: 0,
            has_voted: false,
            lock: None,
            decided: None,
            has_stopped: false,
            is_out: false,
            new_rounds: BTreeMap::new(),
            has_proposed: false,
            prevotes: BTreeMap::new(),
            precommits: BTreeSet::new(),
        }
    }

    fn step(&self, node: &mut Node, input: Input<Self>, effects: &mut Effects<Self>) {
        match input {
            Input::Message { from, message } => self.receive(node, from, message, effects),
            Input::Event(Event::Stop) => node.has_stopped = true,
            Input::Event(_) if node.decided.is_some() || node.has_stopped => {}
            Input::Event(Event::Ask(value)) => {
                node.wish = node.wish.or(Some(value));
                self.propose(node, effects);
            }
            Input::Event(Event::Timeout(round)) if round == node.round => match round + 1 < self.rounds {
                true => self.enter(node, round + 1, effects),
                false => node.is_out = true,
            },
            Input::Event(Event::Timeout(_)) => {}
        }
    }

    fn events(&self) -> Vec<Offer<Event>> {
        let mut offers = ['a', 'b'].map(|value| Offer::once(NodeId(0), Event::Ask(value))).to_vec();
        offers.extend(self.stops.then(|| Offer::once(NodeId(1), Event::Stop)));
        offers
    }

    fn key(&self, node: &Node) -> Option<Key> {
        Some(match node {
            Node { has_stopped: true, .. } => Key::text("stopped"),
            // Who has decided does no more than say so.
            Node { decided: Some(lock), .. } => Key::debug(lock),
            _ => Key::debug(node),
        })
    }

    fn is_valid(&self, _: Slot, value: &char) -> bool {
        ['a', 'b'].contains(value)
    }

    fn node_in_words(&self, node: &Node) -> String {
        format!("{node:?}")
    }

    fn layers(&self) -> Layers<Self> {
        Layers::none().liveness()
    }
}

impl Fair for Tendermint {
    fn round(&self, node: &Node) -> u64 {
        u64::from(node.round)
    }

    fn is_done(&self, node: &Node, decided: &[(Slot, char)]) -> bool {
        node.has_stopped || !decided.is_empty()
    }

    fn is_cut(&self, node: &Node) -> bool {
        node.is_out
    }
}

pub fn main() -> ExitCode {
    let flags = [
        Flag::new("draft", 4, "Which draft").within(1..=4),
        Flag::new("rounds", 2, "How many rounds there are").within(1..=1000),
        Flag::new("stops", false, "Whether node 1 may stop for good"),
    ];
    run_protocol_with("tutorial", &flags, |flags| {
        Ok(Tendermint {
            draft: flags.get("draft")?,
            rounds: flags.get("rounds")?,
            stops: flags.get("stops")?,
        })
    })
}
