//! Names for nodes and for places in a log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A node, by its number from 0 on. Written `n0`.
///
/// ```
/// use bft_check::protocol::NodeId;
///
/// assert_eq!("n2".parse(), Ok(NodeId(2)));
/// assert_eq!(NodeId(2).to_string(), "n2");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u16);

impl NodeId {
    /// All of so many.
    pub fn all(nodes: usize) -> impl Iterator<Item = NodeId> {
        (0..u16::try_from(nodes).unwrap_or(u16::MAX)).map(NodeId)
    }

    /// Its place in a list of all.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("n{}", self.0))
    }
}

/// A text names no node.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is no node: nodes are called n0, n1 and so on")]
pub struct NoSuchNode(String);

impl FromStr for NodeId {
    type Err = NoSuchNode;

    fn from_str(text: &str) -> Result<Self, NoSuchNode> {
        let digits = text.trim().strip_prefix('n').and_then(|digits| digits.parse().ok());
        digits.map(NodeId).ok_or_else(|| NoSuchNode(text.to_owned()))
    }
}

/// A place in a log, from 0 on: what is decided in one slot is one value. A protocol that decides once uses slot 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Slot(pub u64);

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {}", self.0)
    }
}
