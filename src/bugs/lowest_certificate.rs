//! A new view takes the certificate of the lowest view, not the highest.
//!
//! An older certificate may have been overtaken: a later view can have decided another batch. It takes
//! three views to see it.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{PreparedClaim, ReplicaId, Rules};

/// A new view takes the certificate of the lowest view, not the highest.
#[derive(Clone, Copy, Debug)]
struct LowestCertificate;

impl Rules for LowestCertificate {
    fn select<'a>(&self, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
        claims.iter().copied().min_by_key(|claim| claim.view())
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "lowest-certificate",
    breaks: Some("a new view takes the certificate of the lowest view, not the highest"),
    number: Some("4"),
    class: Class::Safety,
    source: "cf. go-ibft#50 and #63",
    overrides: &["select"],
    runs: &[Run::violates(Property::Agreement, Scope { views: 3, ..Scope::DEFAULT })
        .by(&[ReplicaId(0)])
        .passes_with(2)
        .slow()],
    rules: &LowestCertificate,
};
