//! A new view begins on one view change fewer than a quorum.
//!
//! Those who are left out may be the ones who know what was decided.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, Rules};

/// A new view begins on one view change fewer than a quorum.
#[derive(Clone, Copy, Debug)]
struct ShortNewView;

impl Rules for ShortNewView {
    fn view_change_quorum(&self, committee: Committee) -> usize {
        committee.quorum() - 1
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "short-new-view",
    breaks: Some("a new view begins on one view change fewer than a quorum"),
    number: Some("10"),
    class: Class::Safety,
    source: "a mutant of OSDI'99 §4.4",
    overrides: &["view_change_quorum"],
    runs: &[Run::violates(Property::Agreement, Scope::DEFAULT).passes_with(1)],
    rules: &ShortNewView,
};
