//! How the reduced judge is had again in another process: what it has written into the journal of the judge that it is built on.

use std::borrow::Cow;

use super::Reduced;
use super::decided::{DecidedId, Set};
use crate::engine::record::{Recorded, Unfit};
use crate::engine::{Fingerprint, fingerprint};
use crate::model::guards::{GuardState, LocalId, OF_OTHERS};
use crate::model::numbers::Number as _;

/// The kinds of entries in the journal.
pub(super) const DECIDED: u32 = OF_OTHERS + 1;
pub(super) const SET: u32 = OF_OTHERS + 2;
pub(super) const CUT: u32 = OF_OTHERS + 3;
/// Several have decided something, so that none has alone.
pub(super) const ANYBODY: u32 = u32::MAX;

impl Reduced {
    /// Takes in an entry of the journal.
    ///
    /// # Errors
    /// This model cannot have written it.
    pub(in crate::model) fn takes_in(&self, kind: u32, words: &[u32]) -> Result<(), Unfit> {
        let Some(decisions) = &self.decisions else { return Err(Unfit) };
        let met =
            |word: u32| Some(LocalId::of_word(word)).filter(|&local| self.judge.is_met(local)).ok_or(Unfit);
        let mut known = decisions.known();
        match (kind, words) {
            (DECIDED, &[local]) => {
                known.parts(&self.judge, met(local)?);
            }
            (CUT, &[from, to]) => {
                known.cut.insert((met(from)?, met(to)?));
                self.judge.note(CUT, &[from, to]);
            }
            (SET, words) if words.len() % 2 == 0 => {
                let pairs = words.chunks(2).map(|pair| {
                    let who = Some(pair[1]).filter(|&who| who != ANYBODY);
                    let who = who.map(|who| u16::try_from(who).map_err(|_| Unfit)).transpose()?;
                    let decided = DecidedId::of_word(pair[0]);
                    let is_known = decided.place() < known.decided.len();
                    if is_known { Ok((decided, who)) } else { Err(Unfit) }
                });
                let set: Set = pairs.collect::<Result<_, _>>()?;
                known.set(&self.judge, set);
            }
            _ => return Err(Unfit),
        }
        Ok(())
    }
}

impl Recorded for Reduced {
    fn with_journal(&self, with: &mut dyn FnMut(&[u32])) {
        self.judge.with_journal(with);
    }

    fn replay(&self, journal: &[u32]) -> Result<(), Unfit> {
        self.judge.replay_with(journal, &mut |kind, words| self.takes_in(kind, words))
    }

    fn digest(&self) -> Fingerprint {
        let known = self.decisions.as_ref().map(|decisions| {
            let known = decisions.known();
            let mut cut: Vec<_> = known.cut.iter().copied().collect();
            cut.sort_unstable();
            fingerprint(&(
                known.decided.keys().collect::<Vec<_>>(),
                known.sets.iter().collect::<Vec<_>>(),
                cut,
            ))
        });
        fingerprint(&(self.judge.digest(), known))
    }

    fn numbers(state: &GuardState) -> Cow<'_, [u32]> {
        <crate::model::GuardModel as Recorded>::numbers(state)
    }

    fn numbered(&self, numbers: &[u32]) -> Option<GuardState> {
        let Some(decisions) = &self.decisions else { return Recorded::numbered(&self.judge, numbers) };
        let (set, locals) = numbers.split_last()?;
        let state = Recorded::numbered(&self.judge, locals)?;
        let is_known = (*set as usize) < decisions.known().sets.len();
        is_known.then(|| state.with_beside(locals.len(), *set))
    }
}
