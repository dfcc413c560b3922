//! What was met, for who asks about it by number.

use super::GuardModel;
use super::ids::LocalId;
use crate::model::bits::Bits;
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
    pub(in crate::model) fn sent_by(&self, local: LocalId) -> Bits {
        self.read().locals.node(local).map_or_else(Bits::default, |node| node.sent.clone())
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

    /// Those of the messages from that number on which are like this.
    pub(in crate::model) fn which(&self, from: u32, is_such: impl Fn(&Message) -> bool) -> Bits {
        let tables = self.read();
        let numbered = tables.messages.from(from);
        numbered.filter(|(_, message)| is_such(message)).map(|(number, _)| number).collect()
    }

    /// Looks at the messages that were met, from that number on.
    pub(in crate::model) fn look_from(&self, from: u32, mut look: impl FnMut(u32, &Message)) {
        let tables = self.read();
        tables.messages.from(from).for_each(|(number, message)| look(number, message));
    }

    /// The numbers of these messages.
    pub(in crate::model) fn numbers_of(&self, messages: impl IntoIterator<Item = Message>) -> Bits {
        let mut tables = self.write();
        messages.into_iter().map(|message| tables.messages.intern(message)).collect()
    }

    /// The messages that were met, from that number on.
    pub(in crate::model) fn messages_from(&self, from: usize) -> Vec<Message> {
        self.read().messages.all().iter().skip(from).cloned().collect()
    }

    /// These messages.
    pub(in crate::model) fn messages_of(&self, numbers: &Bits) -> Vec<Message> {
        let tables = self.read();
        tables.messages.of(numbers).cloned().collect()
    }

    /// Those of these messages that somebody honest has signed.
    pub(in crate::model) fn honest_of(&self, numbers: &Bits) -> Bits {
        let tables = self.read();
        let honest = |&number: &u32| {
            let signer = tables.messages[number].signer();
            self.honest.iter().any(|participant| participant.id() == signer)
        };
        numbers.iter().filter(honest).collect()
    }
}
