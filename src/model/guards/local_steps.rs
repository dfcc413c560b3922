//! What a participant does in one local state, found by running it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::hashed::IndexMap;
use rustc_hash::FxHashMap;

use super::GuardModel;
use super::ids::{EventId, MessageSet};
use super::locals::Node;
use super::messages::Messages;
use super::transition_cache::{CachedId, Emitted, Fired, TransitionCache};
use crate::model::participant::{Local, Participant};
use crate::pbft::{Message, TallyId};

/// A local state's guards as they are found: what is fed, and where that leads.
pub(super) struct Found {
    pub feed: Vec<EventId>,
    /// The deliveries of which as many as are fed will do, whichever they are.
    pub any: Option<MessageSet>,
    /// The number of where it leads among all that was found there.
    pub state: CachedId,
    pub local: Arc<Local>,
    pub emitted: Emitted,
}

/// All that was found in a local state.
pub(super) struct Explored {
    pub found: Vec<Found>,
    /// Whether no delivery was just counted.
    pub is_plain: bool,
    /// How many deliveries are steps of their own.
    pub stepped: u64,
    /// Why this participant cannot be judged in this way, if it cannot.
    pub refusal: Option<String>,
    /// What the participant sends in steps that were tried, whether or not it had sent it before: all that depends on what it
    /// had sent depends on which of these.
    pub told: Vec<Message>,
}

/// What is tried in a local state.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Trial {
    pub admitted: Vec<EventId>,
    pub refused: Vec<EventId>,
    /// Whether what it does without a delivery is tried too.
    pub unasked: bool,
    /// Whether the rulebook is refused already.
    pub is_refused: bool,
}

/// Deliveries that are just counted, each for something that others of them count for too.
struct Group {
    sites: BTreeSet<TallyId>,
    feeds: Vec<EventId>,
}

/// What a participant does in one local state, as far as it is found.
struct LocalSteps<'a> {
    cache: TransitionCache<'a>,
    /// Whether votes that say the same are counted, not looked at whose they are, where that makes no difference.
    counts_votes: bool,
    /// Whether VIEW-CHANGEs are.
    counts_changes: bool,
    groups: Vec<Group>,
    found: Vec<Fired>,
    /// Of what was found, by place: the group whose deliveries bring it about, if those of one do.
    fired_by: Vec<Option<usize>>,
    /// Of what was found, by place: the deliveries of which as many as are fed will do.
    any_of: FxHashMap<usize, MessageSet>,
}

/// A consequence: the state without its tallies, what is sent, and the group that brings it about.
type Consequence<'a> = (CachedId, &'a BTreeSet<Message>, Option<usize>);

impl<'a> LocalSteps<'a> {
    fn of(cache: TransitionCache<'a>) -> Self {
        LocalSteps {
            cache,
            counts_votes: false,
            counts_changes: false,
            groups: Vec::new(),
            found: Vec::new(),
            fired_by: Vec::new(),
            any_of: FxHashMap::default(),
        }
    }

    /// Feeds each of these alone: it has a consequence, or is counted.
    fn feed_each(&mut self, feeds: impl Iterator<Item = EventId>) {
        for feed in feeds {
            let Some((state, emitted)) = self.cache.feed(self.cache.start(), feed) else { continue };
            if self.cache.fires(state, &emitted) {
                self.found.push(Fired { feed: vec![feed], state, emitted });
            } else {
                self.group(feed, self.cache.sites(state));
            }
        }
        self.fired_by.resize(self.found.len(), None);
    }

    /// Puts a delivery together with those that count for something that it counts for.
    fn group(&mut self, feed: EventId, mut sites: BTreeSet<TallyId>) {
        let mut feeds = vec![feed];
        self.groups.retain(|other| {
            let meets = !sites.is_disjoint(&other.sites);
            if meets {
                sites.extend(&other.sites);
                feeds.extend(&other.feeds);
            }
            !meets
        });
        self.groups.push(Group { sites, feeds });
    }

    /// Adds what is refused at first and counts after others: then all are tried with all.
    fn add_late(&mut self, refused: &[EventId]) {
        let counted = self.groups.iter().flat_map(|group| &group.feeds);
        let late = self.cache.admitted_late(counted.copied(), refused);
        if !late.is_empty() {
            let feeds = self.groups.drain(..).flat_map(|group| group.feeds).chain(late).collect();
            self.groups.push(Group { sites: BTreeSet::from([TallyId::ViewChange]), feeds });
        }
    }

    /// Finds what the deliveries of each group bring about together.
    fn fire_groups(&mut self) {
        for (index, group) in self.groups.iter().enumerate() {
            let mut feeds = group.feeds.clone();
            if group.sites.contains(&TallyId::ViewChange) {
                feeds.push(EventId::TIMEOUT);
            }
            feeds.sort_unstable();
            let alike = if self.counts_changes { self.cache.fire_alike(&feeds) } else { None };
            let votes = if self.counts_votes { self.cache.fire_any(&feeds) } else { None };
            match (alike, votes) {
                (Some(alike), _) => self.found.extend(alike),
                (None, Some(fired)) => {
                    if let Some(fired) = fired {
                        let votes = feeds.iter().filter_map(|feed| feed.message());
                        self.any_of.insert(self.found.len(), votes.collect());
                        self.found.push(fired);
                    }
                }
                (None, None) => self.found.extend(self.cache.fire(&feeds)),
            }
            self.fired_by.resize(self.found.len(), Some(index));
        }
    }

    /// The deliveries that do not commute with what other deliveries bring about, or after which what others bring
    /// about does not happen. Of each consequence one way to bring it about is tried.
    fn steps_of_their_own(&self) -> Vec<Fired> {
        let cache = &self.cache;
        let mut consequences: IndexMap<Consequence<'_>, &[EventId]> = IndexMap::default();
        // A crash forgets all tallies, whatever came before it.
        let found = self.found.iter().zip(&self.fired_by);
        for (other, &by) in found.filter(|(other, _)| !other.feed.contains(&EventId::CRASH)) {
            consequences.entry((cache.control(other.state), &other.emitted, by)).or_insert(&other.feed);
        }
        let mut steps = Vec::new();
        for (index, group) in self.groups.iter().enumerate() {
            let others = consequences.iter().filter(|((_, _, by), _)| *by != Some(index));
            let own = consequences.iter().filter(|((_, _, by), _)| *by == Some(index));
            for &feed in &group.feeds {
                let commutes = others.clone().all(|(_, guard)| cache.commutes(feed, guard));
                if commutes && !own.clone().any(|(_, guard)| cache.masks(feed, guard)) {
                    continue;
                }
                if let Some((state, emitted)) = cache.feed(cache.start(), feed) {
                    steps.push(Fired { feed: vec![feed], state, emitted });
                }
            }
        }
        steps
    }

    /// All that was found, with the tallies only of those deliveries that are `steps` of their own; and what was sent in
    /// steps that were tried.
    fn into_found(self, steps: Vec<Fired>) -> (Vec<Found>, Vec<Message>) {
        let LocalSteps { cache, mut found, mut any_of, .. } = self;
        for fired in &mut found {
            fired.state = cache.normal_form(fired.state, &fired.feed);
        }
        let all = found.into_iter().chain(steps).enumerate();
        let all = all.map(|(place, fired)| {
            let (any, local) = (any_of.remove(&place), cache.local(fired.state));
            Found { feed: fired.feed, any, state: fired.state, local, emitted: fired.emitted }
        });
        (all.collect(), cache.told())
    }
}

impl GuardModel {
    /// Runs the participant on what may be delivered in a local state, and finds what fires.
    pub(super) fn explore(&self, messages: &Messages, node: &Node, trial: &Trial) -> Explored {
        let unasked = if trial.unasked { self.unasked(&node.local) } else { &[] };
        let mut steps = LocalSteps {
            counts_votes: self.counts,
            // Where what it is offered is there from the start, who has sent it makes no difference.
            counts_changes: self.counts && node.changes.is_some(),
            ..LocalSteps::of(self.cache(messages, node, trial.is_refused))
        };
        steps.feed_each(trial.admitted.iter().chain(unasked).copied());
        steps.add_late(&trial.refused);
        steps.fire_groups();
        let own = steps.steps_of_their_own();
        let (stepped, refusal) = (own.len() as u64, steps.cache.refusal.take());
        let is_plain = steps.groups.is_empty();
        let (found, told) = steps.into_found(own);
        Explored { found, is_plain, stepped, refusal, told }
    }

    /// What can happen to a participant in this local state without a delivery.
    fn unasked(&self, local: &Local) -> &'static [EventId] {
        match local {
            Local::Replica(_) if self.system.bound().scope.crashes > 0 => &[EventId::TIMEOUT, EventId::CRASH],
            Local::Replica(_) => &[EventId::TIMEOUT],
            Local::Client(_) => &[EventId::INVOKE],
            Local::Panicked(_) => &[],
        }
    }

    fn cache<'a>(&'a self, messages: &'a Messages, node: &Node, is_refused: bool) -> TransitionCache<'a> {
        let participant = self.participant(node);
        let sent = messages.of(&node.sent).cloned().collect();
        let requests = self.requests(messages, participant);
        let start = node.local.clone();
        TransitionCache::new(participant, &self.system, messages, sent, requests, start, is_refused)
    }

    fn requests(&self, messages: &Messages, participant: &Participant) -> Vec<EventId> {
        let requests = self.system.requests().iter().cloned().map(Message::Request);
        let ids = requests.filter_map(|request| messages.number_of(&request));
        ids.filter(|&id| self.reaches(participant, &messages[id])).map(EventId::from).collect()
    }
}
