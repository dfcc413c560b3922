//! A replica handles messages of a higher view before it has entered it.
//!
//! It votes there without having said what it prepared below: the new view was not made for its vote.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Rules, Standing, View};

/// A replica handles messages of a higher view before it has entered it.
#[derive(Clone, Copy, Debug)]
struct EarlyProposal;

impl Rules for EarlyProposal {
    fn admits_view(&self, standing: Standing, view: View) -> bool {
        standing.active && view >= standing.view
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "early-proposal",
    breaks: Some("a replica handles messages of a higher view before it has entered it"),
    number: Some("19"),
    class: Class::Safety,
    source: "FISCO-BCOS#5167 (FIB-133)",
    overrides: &["admits_view"],
    runs: &[Run::violates(Property::Agreement, Scope::DEFAULT).passes_with(1)],
    rules: &EarlyProposal,
};
