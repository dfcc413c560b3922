//! Counterexamples to liveness: where a run can stay without reaching its goal, how to get there, and how
//! to go round.

use std::collections::{BTreeSet, HashSet};
use std::hash::Hash;

use stateright::Model;

use super::component::components;
use super::graph::{Graph, UNOWED, bit};
use super::{FairModel, Finding, LivenessError, LivenessProperty, LivenessVerdict};
use crate::engine::fingerprint;
use crate::interrupt;

/// Steps that are looked at for a loop shorter than the first that was found.
const EFFORT: u64 = 1 << 23;

const UNMET: u32 = u32::MAX;

/// The bytes that it takes for each state to decide a property: those of a region, of components, and of a loop.
pub(super) const TO_DECIDE: usize = 5 * size_of::<u32>() + size_of::<(u32, Edge)>();

/// A fair run that never reaches its goal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lasso<A> {
    /// Which of the model's initial states it starts in, as an index.
    pub initial: usize,
    /// The steps to where it stays.
    pub prefix: Vec<A>,
    /// How it stays there.
    pub ending: Ending<A>,
}

/// How a run that does not reach its goal goes on for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending<A> {
    /// Nothing can happen any more.
    DeadEnd,
    /// What can still happen is owed by nobody, and so need not.
    Rest,
    /// The steps of a loop, at least two, of which the last leads back to where the first started.
    Loop(Vec<A>),
}

impl<A> Lasso<A> {
    /// The steps of the loop: none if the run stops.
    pub fn cycle(&self) -> &[A] {
        match &self.ending {
            Ending::DeadEnd | Ending::Rest => &[],
            Ending::Loop(steps) => steps,
        }
    }

    /// The states of the run, once round the loop: one more than there are steps, and the last is
    /// the one after the prefix. None if the steps are not those of this model.
    pub fn states<M>(&self, model: &M) -> Option<Vec<M::State>>
    where
        M: Model<Action = A>,
        A: Clone + PartialEq,
    {
        let mut states = vec![model.init_states().into_iter().nth(self.initial)?];
        for action in self.prefix.iter().chain(self.cycle()) {
            let state = states.last()?;
            let mut offered = Vec::new();
            model.actions(state, &mut offered);
            let offered = offered.contains(action).then_some(());
            let next = offered.and_then(|()| model.next_state(state, action.clone()))?;
            states.push(next);
        }
        states.iter().all(|state| model.within_boundary(state)).then_some(states)
    }
}

/// A step by numbers.
#[derive(Clone, Copy, Debug)]
struct Edge {
    to: u32,
    label: u8,
}

/// The states in which the goal of a property is owed, as a run can meet them.
struct Region {
    /// Of each state, the one before it, itself where the goal is first asked for.
    parents: Vec<u32>,
    /// Of each state, the steps from an initial state through one that asks for the goal.
    distances: Vec<u32>,
    /// The states of the region, nearest first.
    order: Vec<u32>,
}

impl Region {
    fn new<C: Copy + Ord>(graph: &Graph<C>, property: usize) -> Self {
        let states = graph.len();
        interrupt::ask_for((3 * states * size_of::<u32>()) as u64);
        let mut region =
            Region { parents: vec![UNMET; states], distances: vec![UNMET; states], order: Vec::new() };
        let mut sources = (0..states as u32).filter(|&s| graph.is_trigger(property, s)).peekable();
        let mut head = 0;
        loop {
            // States are numbered by their depth, so that those that ask for the goal join the queue in
            // order too.
            let distance = match (region.order.get(head), sources.peek()) {
                (Some(&state), _) => region.distances[state as usize],
                (None, Some(&source)) => graph.depth[source as usize],
                (None, None) => break,
            };
            while let Some(source) = sources.next_if(|&source| graph.depth[source as usize] <= distance) {
                region.add(source, source, graph.depth[source as usize]);
            }
            let Some(&state) = region.order.get(head) else { continue };
            interrupt::poll();
            head += 1;
            for edge in graph.edges(state) {
                let target = graph.target(edge);
                if !graph.is_goal(property, target) {
                    region.add(target, state, distance + 1);
                }
            }
        }
        region
    }

    fn add(&mut self, state: u32, parent: u32, distance: u32) {
        if self.parents[state as usize] == UNMET {
            self.parents[state as usize] = parent;
            self.distances[state as usize] = distance;
            self.order.push(state);
        }
    }

    /// The states from where the goal is first asked for to one of the region.
    fn lineage(&self, state: u32) -> Vec<u32> {
        let mut route = vec![state];
        let mut state = state;
        while self.parents[state as usize] != state {
            state = self.parents[state as usize];
            route.push(state);
        }
        route.reverse();
        route
    }
}

/// The components of a region in which a run can stay.
struct Traps<'a, C> {
    graph: &'a Graph<C>,
    /// Of each state, the number of its component; 0 if no run can stay in it.
    component: Vec<u32>,
}

impl<'a, C: Copy + Ord> Traps<'a, C> {
    fn new(graph: &'a Graph<C>, region: &Region) -> Self {
        let inside = |state: u32| region.parents[state as usize] != UNMET && !graph.is_blind(state);
        interrupt::ask_for((graph.len() * size_of::<u32>()) as u64);
        let mut component = vec![0; graph.len()];
        let mut number = 0;
        components(
            graph.len(),
            region.order.iter().copied().filter(|&state| inside(state)),
            |state| graph.edges(state),
            |edge| Some(graph.target(edge)).filter(|&state| inside(state)),
            |states| {
                number += 1;
                states.iter().for_each(|&state| component[state as usize] = number);
                let mut owed = u64::MAX;
                for &state in states {
                    interrupt::poll();
                    owed &= graph.enabled(state);
                    let within = |&edge: &u64| component[graph.target(edge) as usize] == number;
                    for edge in graph.edges(state).filter(within) {
                        owed &= !bit(graph.label(edge));
                    }
                }
                if owed != 0 {
                    states.iter().for_each(|&state| component[state as usize] = 0);
                }
            },
        );
        Traps { graph, component }
    }

    /// The steps from a state of a trap that do not leave it.
    fn steps(&self, state: u32) -> impl Iterator<Item = Edge> {
        let trap = self.component[state as usize];
        let edges = self.graph.edges(state);
        let edges = edges.map(|edge| Edge { to: self.graph.target(edge), label: self.graph.label(edge) });
        edges.filter(move |edge| self.component[edge.to as usize] == trap)
    }

    /// The classes that remain to be discharged after a step.
    fn after(&self, owed: u64, edge: Edge) -> u64 {
        owed & !bit(edge.label) & self.graph.enabled(edge.to)
    }

    /// A fair loop through a state of a trap: one class after the other is discharged where that is
    /// nearest.
    fn some_loop(&self, start: u32) -> Vec<Edge> {
        interrupt::ask_for((self.component.len() * size_of::<(u32, Edge)>()) as u64);
        let mut steps: Vec<Edge> = Vec::new();
        let mut from: Vec<(u32, Edge)> =
            vec![(UNMET, Edge { to: start, label: UNOWED }); self.component.len()];
        let mut owed = self.graph.enabled(start);
        let mut here = start;
        while owed != 0 || here != start {
            let mut queue = vec![here];
            let mut head = 0;
            let mut found = None;
            from[here as usize].0 = here;
            while let (Some(&state), None) = (queue.get(head), found) {
                interrupt::poll();
                head += 1;
                for edge in self.steps(state) {
                    let is_there = if owed == 0 { edge.to == start } else { self.after(owed, edge) != owed };
                    if is_there {
                        found = Some((state, edge));
                        break;
                    }
                    if from[edge.to as usize].0 == UNMET {
                        from[edge.to as usize] = (state, edge);
                        queue.push(edge.to);
                    }
                }
            }
            // In a trap every class can be discharged, and every state can be reached.
            let Some((mut state, last)) = found else { break };
            let first = steps.len();
            steps.push(last);
            while state != here {
                let (before, edge) = from[state as usize];
                steps.push(edge);
                state = before;
            }
            steps[first..].reverse();
            for &edge in &steps[first..] {
                owed = self.after(owed, edge);
            }
            here = last.to;
            queue.iter().for_each(|&state| from[state as usize].0 = UNMET);
        }
        steps
    }

    /// The shortest fair loop through a state of a trap, if there is one of fewer than `bound` steps and the
    /// effort suffices to find it.
    fn shortest_loop(&self, start: u32, bound: usize, effort: &mut u64) -> Option<Vec<Edge>> {
        let owed = self.graph.enabled(start);
        if owed == 0 {
            return (bound > 0).then(Vec::new);
        }
        // A breadth-first search for the start with nothing owed any more, over states and what is owed.
        let mut queue = vec![(Edge { to: start, label: UNOWED }, owed, 0)];
        let mut met = HashSet::from([(start, owed)]);
        let (mut head, mut level_end, mut length) = (0, 1, 1);
        while head < queue.len() && length < bound && !interrupt::is_set() {
            let (Edge { to: state, .. }, owed, _) = queue[head];
            for edge in self.steps(state) {
                *effort = effort.checked_sub(1)?;
                let after = self.after(owed, edge);
                if after == 0 && edge.to == start {
                    let mut steps = vec![edge];
                    let mut at = head;
                    while at != 0 {
                        steps.push(queue[at].0);
                        at = queue[at].2;
                    }
                    steps.reverse();
                    return Some(steps);
                }
                if met.insert((edge.to, after)) {
                    queue.push((edge, after, head));
                }
            }
            head += 1;
            if head == level_end {
                level_end = queue.len();
                length += 1;
            }
        }
        None
    }

    /// Where a run stays, and the loop there, with the fewest steps that the effort allows.
    fn nearest(&self, region: &Region) -> Option<(u32, Vec<Edge>)> {
        let mut starts = region.order.iter().copied().filter(|&s| self.component[s as usize] != 0).peekable();
        let distance = |state: u32| region.distances[state as usize] as usize;
        let &first = starts.peek()?;
        let mut best = (first, self.some_loop(first));
        let mut effort = EFFORT;
        for start in starts {
            let total = distance(best.0) + best.1.len();
            // A shorter one is worth no more than the effort, or the moment that is left.
            if distance(start) >= total || interrupt::is_set() {
                break;
            }
            if let Some(steps) = self.shortest_loop(start, total - distance(start), &mut effort) {
                best = (start, steps);
            }
        }
        Some(best)
    }
}

/// Decides a property on the graph. It may be given up before a violation is found; one that was is told.
pub(super) fn decide<M>(
    model: &M,
    graph: &Graph<M::Class>,
    number: usize,
    property: &LivenessProperty<M>,
) -> Result<Finding<M::Action>, LivenessError>
where
    M: FairModel,
    M::State: Hash,
    M::Action: Clone + PartialEq,
{
    let region = Region::new(graph, number);
    let finding =
        |verdict| Finding { property: property.name.clone(), verdict, owed: region.order.len() as u64 };
    let Some((place, cycle)) = Traps::new(graph, &region).nearest(&region) else {
        let hidden = graph.hidden(&property.claim, &region.order);
        return Ok(finding(hidden.map_or(LivenessVerdict::Holds, LivenessVerdict::NotExhausted)));
    };
    let lasso = interrupt::undisturbed(|| retraced(model, graph, &region.lineage(place), &cycle));
    match interrupt::undisturbed(|| confirm(model, property, &lasso)) {
        Ok(()) => Ok(finding(LivenessVerdict::Violated(lasso))),
        Err(reason) => Err(LivenessError::Unconfirmed { property: property.name.clone(), reason }),
    }
}

/// The steps from an initial state through those in which the goal is owed to where a run stays, and round the loop there.
fn retraced<M>(model: &M, graph: &Graph<M::Class>, owing: &[u32], cycle: &[Edge]) -> Lasso<M::Action>
where
    M: FairModel,
    M::State: Hash,
    M::Action: Clone + PartialEq,
{
    let mut route = owing.first().map(|&source| graph.visited.lineage(source)).unwrap_or_default();
    route.extend(owing.iter().skip(1));
    let place = route.last().copied().unwrap_or_default();
    let start = route.len().saturating_sub(1);
    route.extend(cycle.iter().map(|edge| edge.to));
    let owed_as = |step: usize| step.checked_sub(start).map(|step| cycle[step].label);
    let mut prefix = graph.visited.retrace(model, &route, |step, state, action| {
        owed_as(step).is_none_or(|label| graph.label_of(model.class(state, action)) == label)
    });
    let steps = prefix.split_off(start.min(prefix.len()));
    let number = |state: &M::State| graph.visited.number(fingerprint(state));
    let first = route.first().copied();
    let initial = first.and_then(|_| model.init_states().iter().position(|state| number(state) == first));
    let ending = match (cycle.is_empty(), graph.edges(place).is_empty() && !graph.is_open(place)) {
        (false, _) => Ending::Loop(steps),
        (true, true) => Ending::DeadEnd,
        (true, false) => Ending::Rest,
    };
    Lasso { initial: initial.unwrap_or(usize::MAX), prefix, ending }
}

/// The classes that are enabled in a state, and whether anything is.
fn enabled<M>(model: &M, state: &M::State) -> (BTreeSet<M::Class>, bool)
where
    M: FairModel,
    M::State: Hash,
{
    let mut actions = Vec::new();
    model.actions(state, &mut actions);
    let mut classes = BTreeSet::new();
    let mut any = false;
    for action in actions {
        let class = model.class(state, &action);
        let next = model.next_state(state, action);
        if next.is_some_and(|next| fingerprint(&next) != fingerprint(state)) {
            classes.extend(class);
            any = true;
        }
    }
    (classes, any)
}

/// Executes a counterexample, and judges it by the definitions alone.
pub(in crate::check) fn confirm<M>(
    model: &M,
    property: &LivenessProperty<M>,
    lasso: &Lasso<M::Action>,
) -> Result<(), String>
where
    M: FairModel,
    M::State: Hash,
    M::Action: Clone + PartialEq,
{
    let states = lasso.states(model).ok_or("a step is not there")?;
    let cycle = lasso.cycle();
    let (prefix, around) = states.split_at(lasso.prefix.len());
    if around.first().map(fingerprint) != around.last().map(fingerprint) {
        return Err("the loop does not close".into());
    }
    let is_goal = |state: &M::State| property.goal()(model, state);
    if around.iter().any(is_goal) {
        return Err("the goal is reached in the loop".into());
    }
    let last_goal = prefix.iter().rposition(is_goal).map_or(0, |place| place + 1);
    let asks = |(place, state): (usize, &M::State)| property.triggers(model, state, place == 0);
    if !states.iter().enumerate().skip(last_goal).any(asks) {
        return Err("the goal is not owed".into());
    }
    let (mut owed, any) = around.first().map(|state| enabled(model, state)).ok_or("there is no state")?;
    for (state, action) in around.iter().zip(cycle) {
        let (enabled, _) = enabled(model, state);
        owed.retain(|class| enabled.contains(class));
        if let Some(class) = model.class(state, action) {
            owed.remove(&class);
        }
    }
    let is_real = around.windows(2).all(|pair| fingerprint(&pair[0]) != fingerprint(&pair[1]));
    if !is_real || around.iter().any(|state| model.is_cut(state)) {
        return Err("the loop has a step that is none, or a state that is cut".into());
    }
    if !owed.is_empty() {
        return Err(format!("{owed:?} is enabled for ever and never taken"));
    }
    match lasso.ending {
        Ending::DeadEnd if any => Err("the dead end has a way out".into()),
        Ending::Loop(ref steps) if steps.is_empty() => Err("the loop has no steps".into()),
        _ => Ok(()),
    }
}
