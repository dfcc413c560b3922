//! Backups do not recompute what a new view has to propose.
//!
//! Its primary can then propose anything, whatever the view changes report.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{NewView, Rules, ViewChange};

/// Backups do not recompute what a new view has to propose.
#[derive(Clone, Copy, Debug)]
struct DictatedNewView;

impl Rules for DictatedNewView {
    fn follows(&self, _new_view: &NewView, _changes: &[&ViewChange]) -> bool {
        true
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "dictated-new-view",
    breaks: Some("backups do not recompute what a new view has to propose"),
    number: Some("9"),
    class: Class::Safety,
    source: "FISCO-BCOS#5168 (FIB-124), CCF#1171",
    overrides: &["follows"],
    runs: &[Run::violates(Property::Agreement, Scope { requests: 1, ..Scope::DEFAULT }).passes_with(1)],
    rules: &DictatedNewView,
};
