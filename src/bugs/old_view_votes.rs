//! A replica goes on voting in the view that it has given up.
//!
//! Its VIEW-CHANGE does not report what it helps to decide after sending it.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Rules, Standing, View};

/// A replica goes on voting in the view that it has given up.
#[derive(Clone, Copy, Debug)]
struct OldViewVotes;

impl Rules for OldViewVotes {
    fn admits_view(&self, standing: Standing, view: View) -> bool {
        if standing.active { view == standing.view } else { view < standing.view }
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "old-view-votes",
    breaks: Some("a replica goes on voting in the view that it has given up"),
    number: Some("6"),
    class: Class::Safety,
    source: "neo#320 and #642",
    overrides: &["admits_view"],
    runs: &[Run::violates(Property::Agreement, Scope::DEFAULT).passes_with(1)],
    rules: &OldViewVotes,
};
