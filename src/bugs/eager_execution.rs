//! A decided batch is executed at once, not after those with lower numbers.
//!
//! Replicas that decide in different orders then build different chains.
//! Seen in: FISCO-BCOS#5167 (FIB-128).

use crate::pbft::{Rules, SeqNum};

/// A decided batch is executed at once, not after those with lower numbers.
#[derive(Clone, Copy, Debug)]
pub struct EagerExecution;

impl Rules for EagerExecution {
    fn is_next(&self, _height: SeqNum, _seq: SeqNum) -> bool {
        true
    }
}
