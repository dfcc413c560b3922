//! COMMITs are counted across views, whenever they arrive.
//!
//! Each stands for a certificate of its own view only: together they are no quorum that any later view
//! change must meet. It takes four views to see it.

use super::{Class, FEWEST, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Digest, ReplicaId, Rules, TallyKey, View};

/// COMMITs are counted across views.
#[derive(Clone, Copy, Debug)]
struct CommitAnyView;

impl Rules for CommitAnyView {
    fn commit_key(&self, _view: View, digest: Digest) -> TallyKey {
        TallyKey { view: None, digest: Some(digest) }
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "commit-any-view",
    breaks: Some("COMMITs are counted across views"),
    number: Some("2"),
    class: Class::Safety,
    source: "go-ibft#55",
    overrides: &["commit_key"],
    runs: &[
        Run::violates(Property::Agreement, Scope { views: 4, ..Scope::DEFAULT })
            .by(&[ReplicaId(1)])
            .scripted(COMMITS_OF_TWO_VIEWS),
        Run::violates(Property::Agreement, Scope { views: 4, ..Scope::DEFAULT })
            .by(&[ReplicaId(1)])
            .passes_with(3)
            .scripted(COMMITS_OF_TWO_VIEWS)
            .reduced(FEWEST)
            .slow(),
    ],
    rules: &CommitAnyView,
};

/// r0 decides in view 2 on r2's COMMIT of view 0 and its own of view 2. What prepared between, at r3, is taken up
/// by view 3.
const COMMITS_OF_TWO_VIEWS: &[&str] = &[
    "c0 → r0 REQUEST c0.t1",
    "r0 → r2 PRE-PREPARE v0 #1 c0.t1",
    "r1 → r2 PREPARE v0 #1 c0.t1",
    "r2 → r0 COMMIT v0 #1 c0.t1",
    // View 1: the Byzantine primary has r3, and nobody else, prepare something else.
    "c0 → r3 REQUEST c0.t1",
    "r3 timer of v0",
    "r1 → r0 VIEW-CHANGE to v1: nothing prepared",
    "r3 → r0 VIEW-CHANGE to v1: nothing prepared",
    "r1 → r0 NEW-VIEW v1: nothing to repeat",
    "r1 → r3 NEW-VIEW v1: nothing to repeat",
    "r1 → r0 PRE-PREPARE v1 #1 c1.t1",
    "r1 → r3 PRE-PREPARE v1 #1 c1.t1",
    "r0 → r3 PREPARE v1 #1 c1.t1",
    // View 2: r2 knows of view 0 only.
    "r0 timer of v1",
    "r1 → r2 VIEW-CHANGE to v2: nothing prepared",
    "r0 → r2 VIEW-CHANGE to v2: nothing prepared",
    "r2 → r0 NEW-VIEW v2: c0.t1 at #1",
    "r1 → r0 PREPARE v2 #1 c0.t1",
    "r1 → r0 COMMIT v2 #1 c0.t1",
    // View 3: r3 has the certificate of the highest view that is reported.
    "r3 timer of v1",
    "r1 → r3 VIEW-CHANGE to v2: nothing prepared",
    "r0 → r3 VIEW-CHANGE to v2: nothing prepared",
    "r3 timer of v2",
    "r1 → r2 VIEW-CHANGE to v3: nothing prepared",
    "r3 → r2 VIEW-CHANGE to v3: c1.t1 prepared in v1",
    "r1 → r3 VIEW-CHANGE to v3: nothing prepared",
    "r2 → r3 VIEW-CHANGE to v3: c0.t1 prepared in v0",
    "r3 → r2 NEW-VIEW v3: c1.t1 at #1",
    "r1 → r2 PREPARE v3 #1 c1.t1",
    "r1 → r3 PREPARE v3 #1 c1.t1",
    "r2 → r3 PREPARE v3 #1 c1.t1",
    "r1 → r3 COMMIT v3 #1 c1.t1",
    "r2 → r3 COMMIT v3 #1 c1.t1",
];
