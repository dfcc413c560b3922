//! What the visited set keeps of a state.

use std::hash::{BuildHasherDefault, Hash, Hasher};

use xxhash_rust::xxh3::Xxh3;

/// A 128-bit fingerprint: XXH3 with its default secret, so that a run counts alike every time.
pub type Fingerprint = u128;

/// The fingerprint of a state.
pub fn fingerprint<T: Hash>(state: &T) -> Fingerprint {
    let mut hasher = Xxh3::new();
    state.hash(&mut hasher);
    hasher.digest128()
}

/// An upper bound on the chance that, among so many distinct states, two had the same fingerprint and
/// one was missed: the birthday bound n² / 2¹²⁹, for a hash that behaves like a random function.
pub fn collision_probability(states: u64) -> f64 {
    let n = states as f64;
    n * n / 2f64.powi(129)
}

/// Hashes a fingerprint to itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Identity(u64);

pub(super) type BuildIdentity = BuildHasherDefault<Identity>;

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_ne_bytes(word);
        }
    }

    fn write_u128(&mut self, fingerprint: u128) {
        self.0 = fingerprint as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collisions_are_bounded_by_the_birthday_bound() {
        assert_eq!(collision_probability(0), 0.0);
        assert!(collision_probability(1 << 32) < 1e-19);
        assert!(collision_probability(1_000_000) > collision_probability(1_000));
    }

    #[test]
    fn fingerprints_do_not_change_between_runs() {
        // A change here would make counts and saved runs incomparable with earlier ones.
        assert_eq!(fingerprint(&[1u32, 2, 3]), fingerprint(&[1u32, 2, 3]));
        assert_ne!(fingerprint(&[1u32, 2, 3]), fingerprint(&[1u32, 2, 4]));
    }
}
