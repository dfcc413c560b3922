//! What clients were told, where they take part.

use indexmap::IndexSet;
use rustc_hash::FxHashMap;

use super::GuardModel;
use super::saved::HISTORY;
use crate::model::history::History;
use crate::model::participant::Participant;

/// The histories that were met, a number each.
#[derive(Default)]
pub(super) struct Histories {
    all: IndexSet<History>,
    /// By client, history and the client's local states before and after, the history after that.
    told: FxHashMap<(u16, u32, u32, u32), u32>,
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
}

impl GuardModel {
    /// The number of the history after a client's step from one local state to the next.
    pub(super) fn history(&self, participant: u16, history: u32, before: u32, after: u32) -> u32 {
        let key = (participant, history, before, after);
        if let Some(&next) = self.read().histories.told.get(&key) {
            return next;
        }
        let mut tables = self.write();
        tables.journal.note(HISTORY, &[participant.into(), history, before, after]);
        let client_state = |number: u32| tables.locals.node(number)?.local.client();
        let client = match self.honest.get(usize::from(participant)) {
            Some(Participant::Client(client)) => client.id(),
            _ => return history,
        };
        let next = match (tables.histories.get(history), client_state(before), client_state(after)) {
            (Some(known), Some(before), Some(after)) => known.after(client, before, after),
            _ => return history,
        };
        let next = tables.histories.intern(next);
        tables.histories.told.insert(key, next);
        next
    }
}
