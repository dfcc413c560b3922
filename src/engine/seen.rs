//! A run as somebody looks at it: every node as it is after exactly what was handed to it.
//!
//! A state says which key a node has, and many histories lead to one key. What is shown of a run is the node of this run.

use super::graph::{Graph, GraphState, Step};
use super::happening::Happening;
use super::histories::{Histories, HistoryId, MessageId};
use super::network::{Delivery, Traffic};
use super::panics::guarded;
use super::place::{Participants, PlaceId};
use super::refusal::Refusal;
use super::{Fingerprint, fingerprint};
use crate::protocol::{NodeId, Protocol};

/// Where a run is.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// What is the case.
    pub state: GraphState,
    /// What was handed to each node.
    histories: Vec<HistoryId>,
}

/// What a node of a run is known by: where it is and what it was handed.
pub(crate) type SeenAs = (PlaceId, HistoryId);

/// A node of a run, in words.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct NodeSeen {
    /// The node as the protocol puts it; nothing if the protocol says nothing, or the node has panicked.
    pub words: String,
    /// What it was handed.
    pub inputs: String,
    /// What it has decided.
    pub decided: Vec<String>,
    /// The timers that run.
    pub timers: Vec<String>,
    /// What it said when it panicked.
    pub panicked: Option<String>,
}

impl<P: Protocol> Graph<P> {
    /// A run of which nothing has happened but the prelude.
    pub(crate) fn begun(&self) -> Result<Seen, Refusal> {
        let histories = {
            let tables = self.tables();
            self.root.locals.iter().map(|&local| tables.at(local).history()).collect()
        };
        let mut seen = Seen { state: self.root.clone(), histories };
        for &step in &self.opening {
            self.go_on(&mut seen, step)?;
        }
        Ok(seen)
    }

    /// Lets a step happen, which must be possible; what comes of it.
    pub(crate) fn go_on(&self, seen: &mut Seen, step: Step) -> Result<Happening, Refusal> {
        let next = self.follow(&seen.state, step)?;
        let told = self.happening(&seen.state, step, &next);
        if let Some((place, input)) = step.handed() {
            let from = seen.histories[place.index()];
            let mut tables = self.tables();
            seen.histories[place.index()] =
                tables.histories.after(&self.protocol, &self.participants, from, input)?;
        }
        seen.state = next;
        Ok(told)
    }

    /// What tells a node of a run from others.
    pub(crate) fn seen_as(&self, seen: &Seen, place: PlaceId) -> SeenAs {
        (place, seen.histories[place.index()])
    }

    /// A node of a run, in words.
    pub(crate) fn node_seen(&self, seen: &Seen, place: PlaceId) -> Result<NodeSeen, Refusal> {
        let history = seen.histories[place.index()];
        let mut tables = self.tables();
        let node = tables.histories.rebuilt(&self.protocol, &self.participants, history)?;
        let words = node.map(|node| guarded(|| self.protocol.node_in_words(&node)));
        let words =
            words.map(|said| said.unwrap_or_else(|why| format!("Protocol::node_in_words panics: {why}")));
        let (local, histories) = (tables.at(seen.state.locals[place.index()]), &tables.histories);
        let decided = local.decided.iter().filter_map(|&id| histories.decision(id));
        let timers = local.timers.iter().map(|&timer| histories.event_in_words(&self.protocol, timer));
        Ok(NodeSeen {
            words: words.unwrap_or_default(),
            inputs: histories.inputs_in_words(&self.protocol, history),
            decided: decided
                .map(|(slot, value)| format!("{} in {slot}", self.protocol.value_in_words(value)))
                .collect(),
            timers: timers.collect(),
            panicked: local.wreck.as_ref().map(ToString::to_string),
        })
    }

    /// What is sent in a step that is possible, in order where that matters, and by whom.
    pub(crate) fn sent_in(&self, state: &GraphState, step: Step) -> Option<(PlaceId, Vec<MessageId>)> {
        let (place, input) = step.handed()?;
        let from = state.locals[place.index()];
        let taken = self.tables().take(&self.protocol, &self.participants, from, input).ok()?;
        Some((place, taken.sent))
    }

    /// All that was sent and may still arrive, now or after others. Without queues that is all that was ever sent.
    pub(crate) fn under_way(&self, state: &GraphState) -> Vec<Delivery> {
        let tables = self.tables();
        let mut all = state.traffic.under_way(&tables.histories, &self.participants);
        all.retain(|delivery| {
            let to = tables.at(state.locals[delivery.to.index()]);
            to.wreck.is_none() && (self.is_keyed || to.takes(delivery.message))
        });
        all
    }

    /// How many equal messages are in the queue of one, itself and behind it.
    pub(crate) fn equal_from(&self, state: &GraphState, delivery: Delivery) -> usize {
        state.traffic.equal_from(delivery)
    }

    /// Whether messages are in queues.
    pub(crate) fn is_in_order(&self) -> bool {
        matches!(self.network, crate::protocol::Network::Fifo { .. })
    }

    /// What tells the content of a message from others, in every process alike.
    pub(crate) fn content(&self, message: MessageId) -> Fingerprint {
        self.tables().histories.envelope(message).map_or(0, |envelope| fingerprint(&envelope.message))
    }

    /// What tells an event from others, in every process alike; none of steps that are no event.
    pub(crate) fn content_of_event(&self, step: Step) -> Option<Fingerprint> {
        let (Step::Event(_, event, _) | Step::Timer(_, event)) = step else { return None };
        let tables = self.tables();
        tables.histories.events.get_index(event.0 as usize).map(fingerprint)
    }

    /// A message in words, and between whom.
    pub(crate) fn message_seen(&self, message: MessageId) -> Option<(NodeId, NodeId, String)> {
        let tables = self.tables();
        let envelope = tables.histories.envelope(message)?;
        Some((envelope.from, envelope.to, self.protocol.message_in_words(&envelope.message)))
    }

    /// All who take part, by number.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = PlaceId> {
        (0u16..).zip(&self.participants.places).map(|(number, _)| PlaceId(number))
    }

    /// Whose name somebody bears, and which copy it is.
    pub(crate) fn place(&self, place: PlaceId) -> super::Place {
        self.participants.at(place)
    }
}

impl Delivery {
    /// What arrives, by number.
    pub(crate) fn message(self) -> MessageId {
        self.message
    }

    /// Whose queue it comes out of, where there are queues.
    pub(crate) fn queue(self) -> Option<PlaceId> {
        self.from.map(|(from, _)| from)
    }

    /// Whether others are left out before it.
    pub(crate) fn leaves_out(self) -> bool {
        self.from.is_some_and(|(_, left_out)| left_out > 0)
    }
}

impl Traffic {
    /// All that has not arrived yet, what cannot arrive next among it; of a set, all that was ever sent.
    fn under_way<P: Protocol>(&self, histories: &Histories<P>, participants: &Participants) -> Vec<Delivery> {
        let Traffic::Fifo { queues, .. } = self else { return self.deliverable(histories, participants) };
        let all = queues.iter().flat_map(|((from, to), queue)| {
            let queued = (0u16..).zip(queue);
            queued.map(|(before, &message)| Delivery { to: *to, message, from: Some((*from, before)) })
        });
        all.collect()
    }

    /// How many messages that are equal are in its queue, itself and behind it.
    fn equal_from(&self, delivery: Delivery) -> usize {
        let (Traffic::Fifo { queues, .. }, Some((from, before))) = (self, delivery.from) else { return 0 };
        let queue = queues.iter().find(|(ends, _)| *ends == (from, delivery.to));
        let rest = queue.and_then(|(_, queue)| queue.get(usize::from(before)..)).unwrap_or_default();
        rest.iter().filter(|message| **message == delivery.message).count()
    }
}
