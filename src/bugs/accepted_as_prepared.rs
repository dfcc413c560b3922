//! A VIEW-CHANGE reports as prepared what was only proposed.
//!
//! A pre-prepare alone is then worth as much as a quorum, and may stand against what was decided.
//! Seen in: a mutant of OSDI'99 §4.4.

use crate::pbft::{Committee, Rules};

/// A VIEW-CHANGE reports as prepared what was only proposed.
#[derive(Clone, Copy, Debug)]
pub struct AcceptedAsPrepared;

impl Rules for AcceptedAsPrepared {
    fn certificate_quorum(&self, _committee: Committee) -> usize {
        1
    }
}
