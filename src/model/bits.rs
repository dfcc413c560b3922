//! Sets of small numbers of one kind.

use std::marker::PhantomData;

use smallvec::SmallVec;

use super::numbers::Number;

/// A set of small numbers, a bit each; equal sets are equal values.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Bits<N>(SmallVec<[u64; 8]>, PhantomData<N>);

impl<N> Default for Bits<N> {
    fn default() -> Self {
        Bits(SmallVec::new(), PhantomData)
    }
}

impl<N: Number> Bits<N> {
    pub fn insert(&mut self, number: N) {
        let i = number.place();
        let word = i / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (i % 64);
    }

    pub fn union_with(&mut self, other: &Bits<N>) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    pub fn intersection(&self, other: &Bits<N>) -> Bits<N> {
        self.combine(other, |a, b| a & b)
    }

    pub fn difference(&self, other: &Bits<N>) -> Bits<N> {
        self.combine(other, |a, b| a & !b)
    }

    /// The bits, sixty-four to a word, the lowest first.
    #[inline]
    pub fn words(&self) -> &[u64] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// How many are also in the other set.
    pub fn shared_with(&self, other: &Bits<N>) -> u32 {
        self.0.iter().zip(&other.0).map(|(a, b)| (a & b).count_ones()).sum()
    }

    pub fn is_subset(&self, other: &Bits<N>) -> bool {
        self.0.iter().enumerate().all(|(i, a)| a & !other.0.get(i).copied().unwrap_or(0) == 0)
    }

    pub fn contains(&self, number: N) -> bool {
        let i = number.place();
        self.0.get(i / 64).is_some_and(|word| word & 1 << (i % 64) != 0)
    }

    /// Whether everything that it shares with `part` is also in `cover`.
    pub fn is_covered_within(&self, part: &Bits<N>, cover: &Bits<N>) -> bool {
        let word = |bits: &Bits<N>, i: usize| bits.0.get(i).copied().unwrap_or(0);
        self.0.iter().zip(&part.0).enumerate().all(|(i, (a, b))| a & b & !word(cover, i) == 0)
    }

    pub fn iter(&self) -> impl Iterator<Item = N> + '_ {
        self.0.iter().enumerate().flat_map(|(i, &word)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| N::at(i * 64 + bit))
        })
    }

    fn combine(&self, other: &Bits<N>, op: impl Fn(u64, u64) -> u64) -> Bits<N> {
        let words = self.0.iter().enumerate().map(|(i, &a)| op(a, other.0.get(i).copied().unwrap_or(0)));
        let mut bits = Bits(words.collect(), PhantomData);
        while bits.0.last() == Some(&0) {
            bits.0.pop();
        }
        bits
    }
}

impl<N: Number> FromIterator<N> for Bits<N> {
    fn from_iter<I: IntoIterator<Item = N>>(items: I) -> Self {
        let mut bits = Bits::default();
        items.into_iter().for_each(|item| bits.insert(item));
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::numbers::numbers;

    numbers! {
        Thing
    }

    #[test]
    fn sets_that_are_equal_compare_equal_whatever_they_once_held() {
        let set = |words: &[u32]| -> Bits<Thing> { words.iter().map(|&word| Thing::of_word(word)).collect() };
        let (all, low) = (set(&[1, 70, 300]), set(&[1]));
        assert_eq!(all.difference(&set(&[70, 300])), low);
        assert_eq!(all.intersection(&low), low);
        assert!(low.is_subset(&all) && !all.is_subset(&low));
        assert_eq!(all.iter().map(Thing::word).collect::<Vec<_>>(), [1, 70, 300]);
        assert_eq!(all.difference(&all), Bits::default());
        assert_eq!((all.len(), all.shared_with(&low), low.shared_with(&all)), (3, 1, 1));
        assert!(all.contains(Thing(70)) && !all.contains(Thing(71)) && !low.contains(Thing(300)));
        assert!(all.is_covered_within(&set(&[1, 2, 400]), &low));
        assert!(!all.is_covered_within(&set(&[1, 70]), &low));
    }
}
