//! What is on its way.

use super::histories::{Histories, MessageId};
use crate::protocol::{Network, NodeId, Protocol};

/// A link between two nodes: the one with the lower id first.
pub(super) type Link = (NodeId, NodeId);

/// The link between two nodes.
pub(super) fn link(one: NodeId, other: NodeId) -> Link {
    (one.min(other), one.max(other))
}

/// The messages that are on their way, or have ever been.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Traffic {
    /// All that was ever sent, ascending.
    Set(Vec<MessageId>),
    /// What is in each link that is not empty, by sender and receiver, oldest first; and which links are cut.
    Fifo { queues: Vec<((NodeId, NodeId), Vec<MessageId>)>, cut: Vec<Link>, left: u32 },
}

impl Traffic {
    pub(super) fn new(network: Network) -> Self {
        match network {
            Network::AnyOrder => Traffic::Set(Vec::new()),
            Network::Fifo { cuts } => Traffic::Fifo { queues: Vec::new(), cut: Vec::new(), left: cuts },
        }
    }

    /// Takes in what was sent, in order.
    pub(super) fn send<P: Protocol>(&mut self, histories: &Histories<P>, sent: &[MessageId]) {
        for &message in sent {
            let Some(envelope) = histories.envelope(message) else { continue };
            let (from, to) = (envelope.from, envelope.to);
            match self {
                Traffic::Set(all) => {
                    if let Err(place) = all.binary_search(&message) {
                        all.insert(place, message);
                    }
                }
                Traffic::Fifo { cut, .. } if cut.contains(&link(from, to)) => {}
                Traffic::Fifo { queues, .. } => {
                    match queues.binary_search_by_key(&(from, to), |(ends, _)| *ends) {
                        Ok(place) => queues[place].1.push(message),
                        Err(place) => queues.insert(place, ((from, to), vec![message])),
                    }
                }
            }
        }
    }

    /// What may arrive next, each with the node that it is for.
    pub(super) fn deliverable<P: Protocol>(&self, histories: &Histories<P>) -> Vec<(NodeId, MessageId)> {
        match self {
            Traffic::Set(all) => {
                all.iter().filter_map(|&id| Some((histories.envelope(id)?.to, id))).collect()
            }
            Traffic::Fifo { queues, .. } => {
                queues.iter().filter_map(|((_, to), queue)| Some((*to, *queue.first()?))).collect()
            }
        }
    }

    /// Takes out what arrives, if it arrives no more than once.
    pub(super) fn deliver(&mut self, message: MessageId) {
        if let Traffic::Fifo { queues, .. } = self
            && let Some(place) = queues.iter().position(|(_, queue)| queue.first() == Some(&message))
        {
            queues[place].1.remove(0);
            if queues[place].1.is_empty() {
                queues.remove(place);
            }
        }
    }

    /// Cuts a link: what is in it is lost.
    pub(super) fn cut(&mut self, gone: Link) {
        if let Traffic::Fifo { queues, cut, .. } = self {
            queues.retain(|((from, to), _)| link(*from, *to) != gone);
            if let Err(place) = cut.binary_search(&gone) {
                cut.insert(place, gone);
            }
        }
    }

    /// The links that may be cut without a cause.
    pub(super) fn may_be_cut(&self, nodes: usize) -> Vec<Link> {
        let Traffic::Fifo { cut, left: 1.., .. } = self else { return Vec::new() };
        let all = NodeId::all(nodes).flat_map(|one| NodeId::all(nodes).map(move |other| (one, other)));
        all.filter(|(one, other)| one < other && !cut.contains(&(*one, *other))).collect()
    }

    /// Cuts a link without a cause.
    pub(super) fn cut_at_will(&mut self, gone: Link) {
        if let Traffic::Fifo { left, .. } = self {
            *left = left.saturating_sub(1);
        }
        self.cut(gone);
    }
}
