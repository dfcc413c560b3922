//! A replica believes that a batch was decided without a quorum of COMMITs to prove it.
//!
//! Any replica can tell it so.
//! Seen in: FISCO-BCOS#5168 (FIB-127).

use crate::pbft::{Decision, Refusal, Rules, Setting};

/// A replica believes that a batch was decided without a quorum of COMMITs to prove it.
#[derive(Clone, Copy, Debug)]
pub struct UnprovedDecision;

impl Rules for UnprovedDecision {
    fn check_decision(&self, _setting: &Setting, _decision: &Decision) -> Result<(), Refusal> {
        Ok(())
    }
}
