//! The window ends one sequence number early.
//!
//! With L = K the number at which the next checkpoint is due is then outside: it is never used, the
//! window never moves, and the numbers are exhausted.
//! Seen in: sawtooth-pbft#65; cf. fabric#1119.

use crate::pbft::{Rules, SeqNum, Setting};

/// The window ends one sequence number early.
#[derive(Clone, Copy, Debug)]
pub struct ShortWindow;

impl Rules for ShortWindow {
    fn in_window(&self, setting: &Setting, low: SeqNum, seq: SeqNum) -> bool {
        seq > low && seq.0 < low.0 + setting.window
    }
}
