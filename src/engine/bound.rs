//! What is asked of a protocol, and within which bound.

use serde::{Deserialize, Serialize};

use crate::protocol::{Network, NodeId};

/// What can go wrong besides what the protocol itself says.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Bound {
    /// The nodes that are Byzantine: twins.
    pub byzantine: Vec<NodeId>,
    /// How many crashes there may be, all honest nodes together. Each node comes up again at once: to be down for a while
    /// is to hear nothing for a while.
    #[serde(skip_serializing_if = "is_none")]
    pub crashes: u8,
    /// What becomes of messages, if it is not what the protocol says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
}

fn is_none(crashes: &u8) -> bool {
    *crashes == 0
}

impl Bound {
    /// Nothing goes wrong but what these nodes do.
    pub fn byzantine(nodes: impl IntoIterator<Item = NodeId>) -> Self {
        Bound { byzantine: nodes.into_iter().collect(), ..Bound::default() }
    }
}
