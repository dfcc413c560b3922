//! The prepared certificates in a VIEW-CHANGE are not verified.
//!
//! Whoever claims to have prepared something else is believed.
//! Seen in: sigp/anchor#549.

use crate::pbft::{PreparedClaim, Refusal, Rules, Setting};

/// The prepared certificates in a VIEW-CHANGE are not verified.
#[derive(Clone, Copy, Debug)]
pub struct UnverifiedCertificate;

impl Rules for UnverifiedCertificate {
    fn check_prepared(&self, _setting: &Setting, _claim: &PreparedClaim) -> Result<(), Refusal> {
        Ok(())
    }
}
