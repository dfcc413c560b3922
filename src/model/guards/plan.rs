//! The guards of a local state as a search looks through them: what each way needs, in words of bits that stand side by side.

use super::guard::{Guard, enabled, numbered};
use super::ids::{GuardId, LocalId, MessageSet};
use super::state::Move;

/// The ways to the guards of a local state.
#[derive(Clone, Default)]
pub(super) struct Plan {
    ways: Box<[Way]>,
    /// What ways need besides their first words, in the order of the ways.
    further: Box<[(u32, u64)]>,
    /// Whether some way needs as many of some messages as it takes, which is no matter of single words.
    counts: bool,
}

/// One way: a word of what must exist, and how many further ones there are.
#[derive(Clone)]
struct Way {
    guard: GuardId,
    next: LocalId,
    word: u32,
    further: u16,
    crash: bool,
    mask: u64,
}

impl Plan {
    /// The plan of these guards.
    pub fn of(guards: &[Guard]) -> Self {
        let (mut ways, mut further) = (Vec::new(), Vec::new());
        for (number, guard) in numbered(guards) {
            for needs in guard.needs() {
                let mut words = needs.all.words().iter().zip(0..).filter(|(mask, _)| **mask != 0);
                let (&mask, word) = words.next().unwrap_or((&0, 0));
                let before = further.len();
                further.extend(words.map(|(&mask, word)| (word, mask)));
                let count = (further.len() - before) as u16;
                ways.push(Way {
                    guard: number,
                    next: guard.next,
                    word,
                    further: count,
                    crash: guard.crash,
                    mask,
                });
            }
        }
        let counts = guards.iter().flat_map(Guard::needs).any(|needs| needs.any.is_some());
        Plan { ways: ways.into(), further: further.into(), counts }
    }

    /// Adds the moves that these guards, of which this is the plan, allow where these messages are there.
    #[inline]
    pub fn enabled<'a>(
        &self,
        guards: impl FnOnce() -> &'a [Guard],
        participant: u16,
        available: &MessageSet,
        may_crash: bool,
        moves: &mut Vec<Move>,
    ) {
        if self.counts {
            moves.extend(enabled(guards(), participant, available, may_crash));
            return;
        }
        let words = available.words();
        let exists = |word: u32, mask: u64| words.get(word as usize).map_or(0, |have| have & mask) == mask;
        let (mut from, mut last) = (0, None);
        for way in &self.ways {
            let to = from + usize::from(way.further);
            let further = &self.further[from..to];
            from = to;
            if last == Some(way.guard) || (way.crash && !may_crash) || !exists(way.word, way.mask) {
                continue;
            }
            if further.iter().all(|&(word, mask)| exists(word, mask)) {
                last = Some(way.guard);
                moves.push(Move { participant, guard: way.guard, next: way.next });
            }
        }
    }
}
