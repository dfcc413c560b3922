//! What was met, for who asks about it by number.

use super::GuardModel;
use super::ids::{LocalId, MessageId, MessageSet};
use crate::model::participant::Local;
use crate::pbft::Message;

impl GuardModel {
    /// How many messages were met.
    pub(crate) fn met(&self) -> u32 {
        self.read().messages.met()
    }

    /// The local state of that number, and what its participant has sent; none if it was not met.
    pub fn numbered(&self, number: LocalId) -> Option<(Local, Vec<Message>)> {
        let tables = self.read();
        let node = tables.locals.node(number)?;
        Some((node.local.clone(), tables.messages.of(&node.sent).cloned().collect()))
    }

    /// Whose local state has that number, by place among the participants, and what it is.
    pub(in crate::model) fn whose(&self, number: LocalId) -> Option<(usize, Local)> {
        let tables = self.read();
        let node = tables.locals.node(number)?;
        Some((usize::from(node.participant), node.local.clone()))
    }

    /// What somebody in this local state has sent.
    pub(in crate::model) fn sent_by(&self, local: LocalId) -> MessageSet {
        self.read().locals.node(local).map_or_else(MessageSet::default, |node| node.sent.clone())
    }

    /// Whether the same was sent in two local states.
    pub(in crate::model) fn has_sent_the_same(&self, one: LocalId, other: LocalId) -> bool {
        let tables = self.read();
        let node = |local| tables.locals.node(local).map(|node| &node.sent);
        node(one) == node(other)
    }

    /// The local states of which the guards were looked for.
    pub(in crate::model) fn explored(&self) -> Vec<LocalId> {
        self.read().locals.explored().collect()
    }

    /// Those of the messages, but for the first so many, which are like this.
    pub(in crate::model) fn which(&self, first: u32, is_such: impl Fn(&Message) -> bool) -> MessageSet {
        let tables = self.read();
        let numbered = tables.messages.from(first);
        numbered.filter(|(_, message)| is_such(message)).map(|(number, _)| number).collect()
    }

    /// Looks at the messages that were met, but for the first so many.
    pub(in crate::model) fn look_from(&self, first: u32, mut look: impl FnMut(MessageId, &Message)) {
        let tables = self.read();
        tables.messages.from(first).for_each(|(number, message)| look(number, message));
    }

    /// The numbers of these messages.
    pub(in crate::model) fn numbers_of(&self, messages: impl IntoIterator<Item = Message>) -> MessageSet {
        let mut tables = self.write();
        messages.into_iter().map(|message| tables.messages.intern(message)).collect()
    }

    /// The messages that were met, but for the first so many.
    pub(in crate::model) fn messages_from(&self, first: usize) -> Vec<Message> {
        self.read().messages.all().iter().skip(first).cloned().collect()
    }

    /// These messages.
    pub(in crate::model) fn messages_of(&self, numbers: &MessageSet) -> Vec<Message> {
        let tables = self.read();
        tables.messages.of(numbers).cloned().collect()
    }

    /// Those of these messages that somebody honest has signed.
    pub(in crate::model) fn honest_of(&self, numbers: &MessageSet) -> MessageSet {
        let tables = self.read();
        let honest = |&number: &MessageId| {
            let signer = tables.messages[number].signer();
            self.honest.iter().any(|participant| participant.id() == signer)
        };
        numbers.iter().filter(honest).collect()
    }
}
