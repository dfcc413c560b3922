//! Numbers at or below the low watermark are let through.
//!
//! The log has no place for them any more: what was discarded with a stable checkpoint is looked up again.
//! Seen in: a mutant.

use crate::pbft::{Rules, SeqNum, Setting};

/// Numbers at or below the low watermark are let through.
#[derive(Clone, Copy, Debug)]
pub struct LowWatermark;

impl Rules for LowWatermark {
    fn in_window(&self, setting: &Setting, low: SeqNum, seq: SeqNum) -> bool {
        seq.0 <= low.0.saturating_add(setting.window)
    }
}
