//! A new view may leave out some of what it has to propose.
//!
//! What is left out may be decided, and is open again.
//! Seen in: FISCO-BCOS#5168, the first repair of FIB-124 as it was reviewed.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{NewView, Rules, ViewChange};

/// A new view may leave out some of what it has to propose.
#[derive(Clone, Copy, Debug)]
struct PartialNewView;

impl Rules for PartialNewView {
    fn follows(&self, new_view: &NewView, changes: &[&ViewChange]) -> bool {
        let due = self.new_view_batches(changes);
        let is_due =
            |seq, digest| due.iter().any(|(number, batch)| (*number, batch.digest()) == (seq, digest));
        new_view.proposals.iter().all(|p| p.view() == new_view.view && is_due(p.seq(), p.digest()))
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "partial-new-view",
    breaks: Some("a new view may leave out some of what it has to propose"),
    number: Some("F2"),
    class: Class::Safety,
    source: "FISCO-BCOS#5168, the first repair of FIB-124",
    overrides: &["follows"],
    runs: &[Run::violates(Property::Agreement, Scope::DEFAULT).passes_with(1)],
    rules: &PartialNewView,
};
