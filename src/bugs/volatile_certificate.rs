//! A replica does not record its prepared certificate before its COMMIT is sent, and forgets it in a crash.
//!
//! Its next VIEW-CHANGE says that nothing has prepared at it, although its COMMIT helps to decide.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Record, ReplicaId, Rules};

/// A replica does not record its prepared certificate.
#[derive(Clone, Copy, Debug)]
struct VolatileCertificate;

impl Rules for VolatileCertificate {
    fn persists(&self, record: &Record) -> bool {
        !matches!(record, Record::Prepared(_))
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "volatile-certificate",
    breaks: Some("a replica does not record its prepared certificates, and forgets them in a crash"),
    number: Some("F6"),
    class: Class::Safety,
    source: "autonity#969",
    overrides: &["persists"],
    runs: &[Run::violates(Property::Agreement, Scope { crashes: 1, ..Scope::DEFAULT })
        .by(&[ReplicaId(1)])
        .passes_with(1)],
    rules: &VolatileCertificate,
};
