//! A replica believes the decisions that come with a state, with COMMITs to prove them or without.
//!
//! Any replica can tell it so.
//! Seen in: FISCO-BCOS#5168 (FIB-127).

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Refusal, Rules, Setting, StableClaim, StateTransfer};

/// A replica believes the decisions that come with a state.
#[derive(Clone, Copy, Debug)]
struct BelievedDecisions;

impl Rules for BelievedDecisions {
    fn check_state(&self, setting: &Setting, transfer: &StateTransfer) -> Result<(), Refusal> {
        self.check_stable(setting, &transfer.stable)?;
        let StableClaim { seq, state, .. } = transfer.stable;
        if transfer.snapshot.as_ref().is_some_and(|it| it.seq != seq || it.digest() != state) {
            return Err(Refusal::WrongDigest);
        }
        Ok(())
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "believed-decisions",
    breaks: Some("a replica believes the decisions that come with a state"),
    number: None,
    class: Class::Safety,
    source: "the class of FISCO-BCOS#5168 (FIB-127)",
    overrides: &["check_state"],
    runs: &[Run::violates(
        Property::Agreement,
        Scope { views: 1, requests: 1, checkpoint: Some(1), ..Scope::DEFAULT },
    )],
    rules: &BelievedDecisions,
};
