//! Events from outside.

use super::NodeId;

/// An event from outside that can happen to a node, and how often at most.
///
/// ```
/// use bft_check::protocol::{NodeId, Offer};
///
/// let offers = [Offer::once(NodeId(0), "append a"), Offer::times(NodeId(1), "campaign", 2)];
/// assert_eq!(offers[1].times, 2);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer<E> {
    /// The node.
    pub at: NodeId,
    /// What can happen to it.
    pub event: E,
    /// How often at most.
    pub times: u8,
}

impl<E> Offer<E> {
    /// An event that happens at most once.
    pub fn once(at: NodeId, event: E) -> Self {
        Offer { at, event, times: 1 }
    }

    /// An event that happens so often at most.
    pub fn times(at: NodeId, event: E, times: u8) -> Self {
        Offer { at, event, times }
    }
}
