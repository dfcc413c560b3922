//! How the tables are had again in another process: what made them grow, asked again.

use std::borrow::Cow;

use stateright::Model;

use super::ids::LocalId;
use super::tables::Tables;
use super::{GraphState, MessageGraph};
use crate::engine::record::{Journal, Recorded, Unfit};
use crate::engine::{Fingerprint, fingerprint};
use crate::model::histories::HistoryId;
use crate::model::numbers::Number as _;

/// The kinds of entries in the journal.
pub(super) const STATE: u32 = 0;
pub(super) const HISTORY: u32 = 1;

impl Recorded for MessageGraph {
    fn with_journal(&self, with: &mut dyn FnMut(&[u32])) {
        with(self.read().journal.words());
    }

    fn replay(&self, journal: &[u32]) -> Result<(), Unfit> {
        let _ = self.init_states();
        for (kind, words) in Journal::entries(journal) {
            match (kind, words) {
                (STATE, words) => {
                    let state = self.numbered(words).ok_or(Unfit)?;
                    self.actions(&state, &mut Vec::new());
                }
                (HISTORY, &[participant, history, before, after])
                    if self.are_met(participant, history, [before, after]) =>
                {
                    let (before, after) = (LocalId::of_word(before), LocalId::of_word(after));
                    self.history(participant as u16, HistoryId::of_word(history), before, after);
                }
                _ => return Err(Unfit),
            }
        }
        Ok(())
    }

    fn digest(&self) -> Fingerprint {
        let tables = self.read();
        let [events, envelopes, locals, networks, histories] = tables.whole;
        let whole: (Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>) = (
            tables.events.iter().take(events).collect(),
            tables.envelopes.iter().take(envelopes).collect(),
            tables.locals.iter().take(locals).collect(),
            tables.networks.iter().take(networks).collect(),
            tables.histories.all().take(histories).collect(),
        );
        fingerprint(&whole)
    }

    fn numbers(state: &GraphState) -> Cow<'_, [u32]> {
        Cow::Borrowed(&state.0)
    }

    fn numbered(&self, numbers: &[u32]) -> Option<GraphState> {
        self.is_met(&self.read(), numbers).then(|| GraphState(numbers.into()))
    }
}

impl MessageGraph {
    /// Whether these are numbers of a participant, a history and local states of the participant.
    fn are_met(&self, participant: u32, history: u32, locals: [u32; 2]) -> bool {
        let tables = self.read();
        let is_of = |&local: &u32| {
            tables.locals.get_index(local as usize).is_some_and(|(of, _)| u32::from(*of) == participant)
        };
        (history as usize) < tables.histories.met() && locals.iter().all(is_of)
    }

    /// Whether these are the numbers of a state.
    fn is_met(&self, tables: &Tables, numbers: &[u32]) -> bool {
        let honest = self.honest.len();
        let has_history = tables.histories.met() > 0;
        numbers.len() == honest + 1 + usize::from(has_history)
            && (0..).zip(&numbers[..honest]).all(|(participant, &local)| {
                tables.locals.get_index(local as usize).is_some_and(|(of, _)| *of == participant)
            })
            && (numbers[honest] as usize) < tables.networks.len()
            && numbers.get(honest + 1).is_none_or(|&number| (number as usize) < tables.histories.met())
    }
}
