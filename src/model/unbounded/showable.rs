//! Which certificates can be shown: cached by the votes of the view that were sent.

use std::ops::Index;

use rustc_hash::FxHashMap;

use super::arena::Arena;
use super::boundary::{Showable, with};
use super::context::Context;
use super::error::Unexplorable;
use super::numbers::{Interned, ShowableNumber};
use crate::model::guards::MessageSet;
use crate::pbft::View;

/// The certificates that can be shown.
#[derive(Default)]
pub(super) struct Showables {
    numbers: Interned<ShowableNumber, Showable<View>>,
    by_votes: FxHashMap<MessageSet, ShowableNumber>,
    /// What can be shown where nobody has sent anything.
    always: Showable<View>,
}

impl Showables {
    /// The number of what these messages of the view, of which certificates are made, make up.
    pub fn number(
        &mut self,
        context: &Context,
        arena: &Arena,
        votes: MessageSet,
    ) -> Result<ShowableNumber, Unexplorable> {
        if let Some(&number) = self.by_votes.get(&votes) {
            return Ok(number);
        }
        // Those of other views are there without any vote of this one; that certificates do not mix views is tried.
        if self.always.is_empty() {
            self.always = context.showable(&arena.judge, &MessageSet::default())?;
        }
        let of_view = context.by_sequence_number(arena.judge.certificates_of(arena.setup.view, &votes))?;
        let number = self.numbers.number(with(&self.always, &of_view));
        self.by_votes.insert(votes, number);
        Ok(number)
    }
}

impl Index<ShowableNumber> for Showables {
    type Output = Showable<View>;

    fn index(&self, number: ShowableNumber) -> &Showable<View> {
        &self.numbers[number]
    }
}
