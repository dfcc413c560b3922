//! A VIEW-CHANGE for a later view justifies an earlier new view too.
//!
//! That is no fault: its sender has left all views before the one that it names, and reports what has prepared at it
//! in any of them. A certificate that is not of an earlier view than the new one only says the same as those that are.
//! Seen in: celo-blockchain#705 and #759.

use crate::pbft::{Rules, View, ViewChange};

/// A VIEW-CHANGE for a later view justifies an earlier new view too.
#[derive(Clone, Copy, Debug)]
pub struct LaterViewChange;

impl Rules for LaterViewChange {
    fn justifies(&self, change: &ViewChange, view: View) -> bool {
        change.new_view >= view
    }
}
