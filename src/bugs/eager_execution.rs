//! A decided batch is executed at once, not after those with lower numbers.
//!
//! Replicas that decide in different orders then build different chains.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Rules, SeqNum};

/// A decided batch is executed at once, not after those with lower numbers.
#[derive(Clone, Copy, Debug)]
struct EagerExecution;

impl Rules for EagerExecution {
    fn is_next(&self, _height: SeqNum, _seq: SeqNum) -> bool {
        true
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "eager-execution",
    breaks: Some("a decided batch is executed at once, not after those with lower numbers"),
    number: None,
    class: Class::Safety,
    source: "FISCO-BCOS#5167 (FIB-128)",
    overrides: &["is_next"],
    runs: &[Run::violates(Property::ChainPrefix, Scope { views: 1, slots: 2, ..Scope::DEFAULT })],
    rules: &EagerExecution,
};
