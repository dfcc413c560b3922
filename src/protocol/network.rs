//! What becomes of messages.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What becomes of a message that was sent. It is part of the bound, and every verdict names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// What was sent can arrive at any time, in any order, or never: a set of messages that only grows. Where nodes have a
    /// [key](super::Protocol::key) it can arrive again, too; a node that is known by its history would never come to an
    /// end of that, and gets each message once.
    AnyOrder,
    /// What was sent from one node to another arrives in that order, and once, unless the link between them is cut: then
    /// all that is on its way is lost, and all that is sent from then on. A link stays cut.
    Fifo {
        /// How many links may be cut, at any time and without a cause, both directions of one at once. What an
        /// [event](super::Protocol::cuts) cuts comes on top.
        cuts: u32,
    },
}

impl Network {
    /// It in words, where a message arrives again or not.
    pub(crate) fn in_words(self, is_repeated: bool) -> String {
        match self {
            Network::AnyOrder if is_repeated => "any order, with repetition".to_owned(),
            Network::AnyOrder => "any order, once each".to_owned(),
            Network::Fifo { cuts: 0 } => "FIFO links".to_owned(),
            Network::Fifo { cuts: 1 } => "FIFO links, 1 cut at any time".to_owned(),
            Network::Fifo { cuts } => format!("FIFO links, {cuts} cut at any time"),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(false))
    }
}
