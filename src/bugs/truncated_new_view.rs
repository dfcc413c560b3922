//! A new view proposes nothing above the first number for which nothing is reported.
//!
//! What is decided above such a gap is open again.
//! Seen in: indy-plenum, `calc_batches`.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Batch, PreparedClaim, ReplicaId, Rules, SeqNum, ViewChange};

/// A new view proposes nothing above the first number for which nothing is reported.
#[derive(Clone, Copy, Debug)]
struct TruncatedNewView;

impl Rules for TruncatedNewView {
    fn new_view_batches(&self, changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
        let Some(low) = self.new_view_start(changes) else { return Vec::new() };
        let selected = |n| {
            let claims = changes.iter().flat_map(|change| &change.prepared);
            let at_n: Vec<&PreparedClaim> = claims.filter(|claim| claim.seq() == SeqNum(n)).collect();
            Some((SeqNum(n), self.select(&at_n)?.proposal.batch.clone()))
        };
        (low.0 + 1..).map_while(selected).collect()
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "truncated-new-view",
    breaks: Some("a new view proposes nothing above the first number for which nothing is reported"),
    number: Some("F7"),
    class: Class::Safety,
    source: "indy-plenum, calc_batches",
    overrides: &["new_view_batches"],
    runs: &[Run::violates(Property::Agreement, Scope { slots: 2, ..Scope::DEFAULT })
        .by(&[ReplicaId(1)])
        .slow()],
    rules: &TruncatedNewView,
};
