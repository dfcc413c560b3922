//! The same states and messages, with other view numbers.
//!
//! Of two views the protocol asks which is the higher one, and of one who is its primary; and the primary of view
//! v is that of view v + n (OSDI'99 §4). So what differs in the numbers of its views alone, in the same
//! order and by a multiple of n, has the same future. That makes a run in which views change for ever a loop.

use std::sync::Arc;

use super::certificate::PreparedClaim;
use super::id::View;
use super::message::{Commit, Message, NewView, PrePrepare, Prepare, Proposal, Status, ViewChange};
use super::proof::Proof;
use super::signature::{Signable, Signed, SigningKey};

/// Other numbers for the views from some view on.
#[derive(Clone, Copy, Debug)]
pub struct Renumbering<'a> {
    /// Everybody's keys: what names a view is signed, and has to be signed anew. Only who holds all keys can
    /// renumber.
    pub keys: &'a [SigningKey],
    /// The first view that gets another number. Those before keep theirs.
    pub from: View,
    /// By how many views they move up, or down if it is negative.
    pub by: i64,
}

/// What can be renumbered.
pub trait Renumber: Sized {
    /// The same with other view numbers; none if it names a view that moves down to before the first.
    fn renumbered(&self, by: &Renumbering<'_>) -> Option<Self>;
}

impl Renumbering<'_> {
    /// The new number of a view.
    pub fn view(&self, view: View) -> Option<View> {
        if view < self.from {
            return Some(view);
        }
        view.0.checked_add_signed(self.by).map(View).filter(|&moved| moved >= self.from)
    }

    fn sign<M: Signable>(&self, old: &Signed<M>, new: M) -> Option<Signed<M>> {
        self.keys.iter().find(|key| key.owner() == old.signer()).map(|key| key.sign(new))
    }
}

macro_rules! with_a_view {
    ($($name:ident)*) => {$(
        impl Renumber for Signed<$name> {
            fn renumbered(&self, by: &Renumbering<'_>) -> Option<Self> {
                let view = by.view(self.view)?;
                by.sign(self, $name { view, ..*self.message() })
            }
        }
    )*};
}

with_a_view!(PrePrepare Prepare Commit Status);

impl<T: Renumber> Renumber for Vec<T> {
    fn renumbered(&self, by: &Renumbering<'_>) -> Option<Self> {
        self.iter().map(|item| item.renumbered(by)).collect()
    }
}

impl<T: Renumber> Renumber for Arc<T> {
    fn renumbered(&self, by: &Renumbering<'_>) -> Option<Self> {
        self.as_ref().renumbered(by).map(Arc::new)
    }
}

impl<T: Renumber> Renumber for Arc<[T]> {
    fn renumbered(&self, by: &Renumbering<'_>) -> Option<Self> {
        self.iter().map(|item| item.renumbered(by)).collect()
    }
}

impl<T: Renumber> Renumber for Proof<T> {
    fn renumbered(&self, by: &Renumbering<'_>) -> Option<Self> {
        self.0.renumbered(by).map(Proof)
    }
}

impl Renumber for Proposal {
    fn renumbered(&self, by: &Renumbering<'_>) -> Option<Self> {
        Some(Proposal { pre_prepare: self.pre_prepare.renumbered(by)?, batch: self.batch.clone() })
    }
}

impl Renumber for PreparedClaim {
    fn renumbered(&self, by: &Renumbering<'_>) -> Option<Self> {
        let (proposal, prepares) = (self.proposal.renumbered(by)?, self.prepares.renumbered(by)?);
        Some(PreparedClaim { proposal, prepares })
    }
}

impl Renumber for Signed<ViewChange> {
    fn renumbered(&self, by: &Renumbering<'_>) -> Option<Self> {
        let (new_view, prepared) = (by.view(self.new_view)?, self.prepared.renumbered(by)?);
        by.sign(self, ViewChange { new_view, stable: self.stable.clone(), prepared })
    }
}

impl Renumber for Signed<NewView> {
    fn renumbered(&self, by: &Renumbering<'_>) -> Option<Self> {
        let view = by.view(self.view)?;
        let (view_changes, proposals) = (self.view_changes.renumbered(by)?, self.proposals.renumbered(by)?);
        by.sign(self, NewView { view, view_changes, proposals })
    }
}

/// What is decided is decided whatever the view in which it was: the votes that prove it keep their numbers.
impl Renumber for Message {
    fn renumbered(&self, by: &Renumbering<'_>) -> Option<Self> {
        Some(match self {
            Message::PrePrepare(m) => Message::PrePrepare(m.renumbered(by)?),
            Message::Prepare(m) => Message::Prepare(m.renumbered(by)?),
            Message::Commit(m) => Message::Commit(m.renumbered(by)?),
            Message::ViewChange(m) => Message::ViewChange(m.renumbered(by)?),
            Message::NewView(m) => Message::NewView(m.renumbered(by)?),
            Message::Status(m) => Message::Status(m.renumbered(by)?),
            Message::Request(_)
            | Message::Checkpoint(_)
            | Message::Read(_)
            | Message::Reply(_)
            | Message::State(_) => self.clone(),
        })
    }
}
