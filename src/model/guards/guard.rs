//! What enables a step: a guard, and the messages that must exist for it.

use super::ids::{EventId, GuardId, LocalId, MessageId, MessageSet};
use super::state::{EventIds, Move};
use crate::model::numbers::Number as _;

/// A consequence, and the smallest sets of messages that have it.
#[derive(Clone)]
pub(in crate::model) struct Guard {
    /// The local state that it leads to.
    pub next: LocalId,
    /// Whether it is a crash, of which there are only so many.
    pub crash: bool,
    /// Whether something is sent, or the participant panics: then it is no step to put off.
    pub sends: bool,
    pub(super) ways: Vec<Way>,
}

impl Guard {
    /// What must exist, for each way to it.
    pub fn needs(&self) -> impl Iterator<Item = &Needs> {
        self.ways.iter().map(|way| &way.needs)
    }

    /// Whether it can fire wherever another can.
    pub fn is_enabled_with(&self, other: &Guard) -> bool {
        other.needs().all(|theirs| self.needs().any(|needs| needs.are_met_with(theirs)))
    }

    /// Whether the same is fed for it as for another, found in the same order.
    pub fn takes_the_same(&self, other: &Guard) -> bool {
        self.ways.len() == other.ways.len()
            && self.ways.iter().zip(&other.ways).all(|(own, theirs)| own.feed == theirs.feed)
    }

    /// Whether it can fire where these messages are there.
    pub fn is_enabled(&self, available: &MessageSet) -> bool {
        self.needs().any(|needs| needs.are_met(available))
    }
}

/// A smallest set of messages that has a consequence.
#[derive(Clone)]
pub(super) struct Way {
    pub needs: Needs,
    /// All messages that are fed.
    pub all: MessageSet,
    pub feed: EventIds,
}

impl Way {
    /// The way in which this is fed; of `any` as many as are fed will do. What is there from the start is not needed.
    pub fn new(feed: &[EventId], any: Option<&MessageSet>, unconditional: &MessageSet) -> Self {
        let messages: MessageSet = feed.iter().filter_map(|id| id.message()).collect();
        let all = match any {
            Some(_) => MessageSet::default(),
            None => messages.difference(unconditional),
        };
        let any = any.and_then(|some| {
            let count = messages.len().saturating_sub(some.shared_with(unconditional));
            (count > 0).then(|| (count, some.difference(unconditional)))
        });
        Way { needs: Needs { all, any }, all: messages, feed: feed.into() }
    }

    /// Whether it is a crash.
    pub fn is_crash(&self) -> bool {
        self.feed.contains(&EventId::CRASH)
    }
}

/// What must exist, besides what is there from the start: all of some messages, and so many of others.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::model) struct Needs {
    pub all: MessageSet,
    pub any: Option<(u32, MessageSet)>,
}

impl Needs {
    /// Whether it is there.
    #[inline]
    pub fn are_met(&self, available: &MessageSet) -> bool {
        self.all.is_subset(available)
            && self.any.as_ref().is_none_or(|(count, some)| some.shared_with(available) >= *count)
    }

    /// The messages that it takes all of.
    pub fn those_needed(&self) -> impl Iterator<Item = MessageId> {
        self.all.iter()
    }

    /// Whether all of it is among these.
    pub fn are_among(&self, messages: &MessageSet) -> bool {
        self.all.is_subset(messages) && self.any.as_ref().is_none_or(|(_, some)| some.is_subset(messages))
    }

    /// What of it is still needed where this exists.
    pub fn beside(&self, base: &MessageSet) -> Needs {
        let any = self.any.as_ref().and_then(|(count, some)| {
            let left = count.saturating_sub(some.shared_with(base));
            (left > 0).then(|| (left, some.difference(base)))
        });
        Needs { all: self.all.difference(base), any }
    }

    /// Whether it is there wherever this is.
    pub fn are_met_with(&self, other: &Needs) -> bool {
        let Some((count, some)) = &self.any else { return self.all.is_subset(&other.all) };
        let certain = other.all.shared_with(some);
        let of_those = other.any.as_ref().map_or(0, |(count, those)| {
            let elsewhere = those.difference(some).difference(&other.all).len();
            let twice = those.intersection(some).shared_with(&other.all);
            count.saturating_sub(elsewhere + twice)
        });
        self.all.is_subset(&other.all) && certain + of_those >= *count
    }
}

/// The guards of a local state with their numbers.
pub(in crate::model) fn numbered(guards: &[Guard]) -> impl Iterator<Item = (GuardId, &Guard)> {
    (0..).map(GuardId::of_word).zip(guards)
}

/// The moves that a participant's guards allow where these messages are there.
pub(super) fn enabled<'a>(
    guards: &'a [Guard],
    participant: u16,
    available: &'a MessageSet,
    may_crash: bool,
) -> impl Iterator<Item = Move> + 'a {
    let allowed = move |guard: &Guard| (may_crash || !guard.crash) && guard.is_enabled(available);
    let allowed = numbered(guards).filter(move |(_, guard)| allowed(guard));
    allowed.map(move |(number, guard)| Move { participant, guard: number, next: guard.next })
}
