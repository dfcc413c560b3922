//! Every state of one node, whatever the others may ever send: what is one by the protocol's key is one state, and every
//! input is handed to each.
//!
//! An input after which the key, the timers and all that was sent and decided are what they were leads nowhere, and is no
//! part of a history. A node is rebuilt from its history: protocols need not be `Clone`.

use super::*;
use crate::hashed::{IndexMap, IndexSet};
use crate::protocol::Key;

/// States that are tried again, of each node.
const SAMPLES: usize = 10_000;

/// Which others have said what in a group, by group and node: a bit for each message of it.
pub(super) type Said = Vec<u16>;

/// A state of the node.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct State {
    pub key: Key,
    pub control: u32,
    /// Ascending.
    pub timers: Vec<u16>,
    /// All that the node has sent, ascending.
    pub sent: Vec<Content>,
    /// Ascending.
    pub decided: Vec<u16>,
    pub said: Said,
}

/// An input that leads elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arc {
    pub from: u32,
    pub feed: Feed,
    /// None if the node panics.
    pub to: Option<u32>,
    /// What comes of it, by number.
    pub outcome: u32,
}

/// All states of a node, with all inputs that lead from one to another.
pub(super) struct Graph {
    pub states: IndexSet<State>,
    /// By state, how it was first reached.
    first: Vec<Option<(u32, Feed)>>,
    /// By state, another way to it.
    again: Vec<Option<(u32, Feed)>>,
    pub arcs: Vec<Arc>,
    pub outcomes: IndexSet<Outcome>,
}

/// What explores a node.
pub(super) struct Explorer<'a, P: Protocol> {
    pub machine: &'a mut Machine<P>,
    pub me: NodeId,
    pub others: &'a [NodeId],
    /// How many others may say two things where one is counted.
    pub lying: usize,
    /// States after which it is given up.
    pub most: usize,
    pub graph: Graph,
}

/// How an exploration ended.
pub(super) enum Explored {
    Whole,
    Stopped,
    /// It has no key, or too many states.
    TooMany,
}

impl<P: Protocol> Explorer<'_, P> {
    /// Hands every input to every state.
    pub fn explore(&mut self, goes_on: &dyn Fn() -> bool) -> Result<Explored, Unfit> {
        let (Some(node), done) = self.machine.begin(self.me)? else { return Ok(Explored::TooMany) };
        let Some(key) = self.key(&node) else { return Ok(Explored::TooMany) };
        let said = vec![0; self.machine.alphabet.groups.len() * (self.others.len() + 1)];
        let mut first = State { said, ..State::first(key, &node) };
        first.note(&done);
        self.graph.states.insert(first);
        self.graph.first.push(None);
        self.graph.again.push(None);
        let mut at = 0;
        while at < self.graph.states.len() {
            if at % 64 == 0 && !goes_on() {
                return Ok(Explored::Stopped);
            }
            if self.graph.states.len() > self.most {
                return Ok(Explored::TooMany);
            }
            self.leave(at as u32)?;
            at += 1;
        }
        Ok(Explored::Whole)
    }

    fn key(&self, node: &Running<P>) -> Option<Key> {
        self.machine.protocol.key(&node.node)
    }

    /// The inputs that lead to a state.
    pub fn history(&self, state: u32) -> Vec<Feed> {
        let mut feeds = Vec::new();
        let mut at = state;
        while let Some((from, feed)) = self.graph.first[at as usize] {
            feeds.push(feed);
            at = from;
        }
        feeds.reverse();
        feeds
    }

    /// The node after these inputs, which lead to a state.
    fn rebuilt(&mut self, state: u32, feeds: &[Feed]) -> Result<Running<P>, Unfit> {
        let other = || {
            let inputs = feeds.len();
            Refusal::NotRepeated(format!(
                "{} after {inputs} inputs is another than before: it is not deterministic, or Protocol::key leaves something out",
                self.me
            ))
        };
        let mut node = self.machine.begin(self.me)?.0.ok_or_else(other)?;
        let is_whole = self.machine.replay(self.me, &mut node, feeds)?;
        let known = &self.graph.states[state as usize];
        let is_same = is_whole && node.timers == known.timers && self.key(&node).as_ref() == Some(&known.key);
        if is_same { Ok(node) } else { Err(other().into()) }
    }

    /// All inputs of a state.
    fn inputs(&self, state: &State) -> Vec<Feed> {
        let timers = state.timers.iter().copied().map(Feed::Timer);
        let contents = 0..self.machine.alphabet.messages.len() as Content;
        let messages =
            self.others.iter().flat_map(|from| contents.clone().map(move |c| Feed::Message(*from, c)));
        messages.chain(timers).collect()
    }

    /// Hands every input to a state.
    fn leave(&mut self, at: u32) -> Result<(), Unfit> {
        let state = self.graph.states[at as usize].clone();
        let history = self.history(at);
        let mut live = None;
        for feed in self.inputs(&state) {
            let Some(said) = self.said(&state, feed) else { continue };
            let mut node = match live.take() {
                Some(node) => node,
                None => self.rebuilt(at, &history)?,
            };
            match self.took(&state, &mut node, feed, said)? {
                None => live = Some(node),
                Some((outcome, to)) => self.note(at, feed, outcome, to),
            }
        }
        Ok(())
    }

    fn note(&mut self, from: u32, feed: Feed, outcome: Outcome, to: Option<State>) {
        let outcome = self.graph.outcomes.insert_full(outcome).0 as u32;
        let to = to.map(|to| {
            let (number, is_new) = self.graph.states.insert_full(to);
            if is_new {
                self.graph.first.push(Some((from, feed)));
                self.graph.again.push(None);
            } else if self.graph.first[number] != Some((from, feed)) {
                self.graph.again[number].get_or_insert((from, feed));
            }
            number as u32
        });
        self.graph.arcs.push(Arc { from, feed, to, outcome });
    }

    /// What the others have said once this is handed over; none if it cannot be.
    fn said(&self, state: &State, feed: Feed) -> Option<Said> {
        let Feed::Message(from, content) = feed else { return Some(state.said.clone()) };
        let alphabet = &self.machine.alphabet;
        let votes = alphabet.group(content).map(|_| (from, content));
        let mut said = state.said.clone();
        for (signer, vote) in alphabet.parts(content).iter().copied().chain(votes) {
            if signer == self.me {
                // Nobody forges what it says itself.
                state.sent.binary_search(&vote).ok()?;
                continue;
            }
            let Some(group) = alphabet.group(vote) else { continue };
            let place = alphabet.groups[group].iter().position(|known| *known == vote)?;
            said[group * (self.others.len() + 1) + signer.index()] |= 1 << place;
        }
        let nodes = self.others.len() + 1;
        let lies = |other: &&NodeId| {
            said.iter().skip(other.index()).step_by(nodes).any(|said| said.count_ones() > 1)
        };
        (self.others.iter().filter(lies).count() <= self.lying).then_some(said)
    }

    /// What comes of an input, and the state after it; none if nothing does.
    fn took(
        &mut self,
        state: &State,
        node: &mut Running<P>,
        feed: Feed,
        said: Said,
    ) -> Result<Option<(Outcome, Option<State>)>, Unfit> {
        let done = self.machine.hand(self.me, node, feed)?;
        if done.panicked.is_some() {
            return Ok(Some((outcome(None, &done), None)));
        }
        let key = self.key(node).ok_or_else(|| Refusal::NotRepeated(format!("{} has no key", self.me)))?;
        let is_quiet = done.sent.is_empty() && done.decided.is_empty();
        if is_quiet && key == state.key && node.timers == state.timers {
            return Ok(None);
        }
        if let Err(panicked) = self.machine.place(node) {
            let done = Done { panicked: Some(panicked), ..Done::default() };
            return Ok(Some((outcome(None, &done), None)));
        }
        let (sent, decided) = (state.sent.clone(), state.decided.clone());
        let mut to = State { key, control: node.control, timers: node.timers.clone(), sent, decided, said };
        to.note(&done);
        Ok(Some((outcome(Some(node.control), &done), Some(to))))
    }

    /// Hands every input to some states again, the last first, and to those that were reached another way after that: what comes
    /// of it must be the same. How many were handed over so; none if it was told to stop.
    pub fn try_again(&mut self, goes_on: &dyn Fn() -> bool) -> Result<Option<u64>, Unfit> {
        let mut tried = 0;
        let mut known = IndexMap::<(u32, Feed), (Option<u32>, u32)>::default();
        let each = 1 + self.graph.states.len() / SAMPLES;
        for at in (0..self.graph.states.len()).step_by(each) {
            if !goes_on() {
                return Ok(None);
            }
            let begin = self.graph.arcs.partition_point(|arc| arc.from < at as u32);
            let arcs = self.graph.arcs[begin..].iter().take_while(|arc| arc.from == at as u32);
            known.clear();
            known.extend(arcs.map(|arc| ((arc.from, arc.feed), (arc.to, arc.outcome))));
            let mut history = self.history(self.graph.again[at].map_or(at as u32, |(parent, _)| parent));
            history.extend(self.graph.again[at].map(|(_, last)| last));
            let state = self.graph.states[at].clone();
            let mut live = None;
            for feed in self.inputs(&state).into_iter().rev() {
                let Some(said) = self.said(&state, feed) else { continue };
                let mut node = match live.take() {
                    Some(node) => node,
                    None => self.rebuilt(at as u32, &history)?,
                };
                let took = self.took(&state, &mut node, feed, said)?;
                tried += 1;
                let found = took.as_ref().map(|(outcome, to)| {
                    let number = |to: &State| self.graph.states.get_index_of(to).map(|to| to as u32);
                    let outcome = self.graph.outcomes.get_index_of(outcome).map(|outcome| outcome as u32);
                    (to.as_ref().map(number), outcome)
                });
                let expected = known.get(&(at as u32, feed));
                let expected = expected.map(|(to, outcome)| (to.map(Some), Some(*outcome)));
                if found != expected {
                    return Err(self.unlike(
                        at as u32,
                        &history,
                        feed,
                        took.map(|(outcome, _)| outcome),
                        expected,
                    ));
                }
                if took.is_none() {
                    live = Some(node);
                }
            }
        }
        Ok(Some(tried))
    }

    fn unlike(
        &self,
        at: u32,
        history: &[Feed],
        input: Feed,
        found: Option<Outcome>,
        expected: Option<(Option<Option<u32>>, Option<u32>)>,
    ) -> Unfit {
        let words = |feeds: &[Feed]| {
            let all: Vec<_> = feeds.iter().map(|feed| self.machine.in_words(*feed)).collect();
            if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
        };
        let came = |outcome: Option<&Outcome>| {
            let done = outcome.map(|outcome| Done {
                sent: outcome.sent.clone(),
                decided: outcome.decided.clone(),
                panicked: outcome.panicked.clone(),
                is_moved: true,
            });
            let control = outcome.and_then(|outcome| outcome.to).unwrap_or(u32::MAX);
            self.machine.done_in_words(done.as_ref(), control)
        };
        let known = expected.and_then(|(_, outcome)| self.graph.outcomes.get_index(outcome? as usize));
        Refusal::UnlikeKeys(Box::new(crate::engine::refusal::UnlikeKeys {
            node: self.me.to_string(),
            key: self.graph.states[at as usize].key.as_str().to_owned(),
            one: words(&self.history(at)),
            other: format!("{} and what leaves the key as it is", words(history)),
            input: self.machine.in_words(input),
            first: came(known),
            second: came(found.as_ref()),
        }))
        .into()
    }
}

impl Graph {
    /// No state yet.
    pub fn new() -> Self {
        let (states, outcomes) = (IndexSet::default(), IndexSet::default());
        Graph { states, first: Vec::new(), again: Vec::new(), arcs: Vec::new(), outcomes }
    }
}

impl State {
    /// Where a node begins, of which nobody has said anything.
    pub fn first<P: Protocol>(key: Key, node: &Running<P>) -> Self {
        let (sent, decided, said) = (Vec::new(), Vec::new(), Vec::new());
        State { key, control: node.control, timers: node.timers.clone(), sent, decided, said }
    }

    /// What is sent and decided counts for ever.
    pub fn note(&mut self, done: &Done) {
        for &content in &done.sent {
            if let Err(place) = self.sent.binary_search(&content) {
                self.sent.insert(place, content);
            }
        }
        for &decision in &done.decided {
            if let Err(place) = self.decided.binary_search(&decision) {
                self.decided.insert(place, decision);
            }
        }
    }
}
