//! Chance that is the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// What draws from a seed. Each has a stream of its own, so that what one draws more or less leaves the others
/// as they are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    /// How bad the network is, and when.
    NetworkFaults = 1,
    /// What happens to each message, and how long clients think.
    Network,
    /// What comes next.
    Scheduler,
    /// What Byzantine replicas do.
    Strategy,
}

/// Numbers from ChaCha with 8 rounds, keyed by the seed in little-endian order: a fixed algorithm on integers.
/// Ranges are cut by multiplication, without rejection: their bias is below 2⁻³².
#[derive(Clone, Debug)]
pub(crate) struct Rng(ChaCha8Rng);

impl Rng {
    pub(super) fn new(seed: u64, stream: Stream) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream as u64);
        Rng(rng)
    }

    /// A number below `n`; 0 if that is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in so many of a thousand cases.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let index = self.below(from.len() as u64) as usize;
        from.get(index)
    }

    /// Puts these in any order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers, written down: no machine and no later version may draw others.
    #[test]
    fn numbers_are_the_same_everywhere() {
        let mut rng = Rng::new(7, Stream::Network);
        let drawn: Vec<_> = (0..6).map(|_| rng.below(1000)).collect();
        assert_eq!(drawn, FIRST_OF_SEVEN);
    }

    const FIRST_OF_SEVEN: [u64; 6] = [10, 194, 900, 611, 799, 220];

    #[test]
    fn ranges_are_kept() {
        let mut rng = Rng::new(1, Stream::NetworkFaults);
        assert!((0..1000).all(|_| rng.below(3) < 3));
        assert!((0..1000).all(|_| (5..=7).contains(&rng.between(5, 7))));
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.pick::<u8>(&[]), None);
        let mut all = [1, 2, 3, 4, 5];
        rng.shuffle(&mut all);
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3, 4, 5]);
    }
}
