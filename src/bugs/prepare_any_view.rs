//! PREPAREs are counted across views, whenever they arrive, from whoever is a backup in the view in which they count.
//!
//! A certificate can then be of a view in which no quorum voted, and two certificates of one view differ.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Digest, ReplicaId, Rules, TallyKey, View};

/// PREPAREs are counted across views.
#[derive(Clone, Copy, Debug)]
struct PrepareAnyView;

impl Rules for PrepareAnyView {
    fn prepare_key(&self, _view: View, digest: Digest) -> TallyKey {
        TallyKey { view: None, digest: Some(digest) }
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "prepare-any-view",
    breaks: Some("PREPAREs are counted across views"),
    number: Some("3"),
    class: Class::Safety,
    source: "cf. celo-blockchain#587",
    overrides: &["prepare_key"],
    runs: &[
        Run::violates(Property::Agreement, Scope { views: 3, ..Scope::DEFAULT })
            .by(&[ReplicaId(1)])
            .scripted(PREPARES_OF_TWO_VIEWS),
        Run::violates(Property::Agreement, Scope { views: 3, ..Scope::DEFAULT })
            .by(&[ReplicaId(1)])
            .passes_with(2)
            .slow(),
    ],
    rules: &PrepareAnyView,
};

/// r2 makes a certificate of view 1 with r3's PREPARE of view 0, beside the one of r0 and r3 for another batch.
const PREPARES_OF_TWO_VIEWS: &[&str] = &[
    "c0 → r0 REQUEST c0.t1",
    "r0 → r3 PRE-PREPARE v0 #1 c0.t1",
    "r3 → r2 PREPARE v0 #1 c0.t1",
    // View 1: the Byzantine primary proposes one batch to r0 and r3, which decide it, and another to r2.
    "r3 timer of v0",
    "r1 → r0 VIEW-CHANGE to v1: nothing prepared",
    "r3 → r0 VIEW-CHANGE to v1: nothing prepared",
    "r1 → r0 NEW-VIEW v1: nothing to repeat",
    "r1 → r3 NEW-VIEW v1: nothing to repeat",
    "r1 → r2 NEW-VIEW v1: nothing to repeat",
    "r1 → r0 PRE-PREPARE v1 #1 c1.t1",
    "r1 → r3 PRE-PREPARE v1 #1 c1.t1",
    "r1 → r2 PRE-PREPARE v1 #1 c0.t1",
    "r3 → r0 PREPARE v1 #1 c1.t1",
    "r0 → r3 PREPARE v1 #1 c1.t1",
    "r1 → r3 COMMIT v1 #1 c1.t1",
    "r0 → r3 COMMIT v1 #1 c1.t1",
    // View 2: of two certificates of view 1 its primary takes its own.
    "r0 timer of v1",
    "r1 → r2 VIEW-CHANGE to v2: nothing prepared",
    "r0 → r2 VIEW-CHANGE to v2: c1.t1 prepared in v1",
    "r2 → r0 NEW-VIEW v2: c0.t1 at #1",
    "r1 → r0 PREPARE v2 #1 c0.t1",
    "r1 → r2 PREPARE v2 #1 c0.t1",
    "r0 → r2 PREPARE v2 #1 c0.t1",
    "r1 → r0 COMMIT v2 #1 c0.t1",
    "r2 → r0 COMMIT v2 #1 c0.t1",
];
