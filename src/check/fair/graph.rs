//! The explored graph: states as numbers, steps as numbers of states with the class that owes them.

use std::hash::Hash;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use smallvec::SmallVec;

use super::halted::HaltedGraph;
use super::lasso::TO_DECIDE;
use super::{Claim, Cut, FairModel, LivenessError, LivenessProperty, MAX_CLASSES};
use crate::check::levels::{Frontier, levels};
use crate::check::limits::{Limit, Limits, Progress};
use crate::check::search::Coverage;
use crate::check::visited::{NOBODY, Visited};
use crate::engine::{Fingerprint, fingerprint};
use crate::spread::spread;

/// The label of a step that nobody owes.
pub(super) const UNOWED: u8 = u8::MAX;

/// Something that this state leads to was not explored.
const OPEN: u8 = 1;
/// What is enabled in this state is not known.
const BLIND: u8 = 2;

/// The graph. A state is the number in which it was met, and states were expanded in that order: what is
/// kept of those that were expanded is shorter than what is kept of all, if a limit was reached.
#[derive(Debug)]
pub(in crate::check) struct Graph<C> {
    pub(super) visited: Visited,
    /// Of each state, how many steps from the start it was met.
    pub(super) depth: Vec<u32>,
    /// Of each state, two bits a property: whether the goal is reached there, and whether it is asked for.
    pub(super) marks: Vec<u64>,
    /// Of each expanded state, the classes that are enabled.
    pub(super) enabled: Vec<u64>,
    pub(super) flags: Vec<u8>,
    /// Where the steps of each expanded state end.
    pub(super) ends: Vec<u64>,
    pub(super) targets: Vec<u32>,
    pub(super) labels: Vec<u8>,
    pub(super) classes: Vec<C>,
    /// Why something was left out, if anything was.
    pub(super) cut: Option<Cut>,
    /// Whether an initial state was left out.
    pub(super) is_start_cut: bool,
}

impl<C> Graph<C> {
    /// The states that were met.
    pub(in crate::check) fn visited(&self) -> &Visited {
        &self.visited
    }
}

impl<C: Copy + Ord> Graph<C> {
    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    pub(super) fn is_goal(&self, property: usize, state: u32) -> bool {
        self.marks[state as usize] >> (2 * property) & 1 != 0
    }

    pub(super) fn is_trigger(&self, property: usize, state: u32) -> bool {
        self.marks[state as usize] >> (2 * property + 1) & 1 != 0
    }

    /// Whether some of what a state leads to was not explored.
    pub(super) fn is_open(&self, state: u32) -> bool {
        self.flags(state) & OPEN != 0
    }

    /// Whether it is not known what is enabled in a state.
    pub(super) fn is_blind(&self, state: u32) -> bool {
        self.flags(state) & BLIND != 0
    }

    /// Of a state that was not expanded, nothing is known.
    fn flags(&self, state: u32) -> u8 {
        self.flags.get(state as usize).copied().unwrap_or(OPEN | BLIND)
    }

    /// The classes that are enabled in a state that is not blind.
    pub(super) fn enabled(&self, state: u32) -> u64 {
        self.enabled.get(state as usize).copied().unwrap_or_default()
    }

    /// The numbers of a state's steps.
    pub(super) fn edges(&self, state: u32) -> Range<u64> {
        let Some(&end) = self.ends.get(state as usize) else { return 0..0 };
        let before = (state as usize).checked_sub(1);
        before.map_or(0, |before| self.ends[before])..end
    }

    /// Where a step leads.
    pub(super) fn target(&self, edge: u64) -> u32 {
        self.targets[edge as usize]
    }

    /// The number of the class that owes a step, or [`UNOWED`].
    pub(super) fn label(&self, edge: u64) -> u8 {
        self.labels[edge as usize]
    }

    /// The label of a class.
    pub(super) fn label_of(&self, class: Option<C>) -> u8 {
        let number = class.and_then(|class| self.classes.iter().position(|&known| known == class));
        number.map_or(UNOWED, |number| number as u8)
    }

    /// What hides a violation of a claim, if anything: `before` are the states in which the goal is owed.
    pub(super) fn hidden<M: FairModel>(&self, claim: &Claim<M>, before: &[u32]) -> Option<Cut> {
        match (claim, self.cut) {
            (Claim::Eventually(_), Some(Cut::Boundary)) => {
                let is_open = self.is_start_cut || before.iter().any(|&state| self.is_open(state));
                is_open.then_some(Cut::Boundary)
            }
            (_, cut) => cut,
        }
    }

    /// The classes that were enabled in some state.
    pub(super) fn sorted_classes(&self) -> Vec<C> {
        let mut classes = self.classes.clone();
        classes.sort_unstable();
        classes
    }

    /// Whether a limit ended the exploration.
    pub(super) fn is_limited(&self) -> bool {
        matches!(self.cut, Some(Cut::Limit(_)))
    }

    /// What it takes to go on, if a limit ended the exploration, and not before it began.
    pub(super) fn halted<S>(self, frontier: Frontier<S>, coverage: Coverage) -> Option<HaltedGraph<S, C>> {
        let can_go_on = self.is_limited() && !self.is_start_cut;
        let Coverage { transitions, elapsed, .. } = coverage;
        let graph = Graph { cut: None, ..self };
        can_go_on.then_some(HaltedGraph { graph, frontier, transitions, elapsed })
    }

    fn intern(&mut self, class: C) -> Result<u8, C> {
        if let Some(number) = self.classes.iter().position(|&known| known == class) {
            return Ok(number as u8);
        }
        if self.classes.len() == MAX_CLASSES {
            return Err(class);
        }
        self.classes.push(class);
        Ok(self.classes.len() as u8 - 1)
    }

    /// Takes in a state that was met for the first time.
    fn meet(&mut self, marks: u64, depth: u32) {
        self.marks.push(marks);
        self.depth.push(depth);
    }
}

/// As a set of classes.
pub(super) fn bit(label: u8) -> u64 {
    if label == UNOWED { 0 } else { 1 << label }
}

/// What ended an exploration.
enum Stop {
    Limited(Limit),
    Failed(LivenessError),
}

impl From<Limit> for Stop {
    fn from(limit: Limit) -> Self {
        Stop::Limited(limit)
    }
}

/// A step to another state.
struct Step<S, C> {
    fingerprint: Fingerprint,
    class: Option<C>,
    /// The state and its marks, if it was not met before.
    new: Option<(S, u64)>,
}

/// What a state leads to, in the order of its actions.
struct Expansion<S, C> {
    from: u32,
    transitions: u64,
    steps: Vec<Step<S, C>>,
    /// The classes of the steps that lead out of the boundary.
    beyond: SmallVec<[C; 4]>,
    flags: u8,
}

/// The marks of a state, which it has whatever the way to it.
fn marks<M: FairModel>(
    model: &M,
    properties: &[LivenessProperty<M>],
    state: &M::State,
    is_initial: bool,
) -> u64 {
    properties.iter().enumerate().fold(0, |marks, (number, property)| {
        let goal = property.goal()(model, state);
        // Where the goal is reached, nothing is owed.
        let trigger = !goal && property.triggers(model, state, is_initial);
        marks | u64::from(goal) << (2 * number) | u64::from(trigger) << (2 * number + 1)
    })
}

fn expand<M>(
    model: &M,
    properties: &[LivenessProperty<M>],
    visited: &Visited,
    state: &M::State,
    from: u32,
) -> Expansion<M::State, M::Class>
where
    M: FairModel,
    M::State: Hash,
{
    let mut actions = Vec::new();
    model.actions(state, &mut actions);
    let flags = if model.is_cut(state) { OPEN | BLIND } else { 0 };
    let mut expansion = Expansion { from, transitions: 0, steps: Vec::new(), beyond: SmallVec::new(), flags };
    for action in actions {
        let class = model.class(state, &action);
        let Some(next) = model.next_state(state, action) else { continue };
        if !model.within_boundary(&next) {
            // The step exists, wherever it leads.
            expansion.beyond.extend(class);
            expansion.flags |= OPEN;
            continue;
        }
        expansion.transitions += 1;
        let fingerprint = fingerprint(&next);
        let met = visited.number(fingerprint);
        if met == Some(from) {
            continue;
        }
        let new = met.is_none().then(|| {
            let marks = marks(model, properties, &next, false);
            (next, marks)
        });
        expansion.steps.push(Step { fingerprint, class, new });
    }
    expansion
}

/// What was explored, and what was not yet expanded.
pub(super) struct Explored<S, C> {
    pub graph: Graph<C>,
    pub frontier: Frontier<S>,
    pub coverage: Coverage,
}

/// Explores all that is reachable within the boundary, as far as the limits let; from where another exploration was ended, if
/// one was.
pub(super) fn explore<M>(
    model: &M,
    properties: &[LivenessProperty<M>],
    limits: &Limits,
    progress: &Progress,
    start: Instant,
    halted: Option<HaltedGraph<M::State, M::Class>>,
) -> Result<Explored<M::State, M::Class>, LivenessError>
where
    M: FairModel + Sync,
    M::State: Hash + Send + Sync,
{
    let (mut graph, mut frontier, mut transitions, mut end) = match halted {
        Some(HaltedGraph { graph, frontier, transitions, elapsed }) => {
            (graph, Frontier { before: elapsed, ..frontier }, transitions, Ok(()))
        }
        None => {
            let (graph, level, end) = begin(model, properties, limits);
            (graph, Frontier::of(level), 0, end)
        }
    };
    let mut visited = std::mem::take(&mut graph.visited).with_later(TO_DECIDE);
    let mut depth = 0;
    if end.is_ok() {
        (end, depth) = levels(
            &mut visited,
            &mut frontier,
            limits,
            progress,
            start,
            |visited, block| {
                spread(limits.threads, block, |(state, from)| {
                    expand(model, properties, visited, state, *from)
                })
            },
            |visited, expansion, next| {
                let merged = merge(&mut graph, visited, expansion, limits, &mut transitions, next);
                progress.transitions.store(transitions, Relaxed);
                merged
            },
        );
    }
    graph.cut = match end {
        Err(Stop::Failed(error)) => return Err(error),
        Err(Stop::Limited(limit)) => Some(Cut::Limit(limit)),
        Ok(()) => {
            let is_open = graph.is_start_cut || graph.flags.iter().any(|flags| flags & OPEN != 0);
            is_open.then_some(Cut::Boundary)
        }
    };
    graph.visited = visited;
    let coverage =
        Coverage { states: graph.visited.len() as u64, transitions, depth, elapsed: start.elapsed() };
    Ok(Explored { graph, frontier, coverage })
}

/// What an exploration begins with.
type Begun<M> =
    (Graph<<M as FairModel>::Class>, Vec<(<M as stateright::Model>::State, u32)>, Result<(), Stop>);

/// The initial states, as far as the limits let.
fn begin<M>(model: &M, properties: &[LivenessProperty<M>], limits: &Limits) -> Begun<M>
where
    M: FairModel,
    M::State: Hash,
{
    let mut graph = Graph {
        visited: Visited::default(),
        depth: Vec::new(),
        marks: Vec::new(),
        enabled: Vec::new(),
        flags: Vec::new(),
        ends: Vec::new(),
        targets: Vec::new(),
        labels: Vec::new(),
        classes: Vec::new(),
        cut: None,
        is_start_cut: false,
    };
    let mut visited = Visited::default();
    let (mut level, mut end) = (Vec::new(), Ok(()));
    for state in model.init_states() {
        if !model.within_boundary(&state) {
            graph.is_start_cut = true;
            continue;
        }
        match visited.admit(fingerprint(&state), NOBODY, limits) {
            Ok((_, false)) => {}
            Ok((index, true)) => {
                graph.meet(marks(model, properties, &state, true), 0);
                level.push((state, index));
            }
            Err(limit) => {
                graph.is_start_cut = true;
                end = Err(Stop::Limited(limit));
                break;
            }
        }
    }
    graph.visited = visited;
    (graph, level, end)
}

/// Takes in what a state leads to, all of it or, if a limit is reached, nothing but the states.
fn merge<S, C: Copy + Ord + std::fmt::Debug>(
    graph: &mut Graph<C>,
    visited: &mut Visited,
    expansion: Expansion<S, C>,
    limits: &Limits,
    transitions: &mut u64,
    next: &mut Vec<(S, u32)>,
) -> Result<(), Stop> {
    let more = expansion.transitions;
    let failed = |class| Stop::Failed(LivenessError::TooManyClasses(format!("{class:?}")));
    let depth = graph.depth[expansion.from as usize] + 1;
    let mut enabled = 0;
    for class in expansion.beyond {
        enabled |= bit(graph.intern(class).map_err(failed)?);
    }
    let mut edges: SmallVec<[(u32, u8); 32]> = SmallVec::new();
    for step in expansion.steps {
        let label = match step.class {
            Some(class) => graph.intern(class).map_err(failed)?,
            None => UNOWED,
        };
        enabled |= bit(label);
        let (target, is_new) = visited.admit(step.fingerprint, expansion.from, limits)?;
        if let (true, Some((state, marks))) = (is_new, step.new) {
            graph.meet(marks, depth);
            next.push((state, target));
        }
        edges.push((target, label));
    }
    edges.sort_unstable();
    edges.dedup();
    graph.targets.extend(edges.iter().map(|&(target, _)| target));
    graph.labels.extend(edges.iter().map(|&(_, label)| label));
    graph.ends.push(graph.targets.len() as u64);
    graph.enabled.push(enabled);
    graph.flags.push(expansion.flags);
    // After a limit, the state is expanded once more.
    *transitions += more;
    Ok(())
}
