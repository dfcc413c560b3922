//! What judge *guards* numbers.

use crate::model::bits::Bits;
use crate::model::numbers::numbers;

numbers! {
    /// A local state of an honest participant, by number.
    pub LocalId
    /// A message that was met, by number.
    pub(in crate::model) MessageId
    /// What happens to a participant, by number: a message, which keeps its own, or something that needs none.
    pub(crate) EventId
    /// A guard of a local state, by its place among them.
    pub(in crate::model) GuardId
    /// What somebody has sent in some local state, by number.
    pub(super) SentId
    /// What the adversary makes of messages that certificates are made of, by number.
    pub(in crate::model) KnowledgeId
}

/// A set of messages.
pub(in crate::model) type MessageSet = Bits<MessageId>;

/// What happens to a participant.
pub(super) enum Happening {
    Message(MessageId),
    Timeout,
    Crash,
    Invoke,
}

impl EventId {
    pub(super) const TIMEOUT: EventId = EventId(u32::MAX);
    pub(super) const CRASH: EventId = EventId(u32::MAX - 1);
    pub(super) const INVOKE: EventId = EventId(u32::MAX - 2);

    /// What it is.
    pub(super) fn happening(self) -> Happening {
        match self {
            EventId::TIMEOUT => Happening::Timeout,
            EventId::CRASH => Happening::Crash,
            EventId::INVOKE => Happening::Invoke,
            EventId(number) => Happening::Message(MessageId(number)),
        }
    }

    /// The message that it is the arrival of, if it is one.
    pub(super) fn message(self) -> Option<MessageId> {
        match self.happening() {
            Happening::Message(message) => Some(message),
            _ => None,
        }
    }
}

impl From<MessageId> for EventId {
    fn from(message: MessageId) -> Self {
        EventId(message.0)
    }
}
