//! One bad VIEW-CHANGE in a new view hides the valid certificates beside it.
//!
//! A Byzantine replica then needs no quorum to make a decided batch be forgotten.
//! Seen in: concord-bft#50.

use crate::pbft::{Refusal, Rules, Setting, ViewChange};

/// One bad VIEW-CHANGE in a new view hides the valid certificates beside it.
#[derive(Clone, Copy, Debug)]
pub struct MaskedCertificates;

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
