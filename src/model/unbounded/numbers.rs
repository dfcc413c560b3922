//! Small numbers that stand for large values while a view is explored.

use std::hash::Hash;
use std::marker::PhantomData;
use std::ops::Index;

use crate::hashed::IndexSet;
use smallvec::SmallVec;

/// A local state of judge *guards*, which numbers them itself.
pub(super) type LocalId = u32;

/// Local states: one of each honest replica, most of the time.
pub(super) type Locals = SmallVec<[LocalId; 8]>;

/// The place of a value among those that were met.
pub(super) trait Number: Copy {
    fn at(place: usize) -> Self;
    fn place(self) -> usize;
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub(super) struct $name(u32);

        impl Number for $name {
            fn at(place: usize) -> Self {
                $name(place as u32)
            }

            fn place(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

numbers! {
    /// What a local state is, whoever is in it.
    AnonymousNumber
    /// What of a local state can matter once all have entered the view.
    EssenceNumber
    /// What a new view proposes.
    ContentNumber
    /// What a replica carries out of the view.
    CarriedNumber
    /// What of that it can have got in the view.
    GainedNumber
    /// The batches that are decided.
    DecisionNumber
    /// The certificates that can be shown.
    ShowableNumber
    /// What a replica leaves behind if it leaves now.
    OutcomeNumber
    /// What the safety properties see of a replica.
    ObservationNumber
    /// A set of outcomes.
    OutcomeSet
    /// A set of observations.
    ObservationSet
}

/// Values with a number each, in the order in which they were met.
pub(super) struct Interned<N, T> {
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
}

impl<N: Number, T> Index<N> for Interned<N, T> {
    type Output = T;

    fn index(&self, number: N) -> &T {
        &self.values[number.place()]
    }
}
