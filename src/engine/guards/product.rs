//! The search over what all honest nodes can be in together.

use crate::hashed::IndexSet;

use super::masks::{Mask, is_met};
use super::reduce::{Class, Classes};
use super::symmetry::Symmetry;

/// Bits for the class of one node.
const WIDTH: u32 = 24;

/// Who moves, and the class that it moves to, one after the other.
type Moves = Vec<(usize, u32)>;

/// A state: the class of each honest node.
type Packed = u128;

/// What was found wrong in a state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Wrong {
    /// Two nodes, by place, can decide differently.
    Torn([(usize, u16); 2]),
    /// A node can decide something that is not valid.
    Invalid(usize, u16),
    /// A node can panic.
    Panics(usize),
}

/// What decisions are wrong.
pub(super) struct Judgement {
    /// By decision, the decisions that contradict it.
    pub against: Vec<Vec<u16>>,
    pub invalid: Vec<bool>,
    pub asks_panics: bool,
}

/// A product of local states, and how it is searched.
pub(super) struct Product<'a> {
    pub tables: &'a [Classes],
    pub symmetries: &'a [Symmetry],
    pub judgement: &'a Judgement,
}

/// What a search has found.
pub(super) struct Searched {
    pub states: IndexSet<Packed>,
    parents: Vec<u32>,
    pub transitions: u64,
    pub depth: u64,
    pub end: End,
}

/// How it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum End {
    Exhausted,
    /// Whoever looks on has ended it.
    Ended,
    /// The state of this number is wrong.
    Wrong(u32),
}

fn pack(state: &[u32]) -> Packed {
    state.iter().rev().fold(0, |packed, class| packed << WIDTH | Packed::from(*class))
}

/// The classes of a state.
pub(super) fn unpack(packed: Packed, out: &mut [u32]) {
    for (place, class) in (0..).zip(out) {
        *class = (packed >> (place * WIDTH)) as u32 & ((1 << WIDTH) - 1);
    }
}

impl Product<'_> {
    fn class(&self, place: usize, class: u32) -> &Class {
        &self.tables[place].all[class as usize]
    }

    /// All that was sent.
    pub fn exists(&self, state: &[u32]) -> Mask {
        state.iter().enumerate().fold(0, |all, (place, class)| all | self.class(place, *class).sent)
    }

    /// The one state for all that differ in names.
    fn canonical(&self, state: &[u32]) -> Packed {
        let mut renamed = vec![0; state.len()];
        let all = self.symmetries.iter().map(|symmetry| {
            symmetry.state(state, &mut renamed);
            pack(&renamed)
        });
        all.fold(pack(state), Packed::min)
    }

    /// What is wrong with a state.
    pub fn wrong(&self, state: &[u32]) -> Option<Wrong> {
        let exists = self.exists(state);
        let panics = |(place, class): (usize, &u32)| is_met(&self.class(place, *class).panics, exists);
        if let Some(place) = state.iter().enumerate().position(panics).filter(|_| self.judgement.asks_panics)
        {
            return Some(Wrong::Panics(place));
        }
        let decided = self.decided(state);
        for &(place, decision) in &decided {
            let against = &self.judgement.against[usize::from(decision)];
            let other = decided.iter().find(|(other, what)| *other != place && against.contains(what));
            if let Some(&other) = other {
                return Some(Wrong::Torn([(place, decision), other]));
            }
            if self.judgement.invalid[usize::from(decision)] {
                return Some(Wrong::Invalid(place, decision));
            }
        }
        None
    }

    /// Who can decide what.
    pub fn decided(&self, state: &[u32]) -> Vec<(usize, u16)> {
        let exists = self.exists(state);
        let all = state.iter().enumerate().flat_map(|(place, class)| {
            let enabled = self.class(place, *class).decides.iter().filter(|(_, any)| is_met(any, exists));
            enabled.map(move |(decision, _)| (place, *decision))
        });
        all.collect()
    }

    /// Whether anything can be decided in any of these states.
    pub fn decides(&self, searched: &Searched) -> bool {
        let mut state = vec![0; self.tables.len()];
        searched.states.iter().any(|packed| {
            unpack(*packed, &mut state);
            !self.decided(&state).is_empty()
        })
    }

    /// What follows a state: who moves, and the class that it moves to.
    fn steps<'a>(&'a self, state: &'a [u32]) -> impl Iterator<Item = (usize, u32)> + 'a {
        let exists = self.exists(state);
        state.iter().enumerate().flat_map(move |(place, &class)| {
            let edges = self.class(place, class).edges.iter().filter(move |(_, any)| is_met(any, exists));
            edges.map(move |(to, _)| (place, *to))
        })
    }

    /// Searches breadth first: what is found wrong is as near as can be. It is ended when `goes_on` says so, which is told how
    /// many states were met, and at which depth.
    pub fn search(&self, goes_on: &dyn Fn(u64, u64) -> bool) -> Searched {
        let first = vec![0; self.tables.len()];
        let mut searched = Searched {
            states: IndexSet::default(),
            parents: vec![u32::MAX],
            transitions: 0,
            depth: 0,
            end: End::Exhausted,
        };
        searched.states.insert(self.canonical(&first));
        let mut state = first;
        let (mut at, mut level) = (0, 1);
        while at < searched.states.len() {
            if at == level {
                searched.depth += 1;
                level = searched.states.len();
            }
            if at % 4096 == 0 && !goes_on(searched.states.len() as u64, searched.depth) {
                searched.end = End::Ended;
                return searched;
            }
            let Some(&packed) = searched.states.get_index(at) else { break };
            unpack(packed, &mut state);
            if self.wrong(&state).is_some() {
                searched.end = End::Wrong(at as u32);
                return searched;
            }
            let mut next = state.clone();
            for (place, to) in self.steps(&state) {
                searched.transitions += 1;
                next[place] = to;
                if searched.states.insert(self.canonical(&next)) {
                    searched.parents.push(at as u32);
                }
                next[place] = state[place];
            }
            at += 1;
        }
        searched
    }

    /// The steps to a state, with the names that they have from the beginning: who moves, and to which class; and the state itself.
    pub fn path(&self, searched: &Searched, target: u32) -> Option<(Moves, Vec<u32>)> {
        let mut route = vec![target];
        while let Some(&parent) = route.last().and_then(|at| searched.parents.get(*at as usize)) {
            if parent == u32::MAX {
                break;
            }
            route.push(parent);
        }
        let mut state = vec![0; self.tables.len()];
        let mut path = Vec::new();
        for target in route.iter().rev().skip(1) {
            let wanted = *searched.states.get_index(*target as usize)?;
            let steps: Vec<_> = self.steps(&state).collect();
            let step = steps.into_iter().find(|(place, to)| {
                let mut next = state.clone();
                next[*place] = *to;
                self.canonical(&next) == wanted
            })?;
            state[step.0] = step.1;
            path.push(step);
        }
        Some((path, state))
    }
}
