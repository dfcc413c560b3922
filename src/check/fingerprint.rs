//! The visited set of fingerprints: how it is hashed, and what it may miss.

use std::hash::{BuildHasherDefault, Hasher};

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
}
