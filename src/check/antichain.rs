//! Breadth-first search that leaves a state out if another leads to all that it leads to.
//!
//! Of the states that are met in a level those are kept that no other one subsumes, of that level or an earlier one;
//! only they are expanded. Among the kept ones none subsumes another, but that one of a later level may subsume one
//! that was expanded before: they are an antichain. What is left out is still judged by itself: the properties are
//! looked at in every state that is met. So the path to a violation is a shortest one, as what subsumes a state was met no
//! later.

use std::hash::Hash;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use stateright::{Expectation, Model, Property};

use super::levels::reached;
use super::limits::{Level, Limit, Limits, Progress};
use super::overseer;
use super::search::{Coverage, End, Report};
use crate::interrupt;
use crate::model::{Fingerprint, Subsumes, fingerprint};

/// States that one thread expands before limits are looked at again.
const BLOCK: usize = 4;

/// A state that was met and not compared yet.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(
    serialize = "S: Serialize, A: Serialize",
    deserialize = "S: DeserializeOwned, A: DeserializeOwned"
))]
pub(super) struct Met<S, A> {
    pub state: S,
    /// The number of the state that led to it.
    pub parent: Option<usize>,
    pub action: Option<A>,
}

/// A search that a limit ended, and all that it takes to go on with it but the model.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(
    serialize = "S: Serialize, A: Serialize",
    deserialize = "S: DeserializeOwned, A: DeserializeOwned"
))]
pub(super) struct HaltedChain<S, A> {
    pub met: Vec<Fingerprint>,
    pub next: Vec<Met<S, A>>,
    /// The states that were kept, and how each was met.
    pub kept: Vec<Met<S, A>>,
    /// The places of those of them that no other one subsumes.
    pub maximal: Vec<usize>,
    /// How many of them are not expanded yet, at the end.
    pub left: usize,
    pub transitions: u64,
    pub depth: u64,
    pub elapsed: Duration,
}

/// What comes of a search, and what it takes to go on with it if a limit ended it.
pub(super) type Searched<M> =
    (Report<<M as Model>::Action>, Option<HaltedChain<<M as Model>::State, <M as Model>::Action>>);

type MetOf<M> = Met<<M as Model>::State, <M as Model>::Action>;

struct Antichain<'a, M: Model, R> {
    model: &'a M,
    properties: &'a [Property<M>],
    /// Every state that was met.
    met: FxHashSet<Fingerprint>,
    next: Vec<MetOf<M>>,
    /// The states that were kept, and how each was met.
    kept: Vec<MetOf<M>>,
    /// What follows on those of them that no other one subsumes, by place.
    maximal: Vec<(usize, R)>,
    /// How many of them are not expanded yet, at the end.
    left: usize,
}

/// Visits the states of `model` that no other one subsumes, and checks `properties`, which are of kind *always*, in all
/// states that they lead to. `reach` says of a state what can follow on it, if that can be compared with others at
/// all; `visit` is called once for each state that is kept, in the order of the search. The counts are the same at any number of
/// threads. Goes on from where another search was ended by a limit, if one was: then they are those of both together. Also
/// gives what it takes to go on, if a limit ended this one.
///
/// # Panics
/// If a property is of another kind: what is left out could have what is looked for.
pub(super) fn search_maximal<M, R>(
    model: &M,
    properties: &[Property<M>],
    limits: &Limits,
    progress: &Progress,
    halted: Option<HaltedChain<M::State, M::Action>>,
    reach: impl Fn(&M::State) -> Option<R> + Sync,
    mut visit: impl FnMut(&M::State),
) -> Searched<M>
where
    M: Model + Sync,
    M::State: Clone + Hash + Ord + Send + Sync,
    M::Action: Clone + Send + Sync,
    R: Subsumes + Send + Sync,
{
    let start = Instant::now();
    assert!(
        properties.iter().all(|p| p.expectation == Expectation::Always),
        "what is left out could have what a property of another kind looks for"
    );
    let mut coverage = Coverage::default();
    let (mut chain, begun) = match halted {
        Some(halted) => {
            let HaltedChain { met, next, kept, maximal, left, transitions, depth, elapsed } = halted;
            coverage = Coverage { states: (kept.len() - left) as u64, transitions, depth, elapsed };
            let reaches = |place: usize| Some((place, reach(&kept.get(place)?.state)?));
            let maximal = maximal.into_iter().filter_map(reaches).collect();
            let met = met.into_iter().collect();
            (Antichain { model, properties, met, next, kept, maximal, left }, Ok(()))
        }
        None => {
            let (met, kept, maximal) = (FxHashSet::default(), Vec::new(), Vec::new());
            let mut chain = Antichain { model, properties, met, next: Vec::new(), kept, maximal, left: 0 };
            let begun = model.init_states().into_iter().try_for_each(|state| chain.meet(state, None, None));
            (chain, begun)
        }
    };
    let before = coverage.elapsed;
    let end = begun.and_then(|()| chain.run(limits, progress, start, &reach, &mut visit, &mut coverage));
    coverage.elapsed = before + start.elapsed();
    let end = end.err().unwrap_or(End::Exhausted);
    let halted = matches!(end, End::Limited(_)).then(|| chain.halted(&coverage));
    (Report { coverage, end, reached: Vec::new(), unreached: Vec::new() }, halted)
}

impl<M, R> Antichain<'_, M, R>
where
    M: Model + Sync,
    M::State: Clone + Hash + Ord + Send + Sync,
    M::Action: Clone + Send + Sync,
    R: Subsumes + Send + Sync,
{
    fn run(
        &mut self,
        limits: &Limits,
        progress: &Progress,
        start: Instant,
        reach: &(impl Fn(&M::State) -> Option<R> + Sync),
        visit: &mut impl FnMut(&M::State),
        coverage: &mut Coverage,
    ) -> Result<(), End<M::Action>> {
        let over = interrupt::current();
        loop {
            if self.left == 0 {
                self.thin(reach);
                if self.left == 0 {
                    return Ok(());
                }
                coverage.depth += u64::from(coverage.states > 0);
                self.kept[self.kept.len() - self.left..].iter().for_each(|met| visit(&met.state));
            }
            progress.depth.store(coverage.depth, Relaxed);
            while self.left > 0 {
                let done = self.kept.len() - self.left;
                let size = self.left.min(BLOCK * limits.threads.max(1));
                let block = &self.kept[done..done + size];
                let states = (done + size) as u64;
                let too_many = limits.max_states.filter(|&most| states > most).map(Limit::States);
                if let Some(limit) = reached(0, limits, progress, start).or(too_many) {
                    return Err(limit.into());
                }
                progress.states.store(states, Relaxed);
                progress.frontier.store(self.left as u64, Relaxed);
                let expanded = interrupt::caught(|| -> Vec<_> {
                    if limits.threads > 1 {
                        let enter = || interrupt::enter(over.clone());
                        block.par_iter().map_init(enter, |_, met| self.expand(&met.state)).collect()
                    } else {
                        block.iter().map(|met| self.expand(&met.state)).collect()
                    }
                });
                // Nothing of the block is taken in then: it is expanded once more.
                let expanded = expanded.map_err(|interrupted| overseer::limit(interrupted, limits))?;
                (coverage.states, self.left) = (states, self.left - size);
                for (parent, states) in (done..).zip(expanded) {
                    coverage.transitions += states.len() as u64;
                    progress.transitions.store(coverage.transitions, Relaxed);
                    for (state, action) in states {
                        self.meet(state, Some(parent), Some(action))?;
                    }
                }
            }
            progress.note(Level {
                level: coverage.depth,
                states: self.kept.len() as u64,
                frontier: self.next.len() as u64,
                transitions: coverage.transitions,
                elapsed: start.elapsed(),
                bytes: (self.met.capacity() * size_of::<Fingerprint>()) as u64,
            });
        }
    }

    /// All that it takes to go on.
    fn halted(self, coverage: &Coverage) -> HaltedChain<M::State, M::Action> {
        let mut met: Vec<_> = self.met.into_iter().collect();
        met.sort_unstable();
        HaltedChain {
            met,
            next: self.next,
            kept: self.kept,
            maximal: self.maximal.into_iter().map(|(place, _)| place).collect(),
            left: self.left,
            transitions: coverage.transitions,
            depth: coverage.depth,
            elapsed: coverage.elapsed,
        }
    }

    fn expand(&self, state: &M::State) -> Vec<(M::State, M::Action)> {
        let mut actions = Vec::new();
        self.model.actions(state, &mut actions);
        let follow = |action: M::Action| Some((self.model.next_state(state, action.clone())?, action));
        let next = actions.into_iter().filter_map(follow);
        next.filter(|(state, _)| self.model.within_boundary(state)).collect()
    }

    /// Judges a state, unless it was met before.
    fn meet(
        &mut self,
        state: M::State,
        parent: Option<usize>,
        action: Option<M::Action>,
    ) -> Result<(), End<M::Action>> {
        if !self.met.insert(fingerprint(&state)) {
            return Ok(());
        }
        if let Some(property) = self.properties.iter().find(|p| !(p.condition)(self.model, &state)) {
            let mut path = Vec::from_iter(action);
            let mut at = parent;
            while let Some(before) = at.map(|number| &self.kept[number]) {
                path.extend(before.action.clone());
                at = before.parent;
            }
            path.reverse();
            return Err(End::Violated { property: property.name, path });
        }
        self.next.push(Met { state, parent, action });
        Ok(())
    }

    /// Of the states that were met, those that none subsumes: they are kept, and the next level.
    fn thin(&mut self, reach: &(impl Fn(&M::State) -> Option<R> + Sync)) {
        let maximal = &self.maximal;
        let is_new = |own: &Option<R>| {
            own.as_ref().is_none_or(|own| !maximal.iter().any(|(_, other)| other.subsumes(own)))
        };
        let next = std::mem::take(&mut self.next).into_par_iter();
        let mut next: Vec<_> =
            next.map(|met| (reach(&met.state), met)).filter(|(own, _)| is_new(own)).collect();
        // Whoever subsumes another comes first, or weighs the same.
        let weight = |own: &Option<R>| own.as_ref().map(Subsumes::weight);
        next.sort_by(|(a, left), (b, right)| {
            weight(b).cmp(&weight(a)).then_with(|| left.state.cmp(&right.state))
        });
        let mut level: Vec<(Option<R>, MetOf<M>)> = Vec::new();
        for (own, met) in next {
            if let Some(own) = &own {
                let others = || level.iter().filter_map(|(other, _)| other.as_ref());
                if others().any(|other| other.subsumes(own)) {
                    continue;
                }
                level.retain(|(other, _)| !other.as_ref().is_some_and(|other| own.subsumes(other)));
            }
            level.push((own, met));
        }
        let new: Vec<&R> = level.iter().filter_map(|(own, _)| own.as_ref()).collect();
        let is_maximal = |(_, old): &(usize, R)| !new.iter().any(|new| new.subsumes(old));
        self.maximal = std::mem::take(&mut self.maximal).into_par_iter().filter(is_maximal).collect();
        self.left = level.len();
        for (own, met) in level {
            let place = self.kept.len();
            self.maximal.extend(own.map(|own| (place, own)));
            self.kept.push(met);
        }
    }
}
