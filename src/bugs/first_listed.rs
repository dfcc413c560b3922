//! A new view takes the certificate that is listed first, not the one of the highest view.
//!
//! Its primary says in which order they are listed. An older certificate may have been overtaken: a later view can have
//! decided another batch.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{PreparedClaim, ReplicaId, Rules};

/// A new view takes the certificate that is listed first.
#[derive(Clone, Copy, Debug)]
struct FirstListed;

impl Rules for FirstListed {
    fn select<'a>(&self, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
        claims.first().copied()
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "first-listed",
    breaks: Some("a new view takes the certificate that is listed first"),
    number: None,
    class: Class::Safety,
    source: "a mutant of OSDI'99 §4.4; cf. go-ibft#50",
    overrides: &["select"],
    runs: &[Run::violates(Property::Agreement, Scope { views: 3, ..Scope::DEFAULT })
        .by(&[ReplicaId(0)])
        .passes_with(2)
        .slow()],
    rules: &FirstListed,
};
