//! A VIEW-CHANGE reports as prepared what was only proposed.
//!
//! A pre-prepare alone is then worth as much as a quorum, and may stand against what was decided.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, Rules};

/// A VIEW-CHANGE reports as prepared what was only proposed.
#[derive(Clone, Copy, Debug)]
struct AcceptedAsPrepared;

impl Rules for AcceptedAsPrepared {
    fn certificate_quorum(&self, _committee: Committee) -> usize {
        1
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "accepted-as-prepared",
    breaks: Some("a VIEW-CHANGE reports as prepared what was only proposed"),
    number: Some("18"),
    class: Class::Safety,
    source: "a mutant of OSDI'99 §4.4",
    overrides: &["certificate_quorum"],
    runs: &[Run::violates(Property::Agreement, Scope::DEFAULT).passes_with(1)],
    rules: &AcceptedAsPrepared,
};
