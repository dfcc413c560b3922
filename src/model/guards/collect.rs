//! Where what was found leads: ways to the same local state are one guard.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::hashed::IndexMap;
use rustc_hash::FxHashMap;

use super::GuardModel;
use super::guard::{Guard, Way};
use super::ids::{EventId, LocalId, MessageSet};
use super::local_steps::Found;
use super::locals::Node;
use super::tables::Tables;
use super::transition_cache::{CachedId, Emitted};
use crate::model::panics::raised;
use crate::model::participant::Local;
use crate::pbft::{Message, State};

/// The guards of a local state as they are put together.
struct Consequences {
    /// By the local state that they lead to, and whether they are crashes.
    guards: IndexMap<(LocalId, bool), Vec<Way>>,
    /// Whether it matters who sent a message.
    is_open: bool,
}

impl Consequences {
    fn of(known: Vec<Guard>, is_open: bool) -> Self {
        let guards = known.into_iter().map(|guard| ((guard.next, guard.crash), guard.ways));
        Consequences { guards: guards.collect(), is_open }
    }

    /// Adds a way to a local state, unless one that is known is as good; leaves out those that it is as good as.
    fn add(&mut self, next: LocalId, way: Way) {
        let is_open = self.is_open;
        // Where it matters who sent a message, one that was there from the start is no better than
        // another, and a timer is no message.
        let timed = |way: &Way| way.feed.contains(&EventId::TIMEOUT);
        let is_as_good = |a: &Way, b: &Way| match is_open {
            false => a.needs.are_met_with(&b.needs),
            true => a.all.is_subset(&b.all) && (!timed(a) || timed(b)),
        };
        let ways = self.guards.entry((next, way.is_crash())).or_default();
        if ways.iter().any(|other| is_as_good(other, &way)) {
            return;
        }
        ways.retain(|other| !is_as_good(&way, other));
        ways.push(way);
    }

    fn into_guards(self, sends: impl Fn(LocalId) -> bool) -> Vec<Guard> {
        let guards = self.guards.into_iter();
        guards.map(|((next, crash), ways)| Guard { next, crash, sends: sends(next), ways }).collect()
    }
}

impl GuardModel {
    /// Groups what was found by where it leads, together with what is known; of several sets of messages keeps the
    /// smallest.
    pub(super) fn collect(
        &self,
        tables: &mut Tables,
        node: &Node,
        known: Vec<Guard>,
        found: &[Found],
    ) -> Vec<Guard> {
        let mut consequences = Consequences::of(known, self.system.is_open());
        // Many sets of messages lead to one state.
        let mut numbers: FxHashMap<(CachedId, &Emitted), LocalId> = FxHashMap::default();
        for Found { feed, any, state, local, emitted } in found {
            let number = numbers.entry((*state, emitted));
            let next = *number.or_insert_with(|| self.after(tables, node, local, emitted));
            consequences.add(next, Way::new(feed, any.as_ref(), &tables.messages.unconditional));
        }
        consequences.into_guards(|next| {
            let after = tables.locals.node(next);
            after.is_some_and(|after| after.sent != node.sent || after.local.wreck().is_some())
        })
    }

    /// The number of the local state that a participant gets to with this state and these messages sent.
    fn after(&self, tables: &mut Tables, node: &Node, local: &Local, emitted: &BTreeSet<Message>) -> LocalId {
        let mut sent = node.sent.clone();
        let states = self.states(node, local);
        for message in emitted.iter().cloned().chain(states) {
            sent.insert(tables.messages.intern(message));
        }
        if let Some(after) = local.replica().filter(|_| *local != node.local)
            && let Some(why) = tables.certificates.refusal(&self.system, after)
        {
            tables.refusal.get_or_insert(why);
        }
        let changes = still_offered(node, local);
        tables.locals.intern(Node::new(&self.system, node.participant, local.clone(), sent, changes))
    }

    /// What a replica that is now in this state tells those who have executed nothing of what it has
    /// decided. It exists as soon as it can be sent: their word that they have executed nothing is as
    /// old as the system, and can arrive at any time.
    pub(super) fn states(&self, node: &Node, local: &Local) -> Vec<Message> {
        if !self.system.is_open() || !matches!(local, Local::Replica(_)) {
            return Vec::new();
        }
        let own = usize::from(node.participant);
        let Some(other) = (0..self.honest.len()).find(|&other| other != own) else { return Vec::new() };
        let first = || raised(self.honest[other].status(&self.honest[other].init(&self.system)));
        let Some(status) = self.first_statuses[other].get_or_init(first) else { return Vec::new() };
        let mut answers = raised(self.honest[own].answers(&self.system, local, status));
        answers.retain(|message| matches!(message, Message::State(_)));
        answers
    }
}

/// The VIEW-CHANGEs that alone are offered to who gets to this state: as long as it still moves to the same view, those
/// that were.
fn still_offered(node: &Node, after: &Local) -> Option<Arc<MessageSet>> {
    let moves_on = |before: &State, after: &State| {
        !after.is_active() && (before.view(), before.is_active()) == (after.view(), after.is_active())
    };
    let (before, after) = node.local.replica().zip(after.replica())?;
    node.changes.clone().filter(|_| moves_on(before, after))
}
