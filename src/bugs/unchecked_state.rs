//! A replica that lags behind takes over a state without comparing its digest with the checkpoint's.
//!
//! Any replica can hand it a state that nobody ever agreed on.
//! Seen in: cf. BFT-SMaRt#62, where replies to a state request were counted although they did not agree.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Refusal, Rules, Setting, StateTransfer};

/// A replica that lags behind takes over a state without comparing its digest with the checkpoint's.
#[derive(Clone, Copy, Debug)]
struct UncheckedState;

impl Rules for UncheckedState {
    fn check_state(&self, setting: &Setting, transfer: &StateTransfer) -> Result<(), Refusal> {
        self.check_stable(setting, &transfer.stable)
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "unchecked-state",
    breaks: Some("a lagging replica takes over a state without comparing its digest with the checkpoint's"),
    number: Some("20"),
    class: Class::Safety,
    source: "cf. BFT-SMaRt#62",
    overrides: &["check_state"],
    runs: &[Run::violates(
        Property::ChainPrefix,
        Scope { views: 1, requests: 1, checkpoint: Some(1), ..Scope::DEFAULT },
    )],
    rules: &UncheckedState,
};
