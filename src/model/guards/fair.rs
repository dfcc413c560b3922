//! What is owed: the steps that honest participants' messages bring about if all of them arrive.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::GuardModel;
use super::guard::{Guard, Way, numbered};
use super::ids::{EventId, LocalId, MessageSet};
use super::saved::ANSWERS;
use super::state::{EventIds, GuardState, LocalIds, Move};
use super::tables::Tables;
use crate::model::numbers::Number as _;
use crate::model::panics::raised;
use crate::pbft::{Message, State, View};

/// How a step can come about.
#[derive(Clone, Debug)]
pub(in crate::model) struct Choice {
    pub step: Move,
    /// What is fed.
    pub feed: EventIds,
    /// The view whose timer has to run out for it, if one has.
    pub timer: Option<View>,
    /// Whether all messages that it takes come from honest principals, and arrive.
    pub owed: bool,
}

/// What participants send again, as far as it was asked for.
#[derive(Default)]
pub(super) struct SentAgain {
    /// Of local states, what they say of how far they are.
    statuses: FxHashMap<LocalId, Option<Message>>,
    /// Of local states, what they send to who says so.
    answers: FxHashMap<(LocalId, Message), Arc<MessageSet>>,
}

impl SentAgain {
    /// What somebody in this local state says of how far it is, if that was asked for and it says anything.
    pub fn status(&self, local: LocalId) -> Option<&Message> {
        self.statuses.get(&local)?.as_ref()
    }
}

/// What can reach one participant in a state.
struct Arrivals<'a> {
    /// What arrives.
    owed: &'a MessageSet,
    /// Everything that exists, if more than what arrives may be delivered.
    available: Option<&'a MessageSet>,
}

impl Arrivals<'_> {
    /// Whether a way to a guard arrives; nothing if it cannot come about.
    fn arrives(&self, way: &Way) -> Option<bool> {
        let arrives = way.all.is_subset(self.owed);
        let exists = || self.available.is_some_and(|available| way.needs.are_met(available));
        (arrives || exists()).then_some(arrives)
    }
}

impl GuardModel {
    /// Every step that leads to another state, with every way in which it can come about. Of what honest
    /// participants have sent, all arrives but what is `lost`; what is sent again arrives; and whoever is
    /// Byzantine can send anything again.
    pub(in crate::model) fn choices(&self, state: &GuardState, lost: &MessageSet) -> Vec<Choice> {
        let locals = self.numbers(state);
        if self.read().locals.is_over(locals) {
            return Vec::new();
        }
        let mut arrives = self.sent(state).difference(lost);
        arrives.union_with(&self.read().messages.requests);
        let owed: Vec<MessageSet> = (0..locals.count())
            .map(|to| {
                let mut owed = self.sent_again(locals, to);
                owed.union_with(&arrives);
                owed
            })
            .collect();
        let byzantine = !self.system.byzantine().is_empty() && !self.system.is_silent();
        let anything = *lost == MessageSet::default() || byzantine;
        let available = self.available(state);
        let may_crash = self.may_crash_in(state);
        let mut choices = Vec::new();
        for ((participant, local), owed) in (0..).zip(locals.iter()).zip(&owed) {
            let arrivals = Arrivals { owed, available: anything.then_some(&*available) };
            self.choices_of(participant, local, &arrivals, may_crash, &mut choices);
        }
        choices
    }

    /// The choices that lead one participant from its local state to another.
    fn choices_of(
        &self,
        participant: u16,
        local: LocalId,
        arrivals: &Arrivals<'_>,
        may_crash: bool,
        choices: &mut Vec<Choice>,
    ) {
        let guards = self.guards(local);
        let tables = self.read();
        let view = tables.locals.node(local).and_then(|node| node.local.replica());
        let view = view.map_or(View(0), State::view);
        let moves = |guard: &Guard| guard.next != local && (may_crash || !guard.crash);
        for (number, guard) in numbered(&guards).filter(|(_, guard)| moves(guard)) {
            for way in &guard.ways {
                let Some(arrives) = arrivals.arrives(way) else { continue };
                choices.push(Choice {
                    step: Move { participant, guard: number, next: guard.next },
                    feed: way.feed.clone(),
                    timer: way.feed.contains(&EventId::TIMEOUT).then_some(view),
                    // Nobody has to crash.
                    owed: arrives && !guard.crash,
                });
            }
        }
    }

    /// What the others send to a participant again, as long as all are in these states. Of the new view
    /// that somebody has left since only the replica itself knows, and this judge does not: it is left out.
    fn sent_again(&self, locals: LocalIds<'_>, to: usize) -> MessageSet {
        let mut tables = self.write();
        let mut all = MessageSet::default();
        let Some(status) = self.status(&mut tables, locals.at(to), to) else { return all };
        for (from, local) in locals.iter().enumerate().filter(|&(from, _)| from != to) {
            if let Some(answers) = self.answers(&mut tables, (local, from), (locals.at(to), to), &status) {
                all.union_with(&answers);
            }
        }
        all
    }

    /// What a participant, by place, says in this local state of how far it is.
    pub(super) fn status(&self, tables: &mut Tables, local: LocalId, who: usize) -> Option<Message> {
        let Tables { locals, sent_again, .. } = tables;
        let ask = || locals.node(local).and_then(|node| raised(self.honest[who].status(&node.local)));
        sent_again.statuses.entry(local).or_insert_with(ask).clone()
    }

    /// What a participant in this local state, by place, sends to another one that says how far it is.
    pub(super) fn answers(
        &self,
        tables: &mut Tables,
        (local, who): (LocalId, usize),
        (of, to): (LocalId, usize),
        status: &Message,
    ) -> Option<Arc<MessageSet>> {
        let key = (local, status.clone());
        if let Some(known) = tables.sent_again.answers.get(&key) {
            return Some(Arc::clone(known));
        }
        let number = local;
        let local = &tables.locals.node(local)?.local;
        let answers = raised(self.honest[who].answers(&self.system, local, status));
        let standing = local.replica().map(|state| (state.view(), state.is_active()));
        let known = |message: &Message| match message {
            Message::NewView(new_view) => standing == Some((new_view.view, true)),
            _ => true,
        };
        let answers = answers.into_iter().filter(known).map(|message| tables.messages.intern(message));
        let answers: Arc<MessageSet> = Arc::new(answers.collect());
        tables.note(ANSWERS, &[who as u32, number.word(), to as u32, of.word()]);
        tables.sent_again.answers.insert(key, Arc::clone(&answers));
        Some(answers)
    }
}
