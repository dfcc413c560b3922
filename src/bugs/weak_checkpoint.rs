//! f + 1 CHECKPOINTs make a checkpoint stable.
//!
//! One honest replica may then be the only one that holds the state which all others are told to discard.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, Rules};

/// f + 1 CHECKPOINTs make a checkpoint stable.
#[derive(Clone, Copy, Debug)]
struct WeakCheckpoint;

impl Rules for WeakCheckpoint {
    fn checkpoint_quorum(&self, committee: Committee) -> usize {
        committee.weak_quorum()
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "weak-checkpoint",
    breaks: Some("f + 1 CHECKPOINTs make a checkpoint stable"),
    number: None,
    class: Class::Safety,
    source: "a mutant of OSDI'99 §4.3",
    overrides: &["checkpoint_quorum"],
    runs: &[Run::violates(
        Property::StableHeld,
        Scope { views: 1, requests: 1, checkpoint: Some(1), ..Scope::DEFAULT },
    )],
    rules: &WeakCheckpoint,
};
