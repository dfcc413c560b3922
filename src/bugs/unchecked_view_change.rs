//! A VIEW-CHANGE is not checked.
//!
//! Its sender can claim what it likes.
//! Seen in: a mutant of OSDI'99 §4.4.

use crate::pbft::{Refusal, Rules, Setting, ViewChange};

/// A VIEW-CHANGE is not checked.
#[derive(Clone, Copy, Debug)]
pub struct UncheckedViewChange;

impl Rules for UncheckedViewChange {
    fn check_view_change(&self, _setting: &Setting, _change: &ViewChange) -> Result<(), Refusal> {
        Ok(())
    }
}
