//! Breadth-first search: every reachable state, shortest counterexamples, the same counts at any
//! number of threads.

use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use stateright::{Expectation, Model, Property};

#[cfg(feature = "pbft")]
use super::ahead::Ahead;
use super::levels::{Frontier, levels};
use super::limits::{Limit, Limits, Progress};
use super::visited::{NOBODY, Visited};
use crate::engine::{Fingerprint, fingerprint};
use crate::interrupt;
use crate::spread::spread;

/// What a search has covered.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
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

impl Coverage {
    /// What work has covered that began then and is interrupted now.
    pub(super) fn so_far(progress: &Progress, begun: Instant) -> Self {
        Coverage {
            states: progress.states.load(Relaxed),
            transitions: progress.transitions.load(Relaxed),
            depth: progress.depth.load(Relaxed),
            elapsed: begun.elapsed(),
        }
    }
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

impl<A> From<Limit> for End<A> {
    fn from(limit: Limit) -> Self {
        End::Limited(limit)
    }
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

/// A search that a limit ended, and all that it takes to go on with it.
#[derive(Debug)]
pub struct Halted<S> {
    pub(super) visited: Visited,
    pub(super) frontier: Frontier<S>,
    pub(super) transitions: u64,
    pub(super) elapsed: Duration,
    /// Of the properties of kind *sometimes*, in their order, whether a visited state has it.
    pub(super) reached: Vec<bool>,
}

impl<S> Halted<S> {
    /// How many distinct states it has visited.
    pub fn states(&self) -> u64 {
        self.visited.len() as u64
    }

    /// The bytes that its visited states take; what is still to be expanded comes on top.
    pub fn bytes(&self) -> u64 {
        self.visited.bytes()
    }
}

/// A state that is new, as far as is known before the merge.
struct Candidate<S> {
    state: S,
    fingerprint: Fingerprint,
    lacks: Option<usize>,
}

/// What a state leads to, in order.
pub(super) struct Expansion<S> {
    parent: u32,
    transitions: u64,
    candidates: Vec<Candidate<S>>,
}

/// A search that has not expanded anything yet, and whether it can go on.
type Begun<M> = (Halted<<M as Model>::State>, Result<(), End<<M as Model>::Action>>);

pub(super) struct Search<'a, M: Model> {
    pub(super) model: &'a M,
    always: Vec<&'a Property<M>>,
    sometimes: Vec<(&'a Property<M>, AtomicBool)>,
    pub(super) limits: &'a Limits,
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
    visit: impl FnMut(&M::State),
) -> Report<M::Action>
where
    M: Model + Sync,
    M::State: Hash + Send + Sync,
    M::Action: Clone,
{
    search_on(model, properties, limits, progress, None, visit).0
}

/// Searches as [`search`] does, from where another search was ended by a limit: with it, it comes to the counts, the verdict and
/// the steps to which one without a limit comes. The model and the properties have to be the same, and `limits`
/// are for both together, but for the time. Also gives what it takes to go on, if a limit ended this one.
///
/// # Panics
/// If a property is of kind *eventually*: a search that ignored it would answer wrongly.
pub fn search_on<M>(
    model: &M,
    properties: &[Property<M>],
    limits: &Limits,
    progress: &Progress,
    halted: Option<Halted<M::State>>,
    visit: impl FnMut(&M::State),
) -> (Report<M::Action>, Option<Halted<M::State>>)
where
    M: Model + Sync,
    M::State: Hash + Send + Sync,
    M::Action: Clone,
{
    searched(model, properties, limits, progress, halted, visit, Search::expand_each)
}

/// A search as [`search_on`] does it, of a model whose tables grow while it is asked: it comes to what it would come to on one
/// thread that asks of one state after the other.
#[cfg(feature = "pbft")]
pub(super) fn search_ahead<M>(
    model: &M,
    properties: &[Property<M>],
    limits: &Limits,
    progress: &Progress,
    halted: Option<Halted<M::State>>,
) -> (Report<M::Action>, Option<Halted<M::State>>)
where
    M: Ahead + Sync,
    M::State: Hash + Send + Sync,
    M::Action: Clone + Send + Sync,
{
    searched(model, properties, limits, progress, halted, |_| {}, Search::expand_ahead)
}

fn searched<'a, M>(
    model: &'a M,
    properties: &'a [Property<M>],
    limits: &'a Limits,
    progress: &Progress,
    halted: Option<Halted<M::State>>,
    mut visit: impl FnMut(&M::State),
    expand: impl Fn(&Search<'a, M>, &Visited, &[(M::State, u32)]) -> Vec<Expansion<M::State>>,
) -> (Report<M::Action>, Option<Halted<M::State>>)
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
    let reached = |number: usize| halted.as_ref().is_some_and(|h| h.reached.get(number) == Some(&true));
    let sometimes = of_kind(Expectation::Sometimes).enumerate();
    let search = Search {
        model,
        always: of_kind(Expectation::Always).collect(),
        sometimes: sometimes.map(|(number, p)| (p, AtomicBool::new(reached(number)))).collect(),
        limits,
    };
    let (mut halted, begun) = match halted {
        Some(mut halted) => {
            halted.frontier.before = halted.elapsed;
            (halted, Ok(()))
        }
        None => search.begin(&mut visit),
    };
    let has_begun = begun.is_ok();
    let (end, depth) = match begun {
        Ok(()) => search.run(&mut halted, progress, start, &mut visit, expand),
        Err(end) => (Err(end), 0),
    };
    let elapsed = halted.elapsed + start.elapsed();
    let coverage = Coverage { states: halted.states(), transitions: halted.transitions, depth, elapsed };
    let named = |found: bool| {
        let of = search.sometimes.iter().filter(move |(_, hit)| hit.load(Relaxed) == found);
        of.map(|(p, _)| p.name).collect()
    };
    let end = end.err().unwrap_or(End::Exhausted);
    let report = Report { coverage, reached: named(true), unreached: named(false), end };
    let reached = search.sometimes.iter().map(|(_, hit)| hit.load(Relaxed)).collect();
    let goes_on = has_begun && matches!(report.end, End::Limited(_));
    (report, goes_on.then_some(Halted { elapsed, reached, ..halted }))
}

impl<'a, M> Search<'a, M>
where
    M: Model + Sync,
    M::State: Hash + Send + Sync,
    M::Action: Clone,
{
    /// The initial states.
    fn begin(&self, visit: &mut impl FnMut(&M::State)) -> Begun<M> {
        let mut visited = Visited::default();
        let mut level = Vec::new();
        let mut initial = self.model.init_states().into_iter().filter(|s| self.model.within_boundary(s));
        let begun = initial.try_for_each(|state| match self.judge(&visited, fingerprint(&state), state) {
            Some(candidate) => self.admit(&mut visited, candidate, NOBODY, &mut level, visit),
            None => Ok(()),
        });
        let (frontier, reached) = (Frontier::of(level), Vec::new());
        (Halted { visited, frontier, transitions: 0, elapsed: Duration::ZERO, reached }, begun)
    }

    fn run(
        &self,
        halted: &mut Halted<M::State>,
        progress: &Progress,
        start: Instant,
        visit: &mut impl FnMut(&M::State),
        expand: impl Fn(&Self, &Visited, &[(M::State, u32)]) -> Vec<Expansion<M::State>>,
    ) -> (Result<(), End<M::Action>>, u64) {
        let Halted { visited, frontier, transitions, .. } = halted;
        levels(
            visited,
            frontier,
            self.limits,
            progress,
            start,
            |visited, block| expand(self, visited, block),
            |visited, expansion, next| {
                let Expansion { parent, transitions: more, candidates } = expansion;
                let mut candidates = candidates.into_iter();
                let merged = candidates.try_for_each(|c| self.admit(visited, c, parent, next, visit));
                // After a limit, the state is expanded once more.
                let is_whole = !matches!(merged, Err(End::Limited(_)));
                *transitions += if is_whole { more } else { 0 };
                progress.transitions.store(*transitions, Relaxed);
                merged
            },
        )
    }

    /// What each of these states leads to.
    fn expand_each(&self, visited: &Visited, block: &[(M::State, u32)]) -> Vec<Expansion<M::State>> {
        spread(self.limits.threads, block, |(state, index)| {
            let mut actions = Vec::new();
            self.model.actions(state, &mut actions);
            self.led_to(visited, state, *index, &actions)
        })
    }

    /// What a state leads to by these actions, in order.
    pub(super) fn led_to(
        &self,
        visited: &Visited,
        state: &M::State,
        index: u32,
        actions: &[M::Action],
    ) -> Expansion<M::State> {
        let next = actions.iter().filter_map(|action| self.model.next_state(state, action.clone()));
        let next = next.filter(|state| self.model.within_boundary(state));
        let next: Vec<_> = next.map(|state| (fingerprint(&state), state)).collect();
        visited.fetch(next.iter().map(|(fingerprint, _)| *fingerprint));
        let transitions = next.len() as u64;
        let candidates =
            next.into_iter().filter_map(|(fingerprint, state)| self.judge(visited, fingerprint, state));
        Expansion { parent: index, transitions, candidates: candidates.collect() }
    }

    /// Checks the properties of a state, unless it was visited.
    fn judge(
        &self,
        visited: &Visited,
        fingerprint: Fingerprint,
        state: M::State,
    ) -> Option<Candidate<M::State>> {
        if visited.contains(fingerprint) {
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
        &self,
        visited: &mut Visited,
        candidate: Candidate<M::State>,
        parent: u32,
        level: &mut Vec<(M::State, u32)>,
        visit: &mut impl FnMut(&M::State),
    ) -> Result<(), End<M::Action>> {
        let (index, true) = visited.admit(candidate.fingerprint, parent, self.limits)? else { return Ok(()) };
        visit(&candidate.state);
        if let Some(property) = candidate.lacks {
            let property = self.always[property].name;
            // What was found is shown, even if the time is over meanwhile.
            let path = interrupt::undisturbed(|| {
                visited.retrace(self.model, &visited.lineage(index), |_, _, _| true)
            });
            return Err(End::Violated { property, path });
        }
        level.push((candidate.state, index));
        Ok(())
    }
}
