//! How a model of liveness is had again in another process: the tables of its judge, and the messages that were lost.

use std::borrow::Cow;
use std::sync::PoisonError;

use super::guards::{GuardModel, MessageId, MessageSet, OF_OTHERS};
use super::liveness::{Liveness, LivenessState, LostId};
use super::numbers::Number as _;
use crate::engine::record::{Recorded, Unfit};
use crate::engine::{Fingerprint, fingerprint};

/// The kind of entry of the journal that is a set of messages that were lost.
const LOST: u32 = OF_OTHERS;

impl Recorded for Liveness {
    fn with_journal(&self, with: &mut dyn FnMut(&[u32])) {
        self.judge().with_journal(with);
    }

    fn replay(&self, journal: &[u32]) -> Result<(), Unfit> {
        self.judge().replay_with(journal, &mut |kind, words| match kind {
            LOST => {
                self.lose(words.iter().map(|&word| MessageId::of_word(word)).collect());
                Ok(())
            }
            _ => Err(Unfit),
        })
    }

    fn digest(&self) -> Fingerprint {
        let lost = self.lost.read().unwrap_or_else(PoisonError::into_inner);
        fingerprint(&(self.judge().digest(), lost.iter().collect::<Vec<_>>()))
    }

    fn numbers(state: &LivenessState) -> Cow<'_, [u32]> {
        let mut numbers = <GuardModel as Recorded>::numbers(state.at()).into_owned();
        numbers.push(state.stable.map_or(0, |lost| lost.word() + 1));
        Cow::Owned(numbers)
    }

    fn numbered(&self, numbers: &[u32]) -> Option<LivenessState> {
        let (stable, at) = numbers.split_last()?;
        let stable = stable.checked_sub(1).map(LostId::of_word);
        let lost = self.lost.read().unwrap_or_else(PoisonError::into_inner).len();
        let is_known = stable.is_none_or(|number| number.place() < lost);
        Some(LivenessState { at: Recorded::numbered(self.judge(), at).filter(|_| is_known)?, stable })
    }
}

impl Liveness {
    /// The number of the set of messages that are lost when the network becomes stable.
    pub(super) fn lose(&self, lost: MessageSet) -> LostId {
        let mut known = self.lost.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = known.get_index_of(&lost) {
            return LostId::at(number);
        }
        self.judge().note(LOST, &lost.iter().map(MessageId::word).collect::<Vec<_>>());
        LostId::at(known.insert_full(lost).0)
    }
}
