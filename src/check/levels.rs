//! Breadth-first exploration, level by level.
//!
//! The states of a level are expanded in blocks, by all threads; what they lead to is merged in the order
//! of the block, by one. Which state is met first, and through which parent, therefore never depends on
//! timing; and states are expanded in the order of their indices.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::limits::{Level, Limit, Limits, Progress};
use super::overseer;
use super::visited::Visited;
use crate::interrupt;

/// States that are expanded before the results are merged: as many with any number of threads, so that what is asked meanwhile
/// is the same.
const BLOCK: usize = 512;
/// States that most states lead to fewer than.
const ROOM: usize = 1024;

/// What is to be expanded: states with their numbers, in the order of these.
#[derive(Debug)]
pub(super) struct Frontier<S> {
    /// What is left of the level that is being expanded.
    pub(super) level: Vec<(S, u32)>,
    /// What that has led to.
    pub(super) next: Vec<(S, u32)>,
    /// Steps from an initial state to the level.
    pub(super) depth: u64,
    /// How long it has taken to come here, in runs that were ended.
    pub(super) before: Duration,
}

impl<S> Frontier<S> {
    /// The initial states.
    pub(super) fn of(level: Vec<(S, u32)>) -> Self {
        Frontier { level, next: Vec::new(), depth: 0, before: Duration::ZERO }
    }
}

/// Expands a level, then what it led to, and so on: until nothing new is met, a limit is reached, or
/// `merge` ends it. Also says how many steps it took to the farthest state, and leaves in `frontier` what is
/// not expanded then: a state of which not all was merged is still there.
///
/// `expand` is called for a block of states with their numbers, and gives a result for each; `merge` takes the results one after
/// the other, in the order of the states, and adds to the next level what it admits.
pub(super) fn levels<S, X, E>(
    visited: &mut Visited,
    frontier: &mut Frontier<S>,
    limits: &Limits,
    progress: &Progress,
    start: Instant,
    expand: impl Fn(&Visited, &[(S, u32)]) -> Vec<X>,
    mut merge: impl FnMut(&mut Visited, X, &mut Vec<(S, u32)>) -> Result<(), E>,
) -> (Result<(), E>, u64)
where
    E: From<Limit>,
{
    let Frontier { level, next, depth, before } = frontier;
    loop {
        progress.depth.store(*depth, Relaxed);
        // Taken block by block, so that what is expanded is freed at once.
        let mut rest = VecDeque::from(std::mem::take(level));
        while !rest.is_empty() {
            let size = rest.len().min(BLOCK);
            let mut block: Vec<_> = rest.drain(..size).collect();
            if let Some(limit) = reached(visited.about_to_grow_by(), limits, progress, start) {
                *level = put_back(block, rest);
                return (Err(limit.into()), *depth + u64::from(!next.is_empty()));
            }
            let met: &Visited = visited;
            let expanded = interrupt::caught(|| expand(met, &block));
            let expansions = match expanded {
                Ok(expansions) => expansions,
                Err(interrupted) => {
                    *level = put_back(block, rest);
                    let limit = overseer::limit(interrupted, limits);
                    return (Err(limit.into()), *depth + u64::from(!next.is_empty()));
                }
            };
            for (merged, expansion) in expansions.into_iter().enumerate() {
                let room = with_room(next, limits, progress, start).map_err(E::from);
                if let Err(end) = room.and_then(|()| merge(visited, expansion, next)) {
                    block.drain(..merged);
                    *level = put_back(block, rest);
                    return (Err(end), *depth + 1);
                }
            }
            progress.states.store(visited.len() as u64, Relaxed);
            progress.frontier.store((rest.len() + next.len()) as u64, Relaxed);
        }
        progress.note(Level {
            level: *depth,
            states: visited.len() as u64,
            frontier: next.len() as u64,
            transitions: progress.transitions.load(Relaxed),
            elapsed: *before + start.elapsed(),
            bytes: visited.bytes(),
        });
        if next.is_empty() {
            return (Ok(()), *depth);
        }
        *depth += 1;
        *level = std::mem::take(next);
    }
}

/// Makes room in a level for what a state leads to, unless a limit is reached by that. Whoever waits until it is full copies it at
/// once to twice the place, unasked.
fn with_room<T>(
    level: &mut Vec<T>,
    limits: &Limits,
    progress: &Progress,
    start: Instant,
) -> Result<(), Limit> {
    if level.capacity() - level.len() >= ROOM {
        return Ok(());
    }
    let more = (level.capacity() / 2).max(ROOM);
    let bytes = (level.capacity() + more) * size_of::<T>();
    match reached(bytes as u64, limits, progress, start) {
        Some(limit) => Err(limit),
        None => {
            level.reserve_exact(level.capacity() - level.len() + more);
            Ok(())
        }
    }
}

/// What is left of a level, in its order, with what was taken from it. It stands where it stood: where a limit of memory is
/// reached there is no place for a second list of that length.
fn put_back<S>(block: Vec<S>, mut rest: VecDeque<S>) -> Vec<S> {
    block.into_iter().rev().for_each(|taken| rest.push_front(taken));
    rest.into()
}

/// The limit that is reached, if one is, for whoever will hold so many bytes more in a moment.
pub(super) fn reached(more: u64, limits: &Limits, progress: &Progress, start: Instant) -> Option<Limit> {
    if progress.stop.load(Relaxed) || progress.pauses() {
        return Some(Limit::Stopped);
    }
    // To ask the system takes longer than to expand a few states: where somebody does so all the time, it is asked here only
    // before much more is, and now and then, since that somebody may have to wait for a processor.
    let is_asked = || more > 0 || !interrupt::is_overseen() || interrupt::is_time_to_look();
    if let Some(most) = limits.max_memory.filter(|_| is_asked())
        && let Some(held) = memory_stats::memory_stats()
        && held.physical_mem as u64 + more >= most
    {
        return Some(Limit::Memory(most));
    }
    limits.timeout.filter(|&longest| start.elapsed() >= longest).map(Limit::Time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_back_stands_where_it_stood() {
        let level: Vec<u64> = (0..1000).collect();
        let (place, room) = (level.as_ptr(), level.capacity());
        let mut rest = VecDeque::from(level);
        let first: Vec<_> = rest.drain(..100).collect();
        let mut block: Vec<_> = rest.drain(..100).collect();
        assert!(first.iter().copied().eq(0..100));
        block.drain(..30);
        let left = put_back(block, rest);
        assert!(left.iter().copied().eq(130..1000));
        assert_eq!((left.as_ptr(), left.capacity()), (place, room), "there is no second list");
    }
}
