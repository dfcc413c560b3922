//! What is explored.

use crate::message::Val;

/// How many validators, rounds and values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound {
    pub nodes: u16,
    pub rounds: u32,
    pub value_count: u8,
}

impl Bound {
    /// All values.
    pub fn values(self) -> impl Iterator<Item = Val> {
        (0..self.value_count).map(Val)
    }

    /// More than two thirds.
    pub fn quorum(self) -> usize {
        2 * usize::from(self.nodes) / 3 + 1
    }
}
