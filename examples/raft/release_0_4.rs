//! What raft 0.4 wants of its host.

use std::collections::BTreeMap;

use raft::eraftpb::{ConfChange, ConfState, Entry, Message};
use raft::storage::MemStorage;
use raft::{Config, RawNode};

use super::adapter::Disk;

/// A node, as the crate has it.
pub type Node = RawNode<MemStorage>;

/// The storage of a node among three.
pub fn storage() -> MemStorage {
    MemStorage::new()
}

pub fn set_voters(configuration: &mut ConfState, voters: Vec<u64>) {
    configuration.set_nodes(voters);
}

pub fn voters(configuration: &ConfState) -> &[u64] {
    configuration.get_nodes()
}

/// The node that begins with what is on its disk.
pub fn build(id: u64, disk: &Disk) -> Node {
    let peers = disk.configuration.get_nodes().to_vec();
    let config = Config { peers, applied: disk.applied, ..Config::new(id) };
    RawNode::new(&config, disk.storage.clone(), Vec::new()).expect("the configuration is right")
}

/// Whether there is anything to be written or sent, or committed behind what was handed out.
pub fn has_ready(node: &Node, handed: u64) -> bool {
    node.has_ready_since(Some(handed))
}

/// Writes what must survive: what is to be sent then, and what is committed behind what was handed out.
pub fn advance(node: &mut Node, storage: &MemStorage, handed: u64) -> (Vec<Message>, Vec<Entry>) {
    let mut ready = node.ready_since(handed);
    if let Some(hard_state) = &ready.hs {
        storage.wl().set_hardstate(hard_state.clone());
    }
    storage.wl().append(&ready.entries).expect("entries follow each other");
    let messages = std::mem::take(&mut ready.messages);
    let committed = ready.committed_entries.take().unwrap_or_default();
    node.advance_append(ready);
    (messages, committed)
}

/// Says that everything is applied up to an index.
pub fn applied_to(node: &mut Node, index: u64) {
    node.advance_apply(index);
}

pub fn propose_change(node: &mut Node, change: ConfChange) -> raft::Result<()> {
    node.propose_conf_change(Vec::new(), change)
}

pub fn apply_change(node: &mut Node, change: &ConfChange) -> ConfState {
    node.apply_conf_change(change)
}

/// The votes that a candidate has.
pub fn votes(node: &Node) -> BTreeMap<u64, bool> {
    node.raft.votes.iter().map(|(id, vote)| (*id, *vote)).collect()
}
