//! What stands for a state, or for a message in the network's hash.

use std::hash::Hash;

use xxhash_rust::xxh3::Xxh3;

/// A 128-bit fingerprint: XXH3 with its default secret, so that a run counts alike every time.
pub type Fingerprint = u128;

/// The fingerprint of a state.
pub fn fingerprint<T: Hash>(state: &T) -> Fingerprint {
    let mut hasher = Xxh3::new();
    state.hash(&mut hasher);
    hasher.digest128()
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
}
