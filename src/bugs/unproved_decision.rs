//! A replica believes that a batch was decided without a quorum of COMMITs to prove it.
//!
//! Any replica can tell it so.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Decision, Refusal, Rules, Setting};

/// A replica believes that a batch was decided without a quorum of COMMITs to prove it.
#[derive(Clone, Copy, Debug)]
struct UnprovedDecision;

impl Rules for UnprovedDecision {
    fn check_decision(&self, _setting: &Setting, _decision: &Decision) -> Result<(), Refusal> {
        Ok(())
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "unproved-decision",
    breaks: Some("a replica believes that a batch was decided without COMMITs to prove it"),
    number: None,
    class: Class::Safety,
    source: "FISCO-BCOS#5168 (FIB-127)",
    overrides: &["check_decision"],
    runs: &[Run::violates(
        Property::Agreement,
        Scope { views: 1, requests: 1, checkpoint: Some(1), ..Scope::DEFAULT },
    )],
    rules: &UnprovedDecision,
};
