//! Whoever receives a client's request first is the primary of the round, and there is no view change.
//!
//! The rules of [`FirstReceiver`](super::FirstReceiver) as their document has them: it knows no timer and no
//! other view. When the votes are split, that is for ever.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, ReplicaId, Rules, Standing, View};

/// Whoever receives a client's request first is the primary of the round, and there is no view change.
#[derive(Clone, Copy, Debug)]
struct FirstReceiverUntimed;

impl Rules for FirstReceiverUntimed {
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

    fn runs_timer(&self, _standing: Standing) -> bool {
        false
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "first-receiver-untimed",
    breaks: Some("whoever receives a request first is its primary, and there is no view change"),
    number: None,
    class: Class::Liveness,
    source: "the document 'PBFT' of Tanguyvans/consensus_protocols, word by word",
    overrides: &["may_propose", "may_prepare", "prepare_quorum", "runs_timer"],
    runs: &[Run::violates(Property::Answered, Scope { views: 1, ..Scope::DEFAULT }).by(&[])],
    rules: &FirstReceiverUntimed,
};
