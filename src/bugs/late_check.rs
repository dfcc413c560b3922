//! A VIEW-CHANGE is not checked when it arrives, only in the NEW-VIEW that holds it.
//!
//! A primary takes a bad one into its new view, which all others refuse: one Byzantine replica spoils each.
//! Seen in: boscore/bos#166.

use crate::pbft::{Castro99, Refusal, Rules, Setting, ViewChange};

/// A VIEW-CHANGE is not checked when it arrives, only in the NEW-VIEW that holds it.
#[derive(Clone, Copy, Debug)]
pub struct LateCheck;

impl Rules for LateCheck {
    fn check_view_change(&self, _setting: &Setting, _change: &ViewChange) -> Result<(), Refusal> {
        Ok(())
    }

    fn sift<'a>(
        &self,
        setting: &Setting,
        changes: &[&'a ViewChange],
    ) -> Result<Vec<&'a ViewChange>, Refusal> {
        Castro99.sift(setting, changes)
    }
}
