//! The prepared certificates in a VIEW-CHANGE are not verified.
//!
//! Whoever claims to have prepared something else is believed.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{PreparedClaim, Refusal, Rules, Setting};

/// The prepared certificates in a VIEW-CHANGE are not verified.
#[derive(Clone, Copy, Debug)]
struct UnverifiedCertificate;

impl Rules for UnverifiedCertificate {
    fn check_prepared(&self, _setting: &Setting, _claim: &PreparedClaim) -> Result<(), Refusal> {
        Ok(())
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "unverified-certificate",
    breaks: Some("the prepared certificates in a VIEW-CHANGE are not verified"),
    number: Some("8"),
    class: Class::Safety,
    source: "sigp/anchor#549",
    overrides: &["check_prepared"],
    runs: &[Run::violates(Property::Agreement, Scope::DEFAULT).passes_with(1)],
    rules: &UnverifiedCertificate,
};
