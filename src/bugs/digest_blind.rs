//! Prepares are counted without looking at their digest.
//!
//! Votes for one batch then help to certify another.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Digest, Rules, TallyKey, View};

/// Prepares are counted without looking at their digest.
#[derive(Clone, Copy, Debug)]
struct DigestBlind;

impl Rules for DigestBlind {
    fn prepare_key(&self, view: View, _digest: Digest) -> TallyKey {
        TallyKey { view: Some(view), digest: None }
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "digest-blind",
    breaks: Some("prepares are counted without looking at their digest"),
    number: Some("13"),
    class: Class::Safety,
    source: "Rustchain#2087, pbft-java",
    overrides: &["prepare_key"],
    runs: &[
        Run::violates(Property::CertificateUnique, Scope { views: 1, ..Scope::DEFAULT }),
        Run::violates(Property::Agreement, Scope::DEFAULT),
    ],
    rules: &DigestBlind,
};
