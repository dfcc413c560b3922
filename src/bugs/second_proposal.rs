//! A backup accepts a second pre-prepare for a view and sequence number.
//!
//! It then votes for both batches of a primary that equivocates.
//! Seen in: cf. HotShot#3971.

use crate::pbft::{Proposal, Rules};

/// A backup accepts a second pre-prepare for a view and sequence number.
#[derive(Clone, Copy, Debug)]
pub struct SecondProposal;

impl Rules for SecondProposal {
    fn accepts_second_proposal(&self, _accepted: &Proposal, _second: &Proposal) -> bool {
        true
    }
}
