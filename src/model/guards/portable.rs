//! What local states and histories are, whichever numbers a process has given to them.

use super::GuardModel;
use super::ids::{LocalId, MessageSet};
use super::locals::Node;
use super::state::GuardState;
use crate::engine::{Fingerprint, Portable, fingerprint};
use crate::model::histories::HistoryId;
use crate::model::numbers::Number as _;

/// The tables, in the order of the places of a state.
const LOCALS: usize = 0;
const HISTORIES: usize = 1;

impl Portable for GuardModel {
    /// The fingerprint of each message, by number.
    type Known = Vec<Fingerprint>;

    const TABLES: usize = 2;

    fn table(&self, place: usize) -> usize {
        if place < self.honest.len() { LOCALS } else { HISTORIES }
    }

    fn state(numbers: &[u32]) -> GuardState {
        GuardState(numbers.into())
    }

    fn content(&self, table: usize, number: u32, known: &mut Vec<Fingerprint>) -> Fingerprint {
        let tables = self.read();
        if table == HISTORIES {
            return fingerprint(&(table, tables.histories.get(HistoryId::of_word(number))));
        }
        let Some(node) = tables.locals.node(LocalId::of_word(number)) else { return fingerprint(&table) };
        known.extend(tables.messages.from(known.len() as u32).map(|(_, message)| fingerprint(message)));
        let Node { participant, local, sent, resends, changes } = node;
        // A set: in which order its members are added makes no difference.
        let all = |set: &MessageSet| {
            set.iter().map(|message| known[message.place()]).fold(0, Fingerprint::wrapping_add)
        };
        let sets = (all(sent), changes.as_deref().map(all));
        fingerprint(&(table, participant, local, resends, sets))
    }

    fn warm_up(&self, told: &dyn Fn()) {
        GuardModel::warm_up(self, told);
    }

    fn refusal(&self) -> Option<String> {
        GuardModel::refusal(self)
    }
}
