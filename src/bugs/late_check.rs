//! A VIEW-CHANGE is not checked when it arrives, only in the NEW-VIEW that holds it.
//!
//! A primary takes a bad one into its new view, which all others refuse: one Byzantine replica spoils each.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Castro99, Refusal, ReplicaId, Rules, Setting, ViewChange};

/// A VIEW-CHANGE is not checked when it arrives, only in the NEW-VIEW that holds it.
#[derive(Clone, Copy, Debug)]
struct LateCheck;

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

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "late-check",
    breaks: Some("a VIEW-CHANGE is checked in the NEW-VIEW that holds it, and not on arrival"),
    number: None,
    class: Class::Liveness,
    source: "boscore/bos#166",
    overrides: &["check_view_change", "sift"],
    runs: &[Run::violates(Property::Executed, Scope { requests: 1, ..Scope::DEFAULT }).by(&[ReplicaId(3)])],
    rules: &LateCheck,
};
