//! A request that was executed is executed again when it is ordered again.
//!
//! A Byzantine primary, or a new view, may order a request at two sequence numbers.
//! Seen in: SmartBFT#570, concord#1362.

use crate::pbft::{Rules, Timestamp};

/// A request that was executed is executed again when it is ordered again.
#[derive(Clone, Copy, Debug)]
pub struct RepeatedExecution;

impl Rules for RepeatedExecution {
    fn executes(&self, _last: Option<Timestamp>, _timestamp: Timestamp) -> bool {
        true
    }
}
