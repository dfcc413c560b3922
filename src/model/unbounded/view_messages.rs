//! Which of the messages that were met belong to the view.

use rustc_hash::FxHashMap;

use super::abstraction::{Content, proposed};
use super::arena::Arena;
use super::numbers::{ContentNumber, Interned};
use crate::model::guards::{MessageId, MessageSet};
use crate::pbft::Message;

/// The messages of the view, as far as they were looked at.
#[derive(Default)]
pub(super) struct ViewMessages {
    all: MessageSet,
    /// The PRE-PREPAREs, PREPAREs and COMMITs.
    votes: MessageSet,
    /// The messages that certificates are made of.
    proving: MessageSet,
    /// The NEW-VIEWs, each with what it proposes.
    pub new_views: FxHashMap<MessageId, ContentNumber>,
    pub contents: Interned<ContentNumber, Content>,
    /// What the view's honest primary can send to begin it, after the past that is explored.
    pub began_with: MessageSet,
    /// How many were looked at.
    looked_at: u32,
}

impl ViewMessages {
    /// Looks at the messages that were met since.
    pub fn update(&mut self, arena: &Arena) {
        let (view, met) = (arena.setup.view, arena.judge.met());
        if self.looked_at == met {
            return;
        }
        let (mut votes, mut new_views, contents) = (MessageSet::default(), Vec::new(), &mut self.contents);
        arena.judge.look_from(self.looked_at, |number, message| match message {
            Message::PrePrepare(m) if m.view() == view => votes.insert(number),
            Message::Prepare(m) if m.view == view => votes.insert(number),
            Message::Commit(m) if m.view == view => votes.insert(number),
            Message::NewView(m) if m.view == view => {
                new_views.push((number, contents.number(proposed(m))));
            }
            _ => {}
        });
        self.all.union_with(&votes);
        self.all.union_with(&new_views.iter().map(|&(number, _)| number).collect());
        self.votes.union_with(&votes);
        self.new_views.extend(new_views);
        self.proving = arena.judge.proving(&self.all);
        self.looked_at = met;
    }

    /// All messages of the view.
    pub fn all(&mut self, arena: &Arena) -> &MessageSet {
        self.update(arena);
        &self.all
    }

    /// The PRE-PREPAREs, PREPAREs and COMMITs of the view.
    pub fn votes(&mut self, arena: &Arena) -> &MessageSet {
        self.update(arena);
        &self.votes
    }

    /// The messages of the view that certificates are made of.
    pub fn proving(&mut self, arena: &Arena) -> &MessageSet {
        self.update(arena);
        &self.proving
    }
}
