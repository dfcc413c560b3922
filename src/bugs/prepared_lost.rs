//! A replica leaves out of its VIEW-CHANGE what prepared at it.
//!
//! The new primary then sees no certificate for a batch that some replica has decided, and proposes another.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{PreparedClaim, Rules};

/// A replica leaves out of its VIEW-CHANGE what prepared at it.
#[derive(Clone, Copy, Debug)]
struct PreparedLost;

impl Rules for PreparedLost {
    fn reports_prepared(&self, _claim: &PreparedClaim) -> bool {
        false
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "prepared-lost",
    breaks: Some("a replica leaves out of its VIEW-CHANGE what prepared at it"),
    number: Some("1"),
    class: Class::Safety,
    source: "raijin#8; cothority#2079 and #2080, where it forked a running chain",
    overrides: &["reports_prepared"],
    runs: &[Run::violates(Property::Agreement, Scope::DEFAULT).passes_with(1)],
    rules: &PreparedLost,
};
