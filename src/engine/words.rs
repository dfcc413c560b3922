//! What happens, in words.

use super::histories::{Done, EventId, EventRef, Histories, HistoryId, MessageId};
use crate::protocol::{NodeId, Protocol};

/// How many inputs of a history are spelled out.
const SPELLED: usize = 12;

impl<P: Protocol> Histories<P> {
    pub(super) fn message_in_words(&self, protocol: &P, id: MessageId) -> String {
        self.envelope(id).map(|envelope| protocol.message_in_words(&envelope.message)).unwrap_or_default()
    }

    pub(super) fn event_in_words(&self, protocol: &P, id: EventId) -> String {
        let event = self.events.get_index(id.0 as usize);
        event.map(|event| protocol.event_in_words(event)).unwrap_or_default()
    }

    pub(super) fn input_in_words(&self, protocol: &P, input: EventRef) -> String {
        match input {
            EventRef::Message(id) => {
                let from = self.envelope(id).map_or(NodeId(0), |envelope| envelope.from);
                format!("'{}' from {from}", self.message_in_words(protocol, id))
            }
            EventRef::Event(id) => format!("'{}'", self.event_in_words(protocol, id)),
            EventRef::Crash => "a crash".to_owned(),
        }
    }

    /// The inputs of a history; of many, the last.
    pub(super) fn inputs_in_words(&self, protocol: &P, id: HistoryId) -> String {
        let inputs = self.inputs(id);
        let left_out = inputs.len().saturating_sub(SPELLED);
        let words: Vec<_> =
            inputs.iter().skip(left_out).map(|&input| self.input_in_words(protocol, input)).collect();
        match (words.is_empty(), left_out) {
            (true, _) => "nothing".to_owned(),
            (false, 0) => format!("[{}]", words.join(", ")),
            (false, _) => format!("[{left_out} inputs, and then {}]", words.join(", ")),
        }
    }

    pub(super) fn decided_in_words(&self, protocol: &P, done: &Done) -> Vec<String> {
        let decided = done.decided.iter().filter_map(|&id| self.decision(id));
        decided.map(|(slot, value)| format!("decide {} in {slot}", protocol.value_in_words(value))).collect()
    }

    /// What a node did in a step, and the key that it has then.
    pub(super) fn done_in_words(&self, protocol: &P, done: &Done) -> String {
        let sent = done.sent.iter().map(|&id| {
            let to = self.envelope(id).map_or(NodeId(0), |envelope| envelope.to);
            format!("send '{}' to {to}", self.message_in_words(protocol, id))
        });
        let timers = done.timers.iter().map(|&(id, runs)| {
            let verb = if runs { "set" } else { "stop" };
            format!("{verb} the timer '{}'", self.event_in_words(protocol, id))
        });
        let key = done.key.and_then(|key| self.key(key)).map(|key| format!("have the key {}", key.as_str()));
        let panics = done.panicked.as_ref().map(|panicked| format!("panic with {panicked}"));
        let decided = self.decided_in_words(protocol, done);
        let all: Vec<_> = sent.chain(decided).chain(timers).chain(key).chain(panics).collect();
        if all.is_empty() { "do nothing".to_owned() } else { all.join(", ") }
    }
}
