//! One participant in one local state: what brings about what is found by running it.
//!
//! The same states and the same deliveries come up again and again, in other orders and in other
//! combinations. Each state is interned, and each delivery in it is run once.

mod fire;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::hashed::IndexSet;
use rustc_hash::FxHashMap;

use super::ids::{EventId, Happening};
use super::messages::Messages;
use crate::memory;
use crate::model::numbers::{Number as _, numbers};
use crate::model::participant::{EventRef, Local, Participant};
use crate::model::system::System;
use crate::pbft::{Message, NewView, Signed, State, TallyId};

/// The most tally states of one kind that are tried in one local state. A rulebook under which more
/// arise is refused.
const MAX_TALLIES: usize = 50_000;
/// How many are tried once a rulebook is refused: nothing can be said to hold any more, and what is found soon will do.
const FEW_TALLIES: usize = 1_000;

type Resent = Option<Arc<Signed<NewView>>>;

numbers! {
    /// A state in a [`TransitionCache`], by number.
    pub(super) CachedId
}

/// What is sent in a step that was not sent before.
pub(super) type Emitted = Arc<BTreeSet<Message>>;

/// Runs a participant in one local state.
pub(super) struct TransitionCache<'a> {
    participant: &'a Participant,
    system: &'a System,
    messages: &'a Messages,
    sent: BTreeSet<Message>,
    /// The clients' requests, which are there from the start.
    requests: Vec<EventId>,
    start: CachedId,
    control: CachedId,
    memo: RefCell<Memo>,
    /// Why this participant cannot be judged in this way, if it cannot.
    pub refusal: Option<String>,
    /// The most partial tallies that are tried.
    most: usize,
}

#[derive(Default)]
struct Memo {
    /// With the NEW-VIEW that each would send again: states are equal whatever that is.
    states: IndexSet<(Arc<Local>, Resent)>,
    controls: FxHashMap<CachedId, CachedId>,
    steps: FxHashMap<(CachedId, EventId), Option<(CachedId, Emitted)>>,
    nothing: Emitted,
    /// What a step sends, whether or not it was sent before. Of what was sent before nothing else was asked.
    told: BTreeSet<Message>,
}

/// A way to a consequence: what is fed, where that leads, and what is sent.
#[derive(Clone)]
pub(super) struct Fired {
    pub feed: Vec<EventId>,
    pub state: CachedId,
    pub emitted: Emitted,
}

impl<'a> TransitionCache<'a> {
    pub fn new(
        participant: &'a Participant,
        system: &'a System,
        messages: &'a Messages,
        sent: BTreeSet<Message>,
        requests: Vec<EventId>,
        start: Local,
        is_refused: bool,
    ) -> Self {
        let mut memo = Memo::default();
        let start = memo.intern(start);
        let cache = TransitionCache {
            participant,
            system,
            messages,
            sent,
            requests,
            start,
            control: start,
            memo: RefCell::new(memo),
            most: if is_refused { FEW_TALLIES } else { MAX_TALLIES },
            refusal: None,
        };
        let control = cache.control(start);
        TransitionCache { control, ..cache }
    }

    /// The state that is run.
    pub fn start(&self) -> CachedId {
        self.start
    }

    /// The state of that number.
    pub fn local(&self, id: CachedId) -> Arc<Local> {
        Arc::clone(&self.memo.borrow().states[id.place()].0)
    }

    /// The state without its tallies.
    pub fn control(&self, id: CachedId) -> CachedId {
        if let Some(&control) = self.memo.borrow().controls.get(&id) {
            return control;
        }
        let control = self.participant.control(&self.local(id));
        let mut memo = self.memo.borrow_mut();
        let control = memo.intern(control);
        memo.controls.insert(id, control);
        control
    }

    /// What was sent in some step, whether or not it was sent before.
    pub fn told(&self) -> Vec<Message> {
        self.memo.borrow().told.iter().cloned().collect()
    }

    fn are_equal(&self, a: CachedId, b: CachedId) -> bool {
        a == b || self.local(a) == self.local(b)
    }

    /// The next state and what is sent that was not sent before; none if it does not act.
    pub fn feed(&self, from: CachedId, feed: EventId) -> Option<(CachedId, Emitted)> {
        if let Some(known) = self.memo.borrow().steps.get(&(from, feed)) {
            return known.clone();
        }
        memory::before(&self.memo.borrow().steps);
        let taken = self.participant.step(self.system, &self.local(from), self.stimulus(feed));
        let mut memo = self.memo.borrow_mut();
        let step = taken.map(|taken| {
            // A relayed request exists already.
            let told = taken.sent(self.system).into_iter().map(|(_, message)| message);
            let mut emitted: BTreeSet<Message> =
                told.filter(|message| !matches!(message, Message::Request(_))).collect();
            memo.told.extend(emitted.iter().cloned());
            emitted.retain(|message| !self.sent.contains(message));
            let emitted = if emitted.is_empty() { Arc::clone(&memo.nothing) } else { Arc::new(emitted) };
            let mut local = taken.after;
            local.forget_backoff();
            (memo.intern(local), emitted)
        });
        memo.steps.insert((from, feed), step.clone());
        step
    }

    fn stimulus(&self, feed: EventId) -> EventRef<'_> {
        match feed.happening() {
            Happening::Message(message) => EventRef::Deliver(&self.messages[message]),
            Happening::Timeout => EventRef::Timeout,
            Happening::Crash => EventRef::Crash,
            Happening::Invoke => EventRef::Invoke,
        }
    }

    /// Whether this is a consequence: something was sent, or more than tallies has changed.
    pub fn fires(&self, state: CachedId, emitted: &BTreeSet<Message>) -> bool {
        !emitted.is_empty() || !self.are_equal(self.control(state), self.control)
    }

    /// What a delivery that has no consequence counts for.
    pub fn sites(&self, state: CachedId) -> BTreeSet<TallyId> {
        self.local(state).differing_tallies(&self.local(self.start))
    }

    /// Deliveries that are refused at first, and no longer once all tallies are as full as those that are `counted`
    /// get them without a consequence.
    pub fn admitted_late(&self, counted: impl Iterator<Item = EventId>, refused: &[EventId]) -> Vec<EventId> {
        let mut state = self.start;
        for feed in counted {
            if let Some((next, emitted)) = self.feed(state, feed)
                && !self.fires(next, &emitted)
            {
                state = next;
            }
        }
        let state = self.local(state);
        let admits = |&&feed: &&EventId| self.participant.admits(self.system, &state, self.stimulus(feed));
        refused.iter().filter(admits).copied().collect()
    }

    /// Feeds everything in turn, skipping what is refused.
    fn run(&self, from: CachedId, feeds: impl IntoIterator<Item = EventId>) -> (CachedId, Vec<Emitted>) {
        let mut state = from;
        let mut emitted = Vec::new();
        for feed in feeds {
            if let Some((next, more)) = self.feed(state, feed) {
                state = next;
                emitted.extend((!more.is_empty()).then_some(more));
            }
        }
        (state, emitted)
    }

    /// Whether a delivery that has no consequence by itself makes no difference to a guard: before it
    /// or after it, the replica ends up in the same state, with the same messages sent.
    pub fn commutes(&self, feed: EventId, guard: &[EventId]) -> bool {
        let guard = || guard.iter().copied();
        let again = || std::iter::once(feed).chain(guard());
        let (with, sent_with) = self.run(self.start, again().chain(again()));
        let (without, sent_without) = self.run(self.start, guard().chain(again()));
        let all = |sent: &[Emitted]| -> BTreeSet<Message> {
            sent.iter().flat_map(|messages| messages.iter().cloned()).collect()
        };
        self.are_equal(with, without) && (sent_with == sent_without || all(&sent_with) == all(&sent_without))
    }

    /// Whether a delivery that has no consequence by itself takes away what messages of others, all of them honest,
    /// bring about. Whoever may put a delivery off loses nothing by that; but what must happen need not happen then.
    pub fn masks(&self, feed: EventId, guard: &[EventId]) -> bool {
        let signer = |feed: EventId| feed.message().map(|message| self.messages[message].signer());
        let is_byzantine = |who| self.system.byzantine().iter().any(|key| Some(key.owner()) == who);
        let is_owed = |other: Option<_>| other != signer(feed) && !is_byzantine(other);
        if !self.system.is_open() || !guard.iter().all(|&other| is_owed(signer(other))) {
            return false;
        }
        let Some((mut state, _)) = self.feed(self.start, feed) else { return false };
        for &other in guard {
            let Some((next, emitted)) = self.feed(state, other) else { continue };
            if self.fires(next, &emitted) {
                return false;
            }
            state = next;
        }
        true
    }

    /// The state without its tallies, if they can be had again from the requests and the messages that
    /// were fed; the state itself if not.
    pub fn normal_form(&self, state: CachedId, feed: &[EventId]) -> CachedId {
        let bare = self.control(state);
        let refill = || self.requests.iter().chain(feed).copied().filter(|feed| feed.message().is_some());
        let (with, without) = (self.run(state, refill()).0, self.run(bare, refill()).0);
        if self.are_equal(with, without) { bare } else { state }
    }
}

impl Memo {
    fn intern(&mut self, local: Local) -> CachedId {
        let resends = local.replica().and_then(State::new_view).cloned();
        CachedId::at(self.states.insert_full((Arc::new(local), resends)).0)
    }
}
