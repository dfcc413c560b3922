//! A replica leaves out of its VIEW-CHANGE what prepared at it.
//!
//! The new primary then sees no certificate for a batch that some replica has decided, and proposes another.
//! Seen in: raijin#8; cothority#2079 and #2080, where it forked a running chain.

use crate::pbft::{PreparedClaim, Rules};

/// A replica leaves out of its VIEW-CHANGE what prepared at it.
#[derive(Clone, Copy, Debug)]
pub struct PreparedLost;

impl Rules for PreparedLost {
    fn reports_prepared(&self, _claim: &PreparedClaim) -> bool {
        false
    }
}
