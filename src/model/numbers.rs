//! Small numbers that stand for large values, a type for each kind, so that none is taken for another.

use std::hash::Hash;
use std::marker::PhantomData;
use std::ops::Index;

use crate::hashed::IndexSet;

/// The place of a value among those that were met.
pub(crate) trait Number: Copy {
    /// The number of what stands at that place.
    #[inline]
    fn at(place: usize) -> Self {
        Self::of_word(place as u32)
    }

    /// The place of what has this number.
    #[inline]
    fn place(self) -> usize {
        self.word() as usize
    }

    /// The number that stands in a packed state or in a journal as this word.
    fn of_word(word: u32) -> Self;

    /// The word that stands for this number in a packed state or in a journal.
    fn word(self) -> u32;
}

/// Makes kinds of numbers.
macro_rules! numbers {
    ($($(#[$doc:meta])* $vis:vis $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(transparent)]
        $vis struct $name(u32);

        impl $crate::model::numbers::Number for $name {
            #[inline]
            fn of_word(word: u32) -> Self {
                $name(word)
            }

            #[inline]
            fn word(self) -> u32 {
                self.0
            }
        }
    )*};
}

pub(crate) use numbers;

/// Values with a number each, in the order in which they were met.
pub(crate) struct Interned<N, T> {
    values: IndexSet<T>,
    number: PhantomData<N>,
}

impl<N, T> Default for Interned<N, T> {
    fn default() -> Self {
        Interned { values: IndexSet::default(), number: PhantomData }
    }
}

impl<N: Number, T: Eq + Hash> Interned<N, T> {
    /// The number of a value.
    pub fn number(&mut self, value: T) -> N {
        N::at(self.values.insert_full(value).0)
    }

    /// The number of a value, if it was met.
    pub fn number_of(&self, value: &T) -> Option<N> {
        self.values.get_index_of(value).map(N::at)
    }
}

impl<N: Number, T> Index<N> for Interned<N, T> {
    type Output = T;

    fn index(&self, number: N) -> &T {
        &self.values[number.place()]
    }
}
