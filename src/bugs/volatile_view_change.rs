//! A replica does not record that it has left its view before its VIEW-CHANGE is sent, and forgets it in a crash.
//!
//! It votes again in the view that it has left: its VIEW-CHANGE does not report what it helps to decide there.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Record, ReplicaId, Rules};

/// A replica does not record that it has left its view.
#[derive(Clone, Copy, Debug)]
struct VolatileViewChange;

impl Rules for VolatileViewChange {
    fn persists(&self, record: &Record) -> bool {
        !matches!(record, Record::ViewChange(_))
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "volatile-view-change",
    breaks: Some("a replica does not record that it has left its view, and forgets it in a crash"),
    number: Some("F4"),
    class: Class::Safety,
    source: "concord-bft#805",
    overrides: &["persists"],
    runs: &[Run::violates(Property::Agreement, Scope { crashes: 1, ..Scope::DEFAULT }).by(&[ReplicaId(1)])],
    rules: &VolatileViewChange,
};
