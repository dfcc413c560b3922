//! The messages that were met, a number each.

use std::ops::Index;

use crate::hashed::IndexSet;

use crate::model::adversary::Adversary;
use crate::model::bits::Bits;
use crate::model::system::System;
use crate::pbft::Message;

/// The messages that were met, in the order of their numbers, and which of them are of which kind.
#[derive(Default)]
pub(super) struct Messages {
    all: IndexSet<Message>,
    /// Requests and what the adversary can send before anybody has sent anything.
    pub unconditional: Bits,
    pub requests: Bits,
    /// What certificates are built from.
    pub votes: Bits,
    /// Everything else that the adversary learns from.
    pub reports: Bits,
    pub commits: Bits,
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
    pub fn intern(&mut self, message: Message) -> u32 {
        let (id, fresh) = self.all.insert_full(message);
        let number = id as u32;
        if fresh {
            match &self.all[id] {
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
    pub fn number_of(&self, message: &Message) -> Option<u32> {
        self.all.get_index_of(message).map(|id| id as u32)
    }

    /// The message of that number, if one has it.
    pub fn get(&self, number: u32) -> Option<&Message> {
        self.all.get_index(number as usize)
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

    /// Those from that number on.
    pub fn from(&self, from: u32) -> impl Iterator<Item = (u32, &Message)> {
        (from..).zip(self.all.iter().skip(from as usize))
    }

    /// Those of these numbers.
    pub fn of<'a>(&'a self, numbers: &'a Bits) -> impl Iterator<Item = &'a Message> {
        numbers.iter().map(|number| &self[number])
    }
}

impl Index<u32> for Messages {
    type Output = Message;

    #[inline]
    fn index(&self, number: u32) -> &Message {
        &self.all[number as usize]
    }
}
