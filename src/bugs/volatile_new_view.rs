//! A replica does not record the NEW-VIEW that it has entered, and forgets it in a crash.
//!
//! After that it enters the same view again, by another NEW-VIEW of its primary, and votes there a second time.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Record, ReplicaId, Rules};

/// A replica does not record the NEW-VIEW that it has entered.
#[derive(Clone, Copy, Debug)]
struct VolatileNewView;

impl Rules for VolatileNewView {
    fn persists(&self, record: &Record) -> bool {
        !matches!(record, Record::NewView(_))
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "volatile-new-view",
    breaks: Some("a replica does not record the NEW-VIEW that it has entered, and forgets it in a crash"),
    number: Some("F5"),
    class: Class::Safety,
    source: "babylon-node#243, telcoin-network#963",
    overrides: &["persists"],
    runs: &[Run::violates(Property::CertificateUnique, Scope { crashes: 1, ..Scope::DEFAULT })
        .by(&[ReplicaId(1)])],
    rules: &VolatileNewView,
};
