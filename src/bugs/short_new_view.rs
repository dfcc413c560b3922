//! A new view begins on one view change fewer than a quorum.
//!
//! Those who are left out may be the ones who know what was decided.
//! Seen in: a mutant of OSDI'99 §4.4.

use crate::pbft::{Committee, Rules};

/// A new view begins on one view change fewer than a quorum.
#[derive(Clone, Copy, Debug)]
pub struct ShortNewView;

impl Rules for ShortNewView {
    fn view_change_quorum(&self, committee: Committee) -> usize {
        committee.quorum() - 1
    }
}
