//! f + 1 votes, the pre-prepare among them, make a certificate.
//!
//! Two such sets may share nobody but a Byzantine primary.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, Rules};

/// f + 1 votes, the pre-prepare among them, make a certificate.
#[derive(Clone, Copy, Debug)]
struct WeakPrepare;

impl Rules for WeakPrepare {
    fn prepare_quorum(&self, committee: Committee) -> usize {
        committee.weak_quorum()
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "weak-prepare",
    breaks: Some("f + 1 votes, the pre-prepare among them, make a certificate"),
    number: None,
    class: Class::Safety,
    source: "a mutant of OSDI'99 §4.2",
    overrides: &["prepare_quorum"],
    runs: &[Run::violates(Property::CertificateUnique, Scope { views: 1, ..Scope::DEFAULT })],
    rules: &WeakPrepare,
};
