//! The timer starts again with every block, whosever requests are in it.
//!
//! A primary that leaves one client out for ever is never suspected, as long as others are served.
//! Seen in: dela#216, fabric#796, cothority#2054.

use crate::pbft::{Rules, SeqNum};

/// The timer starts again with every block, whosever requests are in it.
#[derive(Clone, Copy, Debug)]
pub struct RestartedTimer;

impl Rules for RestartedTimer {
    fn restarts_timer(&self, since: SeqNum, height: SeqNum) -> bool {
        height > since
    }
}
