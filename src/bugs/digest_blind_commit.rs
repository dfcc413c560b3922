//! COMMITs are counted without looking at their digest.
//!
//! A replica decides what has prepared at it, and in one view only one batch can: there nothing comes of it. But
//! whoever lags behind believes a decision on such COMMITs, and they are for another batch as well as for this one.
//! Seen in: aptos-core#20335.

use crate::pbft::{Digest, Rules, TallyKey, View};

/// COMMITs are counted without looking at their digest.
#[derive(Clone, Copy, Debug)]
pub struct DigestBlindCommit;

impl Rules for DigestBlindCommit {
    fn commit_key(&self, view: View, _digest: Digest) -> TallyKey {
        TallyKey { view: Some(view), digest: None }
    }
}
