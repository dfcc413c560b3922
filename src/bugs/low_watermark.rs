//! Numbers at or below the low watermark are let through.
//!
//! The log has no place for them any more: what was discarded with a stable checkpoint is looked up again.
//! Seen in: a mutant.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Rules, SeqNum, Setting};

/// Numbers at or below the low watermark are let through.
#[derive(Clone, Copy, Debug)]
struct LowWatermark;

impl Rules for LowWatermark {
    fn in_window(&self, setting: &Setting, low: SeqNum, seq: SeqNum) -> bool {
        seq.0 <= low.0.saturating_add(setting.window)
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "low-watermark",
    breaks: Some("numbers at or below the low watermark are let through"),
    number: None,
    class: Class::Safety,
    source: "a mutant of OSDI'99 §4.2",
    overrides: &["in_window"],
    runs: &[Run::violates(
        Property::Panics,
        Scope { views: 1, requests: 1, checkpoint: Some(1), ..Scope::DEFAULT },
    )
    .by(&[])],
    rules: &LowWatermark,
};
