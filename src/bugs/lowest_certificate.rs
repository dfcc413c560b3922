//! A new view takes the certificate of the lowest view, not the highest.
//!
//! An older certificate may have been overtaken: a later view can have decided another batch. It takes
//! three views to see it.
//! Seen in: cf. go-ibft#50 and #63.

use crate::pbft::{PreparedClaim, Rules};

/// A new view takes the certificate of the lowest view, not the highest.
#[derive(Clone, Copy, Debug)]
pub struct LowestCertificate;

impl Rules for LowestCertificate {
    fn select<'a>(&self, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
        claims.iter().copied().min_by_key(|claim| claim.view())
    }
}
