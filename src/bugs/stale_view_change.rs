//! A VIEW-CHANGE for an earlier view justifies a later new view.
//!
//! It does not know what its sender prepared since it was sent.

use super::{Class, FEWEST, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{ReplicaId, Rules, View, ViewChange};

/// A VIEW-CHANGE for an earlier view justifies a later new view.
#[derive(Clone, Copy, Debug)]
struct StaleViewChange;

impl Rules for StaleViewChange {
    fn justifies(&self, change: &ViewChange, view: View) -> bool {
        change.new_view <= view
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "stale-view-change",
    breaks: Some("a VIEW-CHANGE for an earlier view justifies a later new view"),
    number: Some("5"),
    class: Class::Safety,
    source: "electroneum-sc#64",
    overrides: &["justifies"],
    runs: &[Run::violates(Property::Agreement, Scope { views: 3, ..Scope::DEFAULT })
        .by(&[ReplicaId(2)])
        .passes_with(2)
        .reduced(FEWEST)
        .slow()],
    rules: &StaleViewChange,
};
