//! What becomes of messages.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What becomes of a message that was sent. It is part of the bound, and every verdict names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// What was sent can arrive at any time, in any order, or never: a set of messages that only grows. Where nodes have a
    /// [key](super::Protocol::key) it can arrive again, too; a node that is known by its history would never come to an
    /// end of that, and gets each message once, and once more after each of its crashes.
    AnyOrder,
    /// What was sent from one node to another arrives in that order, and once, unless it is lost, or the link between them
    /// is cut: then all that is on its way is lost, and all that is sent from then on. A link stays cut. On a link that ends
    /// at a Byzantine node what is older may be left out, as often as it likes.
    Fifo {
        /// How many links may be cut, at any time and without a cause, both directions of one at once. What an
        /// [event](super::Protocol::cuts) cuts comes on top.
        cuts: u32,
        /// How many messages may be lost, each alone.
        losses: u32,
    },
}

impl Network {
    /// FIFO links without cuts or losses.
    pub const FIFO: Network = Network::Fifo { cuts: 0, losses: 0 };

    /// It in words, where a message arrives again or not.
    pub(crate) fn in_words(self, is_repeated: bool) -> String {
        let counted = |n: u32, one: &str, many: &str| match n {
            0 => String::new(),
            1 => format!(", 1 {one} at any time"),
            n => format!(", {n} {many} at any time"),
        };
        match self {
            Network::AnyOrder if is_repeated => "any order, with repetition".to_owned(),
            Network::AnyOrder => "any order, once each".to_owned(),
            Network::Fifo { cuts, losses } => {
                let cuts = counted(cuts, "cut", "cut");
                format!("FIFO links{cuts}{}", counted(losses, "message lost", "messages lost"))
            }
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(false))
    }
}
