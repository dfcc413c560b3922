//! What sets of deliveries bring about together, where each of them alone is just counted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::hashed::IndexSet;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{CachedId, Emitted, EventId, Fired, MAX_TALLIES, TransitionCache};
use crate::pbft::{Message, Principal, ViewChange};

/// Of replicas that are alike, one, and of its messages one: the class, the place in it, and the message's.
type Choice = (usize, usize, usize);

impl TransitionCache<'_> {
    /// Everything that sets of these deliveries, which count for one thing, can bring about.
    pub fn fire(&mut self, feeds: &[EventId]) -> Vec<Fired> {
        let mut found = Vec::new();
        // Two messages can count alike: a reply, or a vote where views do not matter, of one sender in two
        // views. Which of them exists makes a difference, so the paths with both are followed.
        let mut alike: FxHashMap<CachedId, Vec<EventId>> = FxHashMap::default();
        for &feed in feeds {
            if let Some((next, _)) = self.feed(self.start, feed) {
                alike.entry(next).or_default().push(feed);
            }
        }
        let alike: BTreeSet<EventId> =
            alike.into_values().filter(|feeds| feeds.len() > 1).flatten().collect();
        let chosen = |path: &[EventId]| -> BTreeSet<EventId> {
            path.iter().copied().filter(|feed| alike.contains(feed)).collect()
        };
        let mut seen: FxHashSet<_> = [(self.start, BTreeSet::new())].into_iter().collect();
        let mut queue = VecDeque::from([(self.start, Vec::new())]);
        while let Some((state, path)) = queue.pop_front() {
            for &feed in feeds {
                let Some((next, emitted)) = self.feed(state, feed) else { continue };
                let mut path = path.clone();
                path.push(feed);
                if self.fires(next, &emitted) {
                    if path.len() > 1 {
                        found.push(Fired { feed: path, state: next, emitted });
                    }
                } else if seen.len() >= self.most {
                    self.refusal = Some(format!(
                        "more than {MAX_TALLIES} partial tallies in one state of {}: use --judge message",
                        self.participant.id()
                    ));
                    return found;
                } else if seen.insert((next, chosen(&path))) {
                    queue.push_back((next, path));
                }
            }
        }
        found
    }

    /// What sets of these VIEW-CHANGEs, which all exist, can bring about, where of several sets that differ in who is
    /// who alone one will do: replicas that have sent the same are alike. Nothing if they turn out not to be, or there
    /// is something else among the deliveries.
    ///
    /// That the order does not matter either, and who is who really does not, is tried for each set that is looked at:
    /// the last one first, and each replica's message in place of the one that stands opposite to it among those
    /// alike.
    pub fn fire_alike(&mut self, feeds: &[EventId]) -> Option<Vec<Fired>> {
        let classes = self.alike(feeds)?;
        let opposite = |(class, place, content): Choice| {
            let (class, opposite) = (&classes[class], classes[class].len() - 1 - place);
            class[opposite][content]
        };
        let mut found = Vec::new();
        let mut tried = 0;
        let mut queue = VecDeque::from([(self.start, Vec::<Choice>::new())]);
        while let Some((state, path)) = queue.pop_front() {
            let (first, place, least) = path.last().map_or((0, 0, 0), |&(c, p, content)| (c, p + 1, content));
            for class in first..classes.len() {
                let (place, least) = if class == first { (place, least) } else { (0, 0) };
                let contents = classes[class].get(place).map_or(0, Vec::len);
                for content in least..contents {
                    let Some((next, emitted)) = self.feed(state, classes[class][place][content]) else {
                        continue;
                    };
                    let mut path = path.clone();
                    path.push((class, place, content));
                    tried += 1;
                    if tried > MAX_TALLIES {
                        return None;
                    }
                    let (other, others) =
                        self.run(self.start, path.iter().rev().map(|&choice| opposite(choice)));
                    let sent: BTreeSet<_> = others.iter().flat_map(|sent| sent.iter().cloned()).collect();
                    if !self.are_equal(self.control(other), self.control(next)) || sent != *emitted {
                        return None;
                    }
                    if !self.fires(next, &emitted) {
                        queue.push_back((next, path));
                    } else if path.len() > 1 {
                        let feed = path.iter().map(|&(class, place, content)| classes[class][place][content]);
                        found.push(Fired { feed: feed.collect(), state: next, emitted });
                    }
                }
            }
        }
        Some(found)
    }

    /// How many of these votes, which say the same and are of different replicas, it takes to bring anything about, and
    /// what that is, if as many as there are do. Nothing if it turns out to matter whose they are, or in which order
    /// they arrive: each is left out once, and the last one is fed first.
    pub fn fire_any(&mut self, feeds: &[EventId]) -> Option<Option<Fired>> {
        let content = |feed: EventId| match self.messages.get(feed.message()?)? {
            Message::Prepare(vote) => Some((0, vote.view, vote.seq, vote.digest)),
            Message::Commit(vote) => Some((1, vote.view, vote.seq, vote.digest)),
            _ => None,
        };
        let signer = |feed: EventId| feed.message().map(|message| self.messages[message].signer());
        let first = content(*feeds.first()?)?;
        let signers: BTreeSet<_> = feeds.iter().map(|&feed| signer(feed)).collect();
        if feeds.iter().any(|&feed| content(feed) != Some(first)) || signers.len() < feeds.len() {
            return None;
        }
        let consequence = |(state, emitted): (CachedId, Vec<Emitted>)| {
            let sent: BTreeSet<Message> = emitted.iter().flat_map(|sent| sent.iter().cloned()).collect();
            (self.local(self.control(state)), sent)
        };
        let nothing = (self.local(self.control), BTreeSet::new());
        let first = |count: usize| consequence(self.run(self.start, feeds[..count].iter().copied()));
        let Some(count) = (1..=feeds.len()).find(|&count| first(count) != nothing) else {
            let reversed = consequence(self.run(self.start, feeds.iter().rev().copied()));
            return (reversed == nothing).then_some(None);
        };
        // One fewer is too few, and as many are enough, whichever is left out.
        for &left_out in feeds {
            let others = || feeds.iter().rev().copied().filter(move |&feed| feed != left_out);
            let fewer = consequence(self.run(self.start, others().take(count - 1)));
            let as_many = consequence(self.run(self.start, others().take(count)));
            if fewer != nothing || (feeds.len() > count && as_many != first(count)) {
                return None;
            }
        }
        if count == 1 {
            return Some(None);
        }
        let (before, _) = self.run(self.start, feeds[..count - 1].iter().copied());
        let (state, emitted) = self.feed(before, feeds[count - 1])?;
        Some(Some(Fired { feed: feeds[..count].to_vec(), state, emitted }))
    }

    /// Those of these VIEW-CHANGEs' signers that have sent the same, together: of each the messages, those that say
    /// the same at the same place.
    fn alike(&self, feeds: &[EventId]) -> Option<Vec<Vec<Vec<EventId>>>> {
        let mut contents: IndexSet<&ViewChange> = IndexSet::default();
        let mut by_signer: BTreeMap<Principal, BTreeMap<usize, EventId>> = BTreeMap::new();
        for &feed in feeds.iter().filter(|&&feed| feed != EventId::TIMEOUT) {
            let message = feed.message().and_then(|message| self.messages.get(message));
            let Some(Message::ViewChange(change)) = message else {
                return None;
            };
            let content = contents.insert_full(change.message()).0;
            by_signer.entry(change.signer()).or_default().insert(content, feed);
        }
        if feeds.contains(&EventId::TIMEOUT) && self.feed(self.start, EventId::TIMEOUT).is_some() {
            return None;
        }
        let mut classes: BTreeMap<Vec<usize>, Vec<Vec<EventId>>> = BTreeMap::new();
        for said in by_signer.into_values() {
            classes.entry(said.keys().copied().collect()).or_default().push(said.into_values().collect());
        }
        Some(classes.into_values().collect())
    }
}
