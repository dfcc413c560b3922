//! Prepares are counted without looking at their digest.
//!
//! Votes for one batch then help to certify another.
//! Seen in: Rustchain#2087, pbft-java.

use crate::pbft::{Digest, Rules, TallyKey, View};

/// Prepares are counted without looking at their digest.
#[derive(Clone, Copy, Debug)]
pub struct DigestBlind;

impl Rules for DigestBlind {
    fn prepare_key(&self, view: View, _digest: Digest) -> TallyKey {
        TallyKey { view: Some(view), digest: None }
    }
}
