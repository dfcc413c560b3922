//! A replica forgets what prepared when a new view begins.
//!
//! If the new view ends before the batch prepares again, nobody reports it in the next view change.
//! Seen in: the class of raijin#8; cothority#2079 and #2080.

use crate::pbft::{PreparedClaim, Rules};

/// A replica forgets what prepared when a new view begins.
#[derive(Clone, Copy, Debug)]
pub struct CertificateWiped;

impl Rules for CertificateWiped {
    fn keeps_prepared(&self, _claim: &PreparedClaim) -> bool {
        false
    }
}
