//! A VIEW-CHANGE for a later view justifies an earlier new view too.
//!
//! That is no fault: its sender has left all views before the one that it names, and reports what has prepared at it
//! in any of them. A certificate that is not of an earlier view than the new one only says the same as those that are.

use super::{Class, FEWEST, Rulebook, Run};
use crate::model::Scope;
use crate::pbft::{Rules, View, ViewChange};

/// A VIEW-CHANGE for a later view justifies an earlier new view too.
#[derive(Clone, Copy, Debug)]
struct LaterViewChange;

impl Rules for LaterViewChange {
    fn justifies(&self, change: &ViewChange, view: View) -> bool {
        change.new_view >= view
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "later-view-change",
    breaks: Some("a VIEW-CHANGE for a later view justifies an earlier new view too"),
    number: Some("F9"),
    class: Class::Control,
    source: "celo-blockchain#705 and #759",
    overrides: &["justifies"],
    runs: &[Run::holds(Scope { views: 3, ..Scope::DEFAULT }).reduced(FEWEST).slow()],
    rules: &LaterViewChange,
};
