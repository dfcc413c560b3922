//! A replica handles messages of a higher view before it has entered it.
//!
//! It votes there without having said what it prepared below: the new view was not made for its vote.
//! Seen in: FISCO-BCOS#5167 (FIB-133).

use crate::pbft::{Rules, Standing, View};

/// A replica handles messages of a higher view before it has entered it.
#[derive(Clone, Copy, Debug)]
pub struct EarlyProposal;

impl Rules for EarlyProposal {
    fn admits_view(&self, standing: Standing, view: View) -> bool {
        standing.active && view >= standing.view
    }
}
