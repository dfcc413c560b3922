//! One bad VIEW-CHANGE in a new view hides the valid certificates beside it.
//!
//! A Byzantine replica then needs no quorum to make a decided batch be forgotten.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Refusal, Rules, Setting, ViewChange};

/// One bad VIEW-CHANGE in a new view hides the valid certificates beside it.
#[derive(Clone, Copy, Debug)]
struct MaskedCertificates;

impl Rules for MaskedCertificates {
    fn sift<'a>(
        &self,
        setting: &Setting,
        changes: &[&'a ViewChange],
    ) -> Result<Vec<&'a ViewChange>, Refusal> {
        let all_valid = changes.iter().all(|change| self.check_view_change(setting, change).is_ok());
        Ok(if all_valid { changes.to_vec() } else { Vec::new() })
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "masked-certificates",
    breaks: Some("one bad VIEW-CHANGE in a new view hides the valid certificates beside it"),
    number: Some("11"),
    class: Class::Safety,
    source: "concord-bft#50",
    overrides: &["sift"],
    runs: &[Run::violates(Property::Agreement, Scope::DEFAULT).passes_with(1)],
    rules: &MaskedCertificates,
};
