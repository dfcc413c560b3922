//! How the tables are had again in another process: what made them grow, and the answers to that asked again.

use std::borrow::Cow;

use stateright::Model;

use super::GuardModel;
use super::ids::LocalId;
use super::state::GuardState;
use crate::engine::record::{Journal, Recorded, TakeIn, Unfit};
use crate::engine::{Fingerprint, fingerprint};
use crate::model::histories::HistoryId;
use crate::model::numbers::Number as _;

/// The kinds of entries in the journal.
pub(super) const AVAILABLE: u32 = 0;
pub(super) const GUARDS: u32 = 1;
pub(super) const HISTORY: u32 = 2;
pub(super) const ANSWERS: u32 = 3;

/// Kinds of entries from this one on are of whoever is built on this judge.
pub(in crate::model) const OF_OTHERS: u32 = 16;

impl GuardModel {
    /// Makes the tables grow as a journal says, in which entries of others are taken in by `other`.
    pub(in crate::model) fn replay_with(&self, journal: &[u32], other: TakeIn<'_>) -> Result<(), Unfit> {
        let _ = self.init_states();
        for (kind, words) in Journal::entries(journal) {
            let is_met = |word: u32| self.is_met(LocalId::of_word(word));
            match (kind, words) {
                (AVAILABLE, locals)
                    if locals.len() == self.honest.len() && locals.iter().all(|&local| is_met(local)) =>
                {
                    self.available(&GuardState(locals.into()));
                }
                (GUARDS, &[local]) if is_met(local) => drop(self.guards(LocalId::of_word(local))),
                (HISTORY, &[participant, history, before, after])
                    if is_met(before) && is_met(after) && u16::try_from(participant).is_ok() =>
                {
                    let (before, after) = (LocalId::of_word(before), LocalId::of_word(after));
                    self.history(participant as u16, HistoryId::of_word(history), before, after);
                }
                (ANSWERS, &[who, local, to, of])
                    if is_met(local) && is_met(of) && self.are_here([who, to]) =>
                {
                    let (local, of) = (LocalId::of_word(local), LocalId::of_word(of));
                    let mut tables = self.write();
                    let status = self.status(&mut tables, of, to as usize).ok_or(Unfit)?;
                    self.answers(&mut tables, (local, who as usize), (of, to as usize), &status);
                }
                (OF_OTHERS.., _) => other(kind, words)?,
                _ => return Err(Unfit),
            }
        }
        Ok(())
    }

    /// Whether there is a local state of that number.
    pub(in crate::model) fn is_met(&self, local: LocalId) -> bool {
        local.place() < self.read().locals.met()
    }

    /// Whether there are participants with these places.
    fn are_here(&self, places: [u32; 2]) -> bool {
        places.iter().all(|&place| (place as usize) < self.honest.len())
    }

    /// Writes down what somebody has done who is built on this judge.
    pub(in crate::model) fn note(&self, kind: u32, words: &[u32]) {
        self.write().note(kind, words);
    }
}

impl Recorded for GuardModel {
    fn with_journal(&self, with: &mut dyn FnMut(&[u32])) {
        with(self.read().journal.words());
    }

    fn replay(&self, journal: &[u32]) -> Result<(), Unfit> {
        self.replay_with(journal, &mut |_, _| Err(Unfit))
    }

    fn digest(&self) -> Fingerprint {
        let tables = self.read();
        let [messages, locals, histories] = tables.whole;
        let messages: Vec<_> = tables.messages.all().iter().take(messages).collect();
        let locals: Vec<_> = tables.locals.nodes().take(locals).collect();
        fingerprint(&(messages, locals, tables.histories.all().take(histories).collect::<Vec<_>>()))
    }

    fn numbers(state: &GuardState) -> Cow<'_, [u32]> {
        Cow::Borrowed(&state.0)
    }

    fn numbered(&self, numbers: &[u32]) -> Option<GuardState> {
        let tables = self.read();
        let (locals, history) = numbers.split_at_checked(self.honest.len())?;
        let are_met = (0..).zip(locals).all(|(participant, &number)| {
            tables.locals.node(LocalId::of_word(number)).is_some_and(|node| node.participant == participant)
        });
        let has_history = history.len() == usize::from(tables.histories.met() > 0);
        let is_met = history.iter().all(|&number| (number as usize) < tables.histories.met());
        (are_met && has_history && is_met).then(|| GuardState(numbers.into()))
    }
}
