//! f + 1 CHECKPOINTs make a checkpoint stable.
//!
//! One honest replica may then be the only one that holds the state which all others are told to discard.
//! Seen in: a mutant of OSDI'99 §4.3.

use crate::pbft::{Committee, Rules};

/// f + 1 CHECKPOINTs make a checkpoint stable.
#[derive(Clone, Copy, Debug)]
pub struct WeakCheckpoint;

impl Rules for WeakCheckpoint {
    fn checkpoint_quorum(&self, committee: Committee) -> usize {
        committee.weak_quorum()
    }
}
