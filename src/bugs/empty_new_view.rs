//! A new view proposes nothing, whatever was prepared.
//!
//! What some replica has decided is then open again.
//! Seen in: a mutant of OSDI'99 §4.4.

use crate::pbft::{Batch, Rules, SeqNum, ViewChange};

/// A new view proposes nothing, whatever was prepared.
#[derive(Clone, Copy, Debug)]
pub struct EmptyNewView;

impl Rules for EmptyNewView {
    fn new_view_batches(&self, _changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
        Vec::new()
    }
}
