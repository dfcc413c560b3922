//! What raft 0.7 wants of its host.

use std::collections::BTreeMap;

use raft::eraftpb::{ConfChange, ConfState, Entry, Message};
use raft::storage::MemStorage;
use raft::{Config, RawNode};
use slog::{Discard, Logger, o};

use super::adapter::Disk;

/// A node, as the crate has it.
pub type Node = RawNode<MemStorage>;

/// The storage of a node among three.
pub fn storage() -> MemStorage {
    MemStorage::new_with_conf_state((vec![1, 2, 3], vec![]))
}

pub fn set_voters(configuration: &mut ConfState, voters: Vec<u64>) {
    configuration.set_voters(voters);
}

pub fn voters(configuration: &ConfState) -> &[u64] {
    configuration.get_voters()
}

/// The node that begins with what is on its disk.
pub fn build(id: u64, disk: &Disk) -> Node {
    disk.storage.wl().set_conf_state(disk.configuration.clone());
    let config = Config { applied: disk.applied, ..Config::new(id) };
    RawNode::new(&config, disk.storage.clone(), &Logger::root(Discard, o!()))
        .expect("the configuration is right")
}

/// Whether there is anything to be written or sent, or newly committed.
pub fn has_ready(node: &Node, _handed: u64) -> bool {
    node.has_ready()
}

/// Writes what must survive: what is to be sent then, and what is newly committed.
pub fn advance(node: &mut Node, storage: &MemStorage, _handed: u64) -> (Vec<Message>, Vec<Entry>) {
    let mut ready = node.ready();
    let mut messages = ready.take_messages();
    let mut committed = ready.take_committed_entries();
    if let Some(hard_state) = ready.hs() {
        storage.wl().set_hardstate(hard_state.clone());
    }
    storage.wl().append(ready.entries()).expect("entries follow each other");
    messages.extend(ready.take_persisted_messages());
    let mut light = node.advance_append(ready);
    if let Some(commit) = light.commit_index() {
        storage.wl().mut_hard_state().set_commit(commit);
    }
    messages.extend(light.take_messages());
    committed.extend(light.take_committed_entries());
    (messages, committed)
}

/// Says that everything is applied up to an index.
pub fn applied_to(node: &mut Node, index: u64) {
    node.advance_apply_to(index);
}

pub fn propose_change(node: &mut Node, change: ConfChange) -> raft::Result<()> {
    node.propose_conf_change(Vec::new(), change)
}

pub fn apply_change(node: &mut Node, change: &ConfChange) -> ConfState {
    node.apply_conf_change(change).expect("the change is possible")
}

/// The votes that a candidate has.
pub fn votes(node: &Node) -> BTreeMap<u64, bool> {
    node.raft.prs().votes().iter().map(|(id, vote)| (*id, *vote)).collect()
}
