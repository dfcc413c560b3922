//! The primary's PREPARE is counted beside its PRE-PREPARE.
//!
//! A Byzantine primary then has two votes.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, ReplicaId, Rules, View};

/// The primary's PREPARE is counted beside its PRE-PREPARE.
#[derive(Clone, Copy, Debug)]
struct PrimaryTwice;

impl Rules for PrimaryTwice {
    fn may_prepare(&self, _committee: Committee, _view: View, _from: ReplicaId) -> bool {
        true
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "primary-twice",
    breaks: Some("the primary's PREPARE is counted beside its PRE-PREPARE"),
    number: Some("15"),
    class: Class::Safety,
    source: "sawtooth-pbft#111",
    overrides: &["may_prepare"],
    runs: &[
        Run::violates(Property::CertificateUnique, Scope { views: 1, ..Scope::DEFAULT }),
        Run::violates(Property::Agreement, Scope::DEFAULT),
    ],
    rules: &PrimaryTwice,
};
