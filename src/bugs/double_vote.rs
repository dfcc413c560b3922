//! A replica's vote is counted as often as it arrives.
//!
//! One Byzantine replica, or a network that delivers twice, is then a quorum.
//! Seen in: fabric#370, besu#1736; `prepare_counts` in the Python code of Tanguyvans/consensus_protocols.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{ReplicaId, Rules, VoteSet};

/// A replica's vote is counted as often as it arrives.
#[derive(Clone, Copy, Debug)]
struct DoubleVote;

impl Rules for DoubleVote {
    fn counts_vote(&self, _voters: Option<&VoteSet>, _from: ReplicaId) -> bool {
        true
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "double-vote",
    breaks: Some("a replica's vote is counted as often as it arrives"),
    number: Some("14"),
    class: Class::Safety,
    source: "fabric#370, besu#1736; `prepare_counts` in the code of Tanguyvans/consensus_protocols",
    overrides: &["counts_vote"],
    runs: &[Run::violates(Property::Agreement, Scope::DEFAULT).by(&[ReplicaId(2)])],
    rules: &DoubleVote,
};
