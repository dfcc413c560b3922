//! A replica believes that a checkpoint is stable without CHECKPOINTs to prove it.
//!
//! Any replica can then hand it a state that nobody ever agreed on.
//! Seen in: a mutant of OSDI'99 §4.3.

use crate::pbft::{Refusal, Rules, Setting, StableClaim};

/// A replica believes that a checkpoint is stable without CHECKPOINTs to prove it.
#[derive(Clone, Copy, Debug)]
pub struct UnprovedCheckpoint;

impl Rules for UnprovedCheckpoint {
    fn check_stable(&self, _setting: &Setting, _claim: &StableClaim) -> Result<(), Refusal> {
        Ok(())
    }
}
