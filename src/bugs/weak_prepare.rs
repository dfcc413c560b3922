//! f + 1 votes, the pre-prepare among them, make a certificate.
//!
//! Two such sets may share nobody but a Byzantine primary.
//! Seen in: a mutant of OSDI'99 §4.2.

use crate::pbft::{Committee, Rules};

/// f + 1 votes, the pre-prepare among them, make a certificate.
#[derive(Clone, Copy, Debug)]
pub struct WeakPrepare;

impl Rules for WeakPrepare {
    fn prepare_quorum(&self, committee: Committee) -> usize {
        committee.weak_quorum()
    }
}
