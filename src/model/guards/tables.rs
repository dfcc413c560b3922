//! What is known: everything that was met, and what was found out about it.

use super::certificates::Accepted;
use super::exists::Exists;
use super::explored::Explorations;
use super::fair::SentAgain;
use super::ids::LocalId;
use super::locals::Locals;
use super::messages::Messages;
use crate::engine::record::Journal;
use crate::model::histories::Histories;

/// Everything that was met, by number, and what was found out about it.
#[derive(Default)]
pub(super) struct Tables {
    pub messages: Messages,
    pub locals: Locals,
    pub histories: Histories<LocalId>,
    pub exists: Exists,
    pub explorations: Explorations,
    pub sent_again: SentAgain,
    pub certificates: Accepted,
    /// What made the tables grow.
    pub journal: Journal,
    /// How many messages, local states and histories were met by the last entry of the journal. What was met since may be of
    /// something that was given up in the middle.
    pub whole: [usize; 3],
    /// How many deliveries had to be made steps of their own.
    pub stepped: u64,
    /// Why the rulebook cannot be judged in this way, if it cannot.
    pub refusal: Option<String>,
}

impl Tables {
    /// The tables before anybody has done anything.
    pub fn of(messages: Messages) -> Self {
        Tables { messages, ..Tables::default() }
    }

    /// Writes down what has made the tables grow, now that it is done.
    pub fn note(&mut self, kind: u32, words: &[u32]) {
        self.journal.note(kind, words);
        self.whole = [self.messages.met() as usize, self.locals.met(), self.histories.met()];
    }
}
