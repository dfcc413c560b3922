//! The share of the states that one thread keeps.

use super::key::{Key, Parent};
use crate::check::limits::{Limit, Limits, Process};
use crate::check::visited::Visited;

/// Numbers of states that are kept together, and freed together once they are expanded.
const CHUNK: usize = 1 << 16;

/// The states in the share of a thread: those that were met, by key, and the numbers of those of the level that is being
/// received.
pub(super) struct Share {
    visited: Visited<Parent>,
    limits: Limits,
    /// How many states were met before the level that is being received.
    before: u32,
    /// The states of that level, by the process whose numbers they have.
    received: Vec<Vec<Vec<u32>>>,
}

/// A few states of a level, in the numbers of a process.
pub(super) struct Chunk {
    pub of: Process,
    pub states: Vec<u32>,
}

impl Share {
    /// An empty one.
    pub fn new(processes: u32, limits: &Limits) -> Self {
        let received = (0..processes).map(|_| Vec::new()).collect();
        Share { visited: Visited::default(), limits: *limits, before: 0, received }
    }

    /// How many states it has.
    pub fn states(&self) -> u64 {
        self.visited.len() as u64
    }

    /// The bytes that these take.
    pub fn bytes(&self) -> u64 {
        self.visited.bytes()
    }

    /// The bytes that it is about to ask for.
    pub fn about_to_grow_by(&self) -> u64 {
        self.visited.about_to_grow_by()
    }

    /// Takes in a state of the level that is being received. Of all that lead to it, the one with the smallest key counts as
    /// its parent: whoever comes first.
    ///
    /// # Errors
    /// It is one too many.
    pub fn admit(&mut self, of: Process, key: Key, parent: Parent, numbers: &[u32]) -> Result<(), Limit> {
        let (number, is_new) = self.visited.admit(key.fingerprint(), parent, &self.limits)?;
        if is_new {
            if self.received.len() <= of.place() {
                self.received.resize_with(of.place() + 1, Vec::new);
            }
            let chunks = &mut self.received[of.place()];
            match chunks.last_mut() {
                Some(last) if last.len() + numbers.len() <= CHUNK => last.extend(numbers),
                _ => chunks.push(numbers.to_vec()),
            }
        } else if number >= self.before
            && self.visited.parent(number).is_some_and(|known| is_before(parent, known))
        {
            self.visited.set_parent(number, parent);
        }
        Ok(())
    }

    /// Takes in a state of an earlier level.
    ///
    /// # Errors
    /// It is one too many.
    pub fn admit_expanded(&mut self, key: Key, parent: Parent) -> Result<(), Limit> {
        self.visited.admit(key.fingerprint(), parent, &self.limits)?;
        self.before = self.visited.len() as u32;
        Ok(())
    }

    /// The states of the level that was being received. From now on the next one is.
    pub fn level(&mut self) -> Vec<Chunk> {
        self.before = self.visited.len() as u32;
        let chunks = (0..).zip(&mut self.received).flat_map(|(of, chunks)| {
            std::mem::take(chunks).into_iter().map(move |states| Chunk { of: Process(of), states })
        });
        chunks.collect()
    }

    /// From which state that one was met, if it is in this share.
    pub fn parent(&self, key: Key) -> Option<Parent> {
        self.visited.parent(self.visited.number(key.fingerprint())?)
    }
}

/// Whether a parent counts rather than another.
fn is_before(parent: Parent, other: Parent) -> bool {
    match (parent.key(), other.key()) {
        (Some(key), Some(other)) => key < other,
        (key, _) => key.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_with_the_smallest_key_counts_whoever_comes_first() {
        let keys: Vec<Key> = (1..5).map(|i: u128| Key::of(i << 100)).collect();
        for order in [[1, 2, 3], [3, 2, 1], [2, 1, 3]] {
            let mut share = Share::new(1, &Limits::default());
            for parent in order {
                share.admit(Process(0), keys[0], keys[parent].into(), &[7]).unwrap();
            }
            assert_eq!(share.parent(keys[0]), Some(keys[1].into()));
            assert_eq!(share.level().iter().map(|chunk| chunk.states.len()).sum::<usize>(), 1);
            // A later level leads back to it, by a longer way.
            share.admit(Process(0), keys[0], Key::of(1).into(), &[7]).unwrap();
            assert_eq!(share.parent(keys[0]), Some(keys[1].into()));
            assert!(share.level().is_empty());
        }
    }
}
