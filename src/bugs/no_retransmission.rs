//! What is lost is never sent again.
//!
//! After a partition has healed a replica goes on waiting for what was sent meanwhile.
//! Seen in: fabric#1917.

use crate::pbft::Rules;

/// What is lost is never sent again.
#[derive(Clone, Copy, Debug)]
pub struct NoRetransmission;

impl Rules for NoRetransmission {
    fn retransmits(&self) -> bool {
        false
    }
}
