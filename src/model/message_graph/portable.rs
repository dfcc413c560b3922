//! What local states, networks and histories are, whichever numbers a process has given to them.

use super::{GraphState, MessageGraph};
use crate::engine::{Fingerprint, Portable, fingerprint};
use crate::model::histories::HistoryId;
use crate::model::numbers::Number as _;

/// The tables, in the order of the places of a state.
const LOCALS: usize = 0;
const NETWORKS: usize = 1;
const HISTORIES: usize = 2;

impl Portable for MessageGraph {
    /// The fingerprint of each envelope, by number.
    type Known = Vec<Fingerprint>;

    const TABLES: usize = 3;

    fn table(&self, place: usize) -> usize {
        match place.checked_sub(self.honest.len()) {
            None => LOCALS,
            Some(0) => NETWORKS,
            Some(_) => HISTORIES,
        }
    }

    fn state(numbers: &[u32]) -> GraphState {
        GraphState(numbers.into())
    }

    fn content(&self, table: usize, number: u32, known: &mut Vec<Fingerprint>) -> Fingerprint {
        let tables = self.read();
        let place = number as usize;
        match table {
            LOCALS => fingerprint(&(table, &tables.locals[place])),
            NETWORKS => {
                for envelope in tables.envelopes.iter().skip(known.len()) {
                    let event = &tables.events[envelope.event.place()];
                    known.push(fingerprint(&(&envelope.from, &envelope.to, event)));
                }
                // A set: in which order its members are added makes no difference.
                let members = tables.networks[place].iter().map(|envelope| known[envelope.place()]);
                fingerprint(&(table, members.fold(0, Fingerprint::wrapping_add)))
            }
            _ => fingerprint(&(table, tables.histories.get(HistoryId::of_word(number)))),
        }
    }
}
