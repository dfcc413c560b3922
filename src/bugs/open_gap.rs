//! A new view proposes what has prepared, and fills no gap below it.
//!
//! What stands above the gap can never be executed, and nobody has anything to propose there.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Batch, Castro99, ReplicaId, Rules, SeqNum, ViewChange};

/// A new view proposes what has prepared, and fills no gap below it.
#[derive(Clone, Copy, Debug)]
struct OpenGap;

impl Rules for OpenGap {
    fn new_view_batches(&self, changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
        let has_prepared = |seq| changes.iter().flat_map(|change| &change.prepared).any(|c| c.seq() == seq);
        let mut batches = Castro99.new_view_batches(changes);
        batches.retain(|&(seq, _)| has_prepared(seq));
        batches
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "open-gap",
    breaks: Some("a new view fills no gap below what has prepared"),
    number: None,
    class: Class::Liveness,
    source: "swarmDB#188",
    overrides: &["new_view_batches"],
    runs: &[Run::violates(Property::Executed, Scope { views: 1, slots: 2, requests: 1, ..Scope::DEFAULT })
        .by(&[ReplicaId(0)])],
    rules: &OpenGap,
};
