//! One CHECKPOINT makes a checkpoint stable.
//!
//! A Byzantine replica can then assure two others of different states, and each discards its log for it.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, Rules};

/// One CHECKPOINT makes a checkpoint stable.
#[derive(Clone, Copy, Debug)]
struct LoneCheckpoint;

impl Rules for LoneCheckpoint {
    fn checkpoint_quorum(&self, _: Committee) -> usize {
        1
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "lone-checkpoint",
    breaks: Some("one CHECKPOINT makes a checkpoint stable"),
    number: None,
    class: Class::Safety,
    source: "a mutant of OSDI'99 §4.3",
    overrides: &["checkpoint_quorum"],
    runs: &[Run::violates(
        Property::StableUnique,
        Scope { views: 1, requests: 1, checkpoint: Some(1), ..Scope::DEFAULT },
    )],
    rules: &LoneCheckpoint,
};
