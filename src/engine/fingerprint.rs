//! What stands for a state, or for a message in the network's hash.

use std::hash::{Hash, Hasher};

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// A 128-bit fingerprint: XXH3 with its default secret, so that a run counts alike every time.
pub type Fingerprint = u128;

/// Bytes that are collected before they are hashed.
const SHORT: usize = 128;

/// The fingerprint of a state.
pub fn fingerprint<T: Hash>(state: &T) -> Fingerprint {
    let mut content = Content { bytes: [0; SHORT], length: 0, long: None };
    state.hash(&mut content);
    match content.long {
        None => xxh3_128(&content.bytes[..content.length]),
        Some(hasher) => hasher.digest128(),
    }
}

/// What is hashed. XXH3 is made for few bytes as for many, but one that is fed piece by piece costs more to set
/// up than a judge's state, which is a handful of numbers, takes to hash.
struct Content {
    bytes: [u8; SHORT],
    length: usize,
    /// Of more than [`SHORT`] bytes.
    long: Option<Box<Xxh3>>,
}

impl Hasher for Content {
    /// Not used: the whole fingerprint is taken.
    fn finish(&self) -> u64 {
        0
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        match &mut self.long {
            Some(hasher) => hasher.update(bytes),
            None if end <= SHORT => {
                self.bytes[self.length..end].copy_from_slice(bytes);
                self.length = end;
            }
            None => {
                let mut hasher = Box::new(Xxh3::new());
                hasher.update(&self.bytes[..self.length]);
                hasher.update(bytes);
                self.long = Some(hasher);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_do_not_change_between_runs() {
        // A change here would make counts and saved runs incomparable with earlier ones.
        assert_eq!(fingerprint(&[1u32, 2, 3]), fingerprint(&[1u32, 2, 3]));
        assert_ne!(fingerprint(&[1u32, 2, 3]), fingerprint(&[1u32, 2, 4]));
    }

    #[test]
    fn short_or_long_it_is_xxh3_of_what_is_hashed() {
        for length in (0..300).step_by(7) {
            let content: Vec<u64> = (0..length).collect();
            let mut hasher = Xxh3::new();
            content.hash(&mut hasher);
            assert_eq!(fingerprint(&content), hasher.digest128(), "{length} words");
        }
    }
}
