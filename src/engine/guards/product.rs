//! The search over what all honest nodes can be in together.

use crate::hashed::IndexSet;

use super::masks::{Mask, is_met};
use super::reduce::{Class, Classes};
use super::symmetry::Symmetry;
use crate::engine::fingerprint::{Fingerprint, fingerprint};

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
#[derive(Hash)]
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
    /// How many states are expanded.
    expanded: usize,
    /// How many states there were when the last level began to be expanded.
    level: usize,
}

/// A search that was ended before it was over: what it takes to go on with it where the same product is had again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HaltedProduct {
    /// A digest of the product: states are numbers that mean something in it alone.
    pub digest: Fingerprint,
    /// All states that were met, in that order.
    pub states: Vec<u128>,
    /// By state, the one from which it was met; `u32::MAX` for the first.
    pub parents: Vec<u32>,
    /// Steps taken.
    pub transitions: u64,
    /// Steps to the farthest state that is expanded.
    pub depth: u64,
    /// How many states are expanded.
    pub expanded: u64,
    /// How many states there were when the last level began to be expanded.
    pub level: u64,
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

    /// A search that has met nothing but the first state.
    pub fn begin(&self) -> Searched {
        let first = self.canonical(&vec![0; self.tables.len()]);
        Searched {
            states: IndexSet::from_iter([first]),
            parents: vec![u32::MAX],
            transitions: 0,
            depth: 0,
            end: End::Exhausted,
            expanded: 0,
            level: 1,
        }
    }

    /// What all numbers mean.
    fn digest(&self) -> Fingerprint {
        let classes: Vec<_> = self.tables.iter().map(|classes| &classes.all).collect();
        fingerprint(&(classes, self.symmetries, self.judgement))
    }

    /// What it takes to go on with a search that was ended.
    pub fn halted(&self, searched: Searched) -> HaltedProduct {
        HaltedProduct {
            digest: self.digest(),
            states: searched.states.into_iter().collect(),
            parents: searched.parents,
            transitions: searched.transitions,
            depth: searched.depth,
            expanded: searched.expanded as u64,
            level: searched.level as u64,
        }
    }

    /// A search that begins, or goes on; none if it cannot.
    pub fn started(&self, from: Option<HaltedProduct>) -> Option<Searched> {
        match from {
            Some(halted) => self.resumed(halted),
            None => Some(self.begin()),
        }
    }

    /// A search as it was when it was ended; none if it was not a search of this product.
    fn resumed(&self, halted: HaltedProduct) -> Option<Searched> {
        let HaltedProduct { digest, states, parents, transitions, depth, expanded, level } = halted;
        let begin = self.begin();
        let states: IndexSet<Packed> = states.into_iter().collect();
        let mut state = vec![0; self.tables.len()];
        let mut is_met = |packed: &Packed| {
            unpack(*packed, &mut state);
            let are_there = state
                .iter()
                .zip(self.tables)
                .all(|(class, table)| usize::try_from(*class).is_ok_and(|class| class < table.all.len()));
            are_there && pack(&state) == *packed
        };
        let is_before = |(at, parent): (usize, &u32)| (*parent as usize) < at;
        let is_sound = digest == self.digest()
            && states.get_index(0) == begin.states.get_index(0)
            && states.iter().all(&mut is_met)
            && parents.len() == states.len()
            && parents.first() == Some(&u32::MAX)
            && parents.iter().enumerate().skip(1).all(is_before)
            && expanded <= level
            && depth <= states.len() as u64
            && transitions < u64::MAX / 2
            && level <= states.len() as u64;
        let (expanded, level) = (expanded as usize, level as usize);
        is_sound.then_some(Searched {
            states,
            parents,
            transitions,
            depth,
            end: End::Exhausted,
            expanded,
            level,
        })
    }

    /// Searches breadth first: what is found wrong is as near as can be. It is ended when `goes_on` says so, which is told how
    /// many states were met, and at which depth, before each state that is expanded.
    pub fn search(&self, mut searched: Searched, goes_on: &dyn Fn(u64, u64) -> bool) -> Searched {
        let mut state = vec![0; self.tables.len()];
        while searched.expanded < searched.states.len() {
            let at = searched.expanded;
            if !goes_on(searched.states.len() as u64, searched.depth) {
                searched.end = End::Ended;
                return searched;
            }
            if at == searched.level {
                searched.depth += 1;
                searched.level = searched.states.len();
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
            searched.expanded += 1;
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
