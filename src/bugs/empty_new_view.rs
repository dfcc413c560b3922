//! A new view proposes nothing, whatever was prepared.
//!
//! What some replica has decided is then open again.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Batch, Rules, SeqNum, ViewChange};

/// A new view proposes nothing, whatever was prepared.
#[derive(Clone, Copy, Debug)]
struct EmptyNewView;

impl Rules for EmptyNewView {
    fn new_view_batches(&self, _changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
        Vec::new()
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "empty-new-view",
    breaks: Some("a new view proposes nothing, whatever was prepared"),
    number: None,
    class: Class::Safety,
    source: "a mutant of OSDI'99 §4.4",
    overrides: &["new_view_batches"],
    runs: &[Run::violates(Property::Agreement, Scope::DEFAULT).passes_with(1)],
    rules: &EmptyNewView,
};
