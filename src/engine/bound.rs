//! What is asked of a protocol, and within which bound.

use serde::{Deserialize, Serialize};

use crate::protocol::{Network, NodeId, Protocol};

/// What can go wrong besides what the protocol itself says.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Bound {
    /// The nodes that are Byzantine: twins, if they are not the most general.
    pub byzantine: Vec<NodeId>,
    /// Whether the Byzantine nodes run nothing, and say whatever the protocol's [alphabet](crate::protocol::Adversary) has.
    #[serde(skip_serializing_if = "is_false")]
    pub most_general: bool,
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

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Bound {
    /// Nothing goes wrong but what these nodes do.
    pub fn byzantine(nodes: impl IntoIterator<Item = NodeId>) -> Self {
        Bound { byzantine: nodes.into_iter().collect(), ..Bound::default() }
    }

    /// This bound with Byzantine nodes that say whatever the alphabet has, where the protocol wants that message by message.
    pub(crate) fn against<P: Protocol>(self, protocol: &P) -> Self {
        let is_in_order = self.network.unwrap_or_else(|| protocol.network()) != Network::AnyOrder;
        let has_alphabet = protocol.layers().adversary.is_some();
        Bound { most_general: has_alphabet && !is_in_order && !self.byzantine.is_empty(), ..self }
    }
}
