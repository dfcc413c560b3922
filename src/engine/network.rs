//! What is on its way.

use super::histories::{Histories, MessageId};
use super::place::{Participants, PlaceId};
use crate::protocol::{Network, NodeId, Protocol};

/// A link between two nodes: the one with the lower id first.
pub(super) type Link = (NodeId, NodeId);

/// The link between two nodes.
pub(super) fn link(one: NodeId, other: NodeId) -> Link {
    (one.min(other), one.max(other))
}

/// A message that arrives, or is lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Delivery {
    pub(super) to: PlaceId,
    pub(super) message: MessageId,
    /// Whose queue it comes out of, and how many are left out before it; where there are no queues, nobody's.
    pub(super) from: Option<(PlaceId, u16)>,
}

impl Delivery {
    /// Whom it reaches.
    pub fn to(self) -> PlaceId {
        self.to
    }
}

/// What is in a link that is not empty, by sender and receiver, oldest first.
pub(super) type Queue = ((PlaceId, PlaceId), Vec<MessageId>);

/// The messages that are on their way, or have ever been.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Traffic {
    /// All that was ever sent, ascending.
    Set(Vec<MessageId>),
    /// What is in each link; which links are cut; and how many cuts and losses are left.
    Fifo { queues: Vec<Queue>, cut: Vec<Link>, left: u32, losses: u32 },
}

impl Traffic {
    pub(super) fn new(network: Network) -> Self {
        match network {
            Network::AnyOrder => Traffic::Set(Vec::new()),
            Network::Fifo { cuts, losses } => {
                Traffic::Fifo { queues: Vec::new(), cut: Vec::new(), left: cuts, losses }
            }
        }
    }

    /// Takes in what may arrive whoever sends it, where messages are in no order.
    pub(super) fn add(&mut self, messages: &[MessageId]) {
        let Traffic::Set(all) = self else { return };
        for message in messages {
            if let Err(place) = all.binary_search(message) {
                all.insert(place, *message);
            }
        }
    }

    /// Whether a message was ever sent, where they are in no order.
    pub(super) fn has(&self, message: MessageId) -> bool {
        matches!(self, Traffic::Set(all) if all.binary_search(&message).is_ok())
    }

    /// Takes in what somebody has sent, in order.
    pub(super) fn send<P: Protocol>(
        &mut self,
        histories: &Histories<P>,
        participants: &Participants,
        from: PlaceId,
        sent: &[MessageId],
    ) {
        for &message in sent {
            let Some(envelope) = histories.envelope(message) else { continue };
            match self {
                Traffic::Set(all) => {
                    if let Err(place) = all.binary_search(&message) {
                        all.insert(place, message);
                    }
                }
                Traffic::Fifo { cut, .. } if cut.contains(&link(envelope.from, envelope.to)) => {}
                Traffic::Fifo { queues, .. } => {
                    for to in participants.of(envelope.to) {
                        match queues.binary_search_by_key(&(from, to), |(ends, _)| *ends) {
                            Ok(place) => queues[place].1.push(message),
                            Err(place) => queues.insert(place, ((from, to), vec![message])),
                        }
                    }
                }
            }
        }
    }

    /// What may arrive next.
    pub(super) fn deliverable<P: Protocol>(
        &self,
        histories: &Histories<P>,
        participants: &Participants,
    ) -> Vec<Delivery> {
        let mut all = Vec::new();
        match self {
            Traffic::Set(sent) => {
                for &message in sent {
                    let Some(envelope) = histories.envelope(message) else { continue };
                    all.extend(participants.of(envelope.to).map(|to| Delivery { to, message, from: None }));
                }
            }
            Traffic::Fifo { queues, .. } => {
                for ((from, to), queue) in queues {
                    let is_free = [from, to].iter().any(|end| participants.at(**end).twin.is_some());
                    let length = if is_free { queue.len() } else { 1 };
                    all.extend((0u16..).zip(queue).take(length).map(|(left_out, &message)| Delivery {
                        to: *to,
                        message,
                        from: Some((*from, left_out)),
                    }));
                }
            }
        }
        all
    }

    /// What may be lost next.
    pub(super) fn losable(&self) -> Vec<Delivery> {
        let Traffic::Fifo { queues, losses: 1.., .. } = self else { return Vec::new() };
        let heads = queues.iter().filter_map(|((from, to), queue)| {
            Some(Delivery { to: *to, message: *queue.first()?, from: Some((*from, 0)) })
        });
        heads.collect()
    }

    /// Takes out what arrives, if it arrives no more than once.
    pub(super) fn deliver(&mut self, delivery: Delivery) {
        if let (Traffic::Fifo { queues, .. }, Some((from, left_out))) = (self, delivery.from)
            && let Ok(place) = queues.binary_search_by_key(&(from, delivery.to), |(ends, _)| *ends)
        {
            let queue = &mut queues[place].1;
            queue.drain(..queue.len().min(usize::from(left_out) + 1));
            if queue.is_empty() {
                queues.remove(place);
            }
        }
    }

    /// Takes out what is lost.
    pub(super) fn lose(&mut self, delivery: Delivery) {
        if let Traffic::Fifo { losses, .. } = self {
            *losses = losses.saturating_sub(1);
        }
        self.deliver(delivery);
    }

    /// Takes out all that is on its way to somebody who crashes.
    pub(super) fn crash(&mut self, place: PlaceId) {
        if let Traffic::Fifo { queues, .. } = self {
            queues.retain(|((_, to), _)| *to != place);
        }
    }

    /// Cuts a link: what is in it is lost.
    pub(super) fn cut(&mut self, participants: &Participants, gone: Link) {
        if let Traffic::Fifo { queues, cut, .. } = self {
            let node = |place| participants.at(place).node;
            queues.retain(|((from, to), _)| link(node(*from), node(*to)) != gone);
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
    pub(super) fn cut_at_will(&mut self, participants: &Participants, gone: Link) {
        if let Traffic::Fifo { left, .. } = self {
            *left = left.saturating_sub(1);
        }
        self.cut(participants, gone);
    }
}
