//! One CHECKPOINT makes a checkpoint stable.
//!
//! A Byzantine replica can then assure two others of different states, and each discards its log for it.
//! Seen in: a mutant of OSDI'99 §4.3.

use crate::pbft::{Committee, Rules};

/// One CHECKPOINT makes a checkpoint stable.
#[derive(Clone, Copy, Debug)]
pub struct LoneCheckpoint;

impl Rules for LoneCheckpoint {
    fn checkpoint_quorum(&self, _: Committee) -> usize {
        1
    }
}
