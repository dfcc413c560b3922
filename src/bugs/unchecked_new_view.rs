//! A NEW-VIEW is not checked.
//!
//! Its primary needs no view changes, and can propose anything.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{NewView, Refusal, Rules, Setting};

/// A NEW-VIEW is not checked.
#[derive(Clone, Copy, Debug)]
struct UncheckedNewView;

impl Rules for UncheckedNewView {
    fn check_new_view(&self, _setting: &Setting, _new_view: &NewView) -> Result<(), Refusal> {
        Ok(())
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "unchecked-new-view",
    breaks: Some("a NEW-VIEW is not checked"),
    number: None,
    class: Class::Safety,
    source: "raijin#7",
    overrides: &["check_new_view"],
    runs: &[Run::violates(Property::Agreement, Scope { requests: 1, ..Scope::DEFAULT }).passes_with(1)],
    rules: &UncheckedNewView,
};
