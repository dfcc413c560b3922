//! A replica believes that a checkpoint is stable without CHECKPOINTs to prove it.
//!
//! Any replica can then hand it a state that nobody ever agreed on.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Refusal, Rules, Setting, StableClaim};

/// A replica believes that a checkpoint is stable without CHECKPOINTs to prove it.
#[derive(Clone, Copy, Debug)]
struct UnprovedCheckpoint;

impl Rules for UnprovedCheckpoint {
    fn check_stable(&self, _setting: &Setting, _claim: &StableClaim) -> Result<(), Refusal> {
        Ok(())
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "unproved-checkpoint",
    breaks: Some("a replica believes that a checkpoint is stable without CHECKPOINTs to prove it"),
    number: None,
    class: Class::Safety,
    source: "a mutant of OSDI'99 §4.3",
    overrides: &["check_stable"],
    runs: &[Run::violates(
        Property::ChainPrefix,
        Scope { views: 1, requests: 1, checkpoint: Some(1), ..Scope::DEFAULT },
    )],
    rules: &UnprovedCheckpoint,
};
