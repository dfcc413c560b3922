//! The messages that were met, a number each.

use std::ops::Index;

use super::ids::{MessageId, MessageSet};
use crate::hashed::IndexSet;
use crate::model::adversary::Adversary;
use crate::model::numbers::Number as _;
use crate::model::system::System;
use crate::pbft::Message;

/// The messages that were met, in the order of their numbers, and which of them are of which kind.
#[derive(Default)]
pub(super) struct Messages {
    all: IndexSet<Message>,
    /// Requests and what the adversary can send before anybody has sent anything.
    pub unconditional: MessageSet,
    pub requests: MessageSet,
    /// What certificates are built from.
    pub votes: MessageSet,
    /// Everything else that the adversary learns from.
    pub reports: MessageSet,
    pub commits: MessageSet,
}

impl Messages {
    /// The messages that are there from the start.
    pub fn at_the_start(system: &System, adversary: &Adversary) -> Self {
        let mut messages = Messages::default();
        let requests = system.requests().iter().cloned().map(Message::Request);
        messages.requests = requests.map(|request| messages.intern(request)).collect();
        let unconditional = adversary.unconditional_messages().iter().cloned();
        messages.unconditional = unconditional.map(|message| messages.intern(message)).collect();
        messages.unconditional.union_with(&messages.requests);
        messages
    }

    /// The number of a message, which is met if it was not yet.
    pub fn intern(&mut self, message: Message) -> MessageId {
        let (place, fresh) = self.all.insert_full(message);
        let number = MessageId::at(place);
        if fresh {
            match &self.all[place] {
                Message::PrePrepare(_) | Message::Prepare(_) | Message::NewView(_) => {
                    self.votes.insert(number)
                }
                Message::ViewChange(_) | Message::Checkpoint(_) | Message::State(_) | Message::Reply(_) => {
                    self.reports.insert(number)
                }
                Message::Commit(_) => self.commits.insert(number),
                _ => {}
            }
        }
        number
    }

    /// The number of a message, if it was met.
    pub fn number_of(&self, message: &Message) -> Option<MessageId> {
        self.all.get_index_of(message).map(MessageId::at)
    }

    /// The message of that number, if one has it.
    pub fn get(&self, number: MessageId) -> Option<&Message> {
        self.all.get_index(number.place())
    }

    /// How many were met.
    #[inline]
    pub fn met(&self) -> u32 {
        self.all.len() as u32
    }

    /// All of them, by place.
    pub fn all(&self) -> &IndexSet<Message> {
        &self.all
    }

    /// All but the first so many.
    pub fn from(&self, first: u32) -> impl Iterator<Item = (MessageId, &Message)> {
        (first..).map(MessageId::of_word).zip(self.all.iter().skip(first as usize))
    }

    /// Those of these numbers.
    pub fn of<'a>(&'a self, numbers: &'a MessageSet) -> impl Iterator<Item = &'a Message> {
        numbers.iter().map(|number| &self[number])
    }
}

impl Index<MessageId> for Messages {
    type Output = Message;

    #[inline]
    fn index(&self, number: MessageId) -> &Message {
        &self.all[number.place()]
    }
}
