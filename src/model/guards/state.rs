//! The states and steps of judge *guards*: a few numbers each.

use smallvec::SmallVec;

use super::transition_cache::EventId;

/// A state of [`GuardModel`](super::GuardModel): the number of each honest participant's local state
/// and, if clients take part, of the history of what they were told.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GuardState(pub(super) SmallVec<[u32; 4]>);

impl GuardState {
    /// This state with the first participants in these local states.
    pub(in crate::model) fn with_locals(&self, locals: impl IntoIterator<Item = u32>) -> Self {
        let mut state = self.clone();
        state.0.iter_mut().zip(locals).for_each(|(old, new)| *old = new);
        state
    }

    /// The number that is kept beside so many local states, if one is.
    pub(in crate::model) fn beside(&self, locals: usize) -> Option<u32> {
        self.0.get(locals).copied()
    }

    /// This state with a number put beside so many local states.
    pub(in crate::model) fn with_beside(mut self, locals: usize, number: u32) -> Self {
        self.0.truncate(locals);
        self.0.push(number);
        self
    }
}

/// A step of [`GuardModel`](super::GuardModel): a guard fires at a replica.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Move {
    /// Which of the honest participants, in the order of [`participants`](crate::model::participants).
    pub(crate) participant: u16,
    pub(super) guard: u32,
    pub(in crate::model) next: u32,
}

impl Move {
    pub(in crate::model) fn new(participant: u16, guard: u32, next: u32) -> Self {
        Move { participant, guard, next }
    }
}

/// What is fed to a participant in a step, in this order, by numbers that [`GuardModel::fed`](super::GuardModel::fed)
/// understands.
pub(crate) type EventIds = SmallVec<[EventId; 4]>;
