//! Backups do not recompute what a new view has to propose.
//!
//! Its primary can then propose anything, whatever the view changes report.
//! Seen in: FISCO-BCOS#5168 (FIB-124), CCF#1171.

use crate::pbft::{NewView, Rules, ViewChange};

/// Backups do not recompute what a new view has to propose.
#[derive(Clone, Copy, Debug)]
pub struct DictatedNewView;

impl Rules for DictatedNewView {
    fn follows(&self, _new_view: &NewView, _changes: &[&ViewChange]) -> bool {
        true
    }
}
