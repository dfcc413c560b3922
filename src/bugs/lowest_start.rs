//! A new view starts at the earliest stable checkpoint in its view changes, not at the latest.
//!
//! What lies below a later one has been decided and discarded by those who proved it, and no certificate of
//! theirs speaks of it any more: the new view orders it anew.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{ReplicaId, Rules, SeqNum, ViewChange};

/// A new view starts at the earliest stable checkpoint in its view changes, not at the latest.
#[derive(Clone, Copy, Debug)]
struct LowestStart;

impl Rules for LowestStart {
    fn new_view_start(&self, changes: &[&ViewChange]) -> Option<SeqNum> {
        changes.iter().map(|change| change.stable.seq).min()
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "lowest-start",
    breaks: Some(
        "a new view starts at the earliest stable checkpoint in its view changes, not at the latest",
    ),
    number: None,
    class: Class::Safety,
    source: "a mutant of OSDI'99 §4.4; cf. fabric#1111",
    overrides: &["new_view_start"],
    runs: &[Run::violates(Property::Agreement, Scope { checkpoint: Some(1), ..Scope::DEFAULT })
        .by(&[ReplicaId(1)])
        .passes_with(1)
        .slow()],
    rules: &LowestStart,
};
