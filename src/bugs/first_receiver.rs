//! Whoever receives a client's request first is the primary of the round, with one vote a slot.
//!
//! The rules of the document 'PBFT protocol' in Tanguyvans/consensus_protocols, read kindly. Any replica
//! proposes what it hears; every replica, the proposer too, sends a PREPARE for the first proposal that
//! it accepts for a sequence number, its own or another's, and refuses all others; 2f + 1 PREPAREs
//! prepare, 2f + 1 COMMITs decide. Two quorums share an honest replica, which has voted once: that is
//! safe. It is not live: two requests that are sent at once can split the votes, and then nobody can
//! ever go on.

use crate::pbft::{Committee, ReplicaId, Rules, View};

/// Whoever receives a client's request first is the primary of the round, with one vote a slot.
#[derive(Clone, Copy, Debug)]
pub struct FirstReceiver;

impl Rules for FirstReceiver {
    fn may_propose(&self, _committee: Committee, _view: View, _from: ReplicaId) -> bool {
        true
    }

    fn may_prepare(&self, _committee: Committee, _view: View, _from: ReplicaId) -> bool {
        true
    }

    /// The PRE-PREPARE is no vote here: 2f + 1 PREPAREs besides.
    fn prepare_quorum(&self, committee: Committee) -> usize {
        committee.quorum() + 1
    }
}
