//! States of one node in which nothing is kept that could as well be handed over later.
//!
//! **Why few states are enough.** What was sent once can be handed over at any time. So where an input that brings nothing about
//! could have come after the next one, and the node would be the same then, it may as well come later; and where the node
//! would have again what it has counted, if it were handed the same once more, it may as well have it not. A *root* is a
//! state of the node in which nothing is left of that kind. In every run a node is in a root, or in what comes of one by
//! inputs that bring nothing about, of messages that it was handed.
//!
//! From a root a *word* is handed over: votes of one tally with certificates of them, one after the other, until a
//! count is reached; or one message that is no vote, or a timer (`words`). What brings nothing about is put before all other
//! words. Where that makes a difference it is a step of the root: unless it could as well come after (`pairs`), which is tried by
//! running both orders, each time.
//!
//! What is taken for granted, and tried on samples (`waiting`) and on histories that chance makes up (`histories`): the key;
//! that it does not matter whose votes are counted; that votes with which no count is reached change nothing outside their
//! tally; that a word which may wait for each of two others may wait for both; and that no step takes more than two words before
//! its own that may not wait.

use super::graph::{Explored, State};
use super::words::Word;
use itertools::Itertools as _;

use super::*;
use crate::engine::panics::Panicked;
use crate::protocol::Key;

/// Tallies of which it is tried whether they are needed to have all again.
const MIXED: usize = 5;

/// Roots after which it is given up.
const MOST: usize = 50_000;

/// What is done to a node so that it comes to a root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Op {
    Feed(Feed),
    /// It forgets what it would have again.
    Forget,
}

/// A root, and how it is come to.
pub(super) struct Root {
    pub ops: Vec<Op>,
    /// What was handed over since it has forgotten last.
    pub kept: Vec<Feed>,
    /// Another way to it.
    pub again: Option<Vec<Op>>,
}

/// A step from a root.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub from: u32,
    pub feeds: Vec<Feed>,
    /// None if the node panics.
    pub to: Option<u32>,
    /// By number.
    pub outcome: u32,
}

/// What came of some inputs, one after the other.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Came {
    pub key: Key,
    pub control: u32,
    pub timers: Vec<u16>,
    /// Ascending, each once.
    pub sent: Vec<Content>,
    /// Ascending, each once.
    pub decided: Vec<u16>,
    pub panicked: Option<Panicked>,
}

/// What explores the roots of a node.
pub(super) struct Late<'a, P: Protocol> {
    pub machine: &'a mut Machine<P>,
    pub me: NodeId,
    pub others: &'a [NodeId],
    /// How many others may say two things where one is counted.
    pub lying: usize,
    pub states: IndexSet<State>,
    pub roots: Vec<Root>,
    pub steps: Vec<Step>,
    pub outcomes: IndexSet<Outcome>,
    /// Steps that are known, by where they begin and what is handed over.
    pub known: IndexSet<(u32, Vec<Feed>)>,
    /// Words after two others of which it was tried whether both could have waited.
    pub waits: u64,
}

impl<'a, P: Protocol> Late<'a, P> {
    /// Nothing is known yet.
    pub fn new(machine: &'a mut Machine<P>, me: NodeId, others: &'a [NodeId], lying: usize) -> Self {
        let (states, outcomes, known) = (IndexSet::default(), IndexSet::default(), IndexSet::default());
        let (roots, steps) = (Vec::new(), Vec::new());
        Late { machine, me, others, lying, states, roots, steps, outcomes, known, waits: 0 }
    }

    /// Finds all roots and their steps.
    pub fn explore(&mut self, goes_on: &dyn Fn() -> bool) -> Result<Explored, Unfit> {
        let (Some(node), done) = self.machine.begin(self.me)? else { return Ok(Explored::TooMany) };
        let (Some(key), true) = (self.key(&node), self.reached(&node).is_some()) else {
            return Ok(Explored::TooMany);
        };
        let mut first = State::first(key, &node);
        first.note(&done);
        self.states.insert(first);
        self.roots.push(Root { ops: Vec::new(), kept: Vec::new(), again: None });
        let mut at = 0;
        while at < self.roots.len() {
            if !goes_on() {
                return Ok(Explored::Stopped);
            }
            if self.roots.len() > MOST {
                return Ok(Explored::TooMany);
            }
            if !self.is_repeated(at as u32)? {
                return Err(self.otherwise());
            }
            let words = self.words(at as u32)?;
            let classes = self.classes(&words);
            for word in classes.iter().flatten().filter(|word| word.is_step) {
                self.step(at as u32, &word.feeds, &word.came)?;
            }
            self.pairs(at as u32, &classes)?;
            self.try_waiting(at as u32, &words)?;
            at += 1;
        }
        Ok(Explored::Whole)
    }

    pub fn key(&self, node: &Running<P>) -> Option<Key> {
        self.machine.protocol.key(&node.node)
    }

    pub fn reached(&self, node: &Running<P>) -> Option<Key> {
        (self.machine.quorums.reached)(&self.machine.protocol, &node.node)
    }

    /// The node in a root.
    pub fn rebuilt(&mut self, root: u32) -> Result<Running<P>, Unfit> {
        let mut node = self.machine.begin(self.me)?.0.ok_or_else(|| self.otherwise())?;
        for place in 0..self.roots[root as usize].ops.len() {
            match self.roots[root as usize].ops[place] {
                Op::Feed(feed) => drop(self.machine.hand(self.me, &mut node, feed)?),
                Op::Forget => (self.machine.quorums.forget)(&self.machine.protocol, &mut node.node),
            }
        }
        node.control = self.states[root as usize].control;
        Ok(node)
    }

    /// Whether a root is come to again by what is known to lead to it.
    fn is_repeated(&mut self, root: u32) -> Result<bool, Unfit> {
        let mut node = self.rebuilt(root)?;
        let is_there = matches!(self.machine.place(&mut node), Ok(false));
        let state = &self.states[root as usize];
        Ok(is_there && node.timers == state.timers && self.key(&node).as_ref() == Some(&state.key))
    }

    fn otherwise(&self) -> Unfit {
        Refusal::NotRepeated(format!("{} after the same inputs is another than before", self.me)).into()
    }

    /// What comes of inputs that are handed to a node; none if a timer among them does not run.
    pub fn ran(&mut self, node: &mut Running<P>, feeds: &[Feed]) -> Result<Option<Came>, Unfit> {
        let (mut sent, mut decided, mut panicked) = (Vec::new(), Vec::new(), None);
        for &feed in feeds {
            if matches!(feed, Feed::Timer(timer) if !node.timers.contains(&timer)) {
                return Ok(None);
            }
            let done = self.machine.hand(self.me, node, feed)?;
            sent.extend(done.sent);
            decided.extend(done.decided);
            panicked = done.panicked;
            if panicked.is_some() {
                break;
            }
        }
        sent.sort_unstable();
        sent.dedup();
        decided.sort_unstable();
        decided.dedup();
        if panicked.is_none()
            && let Err(placed) = self.machine.place(node)
        {
            panicked = Some(placed);
        }
        let key = self.key(node).ok_or_else(|| self.otherwise())?;
        Ok(Some(Came { key, control: node.control, timers: node.timers.clone(), sent, decided, panicked }))
    }

    /// What comes of inputs that are handed to the node in a root.
    pub fn after(&mut self, root: u32, feeds: &[Feed]) -> Result<Option<Came>, Unfit> {
        let mut node = self.rebuilt(root)?;
        self.ran(&mut node, feeds)
    }

    /// Whether anything but the key came of it.
    pub fn is_step(&self, root: u32, came: &Came) -> bool {
        let state = &self.states[root as usize];
        came.panicked.is_some()
            || came.control != state.control
            || came.timers != state.timers
            || !came.sent.is_empty()
            || !came.decided.is_empty()
    }

    /// Takes down a step, and the root that it leads to.
    pub fn step(&mut self, from: u32, feeds: &[Feed], came: &Came) -> Result<(), Unfit> {
        if !self.known.insert((from, feeds.to_vec())) {
            return Ok(());
        }
        let to = came.panicked.is_none().then_some(came.control);
        let (sent, decided) = (came.sent.clone(), came.decided.clone());
        let outcome = Outcome { to, sent, decided, panicked: came.panicked.clone() };
        let outcome = self.outcomes.insert_full(outcome).0 as u32;
        let to = match to {
            Some(_) => Some(self.root(from, feeds, came)?),
            None => None,
        };
        self.steps.push(Step { from, feeds: feeds.to_vec(), to, outcome });
        Ok(())
    }

    /// The root of what came of inputs.
    fn root(&mut self, from: u32, feeds: &[Feed], came: &Came) -> Result<u32, Unfit> {
        let parent = &self.roots[from as usize];
        let mut ops = parent.ops.clone();
        ops.extend(feeds.iter().copied().map(Op::Feed));
        let messages = feeds.iter().copied().filter(|feed| matches!(feed, Feed::Message(..)));
        let mut kept: Vec<Feed> = parent.kept.iter().copied().chain(messages).collect();
        let mut state = self.states[from as usize].next(came);
        if let Some(number) = self.states.get_index_of(&state) {
            return Ok(number as u32);
        }
        if let Some(key) = self.forgotten(from, feeds, came, &kept)? {
            state.key = key;
            ops.push(Op::Forget);
            kept.clear();
        }
        let (number, is_new) = self.states.insert_full(state);
        if is_new {
            self.roots.push(Root { ops, kept, again: None });
        } else if self.roots[number].ops != ops {
            self.roots[number].again.get_or_insert(ops);
        }
        Ok(number as u32)
    }

    /// The key of the node once it has forgotten what it has counted, if it would have all of that again, by some of what it
    /// was handed; none if it would not, or there is nothing to forget.
    fn forgotten(
        &mut self,
        from: u32,
        feeds: &[Feed],
        came: &Came,
        kept: &[Feed],
    ) -> Result<Option<Key>, Unfit> {
        let parts: BTreeSet<_> = kept.iter().map(|feed| self.part(feed)).collect();
        let parts: Vec<_> = parts.into_iter().collect();
        let quiet = Came { sent: Vec::new(), decided: Vec::new(), ..came.clone() };
        // Of each tally all is handed over once more, or what was last, or nothing.
        for choice in 0..3_u32.pow(parts.len().min(MIXED) as u32) {
            let is_in = |(at, feed): &(usize, &Feed)| {
                let place = parts.iter().position(|part| *part == self.part(feed)).unwrap_or(MIXED);
                let is_last = || kept[at + 1..].iter().all(|later| self.part(later) != self.part(feed));
                match choice / 3_u32.pow(place.min(MIXED) as u32) % 3 {
                    _ if place >= MIXED => true,
                    0 => true,
                    1 => is_last(),
                    _ => false,
                }
            };
            let again: Vec<Feed> = kept.iter().enumerate().filter(is_in).map(|(_, feed)| *feed).collect();
            let mut node = self.rebuilt(from)?;
            self.ran(&mut node, feeds)?;
            (self.machine.quorums.forget)(&self.machine.protocol, &mut node.node);
            let Some(forgotten) = self.ran(&mut node, &[])? else { return Ok(None) };
            if forgotten == quiet || (Came { key: came.key.clone(), ..forgotten.clone() }) != quiet {
                return Ok(None);
            }
            if self.ran(&mut node, &again)?.is_some_and(|again| again == quiet) {
                return Ok(Some(forgotten.key));
            }
        }
        Ok(None)
    }

    /// The tally that a message is counted in, or that its parts are.
    fn part(&self, feed: &Feed) -> Option<usize> {
        let Feed::Message(_, content) = *feed else { return None };
        let alphabet = &self.machine.alphabet;
        let part = alphabet.parts(content).first().and_then(|(_, part)| alphabet.group(*part));
        alphabet.group(content).or(part)
    }

    /// Steps that a word makes after another one, which brings nothing about by itself.
    fn pairs(&mut self, root: u32, classes: &[Vec<&Word>]) -> Result<(), Unfit> {
        let mut silent = IndexMap::<(usize, usize), Came>::default();
        for (one, firsts) in classes.iter().enumerate().filter(|(_, class)| !class[0].is_step) {
            for (two, seconds) in classes.iter().enumerate() {
                let (first, second) = (firsts[0], seconds[0]);
                if first.part == second.part {
                    continue;
                }
                let Some(came) = self.after(root, &[&first.feeds[..], &second.feeds].concat())? else {
                    continue;
                };
                if !self.is_step(root, &came) {
                    if second.is_step {
                        // It has lost what it would have done.
                        self.triples(root, classes, first, second)?;
                    } else if let Some(swapped) = silent.get(&(two, one)) {
                        if *swapped != came {
                            self.triples(root, classes, first, second)?;
                            self.triples(root, classes, second, first)?;
                        }
                    } else {
                        silent.insert((one, two), came);
                    }
                    continue;
                }
                // As if the first had come later, or never.
                if second.is_step && came == second.came {
                    continue;
                }
                let swapped = [&second.feeds[..], &first.feeds].concat();
                if second.is_step && self.after(root, &swapped)?.is_some_and(|swapped| swapped == came) {
                    continue;
                }
                for (first, second) in firsts.iter().cartesian_product(seconds) {
                    let feeds = [&first.feeds[..], &second.feeds].concat();
                    let Some(came) = self.after(root, &feeds)? else { continue };
                    if self.is_step(root, &came) {
                        self.step(root, &feeds, &came)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Steps that a word makes after two whose order matters, though neither brings anything about.
    fn triples(
        &mut self,
        root: u32,
        classes: &[Vec<&Word>],
        first: &Word,
        second: &Word,
    ) -> Result<(), Unfit> {
        let begun = [&first.feeds[..], &second.feeds].concat();
        let all = classes.iter().map(|class| class[0]);
        for third in all.filter(|word| word.part != first.part && word.part != second.part) {
            let feeds = [&begun[..], &third.feeds].concat();
            let Some(came) = self.after(root, &feeds)? else { continue };
            if !self.is_step(root, &came) {
                continue;
            }
            let at_once = third.is_step
                && (came == third.came
                    || self
                        .after(root, &[&third.feeds[..], &begun].concat())?
                        .is_some_and(|other| other == came));
            if !at_once {
                self.step(root, &feeds, &came)?;
            }
        }
        Ok(())
    }
}

impl State {
    /// The state after inputs.
    fn next(&self, came: &Came) -> State {
        let Came { key, control, timers, sent, decided, .. } = came.clone();
        let (known, told, said) = (self.sent.clone(), self.decided.clone(), self.said.clone());
        let mut next = State { key, control, timers, sent: known, decided: told, said };
        next.note(&Done { sent, decided, ..Done::default() });
        next
    }
}
