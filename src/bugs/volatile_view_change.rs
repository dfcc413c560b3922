//! A replica does not record that it has left its view before its VIEW-CHANGE is sent, and forgets it in a crash.
//!
//! It votes again in the view that it has left: its VIEW-CHANGE does not report what it helps to decide there.
//! Seen in: concord-bft#805.

use crate::pbft::{Record, Rules};

/// A replica does not record that it has left its view.
#[derive(Clone, Copy, Debug)]
pub struct VolatileViewChange;

impl Rules for VolatileViewChange {
    fn persists(&self, record: &Record) -> bool {
        !matches!(record, Record::ViewChange(_))
    }
}
