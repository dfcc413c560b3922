//! The histories of what clients were told, a number each.

use std::hash::Hash;

use crate::hashed::IndexSet;
use rustc_hash::FxHashMap;

use super::history::History;
use super::numbers::{Number as _, numbers};
use crate::pbft::{ClientId, ClientState};

numbers! {
    /// A history of what clients were told, by number.
    pub(super) HistoryId
}

/// A step of a client: its number among the participants, the history before, and its local states before and after.
pub(super) type Telling<L> = (u16, HistoryId, L, L);

/// The histories that were met, a number each, where local states have numbers of this kind.
pub(super) struct Histories<L> {
    all: IndexSet<History>,
    /// The history after a step.
    told: FxHashMap<Telling<L>, HistoryId>,
}

impl<L> Default for Histories<L> {
    fn default() -> Self {
        Histories { all: IndexSet::default(), told: FxHashMap::default() }
    }
}

impl<L: Copy + Eq + Hash> Histories<L> {
    /// The number of a history, which is met if it was not yet.
    pub fn intern(&mut self, history: History) -> HistoryId {
        HistoryId::at(self.all.insert_full(history).0)
    }

    pub fn get(&self, number: HistoryId) -> Option<&History> {
        self.all.get_index(number.place())
    }

    /// How many were met.
    pub fn met(&self) -> usize {
        self.all.len()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &History> {
        self.all.iter()
    }

    /// The history after a step, if it is known.
    pub fn after(&self, telling: Telling<L>) -> Option<HistoryId> {
        self.told.get(&telling).copied()
    }

    /// Finds the history after a step of a client from one state to another. None if the one before was not met.
    pub fn tell(
        &mut self,
        telling: Telling<L>,
        client: ClientId,
        before: &ClientState,
        after: &ClientState,
    ) -> Option<HistoryId> {
        let next = self.get(telling.1)?.after(client, before, after);
        let next = self.intern(next);
        self.told.insert(telling, next);
        Some(next)
    }
}
