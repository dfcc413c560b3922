//! A new view proposes what has prepared, and fills no gap below it.
//!
//! What stands above the gap can never be executed, and nobody has anything to propose there.
//! Seen in: swarmDB#188.

use crate::pbft::{Batch, Castro99, Rules, SeqNum, ViewChange};

/// A new view proposes what has prepared, and fills no gap below it.
#[derive(Clone, Copy, Debug)]
pub struct OpenGap;

impl Rules for OpenGap {
    fn new_view_batches(&self, changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
        let has_prepared = |seq| changes.iter().flat_map(|change| &change.prepared).any(|c| c.seq() == seq);
        let mut batches = Castro99.new_view_batches(changes);
        batches.retain(|&(seq, _)| has_prepared(seq));
        batches
    }
}
