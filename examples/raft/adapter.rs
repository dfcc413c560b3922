//! The crate `raft` of the TiKV project, as it is published, under the checker: three nodes, none of which lies.
//!
//! What is the host's duty is done here: messages are handed over and fetched, what must survive is written before anything
//! is sent, what is committed is applied, and a node that has applied its own removal is shut down. A node that applies
//! late has stored and acknowledged what it has not applied. No tick ever comes: nodes campaign when they are told to, so the
//! election timeouts, which come of chance, never matter.

use std::collections::{BTreeMap, VecDeque};
use std::process::ExitCode;

use bft_check::cli::{Flag, run_protocol_with};
use bft_check::protocol::{Effects, Input, Key, Layers, Network, NodeId, Offer, Protocol, Recover, Slot};
use protobuf::Message as _;
use raft::Progress;
use raft::eraftpb::{ConfChange, ConfChangeType, ConfState, Entry, EntryType, Message};
use raft::storage::MemStorage;

use super::release;
use super::words;

/// Three nodes of the release of this version: n0, n1 and n2, which raft calls 1, 2 and 3.
#[derive(Clone, Copy)]
pub struct Raft {
    pub version: &'static str,
    pub bound: Bound,
}

/// How often what can happen. At first n0 leads.
#[derive(Clone, Copy)]
pub struct Bound {
    /// Commands that are proposed at n0.
    pub proposals: u8,
    /// How many nodes n0 is asked to remove: first n2, then n1.
    pub removals: u8,
    /// How often n0 is asked to hand over to n1.
    pub transfers: u8,
    /// How often each node campaigns of itself, as if it heard of no leader.
    pub campaigns: u8,
    /// n1 applies what is committed only when it is told to, which happens so often.
    pub applies: u8,
}

/// The command line.
#[allow(dead_code, reason = "a test takes the adapter without it")]
pub fn main(version: &'static str) -> ExitCode {
    let flags = [
        Flag::new("proposals", 1, "How many commands are proposed at n0"),
        Flag::new("removals", 2, "How many nodes n0 is asked to remove: first n2, then n1").within(0..=2),
        Flag::new("transfers", 1, "How often n0 is asked to hand over to n1"),
        Flag::new("campaigns", 0, "How often each node campaigns as if it heard of no leader"),
        Flag::new("applies", 1, "How often n1 applies what is committed; the others do so at once"),
    ];
    run_protocol_with(&format!("raft-{version}"), &flags, |flags| {
        let bound = Bound {
            proposals: flags.get("proposals")?,
            removals: flags.get("removals")?,
            transfers: flags.get("transfers")?,
            campaigns: flags.get("campaigns")?,
            applies: flags.get("applies")?,
        };
        Ok(Raft { version, bound })
    })
}

/// A node, and what its host has of it.
pub struct Node {
    pub raft: release::Node,
    /// What is committed and not applied yet.
    pub waiting: VecDeque<Entry>,
    pub disk: Disk,
    /// Whether it applies only when it is told to.
    pub is_late: bool,
}

/// What outlives a node.
#[derive(Clone)]
pub struct Disk {
    pub storage: MemStorage,
    /// The last index that was applied, and the configuration that came of it.
    pub applied: u64,
    pub configuration: ConfState,
}

/// A message as its bytes, as it goes over the network.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    pub fn of(message: &Message) -> Self {
        Bytes(message.write_to_bytes().expect("a message can be written"))
    }

    pub fn message(&self) -> Message {
        Message::parse_from_bytes(&self.0).expect("a message was written")
    }
}

/// What happens besides messages.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// A command is proposed.
    Propose(char),
    /// It is proposed to remove a node.
    Remove(NodeId),
    /// The node is asked to hand over to another.
    HandOver(NodeId),
    /// The node wants to lead.
    Campaign,
    /// The node applies all that is committed.
    Apply,
}

/// What is committed in one place of the log.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Value {
    /// What a new leader commits first.
    Nothing,
    Command(char),
    Removal(NodeId),
}

impl Value {
    pub fn of(entry: &Entry) -> Self {
        match (entry.get_entry_type(), entry.get_data()) {
            (EntryType::EntryNormal, &[command, ..]) => Value::Command(char::from(command)),
            (EntryType::EntryNormal, []) => Value::Nothing,
            _ => Value::Removal(node_id(change(entry).get_node_id())),
        }
    }
}

fn change(entry: &Entry) -> ConfChange {
    ConfChange::parse_from_bytes(entry.get_data()).expect("a change of the configuration was written")
}

fn removal(node: NodeId) -> ConfChange {
    let mut change = ConfChange::default();
    change.set_change_type(ConfChangeType::RemoveNode);
    change.set_node_id(raft_id(node));
    change
}

/// What raft calls a node.
fn raft_id(id: NodeId) -> u64 {
    u64::from(id.0) + 1
}

/// The node that raft calls so.
pub fn node_id(raft: u64) -> NodeId {
    NodeId(raft.saturating_sub(1) as u16)
}

/// The node that leads at first.
const FIRST: NodeId = NodeId(0);
/// The node that applies late.
const SECOND: NodeId = NodeId(1);
const THIRD: NodeId = NodeId(2);

impl Node {
    fn start(id: NodeId, disk: Disk, effects: &mut Effects<Raft>) -> Self {
        let raft = release::build(raft_id(id), &disk);
        let mut node = Node { raft, waiting: VecDeque::new(), disk, is_late: id == SECOND };
        node.flush(effects);
        node
    }

    /// Writes what must survive, sends, notes what is committed and applies it, until there is nothing left to do.
    fn flush(&mut self, effects: &mut Effects<Raft>) {
        loop {
            let handed = self.waiting.back().map_or(self.disk.applied, Entry::get_index);
            if release::has_ready(&self.raft, handed) {
                let (messages, committed) = release::advance(&mut self.raft, &self.disk.storage, handed);
                for message in &messages {
                    effects.send(node_id(message.get_to()), Bytes::of(message));
                }
                for entry in &committed {
                    effects.decide(Slot(entry.get_index()), Value::of(entry));
                }
                self.waiting.extend(committed);
            } else if self.is_late || self.waiting.is_empty() {
                return;
            } else {
                self.apply();
            }
        }
    }

    /// Whether it has applied its own removal: its host then shuts it down for good.
    fn is_removed(&self) -> bool {
        !release::voters(&self.disk.configuration).contains(&self.raft.raft.id)
    }

    /// Applies all that is committed.
    fn apply(&mut self) {
        while let Some(entry) = self.waiting.pop_front() {
            if entry.get_entry_type() == EntryType::EntryConfChange {
                self.disk.configuration = release::apply_change(&mut self.raft, &change(&entry));
            }
            self.disk.applied = entry.get_index();
        }
        release::applied_to(&mut self.raft, self.disk.applied);
    }
}

impl Protocol for Raft {
    type Node = Node;
    type Message = Bytes;
    type Event = Event;
    type Value = Value;

    fn name(&self) -> String {
        format!("raft-{}", self.version)
    }

    fn nodes(&self) -> usize {
        3
    }

    fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> Node {
        let mut configuration = ConfState::default();
        release::set_voters(&mut configuration, vec![1, 2, 3]);
        Node::start(id, Disk { storage: release::storage(), applied: 0, configuration }, effects)
    }

    fn step(&self, node: &mut Node, input: Input<Self>, effects: &mut Effects<Self>) {
        if node.is_removed() {
            return;
        }
        // An error says that raft ignores what it is asked for, as a proposal where nobody leads.
        let _ = match input {
            Input::Message { message, .. } => node.raft.step(message.message()),
            Input::Event(Event::Propose(command)) => node.raft.propose(Vec::new(), vec![command as u8]),
            Input::Event(Event::Remove(other)) => release::propose_change(&mut node.raft, removal(other)),
            Input::Event(Event::HandOver(other)) => {
                node.raft.transfer_leader(raft_id(other));
                Ok(())
            }
            Input::Event(Event::Campaign) => node.raft.campaign(),
            Input::Event(Event::Apply) => {
                node.apply();
                Ok(())
            }
        };
        node.flush(effects);
    }

    /// Before the search begins n0 leads, and all know it.
    fn prelude(&self) -> Vec<(NodeId, Event)> {
        vec![(FIRST, Event::Campaign), (SECOND, Event::Apply)]
    }

    fn events(&self) -> Vec<Offer<Event>> {
        let Bound { proposals, removals, transfers, campaigns, applies } = self.bound;
        let commands = ('a'..='z').take(usize::from(proposals)).map(Event::Propose);
        let removals = [THIRD, SECOND].into_iter().take(usize::from(removals)).map(Event::Remove);
        let at_first = commands.chain(removals).map(|event| Offer::once(FIRST, event));
        let at_first = at_first.chain([Offer::times(FIRST, Event::HandOver(SECOND), transfers)]);
        let campaigns = NodeId::all(3).map(|id| Offer::times(id, Event::Campaign, campaigns));
        let all = at_first.chain(campaigns).chain([Offer::times(SECOND, Event::Apply, applies)]);
        all.filter(|offer| offer.times > 0).collect()
    }

    fn network(&self) -> Network {
        Network::FIFO
    }

    fn key(&self, node: &Node) -> Option<Key> {
        Some(if node.is_removed() { Key::text("removed") } else { Key::debug(&View::of(node)) })
    }

    fn is_valid(&self, _: Slot, value: &Value) -> bool {
        let offers = self.events();
        let is_offered = |event| offers.iter().any(|offer| offer.event == event);
        match *value {
            Value::Nothing => true,
            Value::Command(command) => is_offered(Event::Propose(command)),
            Value::Removal(node) => is_offered(Event::Remove(node)),
        }
    }

    fn layers(&self) -> Layers<Self> {
        Layers::none().crashes()
    }

    fn message_in_words(&self, message: &Bytes) -> String {
        words::message(&message.message())
    }

    fn event_in_words(&self, event: &Event) -> String {
        words::event(event)
    }

    fn value_in_words(&self, value: &Value) -> String {
        words::value(value)
    }
}

impl Recover for Raft {
    type Disk = Disk;

    fn disk(&self, node: Node) -> Disk {
        node.disk
    }

    fn recover(&self, id: NodeId, disk: Disk, effects: &mut Effects<Self>) -> Node {
        Node::start(id, disk, effects)
    }
}

/// What the future of a node depends on: no tick ever comes, so nothing that is counted in ticks. Between two steps nothing
/// waits to be written or sent.
#[derive(Debug)]
#[allow(dead_code, reason = "it is shown")]
struct View {
    role: raft::StateRole,
    term: u64,
    vote: u64,
    leader: u64,
    log: Vec<(u64, Value)>,
    committed: u64,
    applied: u64,
    hands_over_to: Option<u64>,
    last_change: u64,
    votes: BTreeMap<u64, bool>,
    voters: BTreeMap<u64, Progress>,
}

impl View {
    fn of(node: &Node) -> Self {
        let raft = &node.raft.raft;
        View {
            role: raft.state,
            term: raft.term,
            vote: raft.vote,
            leader: raft.leader_id,
            log: raft.raft_log.all_entries().iter().map(|it| (it.get_term(), Value::of(it))).collect(),
            committed: raft.raft_log.committed,
            applied: node.disk.applied,
            hands_over_to: raft.lead_transferee,
            last_change: raft.pending_conf_index,
            votes: release::votes(&node.raft),
            voters: raft.prs().iter().map(|(id, progress)| (*id, progress.clone())).collect(),
        }
    }
}
