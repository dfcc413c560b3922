//! PREPARE and COMMIT sign the same bytes: a PREPARE counts as a COMMIT too.
//!
//! A batch is then decided although a quorum has only accepted it, and nobody else needs to have it prepared.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::Rules;

/// A PREPARE counts as a COMMIT too.
#[derive(Clone, Copy, Debug)]
struct PrepareAsCommit;

impl Rules for PrepareAsCommit {
    fn prepare_counts_as_commit(&self) -> bool {
        true
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "prepare-as-commit",
    breaks: Some("PREPARE and COMMIT sign the same bytes: a PREPARE counts as a COMMIT too"),
    number: Some("G1"),
    class: Class::Safety,
    source: "raijin#17, FISCO-BCOS#5180 (FIB-134)",
    overrides: &["prepare_counts_as_commit"],
    runs: &[Run::violates(Property::Agreement, Scope::DEFAULT).passes_with(1)],
    rules: &PrepareAsCommit,
};
