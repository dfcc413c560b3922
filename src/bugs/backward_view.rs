//! A replica goes back to an earlier view on a NEW-VIEW that it has missed.
//!
//! What it votes for there overwrites what has prepared since, and what its VIEW-CHANGEs have said.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{ReplicaId, Rules, Standing, View};

/// A replica goes back to an earlier view.
#[derive(Clone, Copy, Debug)]
struct BackwardView;

impl Rules for BackwardView {
    fn advances(&self, standing: Standing, view: View) -> bool {
        view != standing.view || !standing.active
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "backward-view",
    breaks: Some("a replica goes back to an earlier view on a NEW-VIEW that it has missed"),
    number: Some("G3"),
    class: Class::Safety,
    source: "raijin#18, sawtooth-pbft#113",
    overrides: &["advances"],
    runs: &[Run::violates(Property::Agreement, Scope { views: 3, ..Scope::DEFAULT })
        .by(&[ReplicaId(1)])
        .passes_with(2)
        .scripted(BACK_TO_AN_EARLIER_VIEW)],
    rules: &BackwardView,
};

/// r0 helps to decide in view 2, goes back to view 1 and helps to decide there what view 1 repeats.
const BACK_TO_AN_EARLIER_VIEW: &[&str] = &[
    // A batch prepares at r3 in view 0.
    "c0 → r0 REQUEST c0.t1",
    "r0 → r3 PRE-PREPARE v0 #1 c0.t1",
    "r1 → r3 PREPARE v0 #1 c0.t1",
    "r3 timer of v0",
    "c1 → r2 REQUEST c1.t1",
    "r2 timer of v0",
    "r1 → r0 VIEW-CHANGE to v1: nothing prepared",
    "r2 → r0 VIEW-CHANGE to v1: nothing prepared",
    // The Byzantine primary withholds the NEW-VIEW of view 1. View 2 begins without r3, and r2 decides another batch.
    "r1 → r2 VIEW-CHANGE to v1: nothing prepared",
    "r0 → r2 VIEW-CHANGE to v1: nothing prepared",
    "r2 timer of v1",
    "r1 → r0 VIEW-CHANGE to v2: nothing prepared",
    "r2 → r0 VIEW-CHANGE to v2: nothing prepared",
    "r1 → r2 VIEW-CHANGE to v2: nothing prepared",
    "r0 → r2 VIEW-CHANGE to v2: nothing prepared",
    "r2 → r0 NEW-VIEW v2: nothing to repeat",
    "r2 → r0 PRE-PREPARE v2 #1 c1.t1",
    "r1 → r0 PREPARE v2 #1 c1.t1",
    "r1 → r2 PREPARE v2 #1 c1.t1",
    "r0 → r2 PREPARE v2 #1 c1.t1",
    "r1 → r2 COMMIT v2 #1 c1.t1",
    "r0 → r2 COMMIT v2 #1 c1.t1",
    // View 1 repeats what prepared at r3.
    "r1 → r0 NEW-VIEW v1: c0.t1 at #1",
    "r1 → r3 NEW-VIEW v1: c0.t1 at #1",
    "r0 → r3 PREPARE v1 #1 c0.t1",
    "r3 → r0 PREPARE v1 #1 c0.t1",
    "r1 → r3 COMMIT v1 #1 c0.t1",
    "r0 → r3 COMMIT v1 #1 c0.t1",
];
