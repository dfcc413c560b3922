//! Judges that number what they meet, and how their numbers are had again in another process.
//!
//! A number means something only to the tables that gave it, and which number something gets depends on the
//! order in which the search came upon it. The tables hold states of the code under test, which nobody but that
//! code can make; so they are not written to a file. What is written is the list of questions that made
//! them grow: asked again in the same order, they give the same numbers, since each answer is computed from
//! the tables and the question alone.

use std::borrow::Cow;

use stateright::Model;

use super::fingerprint::Fingerprint;

/// What made the tables grow, in order: each entry is its kind, how many words follow, and these.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal(Vec<u32>);

impl Journal {
    pub fn note(&mut self, kind: u32, words: &[u32]) {
        self.0.extend([kind, words.len() as u32]);
        self.0.extend(words);
    }

    pub fn words(&self) -> &[u32] {
        &self.0
    }

    /// The entries of a journal. One that is cut short has a last entry of no words.
    pub fn entries(mut words: &[u32]) -> impl Iterator<Item = (u32, &[u32])> {
        std::iter::from_fn(move || match words {
            [] => None,
            [kind, length, rest @ ..] if *length as usize <= rest.len() => {
                let entry;
                (entry, words) = rest.split_at(*length as usize);
                Some((*kind, entry))
            }
            _ => {
                words = &[];
                Some((u32::MAX, &[][..]))
            }
        })
    }
}

/// Takes in an entry of a journal, by its kind, that another model has written into it.
pub(crate) type TakeIn<'a> = &'a mut dyn FnMut(u32, &[u32]) -> Result<(), Unfit>;

/// A journal that this model cannot have written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the tables of the judge cannot be made again from what was saved")]
pub struct Unfit;

/// A model whose states are lists of numbers, and whose tables can be made again.
pub trait Recorded: Model {
    /// Shows what made the tables grow, which is long where they are large.
    fn with_journal(&self, with: &mut dyn FnMut(&[u32]));

    /// A copy of that.
    fn journal(&self) -> Vec<u32> {
        let mut all = Vec::new();
        self.with_journal(&mut |journal| all.extend_from_slice(journal));
        all
    }

    /// Makes the tables of a model that has met nothing yet grow as a journal says.
    ///
    /// # Errors
    /// This model cannot have written it.
    fn replay(&self, journal: &[u32]) -> Result<(), Unfit>;

    /// A digest of all that was met, in the order of its numbers: equal only if all numbers mean the same.
    fn digest(&self) -> Fingerprint;

    /// The numbers of a state.
    fn numbers(state: &Self::State) -> Cow<'_, [u32]>;

    /// The state with these numbers, if they are of what was met.
    fn numbered(&self, numbers: &[u32]) -> Option<Self::State>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_reads_as_it_was_written_and_one_that_is_cut_short_shows_it() {
        let mut journal = Journal::default();
        journal.note(2, &[7, 8]);
        journal.note(0, &[]);
        let entries: Vec<_> = Journal::entries(journal.words()).collect();
        assert_eq!(entries, [(2, &[7, 8][..]), (0, &[][..])]);
        let cut: Vec<_> = Journal::entries(&journal.words()[..3]).collect();
        assert_eq!(cut, [(u32::MAX, &[][..])]);
    }
}
