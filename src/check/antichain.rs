//! Breadth-first search that leaves a state out if another leads to all that it leads to.
//!
//! Of the states that are met in a level those are kept that no other one subsumes, of that level or an earlier one;
//! only they are expanded. Among the kept ones none subsumes another, but that one of a later level may subsume one
//! that was expanded before: they are an antichain. What is left out is still judged by itself: the properties are
//! looked at in every state that is met. So the path to a violation is a shortest one, as what subsumes a state was met no
//! later.

use std::hash::Hash;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use stateright::{Expectation, Model, Property};

use super::levels::reached;
use super::limits::{Limit, Limits, Progress};
use super::overseer;
use super::search::{Coverage, End, Report};
use crate::interrupt;
use crate::model::{Fingerprint, Subsumes, fingerprint};

/// States that one thread expands before limits are looked at again.
const BLOCK: usize = 4;

/// A state that was met and not compared yet.
struct Met<M: Model> {
    state: M::State,
    /// The number of the state that led to it.
    parent: Option<usize>,
    action: Option<M::Action>,
}

struct Antichain<'a, M: Model, R> {
    model: &'a M,
    properties: &'a [Property<M>],
    /// Every state that was met.
    met: FxHashSet<Fingerprint>,
    next: Vec<Met<M>>,
    /// How each state was met that was kept.
    kept: Vec<(Option<usize>, Option<M::Action>)>,
    /// What follows on those of them that no other one subsumes.
    maximal: Vec<R>,
}

/// Visits the states of `model` that no other one subsumes, and checks `properties`, which are of kind *always*, in all
/// states that they lead to. `reach` says of a state what can follow on it, if that can be compared with others at
/// all; `visit` is called once for each state that is kept, in the order of the search. The counts are the same at any number of
/// threads.
///
/// # Panics
/// If a property is of another kind: what is left out could have what is looked for.
pub(crate) fn search_maximal<M, R>(
    model: &M,
    properties: &[Property<M>],
    limits: &Limits,
    progress: &Progress,
    reach: impl Fn(&M::State) -> Option<R> + Sync,
    mut visit: impl FnMut(&M::State),
) -> Report<M::Action>
where
    M: Model + Sync,
    M::State: Hash + Ord + Send + Sync,
    M::Action: Clone + Send + Sync,
    R: Subsumes + Send + Sync,
{
    let start = Instant::now();
    assert!(
        properties.iter().all(|p| p.expectation == Expectation::Always),
        "what is left out could have what a property of another kind looks for"
    );
    let (met, kept, maximal) = (FxHashSet::default(), Vec::new(), Vec::new());
    let mut chain = Antichain { model, properties, met, next: Vec::new(), kept, maximal };
    let mut coverage = Coverage::default();
    let end = chain.run(limits, progress, start, &reach, &mut visit, &mut coverage);
    coverage.elapsed = start.elapsed();
    Report { coverage, end: end.err().unwrap_or(End::Exhausted), reached: Vec::new(), unreached: Vec::new() }
}

impl<M, R> Antichain<'_, M, R>
where
    M: Model + Sync,
    M::State: Hash + Ord + Send + Sync,
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
        for state in self.model.init_states() {
            self.meet(state, None, None)?;
        }
        let over = interrupt::current();
        loop {
            let level = self.thin(reach);
            if level.is_empty() {
                return Ok(());
            }
            coverage.depth += u64::from(coverage.states > 0);
            progress.depth.store(coverage.depth, Relaxed);
            for state in &level {
                visit(state);
            }
            let first = self.kept.len() - level.len();
            let size = BLOCK * limits.threads.max(1);
            for (number, block) in level.chunks(size).enumerate() {
                let done = first + number * size;
                let states = (done + block.len()) as u64;
                let too_many = limits.max_states.filter(|&most| states > most).map(Limit::States);
                if let Some(limit) = reached(0, limits, progress, start).or(too_many) {
                    return Err(limit.into());
                }
                coverage.states = states;
                progress.states.store(states, Relaxed);
                progress.frontier.store((self.kept.len() - done) as u64, Relaxed);
                let expanded = interrupt::caught(|| -> Vec<_> {
                    if limits.threads > 1 {
                        let enter = || interrupt::enter(over.clone());
                        block.par_iter().map_init(enter, |_, state| self.expand(state)).collect()
                    } else {
                        block.iter().map(|state| self.expand(state)).collect()
                    }
                });
                let expanded = expanded.map_err(|interrupted| overseer::limit(interrupted, limits))?;
                for (parent, states) in (done..).zip(expanded) {
                    coverage.transitions += states.len() as u64;
                    for (state, action) in states {
                        self.meet(state, Some(parent), Some(action))?;
                    }
                }
            }
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
            while let Some((parent, action)) = at.map(|number| &self.kept[number]) {
                path.extend(action.clone());
                at = *parent;
            }
            path.reverse();
            return Err(End::Violated { property: property.name, path });
        }
        self.next.push(Met { state, parent, action });
        Ok(())
    }

    /// Of the states that were met, those that none subsumes: the next level.
    fn thin(&mut self, reach: &(impl Fn(&M::State) -> Option<R> + Sync)) -> Vec<M::State> {
        let maximal = &self.maximal;
        let is_new =
            |own: &Option<R>| own.as_ref().is_none_or(|own| !maximal.iter().any(|other| other.subsumes(own)));
        let next = std::mem::take(&mut self.next).into_par_iter();
        let mut next: Vec<_> =
            next.map(|met| (reach(&met.state), met)).filter(|(own, _)| is_new(own)).collect();
        // Whoever subsumes another comes first, or weighs the same.
        let weight = |own: &Option<R>| own.as_ref().map(Subsumes::weight);
        next.sort_by(|(a, left), (b, right)| {
            weight(b).cmp(&weight(a)).then_with(|| left.state.cmp(&right.state))
        });
        let mut level: Vec<(Option<R>, Met<M>)> = Vec::new();
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
        let is_maximal = |old: &R| !new.iter().any(|new| new.subsumes(old));
        self.maximal = std::mem::take(&mut self.maximal).into_par_iter().filter(is_maximal).collect();
        let mut states = Vec::with_capacity(level.len());
        for (own, Met { state, parent, action }) in level {
            self.maximal.extend(own);
            self.kept.push((parent, action));
            states.push(state);
        }
        states
    }
}
