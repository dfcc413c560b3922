//! A replica forgets what prepared when a new view begins.
//!
//! If the new view ends before the batch prepares again, nobody reports it in the next view change.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{PreparedClaim, ReplicaId, Rules};

/// A replica forgets what prepared when a new view begins.
#[derive(Clone, Copy, Debug)]
struct CertificateWiped;

impl Rules for CertificateWiped {
    fn keeps_prepared(&self, _claim: &PreparedClaim) -> bool {
        false
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "certificate-wiped",
    breaks: Some("a replica forgets what prepared when a new view begins"),
    number: Some("1b"),
    class: Class::Safety,
    source: "the class of raijin#8; cothority#2079 and #2080",
    overrides: &["keeps_prepared"],
    runs: &[Run::violates(Property::Agreement, Scope { views: 3, ..Scope::DEFAULT })
        .by(&[ReplicaId(0)])
        .passes_with(2)
        .slow()],
    rules: &CertificateWiped,
};
