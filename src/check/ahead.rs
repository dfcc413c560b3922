//! Blocks of states of a model whose tables grow while it is asked.
//!
//! What the tables hold is asked by all threads at once, and so is what can be found without adding anything to them that others
//! would notice. The rest is found by one thread, state after state, as if nobody else had asked: where that adds something
//! that others would notice, what is known of the states behind it is asked again. So the tables come to the same, and each
//! state leads to the same in the same order, with any number of threads.

use std::hash::Hash;

use stateright::Model;

use super::search::{Expansion, Search};
use super::visited::Visited;
use crate::interrupt;
use crate::model::{GuardModel, GuardState, Move};
use crate::spread::spread;

/// A model whose tables grow while it is asked for actions.
pub(crate) trait Ahead: Model {
    /// The actions of each of these states for which the tables hold all that they depend on.
    fn known(&self, threads: usize, states: &[&Self::State]) -> Vec<Option<Vec<Self::Action>>>;

    /// Finds what can be found that these states ask for without a change of [`age`](Self::age).
    fn look_ahead(&self, threads: usize, states: &[&Self::State]);

    /// A number that changes when what was known of a state may have to be asked again.
    fn age(&self) -> u32;
}

impl Ahead for GuardModel {
    fn known(&self, threads: usize, states: &[&GuardState]) -> Vec<Option<Vec<Move>>> {
        self.known_actions_of(threads, states)
    }

    fn look_ahead(&self, threads: usize, states: &[&GuardState]) {
        self.make_available(threads, states);
    }

    fn age(&self) -> u32 {
        self.met()
    }
}

impl<M> Search<'_, M>
where
    M: Ahead + Sync,
    M::State: Hash + Send + Sync,
    M::Action: Clone + Send + Sync,
{
    /// What each of these states leads to.
    pub(super) fn expand_ahead(
        &self,
        visited: &Visited,
        block: &[(M::State, u32)],
    ) -> Vec<Expansion<M::State>> {
        let (threads, mut rest) = (self.limits.threads, block);
        let mut expansions = Vec::with_capacity(block.len());
        while !rest.is_empty() {
            let actions = self.actions_of_first(rest);
            let asked: Vec<_> = rest.iter().zip(actions).collect();
            rest = &rest[asked.len()..];
            expansions.extend(spread(threads, &asked, |((state, index), actions)| {
                self.led_to(visited, state, *index, actions)
            }));
        }
        expansions
    }

    /// The actions of the first ones of these states, of one at least: of all up to one whose actions could not be known
    /// without a change for those behind it.
    fn actions_of_first(&self, block: &[(M::State, u32)]) -> Vec<Vec<M::Action>> {
        let threads = self.limits.threads;
        let states: Vec<&M::State> = block.iter().map(|(state, _)| state).collect();
        let mut known = self.model.known(threads, &states);
        let unknown = |known: &[Option<_>]| -> Vec<usize> {
            (0..known.len()).filter(|&place| known[place].is_none()).collect()
        };
        let missing = unknown(&known);
        if !missing.is_empty() {
            let missed: Vec<&M::State> = missing.iter().map(|&place| states[place]).collect();
            self.model.look_ahead(threads, &missed);
            for (place, found) in missing.into_iter().zip(self.model.known(threads, &missed)) {
                known[place] = found;
            }
        }
        let age = self.model.age();
        for place in unknown(&known) {
            interrupt::poll();
            let mut actions = Vec::new();
            self.model.actions(states[place], &mut actions);
            known[place] = Some(actions);
            if self.model.age() != age {
                known.truncate(place + 1);
                break;
            }
        }
        known.into_iter().flatten().collect()
    }
}
