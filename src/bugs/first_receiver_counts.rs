//! Whoever receives a client's request first is the primary of the round, with votes counted as the code
//! behind that document counts them.
//!
//! The Python code of Tanguyvans/consensus_protocols (`pbft_protocol.py`, as of commit c08c2b8): every
//! PRE-PREPARE is answered with a PREPARE, also a second one for the same block number; votes are counted as
//! often as they arrive, whoever sent them (later versions count a COMMIT once for each sender); one PREPARE
//! that arrives is enough to send a COMMIT, and two COMMITs that arrive decide, whatever the number of
//! nodes. A replica here counts its own votes too, which makes that two and three. Unlike there, who
//! proposes sends a PREPARE as well.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, Proposal, ReplicaId, Rules, View, VoteSet};

/// Whoever receives a client's request first is the primary of the round, with votes counted as in the code
/// behind that document.
#[derive(Clone, Copy, Debug)]
struct FirstReceiverCounts;

impl Rules for FirstReceiverCounts {
    fn may_propose(&self, _committee: Committee, _view: View, _from: ReplicaId) -> bool {
        true
    }

    fn may_prepare(&self, _committee: Committee, _view: View, _from: ReplicaId) -> bool {
        true
    }

    fn accepts_second_proposal(&self, _accepted: &Proposal, _second: &Proposal) -> bool {
        true
    }

    fn counts_vote(&self, _voters: Option<&VoteSet>, _from: ReplicaId) -> bool {
        true
    }

    /// The PRE-PREPARE, the replica's own PREPARE, and one that arrives.
    fn prepare_quorum(&self, _committee: Committee) -> usize {
        3
    }

    /// The replica's own COMMIT, and two that arrive.
    fn commit_quorum(&self, _committee: Committee) -> usize {
        3
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "first-receiver-counts",
    breaks: Some("the same, with the votes counted as in the Python code behind it"),
    number: None,
    class: Class::Safety,
    source: "Tanguyvans/consensus_protocols, pbft_protocol.py at c08c2b8",
    overrides: &[
        "may_propose",
        "may_prepare",
        "accepts_second_proposal",
        "counts_vote",
        "prepare_quorum",
        "commit_quorum",
    ],
    runs: &[Run::violates(Property::Agreement, Scope { replicas: 3, faults: 0, views: 1, ..Scope::DEFAULT })
        .by(&[])],
    rules: &FirstReceiverCounts,
};
