//! Whether the control state is all that the future of a node depends on: histories that lead to the same one are compared.
//!
//! Two of them are given, each, what the other was given; if nothing comes of that, both nodes hold the same, and whatever
//! is handed to both must bring the same about.

use super::*;

/// Histories of a control state that are compared with its first.
const COMPARED: usize = 4;

/// How much was tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tried {
    /// Histories that chance has made up, of single nodes: nothing in them was not known.
    pub walks: u64,
    /// Pairs of histories with one control state, each with an input that was handed to both.
    pub pairs: u64,
}

impl Tried {
    /// Both together.
    pub(in crate::engine::guards) fn and(self, other: Tried) -> Tried {
        Tried { walks: self.walks + other.walks, pairs: self.pairs + other.pairs }
    }
}

impl<P: Protocol> Finder<P> {
    /// Compares histories of every control state, as far as there are two of them. None if it was told to stop.
    pub(super) fn compare(&mut self, stop: &AtomicBool) -> Result<Option<()>, Unfit> {
        for control in 0..self.controls.len() {
            if stop.load(Relaxed) {
                return Ok(None);
            }
            let known = &self.controls[control];
            let all = known.samples.iter().chain(&known.spare).copied();
            let mut all: Vec<usize> = all.collect();
            all.sort_by_key(|sample| self.weight(*sample));
            let control = control as u32;
            for place in (1..all.len()).rev().take(COMPARED) {
                if self.unlike.is_none() {
                    self.unlike = self.differ(control, all[0], all[place])?;
                }
            }
            if self.unlike.is_none() {
                self.unlike = self.deaf(control, &all)?;
            }
        }
        Ok(Some(()))
    }

    /// How two histories of one control state differ where both hold the same, if they do.
    fn differ(&mut self, control: u32, one: usize, other: usize) -> Result<Option<UnlikeControls>, Unfit> {
        if self.are_torn(one, other) {
            return Ok(None);
        }
        // What was dropped since is had again.
        let mut first = [self.messages(other), self.messages(one)].concat();
        let mut second = [self.messages(one), self.messages(other)].concat();
        let (one_holds, other_holds) = (self.run(control, one, &first)?, self.run(control, other, &second)?);
        if one_holds.at.is_some() || other_holds.at.is_some() {
            return Ok(None);
        }
        let both: Vec<u16> =
            one_holds.node.timers.iter().copied().filter(|t| other_holds.node.timers.contains(t)).collect();
        for timer in both {
            first.push(Feed::Timer(timer));
            second.push(Feed::Timer(timer));
            let (a, b) = (self.run(control, one, &first)?, self.run(control, other, &second)?);
            first.pop();
            second.pop();
            self.tried.pairs += 1;
            if a.at.is_some() != b.at.is_some() || came_of(&a) != came_of(&b) {
                return Ok(Some(self.told(control, one, other, Feed::Timer(timer), &a, &b)));
            }
        }
        let mut left = self.inputs(one, other);
        loop {
            let (a, b) = (
                self.run(control, one, &[&first[..], &left].concat())?,
                self.run(control, other, &[&second[..], &left].concat())?,
            );
            let place = |ran: &Ran<P>, before: usize| ran.at.map(|at| at - before);
            let (at, same) = (place(&a, first.len()), place(&b, second.len()));
            let Some(earlier) = at.into_iter().chain(same).min() else {
                self.tried.pairs += left.len() as u64;
                return Ok(None);
            };
            if at != same || came_of(&a) != came_of(&b) {
                return Ok(Some(self.told(control, one, other, left[earlier], &a, &b)));
            }
            self.tried.pairs += earlier as u64 + 1;
            left.remove(earlier);
            left.drain(..earlier);
        }
    }

    fn messages(&self, sample: usize) -> Vec<Feed> {
        let feeds = self.samples[sample].feeds.iter().copied();
        feeds.filter(|feed| matches!(feed, Feed::Message(..))).collect()
    }

    /// Every message that can be handed over after either, and that neither was given.
    fn inputs(&self, one: usize, other: usize) -> Vec<Feed> {
        let (a, b) = (&self.samples[one], &self.samples[other]);
        let singles = self.all_singles().into_iter();
        let mut all: Vec<Feed> = singles
            .filter_map(|single| {
                self.message(a, single).filter(|feed| self.message(b, single) == Some(*feed))
            })
            .collect();
        for (group, contents) in self.alphabet().groups.iter().enumerate() {
            for &content in contents {
                let is_free = |from: &&NodeId| {
                    let slot = self.slot(group, **from);
                    a.voted[slot].is_none() && b.voted[slot].is_none()
                };
                all.extend(self.others.iter().find(is_free).map(|from| Feed::Message(*from, content)));
            }
        }
        all
    }

    /// A history after which nothing comes of what something comes of after another one of the same control state, though it
    /// is given all that the other was.
    fn deaf(&mut self, control: u32, all: &[usize]) -> Result<Option<UnlikeControls>, Unfit> {
        let recipes: Vec<Recipe> = self.controls[control as usize].ways.values().flatten().cloned().collect();
        for recipe in recipes {
            for &sample in all.iter().filter(|sample| **sample != recipe.origin) {
                let Some(feeds) = self.prepared(sample, &recipe) else { continue };
                let (Some(&last), false) = (feeds.last(), self.are_torn(sample, recipe.origin)) else {
                    continue;
                };
                let is_known = |feed: &Feed| self.samples[sample].feeds.contains(feed);
                if feeds.iter().any(is_known) || self.counts_heads(sample, &recipe, &feeds) {
                    continue;
                }
                // What was dropped since is had again.
                let rest =
                    [&self.messages(sample)[..], &self.rest_of(recipe.origin, sample), &feeds].concat();
                let ran = self.run(control, sample, &rest)?;
                let timers = &ran.node.timers;
                if feeds.iter().any(|feed| matches!(feed, Feed::Timer(timer) if !timers.contains(timer))) {
                    continue;
                }
                self.tried.pairs += 1;
                if ran.at.is_none() {
                    let again = self.prepared(recipe.origin, &recipe).unwrap_or_default();
                    let other = self.run(control, recipe.origin, &again)?;
                    if other.at.is_some() {
                        return Ok(Some(self.told(control, sample, recipe.origin, last, &ran, &other)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Whether a vote is by somebody whose vote of another group of the recipe is there: a rule may count heads.
    fn counts_heads(&self, sample: usize, recipe: &Recipe, feeds: &[Feed]) -> bool {
        let votes = recipe.needs.votes.iter();
        let groups: BTreeSet<usize> = votes.filter_map(|(vote, _)| self.alphabet().group(*vote)).collect();
        let cast = |from: NodeId, group: usize| {
            let is_of = |feed: &Feed| {
                matches!(*feed, Feed::Message(who, vote)
                    if who == from && self.alphabet().group(vote) == Some(group))
            };
            self.samples[sample].voted[self.slot(group, from)].is_some() || feeds.iter().any(is_of)
        };
        groups.len() > 1
            && self.others.iter().any(|other| groups.iter().filter(|group| cast(*other, **group)).count() > 1)
    }

    fn told(
        &self,
        control: u32,
        one: usize,
        other: usize,
        input: Feed,
        first: &Ran<P>,
        second: &Ran<P>,
    ) -> UnlikeControls {
        let history = |sample: usize| {
            let feeds = &self.samples[sample].feeds;
            let all: Vec<_> = feeds.iter().map(|feed| self.machine.in_words(*feed)).collect();
            if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
        };
        let key = self.machine.controls.get_index(control as usize);
        UnlikeControls {
            node: self.me.to_string(),
            control: key.map(|(key, _)| key.as_str().to_owned()).unwrap_or_default(),
            one: history(one),
            other: history(other),
            input: self.machine.in_words(input),
            first: self.machine.done_in_words(first.at.map(|_| &first.done), first.node.control),
            second: self.machine.done_in_words(second.at.map(|_| &second.done), second.node.control),
        }
    }
}
