//! The states that were met: by fingerprint, and who met them first.

use std::hash::Hash;

use stateright::Model;

use super::limits::{Limit, Limits};
use crate::engine::{Fingerprint, fingerprint};

/// The parent of an initial state.
pub(super) const NOBODY: u32 = u32::MAX;

/// Bits of a fingerprint that are kept.
const KEPT: u32 = 96;

/// An upper bound on the chance that, among so many distinct states, two had the same fingerprint and
/// one was missed: the birthday bound n² / 2⁹⁷, for a hash of which 96 bits are kept and which behaves like a
/// random function.
pub(crate) fn collision_probability(states: u64) -> f64 {
    let n = states as f64;
    n * n / 2f64.powi(KEPT as i32 + 1)
}

/// The states that were met, by fingerprint, numbered in the order in which they were met.
///
/// A state takes at most 24 bytes: 4 for its parent, which is the number of another, and 16 for its fingerprint and number, in a
/// table that is at least nine elevenths full. Where parents may be in other tables, more is said of them (`P`).
#[derive(Debug, Default)]
pub(super) struct Visited<P = u32> {
    numbers: Table,
    parents: Chunks<P>,
    /// The bytes that each state takes when the search has ended.
    later: usize,
}

impl<P: Copy> Visited<P> {
    pub(super) fn len(&self) -> usize {
        self.parents.len
    }

    pub(super) fn contains(&self, fingerprint: Fingerprint) -> bool {
        self.number(fingerprint).is_some()
    }

    /// Has the memory fetch what it takes to look these up, of all of them at once: a look-up waits for nothing else, and whoever
    /// looks up one after the other waits for each.
    pub(super) fn fetch(&self, fingerprints: impl Iterator<Item = Fingerprint>) {
        std::hint::black_box(fingerprints.fold(0, |sum, next| sum ^ self.numbers.at_home(key(next))));
    }

    /// The number of a state, if it was met.
    pub(super) fn number(&self, fingerprint: Fingerprint) -> Option<u32> {
        self.numbers.locate(key(fingerprint)).ok()
    }

    /// The bytes that it holds.
    pub(super) fn bytes(&self) -> u64 {
        (self.numbers.slots.len * size_of::<u128>() + self.parents.len * size_of::<P>()) as u64
    }

    /// The bytes that it is about to ask for, and those that will be asked for when the search has ended.
    pub(super) fn about_to_grow_by(&self) -> u64 {
        self.numbers.about_to_grow_by() + (self.later * self.len()) as u64
    }

    /// Leaves memory for what comes when the search has ended, so many bytes for each state.
    pub(super) fn with_later(self, bytes: usize) -> Self {
        Visited { later: bytes, ..self }
    }

    /// Takes in a state. Says its number, and whether it is a new one.
    ///
    /// # Errors
    /// It is one too many.
    pub(super) fn admit(
        &mut self,
        fingerprint: Fingerprint,
        parent: P,
        limits: &Limits,
    ) -> Result<(u32, bool), Limit> {
        let place = match self.numbers.locate(key(fingerprint)) {
            Ok(number) => return Ok((number, false)),
            Err(place) => place,
        };
        // A number must not be NOBODY.
        let most = limits.max_states.unwrap_or(u64::MAX).min(u64::from(NOBODY));
        if self.len() as u64 >= most {
            return Err(Limit::States(most));
        }
        let number = self.parents.push(parent);
        self.numbers.insert(key(fingerprint), number, place);
        Ok((number, true))
    }

    /// Who a state was met from.
    #[cfg(feature = "distributed")]
    pub(super) fn parent(&self, number: u32) -> Option<P> {
        self.parents.get(number as usize)
    }

    /// Has a state that was met be met from another.
    #[cfg(feature = "distributed")]
    pub(super) fn set_parent(&mut self, number: u32, parent: P) {
        self.parents.put(number as usize, parent);
    }
}

impl Visited {
    /// The states through which a state was met, from an initial one to itself.
    pub(super) fn lineage(&self, index: u32) -> Vec<u32> {
        let mut ancestors = vec![index];
        while let Some(parent) = ancestors.last().and_then(|&i| self.parents.get(i as usize)) {
            if parent == NOBODY {
                break;
            }
            ancestors.push(parent);
        }
        ancestors.reverse();
        ancestors
    }

    /// The steps of a route from an initial state, found by taking them again: no state is kept. `fits`
    /// says whether an action, taken in a state, may be the step with that number. Where the model does
    /// not repeat what it did, the steps end early.
    pub(super) fn retrace<M>(
        &self,
        model: &M,
        route: &[u32],
        fits: impl Fn(usize, &M::State, &M::Action) -> bool,
    ) -> Vec<M::Action>
    where
        M: Model,
        M::State: Hash,
        M::Action: Clone,
    {
        let is = |state: &M::State, number: u32| self.number(fingerprint(state)) == Some(number);
        let mut route = route.iter().copied();
        let first = route.next();
        let mut state = first.and_then(|first| model.init_states().into_iter().find(|s| is(s, first)));
        let mut path = Vec::new();
        for (number, target) in route.enumerate() {
            let Some(from) = &state else { break };
            let mut actions = Vec::new();
            model.actions(from, &mut actions);
            let step = actions.into_iter().filter(|action| fits(number, from, action)).find_map(|action| {
                let next = model.next_state(from, action.clone())?;
                is(&next, target).then_some((action, next))
            });
            let Some((action, next)) = step else { break };
            path.push(action);
            state = Some(next);
        }
        path
    }

    /// The parents of all states, by number.
    pub(super) fn parents(&self) -> impl Iterator<Item = u32> {
        self.parents.iter()
    }

    /// What is kept of the fingerprints, ascending, each with the state's number behind it.
    pub(super) fn slots(&self) -> impl Iterator<Item = u128> {
        self.numbers.slots.iter().filter(|&slot| slot != FREE)
    }

    /// The states that [`Self::parents`] and [`Self::slots`] told; none if these do not fit each other.
    pub(super) fn told<E>(
        parents: impl Iterator<Item = Result<u32, E>>,
        slots: impl Iterator<Item = Result<u128, E>>,
    ) -> Result<Option<Self>, E> {
        let mut visited = Visited::default();
        for parent in parents {
            let (parent, own) = (parent?, visited.parents.len as u32);
            if parent != NOBODY && parent >= own {
                return Ok(None);
            }
            visited.parents.push(parent);
        }
        let mut last = None;
        for slot in slots {
            let slot = slot?;
            let (key, number) = (slot >> NUMBER, slot as u32);
            if number as usize >= visited.len() || last >= Some(key) {
                return Ok(None);
            }
            last = Some(key);
            if let Err(place) = visited.numbers.locate(key) {
                visited.numbers.insert(key, number, place);
            }
        }
        Ok((visited.numbers.used == visited.len()).then_some(visited))
    }
}

/// Bits of a slot that hold the number.
const NUMBER: u32 = 32;
/// A slot that holds nothing: no number is [`NOBODY`].
const FREE: u128 = u128::MAX;

fn key(fingerprint: Fingerprint) -> u128 {
    fingerprint >> (Fingerprint::BITS - KEPT)
}

/// Slots to the left of where the smallest key belongs. Of keys that are spread evenly, nine to ten slots, the
/// chance that so many are crowded out there is below 10⁻²⁰; if they are, the table grows before its time.
const MARGIN: usize = 256;
/// Slots of a new table.
const FIRST: usize = 2 * MARGIN;

/// Numbers by key: a hash table with open addressing in which the keys stand in ascending order.
///
/// A key belongs where its value, as a fraction of all keys, falls in the table. If that slot is taken, it
/// stands to the left of it, behind smaller keys and before greater ones, with no free slot in between. So a
/// search goes left from where the key belongs and ends at a smaller key: a key that is missing costs no more
/// than one that is there, at a load of nine tenths some five slots, which lie side by side.
///
/// And the table grows in place, by a tenth. All keys then belong farther to the right than before, or where
/// they were; moved one by one from the right end on, each goes to a slot that is free or its own. No second
/// table is needed, and no memory is ever given back that could not be used again.
#[derive(Debug, Default)]
struct Table {
    slots: Chunks<u128>,
    used: usize,
}

/// Where a key that is missing is to be put: at the left of everything greater.
type Place = usize;

impl Table {
    /// Where a key belongs.
    fn home(&self, key: u128) -> usize {
        let width = self.slots.len.saturating_sub(MARGIN) as u128;
        MARGIN + (((key >> (KEPT - 64)) * width) >> 64) as usize
    }

    /// What stands where a key belongs.
    fn at_home(&self, key: u128) -> u128 {
        if self.used == 0 { FREE } else { self.slots.at(self.home(key)) }
    }

    /// The number of a key, or the place for it.
    fn locate(&self, key: u128) -> Result<u32, Place> {
        if self.used == 0 {
            return Err(self.home(key));
        }
        let mut place = self.home(key);
        loop {
            let slot = self.slots.at(place);
            if slot == FREE || slot >> NUMBER < key {
                return Err(place);
            }
            if slot >> NUMBER == key {
                return Ok(slot as u32);
            }
            if place == 0 {
                return Err(0);
            }
            place -= 1;
        }
    }

    /// Whether another key would be one too many.
    fn is_full(&self) -> bool {
        10 * (self.used + 1) > 9 * self.slots.len.saturating_sub(MARGIN)
    }

    fn about_to_grow_by(&self) -> u64 {
        // Near enough that the states of a block could fill it.
        let is_near = 10 * (self.used + self.used / 64 + 1) > 9 * self.slots.len.saturating_sub(MARGIN);
        if is_near { ((larger(self.slots.len) - self.slots.len) * size_of::<u128>()) as u64 } else { 0 }
    }

    /// Puts a key that is missing in the place that [`Self::locate`] gave.
    fn insert(&mut self, key: u128, number: u32, place: Place) {
        let mut place = place;
        while self.is_full() || !self.make_room(place) {
            self.grow();
            place = match self.locate(key) {
                Ok(_) => return,
                Err(place) => place,
            };
        }
        self.slots.put(place, key << NUMBER | u128::from(number));
        self.used += 1;
    }

    /// Frees a place by moving what is there, and to the left of it, one to the left. Not if there is nothing
    /// free up to the left end.
    fn make_room(&mut self, place: Place) -> bool {
        let mut free = place;
        while self.slots.at(free) != FREE {
            let Some(left) = free.checked_sub(1) else { return false };
            free = left;
        }
        for place in free..place {
            let slot = self.slots.at(place + 1);
            self.slots.put(place, slot);
        }
        true
    }

    fn grow(&mut self) {
        let old = self.slots.len;
        self.slots.extend_to(larger(old), FREE);
        let mut taken = self.slots.len;
        for place in (0..old).rev() {
            let slot = self.slots.at(place);
            if slot == FREE {
                continue;
            }
            taken = self.home(slot >> NUMBER).min(taken - 1);
            self.slots.put(place, FREE);
            self.slots.put(taken, slot);
        }
    }
}

/// The size that a table of that size grows to.
fn larger(slots: usize) -> usize {
    if slots < CHUNK { (2 * slots).max(FIRST) } else { slots + (slots / 10).next_multiple_of(CHUNK) }
}

/// Elements that are allocated together.
const CHUNK: usize = 4096;

/// A vector that grows without moving, and so never needs twice its size.
#[derive(Debug, Default)]
struct Chunks<T> {
    chunks: Vec<Vec<T>>,
    len: usize,
}

impl<T: Copy> Chunks<T> {
    /// # Panics
    /// If there is no such element.
    #[inline]
    fn at(&self, i: usize) -> T {
        self.chunks[i / CHUNK][i % CHUNK]
    }

    #[inline]
    fn put(&mut self, i: usize, value: T) {
        self.chunks[i / CHUNK][i % CHUNK] = value;
    }

    fn get(&self, i: usize) -> Option<T> {
        self.chunks.get(i / CHUNK)?.get(i % CHUNK).copied()
    }

    /// Adds an element; its number.
    fn push(&mut self, value: T) -> u32 {
        let number = self.len;
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(value),
            None => self.chunks.push(vec![value]),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(value);
                self.chunks.push(chunk);
            }
        }
        self.len += 1;
        number as u32
    }

    fn extend_to(&mut self, len: usize, value: T) {
        while self.len < len {
            if self.len.is_multiple_of(CHUNK) {
                self.chunks.push(Vec::new());
            }
            if let Some(last) = self.chunks.last_mut() {
                let more = (CHUNK - last.len()).min(len - self.len);
                last.reserve_exact(more);
                last.resize(last.len() + more, value);
                self.len += more;
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = T> {
        self.chunks.iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn admit(visited: &mut Visited, fingerprint: Fingerprint, parent: u32) -> (u32, bool) {
        visited.admit(fingerprint, parent, &Limits::default()).expect("there is no limit")
    }

    /// Spreads numbers over all fingerprints.
    fn spread(i: u64) -> Fingerprint {
        fingerprint(&i)
    }

    /// What is left for later grows with what was met.
    #[test]
    fn what_is_needed_later_is_asked_for_now() {
        let mut visited = Visited::default().with_later(32);
        for number in 0..100 {
            admit(&mut visited, spread(number), NOBODY);
        }
        assert_eq!(visited.about_to_grow_by() - visited.numbers.about_to_grow_by(), 3200);
    }

    #[test]
    fn collisions_are_bounded_by_the_birthday_bound() {
        assert_eq!(collision_probability(0), 0.0);
        assert!(collision_probability(1 << 32) < 2e-10);
        assert!(collision_probability(1_000_000) > collision_probability(1_000));
    }

    #[test]
    fn what_was_met_is_found_and_nothing_else() {
        let mut visited = Visited::default();
        for i in 0..300_000 {
            let parent = (i as u32).checked_sub(1).unwrap_or(NOBODY);
            assert_eq!(admit(&mut visited, spread(i), parent), (i as u32, true));
        }
        for i in 0..300_000 {
            assert_eq!(admit(&mut visited, spread(i), 0), (i as u32, false));
            assert!(!visited.contains(spread(i + 300_000)));
        }
        assert_eq!(visited.lineage(3), [0, 1, 2, 3]);
        assert_eq!(visited.parents().skip(1).take(2).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn a_state_takes_at_most_24_bytes() {
        let mut visited = Visited::default();
        let mut worst = 0.0f64;
        for i in 0..1_000_000 {
            admit(&mut visited, spread(i), 0);
            if i >= 100_000 {
                worst = worst.max(visited.bytes() as f64 / visited.len() as f64);
            }
        }
        assert!(worst <= 24.0, "{worst} bytes");
    }

    #[test]
    fn keys_that_crowd_at_either_end_are_kept_apart() {
        let mut visited = Visited::default();
        let low = (0..200u128).map(|i| i << 32);
        let high = (0..1_000u128).map(|i| !(i << 32));
        for (i, fingerprint) in low.chain(high).enumerate() {
            assert_eq!(admit(&mut visited, fingerprint, 0), (i as u32, true));
        }
        assert_eq!(visited.slots().count(), 1_200);
        assert!(visited.slots().zip(visited.slots().skip(1)).all(|(a, b)| a >> NUMBER < b >> NUMBER));
    }

    #[test]
    fn the_last_number_is_never_given() {
        let mut visited = Visited::default();
        let limits = Limits { max_states: Some(1), ..Limits::default() };
        assert_eq!(visited.admit(1 << 64, NOBODY, &limits), Ok((0, true)));
        assert_eq!(visited.admit(1 << 64, NOBODY, &limits), Ok((0, false)));
        assert_eq!(visited.admit(2 << 64, 0, &limits), Err(Limit::States(1)));
    }

    #[test]
    fn what_is_told_is_had_again_and_what_does_not_fit_is_not() {
        let mut visited = Visited::default();
        for i in 0..10_000 {
            admit(&mut visited, spread(i), (i as u32).checked_sub(1).unwrap_or(NOBODY));
        }
        let parents: Vec<u32> = visited.parents().collect();
        let slots: Vec<u128> = visited.slots().collect();
        let told = |parents: &[u32], slots: &[u128]| {
            let parents = parents.iter().copied().map(Ok::<_, ()>);
            Visited::told(parents, slots.iter().copied().map(Ok)).expect("nothing fails")
        };
        let again = told(&parents, &slots).expect("it fits");
        assert!((0..10_000).all(|i| again.number(spread(i)) == Some(i as u32)));
        assert_eq!(again.lineage(9_999).len(), 10_000);
        assert!(told(&parents[1..], &slots).is_none());
        assert!(told(&parents, &slots[1..]).is_none());
        let swapped: Vec<_> = slots.iter().rev().copied().collect();
        assert!(told(&parents, &swapped).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Keys in few clusters, so that they push each other about.
        #[test]
        fn it_agrees_with_a_map(keys in proptest::collection::vec((0u128..8, 0u128..200), 0..600)) {
            let mut visited = Visited::default();
            let mut reference = HashMap::new();
            for (cluster, offset) in keys {
                let fingerprint = (cluster << 125) + (offset << 32);
                let next = reference.len() as u32;
                let number = *reference.entry(fingerprint).or_insert(next);
                prop_assert_eq!(admit(&mut visited, fingerprint, 0), (number, number == next && reference.len() as u32 > next));
            }
            for (&fingerprint, &number) in &reference {
                prop_assert_eq!(visited.number(fingerprint), Some(number));
            }
        }
    }
}
