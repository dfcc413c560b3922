//! f + 1 commits decide.
//!
//! One honest replica's certificate is then enough to decide, and a quorum need not know of it.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, Rules};

/// f + 1 commits decide.
#[derive(Clone, Copy, Debug)]
struct WeakCommit;

impl Rules for WeakCommit {
    fn commit_quorum(&self, committee: Committee) -> usize {
        committee.weak_quorum()
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "weak-commit",
    breaks: Some("f + 1 commits decide"),
    number: Some("16"),
    class: Class::Safety,
    source: "a mutant of OSDI'99 §4.2",
    overrides: &["commit_quorum"],
    runs: &[Run::violates(Property::Agreement, Scope::DEFAULT).passes_with(1)],
    rules: &WeakCommit,
};
