//! What is taken for granted where little is handed over as late as can be, tried on samples of roots.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::late::Late;
use super::words::Word;
use super::*;

/// Words that are drawn of each root, after two others.
const DRAWN: usize = 6;
/// Roots that are come to in another way and asked for their words once more, at most.
const ROOTS: usize = 300;

impl<P: Protocol> Late<'_, P> {
    /// Draws words after two others that bring nothing about: what comes of it must come of fewer of them, or earlier.
    pub fn try_waiting(&mut self, root: u32, words: &[Word]) -> Result<(), Unfit> {
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from(root) << 16 | self.me.index() as u64);
        let mut below = |n: usize| ((u128::from(rng.next_u64()) * n.max(1) as u128) >> 64) as usize;
        let silent: Vec<&Word> = words.iter().filter(|word| !word.is_step).collect();
        for _ in 0..DRAWN {
            let (Some(first), Some(second)) =
                (silent.get(below(silent.len())), silent.get(below(silent.len())))
            else {
                return Ok(());
            };
            let Some(third) = words.get(below(words.len())) else { return Ok(()) };
            if first.part == second.part || second.part == third.part || first.part == third.part {
                continue;
            }
            self.waits += 1;
            if !self.could_wait(root, first, second, third)? {
                let all = [&first.feeds[..], &second.feeds, &third.feeds].concat();
                let told: Vec<_> = all.iter().map(|feed| self.machine.in_words(*feed)).collect();
                let key = self.states[root as usize].key.as_str();
                return Err(Unfit::Missed(format!("{} in {key} gets {}", self.me, told.join(", "))));
            }
        }
        Ok(())
    }

    /// Whether what comes of a word after two others comes of it earlier, or without one of them.
    fn could_wait(&mut self, root: u32, first: &Word, second: &Word, third: &Word) -> Result<bool, Unfit> {
        let (one, two, last) = (&first.feeds[..], &second.feeds[..], &third.feeds[..]);
        let before = self.after(root, &[one, two].concat())?;
        let came = self.after(root, &[one, two, last].concat())?;
        let (Some(before), Some(came)) = (before, came) else { return Ok(true) };
        if self.is_step(root, &before) || !self.is_step(root, &came) {
            return Ok(true);
        }
        let earlier = [[last, one, two], [last, two, one], [one, last, two], [two, last, one]];
        let fewer = [vec![last], vec![one, last], vec![two, last]];
        for feeds in earlier.iter().map(|all| all.concat()).chain(fewer.iter().map(|all| all.concat())) {
            if self.after(root, &feeds)?.is_some_and(|other| other == came) {
                return Ok(true);
            }
        }
        // In the other order the two might matter: then it was taken down.
        Ok(self.known.contains(&(root, [one, two, last].concat())))
    }

    /// Has roots asked for their words once more after another way to them. How many words came out as before; none if it was
    /// told to stop.
    pub fn try_again(&mut self, goes_on: &dyn Fn() -> bool) -> Result<Option<u64>, Unfit> {
        let mut tried = 0;
        let each = 1 + self.roots.len() / ROOTS;
        for root in (0..self.roots.len()).step_by(each) {
            if !goes_on() {
                return Ok(None);
            }
            let Some(again) = self.roots[root].again.clone() else { continue };
            let words = self.words(root as u32)?;
            let ops = std::mem::replace(&mut self.roots[root].ops, again);
            let others = self.words(root as u32)?;
            self.roots[root].ops = ops;
            let differs = words.iter().zip(&others).find(|(word, other)| word != other);
            if let Some((word, _)) = differs {
                let told: Vec<_> = word.feeds.iter().map(|feed| self.machine.in_words(*feed)).collect();
                let key = self.states[root].key.as_str();
                let what = format!("{} in {key} does not always do the same on {}", self.me, told.join(", "));
                return Err(Unfit::Missed(what));
            }
            tried += words.len() as u64;
        }
        Ok(Some(tried))
    }
}
