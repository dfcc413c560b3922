//! A new view needs a stable checkpoint that all its view changes name.
//!
//! The checkpoint is looked for among the view changes that match in it, and that are to be as many as the view
//! change needs, instead of its being proved by some of them and not contradicted by the others. One Byzantine replica that
//! always names an earlier checkpoint is then enough: no new view ever begins.
//! In Fabric 2f + 1 low watermarks were counted among the matching view changes, S', instead of among all, S.
//! Seen in: cf. fabric#1111.

use crate::pbft::{Rules, SeqNum, ViewChange};

/// A new view needs a stable checkpoint that all its view changes name.
#[derive(Clone, Copy, Debug)]
pub struct UnanimousStart;

impl Rules for UnanimousStart {
    fn new_view_start(&self, changes: &[&ViewChange]) -> Option<SeqNum> {
        let mut named = changes.iter().map(|change| change.stable.seq);
        let first = named.next()?;
        named.all(|other| other == first).then_some(first)
    }
}
