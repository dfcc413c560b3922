//! A replica does not record its votes before it sends them.
//!
//! After a crash it votes again, for something else: together with one Byzantine replica it is one too many.
//! Seen in: telcoin#934.

use crate::pbft::{Record, Rules};

/// A replica does not record its votes before it sends them.
#[derive(Clone, Copy, Debug)]
pub struct Amnesia;

impl Rules for Amnesia {
    fn persists(&self, record: &Record) -> bool {
        !matches!(record, Record::Accepted(_) | Record::Prepared(_))
    }
}
