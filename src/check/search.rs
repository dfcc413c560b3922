//! Breadth-first search: every reachable state, shortest counterexamples, the same counts at any
//! number of threads.
//!
//! The search goes level by level. The states of a level are expanded in blocks, by all threads; what
//! they lead to is merged in the order of the block, by one. Which state is met first, and through
//! which parent, therefore never depends on timing.

use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use indexmap::map::Entry;
use rayon::prelude::*;
use stateright::{Expectation, Model, Property};

use super::fingerprint::BuildIdentity;
use crate::model::{Fingerprint, fingerprint};

/// States that one thread expands before the results are merged.
const BLOCK: usize = 64;

/// What ends a search early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The most distinct states to visit.
    pub max_states: Option<u64>,
    /// The longest time to search.
    pub timeout: Option<Duration>,
    /// Threads that expand states.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_states: None, timeout: None, threads: 1 }
    }
}

/// How far a running search has come; read by whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Distinct states met.
    pub states: AtomicU64,
    /// States met and not yet expanded.
    pub frontier: AtomicU64,
    /// Steps from the initial state to the level that is being expanded.
    pub depth: AtomicU64,
    /// Set this to stop the search.
    pub stop: AtomicBool,
}

/// What a search has covered.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Coverage {
    /// Distinct states.
    pub states: u64,
    /// Transitions taken, between distinct states or not.
    pub transitions: u64,
    /// Steps to the farthest state.
    pub depth: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// The limit that ended a search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// [`Limits::max_states`].
    States(u64),
    /// [`Limits::timeout`].
    Time(Duration),
    /// [`Progress::stop`].
    Stopped,
}

/// How a search ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End<A> {
    /// Every reachable state was visited, and had every property.
    Exhausted,
    /// A reachable state lacks a property. No shorter sequence of steps leads to such a state.
    Violated {
        /// The property.
        property: &'static str,
        /// The steps from an initial state.
        path: Vec<A>,
    },
    /// A limit ended it: nothing is known of the states that were not visited.
    Limited(Limit),
}

/// The result of a search.
#[derive(Clone, Debug)]
pub struct Report<A> {
    /// What was covered.
    pub coverage: Coverage,
    /// How it ended.
    pub end: End<A>,
    /// The properties of kind *sometimes* that some visited state has.
    pub reached: Vec<&'static str>,
    /// Those that no visited state has.
    pub unreached: Vec<&'static str>,
}

/// A state that is new, as far as is known before the merge.
struct Candidate<S> {
    state: S,
    fingerprint: Fingerprint,
    lacks: Option<usize>,
}

/// What the states of a block lead to, in order.
struct Expansion<S> {
    parent: u32,
    transitions: u64,
    candidates: Vec<Candidate<S>>,
}

struct Search<'a, M: Model> {
    model: &'a M,
    always: Vec<&'a Property<M>>,
    sometimes: Vec<(&'a Property<M>, AtomicBool)>,
    visited: IndexMap<Fingerprint, u32, BuildIdentity>,
    transitions: u64,
}

/// Visits every state of `model` that is reachable within its boundary, and checks `properties`:
/// *always* is checked of every state, *sometimes* is looked for. *Eventually* is not checked here: it
/// needs fairness. `visit` is called once for each state, in the order of the search.
///
/// # Panics
/// If a property is of kind *eventually*: a search that ignored it would answer wrongly.
pub fn search<M>(
    model: &M,
    properties: &[Property<M>],
    limits: &Limits,
    progress: &Progress,
    mut visit: impl FnMut(&M::State),
) -> Report<M::Action>
where
    M: Model + Sync,
    M::State: Hash + Send + Sync,
    M::Action: Clone,
{
    let start = Instant::now();
    assert!(
        properties.iter().all(|p| p.expectation != Expectation::Eventually),
        "a breadth-first search cannot decide an 'eventually' property"
    );
    let of_kind = |kind: Expectation| properties.iter().filter(move |p| p.expectation == kind);
    let mut search = Search {
        model,
        always: of_kind(Expectation::Always).collect(),
        sometimes: of_kind(Expectation::Sometimes).map(|p| (p, AtomicBool::new(false))).collect(),
        visited: IndexMap::default(),
        transitions: 0,
    };
    let (end, depth) = search.run(limits, progress, start, &mut visit);
    let coverage = Coverage {
        states: search.visited.len() as u64,
        transitions: search.transitions,
        depth,
        elapsed: start.elapsed(),
    };
    let named = |found: bool| {
        let of = search.sometimes.iter().filter(move |(_, hit)| hit.load(Relaxed) == found);
        of.map(|(p, _)| p.name).collect()
    };
    Report { coverage, end, reached: named(true), unreached: named(false) }
}

impl<M> Search<'_, M>
where
    M: Model + Sync,
    M::State: Hash + Send + Sync,
    M::Action: Clone,
{
    fn run(
        &mut self,
        limits: &Limits,
        progress: &Progress,
        start: Instant,
        visit: &mut impl FnMut(&M::State),
    ) -> (End<M::Action>, u64) {
        let mut level = Vec::new();
        let initial = self.model.init_states().into_iter().filter(|s| self.model.within_boundary(s));
        let initial: Vec<_> = initial.filter_map(|state| self.judge(state)).collect();
        for candidate in initial {
            if let Some(end) = self.admit(candidate, u32::MAX, limits, &mut level, visit) {
                return (end, 0);
            }
        }
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
                if let Some(limit) = self.limit(limits, progress, start) {
                    return (End::Limited(limit), depth + u64::from(!next.is_empty()));
                }
                for Expansion { parent, transitions, candidates } in self.expand(&block, limits.threads) {
                    self.transitions += transitions;
                    for candidate in candidates {
                        if let Some(end) = self.admit(candidate, parent, limits, &mut next, visit) {
                            return (end, depth + 1);
                        }
                    }
                }
                progress.states.store(self.visited.len() as u64, Relaxed);
                progress.frontier.store((rest.len() + next.len()) as u64, Relaxed);
            }
            depth += u64::from(!next.is_empty());
            level = next;
        }
        (End::Exhausted, depth)
    }

    fn limit(&self, limits: &Limits, progress: &Progress, start: Instant) -> Option<Limit> {
        if progress.stop.load(Relaxed) {
            return Some(Limit::Stopped);
        }
        limits.timeout.filter(|&longest| start.elapsed() >= longest).map(Limit::Time)
    }

    /// What the states of a block lead to, in order.
    fn expand(&self, block: &[(M::State, u32)], threads: usize) -> Vec<Expansion<M::State>> {
        let successors = |(state, index): &(M::State, u32)| {
            let mut actions = Vec::new();
            self.model.actions(state, &mut actions);
            let mut expansion = Expansion { parent: *index, transitions: 0, candidates: Vec::new() };
            for action in actions {
                let next = self.model.next_state(state, action);
                let Some(next) = next.filter(|state| self.model.within_boundary(state)) else { continue };
                expansion.transitions += 1;
                expansion.candidates.extend(self.judge(next));
            }
            expansion
        };
        if threads > 1 {
            block.par_iter().with_min_len(16).map(successors).collect()
        } else {
            block.iter().map(successors).collect()
        }
    }

    /// Checks the properties of a state, unless it was visited.
    fn judge(&self, state: M::State) -> Option<Candidate<M::State>> {
        let fingerprint = fingerprint(&state);
        if self.visited.contains_key(&fingerprint) {
            return None;
        }
        let lacks = self.always.iter().position(|p| !(p.condition)(self.model, &state));
        for (property, hit) in &self.sometimes {
            if !hit.load(Relaxed) && (property.condition)(self.model, &state) {
                hit.store(true, Relaxed);
            }
        }
        Some(Candidate { state, fingerprint, lacks })
    }

    fn admit(
        &mut self,
        candidate: Candidate<M::State>,
        parent: u32,
        limits: &Limits,
        level: &mut Vec<(M::State, u32)>,
        visit: &mut impl FnMut(&M::State),
    ) -> Option<End<M::Action>> {
        let full = limits.max_states.filter(|&most| self.visited.len() as u64 >= most);
        let index = match self.visited.entry(candidate.fingerprint) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(_) if full.is_some() => return full.map(Limit::States).map(End::Limited),
            Entry::Vacant(entry) => {
                let index = entry.index() as u32;
                entry.insert(parent);
                index
            }
        };
        visit(&candidate.state);
        if let Some(property) = candidate.lacks {
            let property = self.always[property].name;
            return Some(End::Violated { property, path: self.path(index) });
        }
        level.push((candidate.state, index));
        None
    }

    /// The steps that lead to a visited state.
    fn path(&self, index: u32) -> Vec<M::Action> {
        let mut ancestors = vec![index];
        while let Some((_, &parent)) = ancestors.last().and_then(|&i| self.visited.get_index(i as usize)) {
            if parent == u32::MAX {
                break;
            }
            ancestors.push(parent);
        }
        let mut fingerprints =
            ancestors.iter().rev().filter_map(|&i| self.visited.get_index(i as usize).map(|(&f, _)| f));
        let first = fingerprints.next();
        let mut state = self.model.init_states().into_iter().find(|s| Some(fingerprint(s)) == first);
        let mut path = Vec::new();
        for target in fingerprints {
            let Some(from) = &state else { break };
            let mut actions = Vec::new();
            self.model.actions(from, &mut actions);
            let step = actions.into_iter().find_map(|action| {
                let next = self.model.next_state(from, action.clone())?;
                (fingerprint(&next) == target).then_some((action, next))
            });
            let Some((action, next)) = step else { break };
            path.push(action);
            state = Some(next);
        }
        path
    }
}
