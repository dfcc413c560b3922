//! A replica does not record the NEW-VIEW that it has entered, and forgets it in a crash.
//!
//! After that it enters the same view again, by another NEW-VIEW of its primary, and votes there a second time.
//! Seen in: babylon-node#243, telcoin-network#963.

use crate::pbft::{Record, Rules};

/// A replica does not record the NEW-VIEW that it has entered.
#[derive(Clone, Copy, Debug)]
pub struct VolatileNewView;

impl Rules for VolatileNewView {
    fn persists(&self, record: &Record) -> bool {
        !matches!(record, Record::NewView(_))
    }
}
