//! A replica that lags behind takes over a state without comparing its digest with the checkpoint's.
//!
//! Any replica can hand it a state that nobody ever agreed on.
//! Seen in: cf. BFT-SMaRt#62, where replies to a state request were counted although they did not agree.

use crate::pbft::{Refusal, Rules, Setting, StateTransfer};

/// A replica that lags behind takes over a state without comparing its digest with the checkpoint's.
#[derive(Clone, Copy, Debug)]
pub struct UncheckedState;

impl Rules for UncheckedState {
    fn check_state(&self, setting: &Setting, transfer: &StateTransfer) -> Result<(), Refusal> {
        self.check_stable(setting, &transfer.stable)
    }
}
