//! A replica does not record its votes before it sends them.
//!
//! After a crash it votes again, for something else: together with one Byzantine replica it is one too many.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Record, Rules};

/// A replica does not record its votes before it sends them.
#[derive(Clone, Copy, Debug)]
struct Amnesia;

impl Rules for Amnesia {
    fn persists(&self, record: &Record) -> bool {
        !matches!(record, Record::Accepted(_) | Record::Prepared(_))
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "amnesia",
    breaks: Some("a replica does not record its votes before it sends them, and forgets them in a crash"),
    number: Some("17"),
    class: Class::Safety,
    source: "telcoin#934",
    overrides: &["persists"],
    runs: &[
        Run::violates(Property::CertificateUnique, Scope { views: 1, crashes: 1, ..Scope::DEFAULT }),
        Run::violates(Property::Agreement, Scope { views: 1, crashes: 1, ..Scope::DEFAULT }),
    ],
    rules: &Amnesia,
};
