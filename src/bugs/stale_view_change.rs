//! A VIEW-CHANGE for an earlier view justifies a later new view.
//!
//! It does not know what its sender prepared since it was sent.
//! Seen in: electroneum-sc#64.

use crate::pbft::{Rules, View, ViewChange};

/// A VIEW-CHANGE for an earlier view justifies a later new view.
#[derive(Clone, Copy, Debug)]
pub struct StaleViewChange;

impl Rules for StaleViewChange {
    fn justifies(&self, change: &ViewChange, view: View) -> bool {
        change.new_view <= view
    }
}
