//! Breadth-first exploration, level by level: the states that were met, and who met them first.
//!
//! The states of a level are expanded in blocks, by all threads; what they lead to is merged in the order
//! of the block, by one. Which state is met first, and through which parent, therefore never depends on
//! timing; and states are expanded in the order of their indices.

use std::hash::Hash;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use indexmap::IndexMap;
use indexmap::map::Entry;
use rayon::prelude::*;
use stateright::Model;

use super::fingerprint::BuildIdentity;
use super::search::{Limit, Limits, Progress};
use crate::model::{Fingerprint, fingerprint};

/// States that one thread expands before the results are merged.
const BLOCK: usize = 64;

/// The parent of an initial state.
pub(super) const NOBODY: u32 = u32::MAX;

/// The states that were met, by fingerprint, numbered in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Visited {
    parents: IndexMap<Fingerprint, u32, BuildIdentity>,
}

impl Visited {
    pub(super) fn len(&self) -> usize {
        self.parents.len()
    }

    pub(super) fn contains(&self, fingerprint: Fingerprint) -> bool {
        self.parents.contains_key(&fingerprint)
    }

    /// The fingerprint of the state with that number.
    pub(super) fn fingerprint(&self, index: u32) -> Option<Fingerprint> {
        self.parents.get_index(index as usize).map(|(&fingerprint, _)| fingerprint)
    }

    /// The bytes that it is about to ask for: a table that is full moves to one of twice the size, and holds both
    /// while it moves.
    fn about_to_grow_by(&self) -> u64 {
        let (length, capacity) = (self.parents.len(), self.parents.capacity());
        let entry = size_of::<(u64, Fingerprint, u32)>() + size_of::<usize>() + 1;
        // Near enough that the states of a block could fill it.
        if length + length / 16 < capacity { 0 } else { 2 * (capacity * entry) as u64 }
    }

    /// Takes in a state. Says its number, and whether it is a new one.
    ///
    /// # Errors
    /// It is one too many.
    pub(super) fn admit(
        &mut self,
        fingerprint: Fingerprint,
        parent: u32,
        limits: &Limits,
    ) -> Result<(u32, bool), Limit> {
        let full = limits.max_states.filter(|&most| self.parents.len() as u64 >= most);
        match self.parents.entry(fingerprint) {
            Entry::Occupied(entry) => Ok((entry.index() as u32, false)),
            Entry::Vacant(entry) => match full {
                Some(most) => Err(Limit::States(most)),
                None => {
                    let index = entry.index() as u32;
                    entry.insert(parent);
                    Ok((index, true))
                }
            },
        }
    }

    /// The states through which a state was met, from an initial one to itself.
    pub(super) fn lineage(&self, index: u32) -> Vec<u32> {
        let mut ancestors = vec![index];
        while let Some((_, &parent)) = ancestors.last().and_then(|&i| self.parents.get_index(i as usize)) {
            if parent == NOBODY {
                break;
            }
            ancestors.push(parent);
        }
        ancestors.reverse();
        ancestors
    }

    /// The steps of a route from an initial state, found by taking them again: no state is kept. `fits`
    /// says whether an action, taken in a state, may be the step with that number. Where the model does
    /// not repeat what it did, the steps end early.
    pub(super) fn retrace<M>(
        &self,
        model: &M,
        route: &[u32],
        fits: impl Fn(usize, &M::State, &M::Action) -> bool,
    ) -> Vec<M::Action>
    where
        M: Model,
        M::State: Hash,
        M::Action: Clone,
    {
        let mut fingerprints = route.iter().filter_map(|&index| self.fingerprint(index));
        let first = fingerprints.next();
        let mut state = model.init_states().into_iter().find(|s| Some(fingerprint(s)) == first);
        let mut path = Vec::new();
        for (number, target) in fingerprints.enumerate() {
            let Some(from) = &state else { break };
            let mut actions = Vec::new();
            model.actions(from, &mut actions);
            let step = actions.into_iter().filter(|action| fits(number, from, action)).find_map(|action| {
                let next = model.next_state(from, action.clone())?;
                (fingerprint(&next) == target).then_some((action, next))
            });
            let Some((action, next)) = step else { break };
            path.push(action);
            state = Some(next);
        }
        path
    }
}

/// Expands a level, then what it led to, and so on: until nothing new is met, a limit is reached, or
/// `merge` ends it. Also says how many steps it took to the farthest state.
///
/// `expand` is called for each state with its number, by several threads at once; `merge` takes the results
/// one after the other, in the order of the states, and adds to the next level what it admits.
pub(super) fn levels<S, X, E>(
    visited: &mut Visited,
    mut level: Vec<(S, u32)>,
    limits: &Limits,
    progress: &Progress,
    start: Instant,
    expand: impl Fn(&Visited, &S, u32) -> X + Sync,
    mut merge: impl FnMut(&mut Visited, X, &mut Vec<(S, u32)>) -> Result<(), E>,
) -> (Result<(), E>, u64)
where
    S: Send + Sync,
    X: Send,
    E: From<Limit>,
{
    let mut depth = 0;
    while !level.is_empty() {
        progress.depth.store(depth, Relaxed);
        let mut next = Vec::new();
        // Taken block by block, so that what is expanded is freed at once.
        let mut rest = level.into_iter();
        loop {
            let block: Vec<_> = rest.by_ref().take(BLOCK * limits.threads.max(1)).collect();
            if block.is_empty() {
                break;
            }
            if let Some(limit) = reached(visited, limits, progress, start) {
                return (Err(limit.into()), depth + u64::from(!next.is_empty()));
            }
            let met: &Visited = visited;
            let one = |(state, index): &(S, u32)| expand(met, state, *index);
            let expansions: Vec<X> = if limits.threads > 1 {
                block.par_iter().with_min_len(16).map(one).collect()
            } else {
                block.iter().map(one).collect()
            };
            for expansion in expansions {
                if let Err(end) = merge(visited, expansion, &mut next) {
                    return (Err(end), depth + 1);
                }
            }
            progress.states.store(visited.len() as u64, Relaxed);
            progress.frontier.store((rest.len() + next.len()) as u64, Relaxed);
        }
        depth += u64::from(!next.is_empty());
        level = next;
    }
    (Ok(()), depth)
}

fn reached(visited: &Visited, limits: &Limits, progress: &Progress, start: Instant) -> Option<Limit> {
    if progress.stop.load(Relaxed) {
        return Some(Limit::Stopped);
    }
    if let Some(most) = limits.max_memory
        && let Some(held) = memory_stats::memory_stats()
        && held.physical_mem as u64 + visited.about_to_grow_by() >= most
    {
        return Some(Limit::Memory(most));
    }
    limits.timeout.filter(|&longest| start.elapsed() >= longest).map(Limit::Time)
}
