//! A replica takes part in the view that it has asked for before its NEW-VIEW.
//!
//! Nobody has shown yet what the view has to repeat: its primary can propose anything there, and the replica votes
//! for it although something else may be decided.
//! Seen in: mir#438 (repaired by #453); cf. fabric#1120.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Rules, Standing, View};

/// A replica takes part in the view that it has asked for before its NEW-VIEW.
#[derive(Clone, Copy, Debug)]
struct EarlyParticipation;

impl Rules for EarlyParticipation {
    fn admits_view(&self, standing: Standing, view: View) -> bool {
        view == standing.view
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "early-participation",
    breaks: Some("a replica takes part in the view that it has asked for before its NEW-VIEW"),
    number: Some("F1"),
    class: Class::Safety,
    source: "mir#438 and #453; cf. fabric#1120",
    overrides: &["admits_view"],
    runs: &[Run::violates(Property::Agreement, Scope::DEFAULT).passes_with(1)],
    rules: &EarlyParticipation,
};
