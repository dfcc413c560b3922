//! f + 1 commits decide.
//!
//! One honest replica's certificate is then enough to decide, and a quorum need not know of it.
//! Seen in: a mutant of OSDI'99 §4.2.

use crate::pbft::{Committee, Rules};

/// f + 1 commits decide.
#[derive(Clone, Copy, Debug)]
pub struct WeakCommit;

impl Rules for WeakCommit {
    fn commit_quorum(&self, committee: Committee) -> usize {
        committee.weak_quorum()
    }
}
