//! What was found in local states that differ only in what was sent before, found once.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::ids::MessageSet;
use super::local_steps::{Explored, Trial};
use super::locals::Node;
use super::messages::Messages;
use super::transition_cache::Emitted;
use crate::hashed::IndexSet;
use crate::model::participant::Local;
use crate::pbft::{NewView, Signed, State};

/// The most that is kept, counted in what was found: then it is forgotten, and found again where it is needed.
const MOST: usize = 1 << 17;

/// A local state without what was sent.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Class {
    participant: u16,
    local: Local,
    /// The NEW-VIEW that it would send again: states are equal whatever that is, but what they lead to keeps it.
    resends: Option<Arc<Signed<NewView>>>,
    changes: Option<Arc<MessageSet>>,
}

/// What was found in one local state, of which only this matters of what was sent: which of the messages that were told.
struct Known {
    had: Vec<bool>,
    explored: Arc<Explored>,
}

/// What was found in local states, by what they are without what was sent.
///
/// A step leads to the same state whatever was sent before; only whether a message is sent for the first time depends on
/// that. So where of the messages that steps have sent the same ones were sent before, the same is found.
#[derive(Default)]
pub(super) struct Explorations {
    classes: IndexSet<Class>,
    known: FxHashMap<(usize, Trial), Vec<Known>>,
    /// What was sent in steps, once for all that send it: a hundred local states send the same, and a set has room for more than
    /// it holds. Messages that are equal but for votes in their certificates have one number anyway. Local states are not to be shared
    /// so: equal ones can send another NEW-VIEW again.
    emitted: FxHashSet<Emitted>,
    /// How much is kept.
    kept: usize,
}

impl Explorations {
    /// What is found in a local state when this is tried, if it was found before.
    pub fn known(&self, messages: &Messages, node: &Node, trial: &Trial) -> Option<Arc<Explored>> {
        let class = self.classes.get_index_of(&Class::of(node))?;
        let known = self.known.get(&(class, trial.clone()))?;
        let fits = |known: &&Known| had(messages, node, &known.explored) == known.had;
        known.iter().find(fits).map(|known| Arc::clone(&known.explored))
    }

    /// Keeps what was found in a local state when this was tried.
    pub fn keep(
        &mut self,
        messages: &Messages,
        node: &Node,
        trial: Trial,
        mut explored: Explored,
    ) -> Arc<Explored> {
        if self.kept > MOST {
            *self = Explorations::default();
        }
        self.kept += 1 + explored.found.len() + explored.told.len();
        for found in &mut explored.found {
            match self.emitted.get(&found.emitted) {
                Some(known) => found.emitted = Arc::clone(known),
                None => drop(self.emitted.insert(Arc::clone(&found.emitted))),
            }
        }
        let class = self.classes.insert_full(Class::of(node)).0;
        let explored = Arc::new(explored);
        let known = Known { had: had(messages, node, &explored), explored: Arc::clone(&explored) };
        self.known.entry((class, trial)).or_default().push(known);
        explored
    }
}

impl Class {
    fn of(node: &Node) -> Self {
        let Node { participant, local, changes, .. } = node.clone();
        let resends = local.replica().and_then(State::new_view).cloned();
        Class { participant, local, resends, changes }
    }
}

/// Of the messages that were told, which were sent before.
fn had(messages: &Messages, node: &Node, explored: &Explored) -> Vec<bool> {
    let was_sent = |number| node.sent.contains(number);
    explored.told.iter().map(|message| messages.number_of(message).is_some_and(was_sent)).collect()
}
