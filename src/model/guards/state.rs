//! The states and steps of judge *guards*: a few numbers each.

use smallvec::SmallVec;

use super::ids::{EventId, GuardId, LocalId};
use crate::model::numbers::Number as _;

/// A state of [`GuardModel`](super::GuardModel): the number of each honest participant's local state
/// and, if clients take part, of the history of what they were told. Since these are numbers of two kinds, they stand
/// here as words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GuardState(pub(super) SmallVec<[u32; 4]>);

impl GuardState {
    /// This state with the first participants in these local states.
    pub(in crate::model) fn with_locals(&self, locals: impl IntoIterator<Item = LocalId>) -> Self {
        let mut state = self.clone();
        state.0.iter_mut().zip(locals).for_each(|(old, new)| *old = new.word());
        state
    }

    /// The state of these local states.
    pub(in crate::model) fn of(locals: impl IntoIterator<Item = LocalId>) -> Self {
        GuardState(locals.into_iter().map(LocalId::word).collect())
    }

    /// The first so many local states.
    #[inline]
    pub(super) fn locals(&self, count: usize) -> LocalIds<'_> {
        LocalIds(&self.0[..count])
    }

    /// The word that is kept beside so many local states, if one is.
    pub(in crate::model) fn beside(&self, locals: usize) -> Option<u32> {
        self.0.get(locals).copied()
    }

    /// This state with a word put beside so many local states.
    pub(in crate::model) fn with_beside(mut self, locals: usize, word: u32) -> Self {
        self.0.truncate(locals);
        self.0.push(word);
        self
    }
}

/// The local states of honest participants, in the order of [`participants`](crate::model::participants).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LocalIds<'a>(&'a [u32]);

impl<'a> LocalIds<'a> {
    /// One after the other.
    #[inline]
    pub fn iter(self) -> impl ExactSizeIterator<Item = LocalId> + Clone + use<'a> {
        self.0.iter().map(|&word| LocalId::of_word(word))
    }

    /// That of the participant at this place.
    #[inline]
    pub(crate) fn at(self, place: usize) -> LocalId {
        LocalId::of_word(self.0[place])
    }

    /// How many there are.
    pub(in crate::model) fn count(self) -> usize {
        self.0.len()
    }

    /// As they are written down.
    pub(super) fn words(self) -> &'a [u32] {
        self.0
    }
}

/// A step of [`GuardModel`](super::GuardModel): a guard fires at a replica.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Move {
    /// Which of the honest participants, in the order of [`participants`](crate::model::participants).
    pub(crate) participant: u16,
    pub(super) guard: GuardId,
    pub(in crate::model) next: LocalId,
}

impl Move {
    pub(in crate::model) fn new(participant: u16, guard: GuardId, next: LocalId) -> Self {
        Move { participant, guard, next }
    }
}

/// What is fed to a participant in a step, in this order, by numbers that [`GuardModel::fed`](super::GuardModel::fed)
/// understands.
pub(crate) type EventIds = SmallVec<[EventId; 4]>;
