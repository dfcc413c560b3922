//! Whoever receives a client's request first is the primary of the round, with votes counted as the code
//! behind that document counts them.
//!
//! The Python code of Tanguyvans/consensus_protocols (`pbft_protocol.py`, as of commit c08c2b8): every
//! PRE-PREPARE is answered with a PREPARE, also a second one for the same block number; votes are counted as
//! often as they arrive, whoever sent them (later versions count a COMMIT once for each sender); one PREPARE
//! that arrives is enough to send a COMMIT, and two COMMITs that arrive decide, whatever the number of
//! nodes. A replica here counts its own votes too, which makes that two and three. Unlike there, who
//! proposes sends a PREPARE as well.

use crate::pbft::{Committee, Proposal, ReplicaId, Rules, View, VoteSet};

/// Whoever receives a client's request first is the primary of the round, with votes counted as in the code
/// behind that document.
#[derive(Clone, Copy, Debug)]
pub struct FirstReceiverCounts;

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
