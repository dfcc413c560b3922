//! Small numbers that stand for large values, a type for each kind, so that none is taken for another.

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

/// A number of who keeps kinds of numbers apart without types.
impl Number for u32 {
    #[inline]
    fn of_word(word: u32) -> Self {
        word
    }

    #[inline]
    fn word(self) -> u32 {
        self
    }
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
