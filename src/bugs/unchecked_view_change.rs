//! A VIEW-CHANGE is not checked.
//!
//! Its sender can claim what it likes.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Refusal, Rules, Setting, ViewChange};

/// A VIEW-CHANGE is not checked.
#[derive(Clone, Copy, Debug)]
struct UncheckedViewChange;

impl Rules for UncheckedViewChange {
    fn check_view_change(&self, _setting: &Setting, _change: &ViewChange) -> Result<(), Refusal> {
        Ok(())
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "unchecked-view-change",
    breaks: Some("a VIEW-CHANGE is not checked"),
    number: None,
    class: Class::Safety,
    source: "a mutant of OSDI'99 §4.4",
    overrides: &["check_view_change"],
    runs: &[Run::violates(Property::Agreement, Scope::DEFAULT).passes_with(1)],
    rules: &UncheckedViewChange,
};
