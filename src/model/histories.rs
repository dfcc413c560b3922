//! The histories of what clients were told, a number each.

use crate::hashed::IndexSet;
use rustc_hash::FxHashMap;

use super::history::History;
use crate::pbft::{ClientId, ClientState};

/// A step of a client: its number among the participants, the history before, and its local states before and after.
pub(super) type Telling = (u16, u32, u32, u32);

/// The histories that were met, a number each.
#[derive(Default)]
pub(super) struct Histories {
    all: IndexSet<History>,
    /// The history after a step.
    told: FxHashMap<Telling, u32>,
}

impl Histories {
    /// The number of a history, which is met if it was not yet.
    pub fn intern(&mut self, history: History) -> u32 {
        self.all.insert_full(history).0 as u32
    }

    pub fn get(&self, number: u32) -> Option<&History> {
        self.all.get_index(number as usize)
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
    pub fn after(&self, telling: Telling) -> Option<u32> {
        self.told.get(&telling).copied()
    }

    /// Finds the history after a step of a client from one state to another. None if the one before was not met.
    pub fn tell(
        &mut self,
        telling: Telling,
        client: ClientId,
        before: &ClientState,
        after: &ClientState,
    ) -> Option<u32> {
        let next = self.get(telling.1)?.after(client, before, after);
        let next = self.intern(next);
        self.told.insert(telling, next);
        Some(next)
    }
}
