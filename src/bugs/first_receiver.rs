//! Whoever receives a client's request first is the primary of the round, with one vote a slot.
//!
//! The rules of the document 'PBFT protocol' in Tanguyvans/consensus_protocols, read kindly. Any replica
//! proposes what it hears; every replica, the proposer too, sends a PREPARE for the first proposal that
//! it accepts for a sequence number, its own or another's, and refuses all others; 2f + 1 PREPAREs
//! prepare, 2f + 1 COMMITs decide. Two quorums share an honest replica, which has voted once: that is
//! safe. It is not live: two requests that are sent at once can split the votes, and then nobody can
//! ever go on.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, ReplicaId, Rules, View};

/// Whoever receives a client's request first is the primary of the round, with one vote a slot.
#[derive(Clone, Copy, Debug)]
struct FirstReceiver;

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

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "first-receiver",
    breaks: Some("whoever receives a request first is its primary; one vote a slot"),
    number: None,
    class: Class::Control,
    source: "the document 'PBFT' of Tanguyvans/consensus_protocols, read kindly",
    overrides: &["may_propose", "may_prepare", "prepare_quorum"],
    runs: &[
        Run::holds(Scope { views: 1, ..Scope::DEFAULT }),
        Run::violates(Property::NoDeadEnd, Scope { views: 1, ..Scope::DEFAULT }).by(&[]),
        Run::holds(Scope::DEFAULT).slow(),
    ],
    rules: &FirstReceiver,
};
