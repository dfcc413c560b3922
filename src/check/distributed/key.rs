//! What stands for a state in every process.

use crate::engine::Fingerprint;

/// The fingerprint of a state, computed from what the state consists of and from none of the numbers that a process gives to that:
/// the same in every process. As many bits as a table of visited states keeps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Key(u128);

/// How many words a key takes on its way.
pub(super) const WORDS: usize = 3;

/// Bits of a fingerprint that a key leaves out.
const LEFT_OUT: u32 = 32;

impl Key {
    /// The key of a state whose parts have these contents, all together. Which part is where makes no difference, since no two
    /// parts of a state can change places: a local state says whose it is.
    pub fn of(contents: Fingerprint) -> Self {
        Key(contents >> LEFT_OUT)
    }

    /// As a table of visited states takes it.
    pub fn fingerprint(self) -> Fingerprint {
        self.0 << LEFT_OUT
    }

    /// Which of so many shares the state is in. The bits that say so are the last by which a table tells states apart.
    pub fn share(self, shares: u32) -> u32 {
        let low = self.0 as u32;
        ((u64::from(low) * u64::from(shares)) >> 32) as u32
    }

    /// Where it has its place in a list of that length, which is a power of two.
    pub fn place(self, length: usize) -> usize {
        (self.0 >> 32) as usize & (length - 1)
    }

    pub fn words(self) -> [u32; WORDS] {
        [self.0 as u32, (self.0 >> 32) as u32, (self.0 >> 64) as u32]
    }

    pub fn from_words(words: [u32; WORDS]) -> Self {
        let [low, middle, high] = words.map(u128::from);
        Key(low | middle << 32 | high << 64)
    }
}

/// The key of the state from which another was met.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Parent(pub [u32; WORDS]);

impl Parent {
    /// That of an initial state.
    pub const NOBODY: Parent = Parent([u32::MAX; WORDS]);

    /// The state, if it is one.
    pub fn key(self) -> Option<Key> {
        (self != Parent::NOBODY).then(|| Key::from_words(self.0))
    }
}

impl From<Key> for Parent {
    fn from(key: Key) -> Self {
        Parent(key.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_had_again_from_its_words_and_falls_into_some_share() {
        for fingerprint in [0, 1 << 32, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef, u128::MAX] {
            let key = Key::of(fingerprint);
            assert_eq!(Key::from_words(key.words()), key);
            assert_eq!(key.fingerprint() >> 32, fingerprint >> 32);
            assert!((1..9).all(|shares| key.share(shares) < shares));
            assert!(key.place(1 << 4) < 1 << 4);
        }
        assert_eq!(Parent::from(Key::of(7 << 40)).key(), Some(Key::of(7 << 40)));
        assert_eq!(Parent::NOBODY.key(), None);
    }
}
