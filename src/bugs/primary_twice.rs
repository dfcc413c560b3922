//! The primary's PREPARE is counted beside its PRE-PREPARE.
//!
//! A Byzantine primary then has two votes.
//! Seen in: sawtooth-pbft#111.

use crate::pbft::{Committee, ReplicaId, Rules, View};

/// The primary's PREPARE is counted beside its PRE-PREPARE.
#[derive(Clone, Copy, Debug)]
pub struct PrimaryTwice;

impl Rules for PrimaryTwice {
    fn may_prepare(&self, _committee: Committee, _view: View, _from: ReplicaId) -> bool {
        true
    }
}
