//! A new view needs a stable checkpoint that all its view changes name.
//!
//! The checkpoint is looked for among the view changes that match in it, and that are to be as many as the view
//! change needs, instead of its being proved by some of them and not contradicted by the others. One Byzantine replica that
//! always names an earlier checkpoint is then enough: no new view ever begins.
//! In Fabric 2f + 1 low watermarks were counted among the matching view changes, S', instead of among all, S.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{ReplicaId, Rules, SeqNum, ViewChange};

/// A new view needs a stable checkpoint that all its view changes name.
#[derive(Clone, Copy, Debug)]
struct UnanimousStart;

impl Rules for UnanimousStart {
    fn new_view_start(&self, changes: &[&ViewChange]) -> Option<SeqNum> {
        let mut named = changes.iter().map(|change| change.stable.seq);
        let first = named.next()?;
        named.all(|other| other == first).then_some(first)
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "unanimous-start",
    breaks: Some("a new view needs a stable checkpoint that all its view changes name"),
    number: Some("25"),
    class: Class::Liveness,
    source: "cf. fabric#1111",
    overrides: &["new_view_start"],
    runs: &[Run::violates(
        Property::Executed,
        Scope { views: 1, slots: 2, requests: 2, checkpoint: Some(1), ..Scope::DEFAULT },
    )
    .by(&[ReplicaId(0)])],
    rules: &UnanimousStart,
};
