//! A replica does not record its prepared certificate before its COMMIT is sent, and forgets it in a crash.
//!
//! Its next VIEW-CHANGE says that nothing has prepared at it, although its COMMIT helps to decide.
//! Seen in: autonity#969.

use crate::pbft::{Record, Rules};

/// A replica does not record its prepared certificate.
#[derive(Clone, Copy, Debug)]
pub struct VolatileCertificate;

impl Rules for VolatileCertificate {
    fn persists(&self, record: &Record) -> bool {
        !matches!(record, Record::Prepared(_))
    }
}
