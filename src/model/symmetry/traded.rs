//! What number something has once two of a kind have traded names.

use std::marker::PhantomData;

use crate::model::numbers::Number;

/// By number, the number after the trade, as far as it is known.
#[derive(Clone)]
pub(super) struct Traded<N> {
    /// Words, so that one which is not known takes no more room than one that is.
    words: Vec<u32>,
    numbers: PhantomData<N>,
}

const UNKNOWN: u32 = u32::MAX;

impl<N> Default for Traded<N> {
    fn default() -> Self {
        Traded { words: Vec::new(), numbers: PhantomData }
    }
}

impl<N: Number> Traded<N> {
    /// The number after the trade.
    #[inline]
    pub fn of(&self, number: N) -> Option<N> {
        let word = self.words.get(number.place()).copied();
        word.filter(|&word| word != UNKNOWN).map(N::of_word)
    }

    /// Keeps that the trade takes these to each other.
    pub fn keep(&mut self, one: N, other: N) {
        for (from, to) in [(one, other), (other, one)] {
            if self.words.len() <= from.place() {
                self.words.resize(from.place() + 1, UNKNOWN);
            }
            self.words[from.place()] = to.word();
        }
    }
}
