//! What many states ask for, found at once as far as nothing is met by that.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::GuardModel;
use super::exists::{Basis, Looked};
use super::ids::MessageSet;
use super::locals::Sets;
use super::saved::AVAILABLE;
use super::state::{GuardState, Move};
use super::tables::Tables;
use crate::hashed::IndexMap;
use crate::memory;
use crate::spread::spread;

impl GuardModel {
    /// The actions of each of these states, where the tables hold all that they depend on.
    pub(crate) fn known_actions_of(&self, threads: usize, states: &[&GuardState]) -> Vec<Option<Vec<Move>>> {
        let tables = &*self.read();
        spread(threads, states, |state| {
            let mut actions = Vec::new();
            self.known_actions(tables, state, &mut actions).then_some(actions)
        })
    }

    /// Finds what exists in these states, where no message is met by that.
    pub(crate) fn make_available(&self, threads: usize, states: &[&GuardState]) {
        let (asked, made) = {
            let tables = &*self.read();
            let asked = self.asked(tables, states);
            let looked = spread(threads, &asked, |(state, _)| self.look(tables, state));
            let mut bases: IndexMap<Basis, Option<MessageSet>> = IndexMap::default();
            for looked in &looked {
                if let Looked::Asks(basis, _) = looked {
                    bases.entry(basis.clone()).or_default();
                }
            }
            let keys: Vec<Basis> = bases.keys().cloned().collect();
            let made = spread(threads, &keys, |basis| {
                tables.exists.made_of_known(&tables.messages, &self.adversary, basis)
            });
            bases.values_mut().zip(made).for_each(|(place, made)| *place = made);
            (asked.into_iter().zip(looked).collect::<Vec<_>>(), bases)
        };
        let mut tables = self.write();
        for (basis, made) in &made {
            if let Some(made) = made {
                tables.exists.keep(basis.clone(), made.clone());
            }
        }
        for ((state, sets), looked) in asked {
            let available = match looked {
                Looked::Known(available) => available,
                Looked::Asks(basis, mut rest) => {
                    let Some(Some(made)) = made.get(&basis) else { continue };
                    rest.union_with(made);
                    rest
                }
                Looked::Not => continue,
            };
            memory::before(&tables.exists.available);
            tables.note(AVAILABLE, self.numbers(state).words());
            let available: Arc<MessageSet> = tables.exists.once(available);
            tables.exists.available.insert(sets, available);
        }
    }

    /// Those of these states of which it is not known what exists in them, one for all in which the same was sent.
    fn asked<'a>(&self, tables: &Tables, states: &[&'a GuardState]) -> Vec<(&'a GuardState, Sets)> {
        let mut seen = FxHashSet::default();
        let mut asked = Vec::new();
        for &state in states {
            let locals = self.numbers(state);
            let sets = tables.locals.sets(locals);
            if tables.exists.known(&sets).is_none() && seen.insert(sets.clone()) {
                asked.push((state, sets));
            }
        }
        asked
    }

    fn look(&self, tables: &Tables, state: &GuardState) -> Looked {
        let sent = tables.locals.sent(self.numbers(state));
        tables.exists.look(&tables.messages, &self.system, &sent)
    }
}
