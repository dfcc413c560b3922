//! All control states of one node, closed over whatever the others may ever send; found by running it.
//!
//! A control state is met by histories. Of these a few are kept as samples: for each tally those in which as little as can be
//! was counted, since what was counted once cannot be taken back. What the node does in the control state is the union
//! of what it does after these. What comes about after one sample, and after another does not, but does once the other is
//! given what the first was given, is no matter of the control state: it is found again with all that it takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use indexmap::IndexMap;

use super::alphabet::{Alphabet, Content};
use super::error::Unfit;
use super::machine::{Done, Feed, Machine, Running};
use super::way::{Needs, Outcome, Portion, Recipe, Sample, Single};
use crate::engine::Refusal;
use crate::protocol::{NodeId, Protocol};

/// What is known of a control state.
#[derive(Default)]
pub(super) struct Control {
    /// All samples, the first first.
    samples: Vec<usize>,
    /// By group, those in which least was counted.
    minimal: Vec<Vec<usize>>,
    pub ways: IndexMap<Outcome, Vec<Recipe>>,
    /// Messages that change something and bring nothing about.
    silent: Vec<Single>,
    /// Samples after which everything but votes was tried.
    tried: Vec<usize>,
    /// Needs that leave something out.
    refuted: IndexMap<Outcome, Vec<Needs>>,
    /// Recipes that need all that another needs: if that is refuted, they count again.
    hidden: IndexMap<Outcome, Vec<Recipe>>,
}

enum Task {
    /// Everything but votes, after the lightest sample.
    First(u32),
    /// The same after a sample.
    Singles(u32, usize),
    /// Votes of a group, after a sample in which few of it were counted.
    Votes(u32, usize, usize),
    /// A recipe, after another sample than that which it was found with.
    Cook(u32, usize, Outcome, Recipe),
}

/// All that one node can do.
pub(super) struct Finder<P: Protocol> {
    pub machine: Machine<P>,
    pub me: NodeId,
    others: Vec<NodeId>,
    samples: Vec<Sample>,
    /// By number of the control state.
    pub controls: Vec<Control>,
    /// What is to be tried, where little was handed over first: what was not is no part of what it takes.
    tasks: BTreeMap<(usize, usize), Task>,
    asked: usize,
    /// What the node does before anything has happened.
    pub first: Option<Outcome>,
}

/// What came of a run: the place of the first input that brought something about.
struct Ran<P: Protocol> {
    at: Option<usize>,
    done: Done,
    node: Running<P>,
}

impl<P: Protocol> Finder<P> {
    /// Runs the node until nothing new is met, or until it is told to stop.
    pub fn close(machine: Machine<P>, me: NodeId, stop: &AtomicBool) -> Result<Option<Self>, Unfit> {
        let nodes = machine.protocol.nodes();
        // Whose turn it is to vote is another node's for each node.
        let others = (1..nodes).map(|ahead| NodeId(((me.index() + ahead) % nodes) as u16)).collect();
        let (samples, controls, tasks) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut finder = Finder { machine, me, others, samples, controls, tasks, asked: 0, first: None };
        let (node, done) = finder.machine.begin(me)?;
        let mut sample =
            Sample { voted: vec![None; finder.alphabet().groups.len() * nodes], ..Sample::default() };
        finder.note_sent(&mut sample, &done.sent);
        let outcome = outcome(node.as_ref().map(|node| node.control), &done);
        if let Some(node) = node {
            finder.admit(node.control, sample);
        }
        finder.first = Some(outcome);
        while let Some((_, task)) = finder.tasks.pop_first() {
            if stop.load(Relaxed) {
                return Ok(None);
            }
            match task {
                Task::First(control) => {
                    let samples = finder.controls[control as usize].samples.iter().copied();
                    if let Some(lightest) = samples.min_by_key(|sample| finder.weight(*sample)) {
                        finder.try_singles(control, lightest)?;
                    }
                }
                Task::Singles(control, sample) => finder.try_singles(control, sample)?,
                Task::Votes(control, sample, group) => finder.try_votes(control, sample, group)?,
                Task::Cook(control, sample, outcome, recipe) => {
                    finder.cook(control, sample, &outcome, &recipe)?;
                }
            }
        }
        Ok(Some(finder))
    }

    /// How much was handed over in a history.
    fn weight(&self, sample: usize) -> usize {
        let weights = self.samples[sample].feeds.iter().map(|feed| match feed {
            Feed::Timer(_) => 0,
            Feed::Message(_, content) => 1 + self.alphabet().parts(*content).len(),
        });
        weights.sum()
    }

    fn plan(&mut self, sample: usize, task: Task) {
        self.asked += 1;
        self.tasks.insert((self.weight(sample), self.asked), task);
    }

    fn alphabet(&self) -> &Alphabet<P> {
        &self.machine.alphabet
    }

    fn slot(&self, group: usize, node: NodeId) -> usize {
        group * (self.others.len() + 1) + node.index()
    }

    fn note_sent(&self, sample: &mut Sample, sent: &[Content]) {
        for &content in sent {
            if let Err(place) = sample.sent.binary_search(&content) {
                sample.sent.insert(place, content);
            }
            self.note_vote(sample, self.me, content);
        }
    }

    fn note_vote(&self, sample: &mut Sample, voter: NodeId, content: Content) {
        if let Some(group) = self.alphabet().group(content) {
            sample.voted[self.slot(group, voter)].get_or_insert(content);
        }
        for &(signer, part) in self.alphabet().parts(content) {
            self.note_vote(sample, signer, part);
        }
    }

    /// How many others were counted for what in a group.
    fn counted(&self, sample: &Sample, group: usize) -> Vec<(Content, u8)> {
        let mut counts = Vec::new();
        for &content in &self.alphabet().groups[group] {
            let voters =
                self.others.iter().filter(|other| sample.voted[self.slot(group, **other)] == Some(content));
            let count = voters.count() as u8;
            counts.extend((count > 0).then_some((content, count)));
        }
        counts.sort_unstable();
        counts
    }

    fn needs(&self, sample: &Sample, group: Option<usize>, more: &[Content], singles: &[Single]) -> Needs {
        let mut singles = singles.to_vec();
        singles.sort_unstable();
        let Some(group) = group else { return Needs { singles, ..Needs::default() } };
        let mut votes = self.counted(sample, group);
        for &content in more {
            match votes.iter_mut().find(|(vote, _)| *vote == content) {
                Some((_, count)) => *count += 1,
                None => votes.push((content, 1)),
            }
        }
        votes.sort_unstable();
        Needs { own: sample.voted[self.slot(group, self.me)], votes, singles }
    }

    /// Takes in a history that leads to a control state, if it is worth a sample.
    fn admit(&mut self, control: u32, sample: Sample) {
        while self.controls.len() <= control as usize {
            let minimal = vec![Vec::new(); self.alphabet().groups.len()];
            self.controls.push(Control { minimal, ..Control::default() });
        }
        let is_new = self.controls[control as usize].samples.is_empty();
        let number = self.samples.len();
        let groups: Vec<_> = (0..self.alphabet().groups.len())
            .filter(|&group| self.is_least(control, &sample, group))
            .collect();
        if groups.is_empty() && !is_new {
            return;
        }
        self.samples.push(sample);
        for &group in &groups {
            let votes = self.needs(&self.samples[number], Some(group), &[], &[]);
            let kept = self.controls[control as usize].minimal[group].iter().copied();
            let kept = kept.filter(|&other| {
                let others = self.needs(&self.samples[other], Some(group), &[], &[]);
                others.own != votes.own || !votes.are_part_of(&others)
            });
            let mut kept: Vec<_> = kept.collect();
            kept.push(number);
            self.controls[control as usize].minimal[group] = kept;
        }
        let known = &mut self.controls[control as usize];
        known.samples.push(number);
        let cooked = known.ways.iter().flat_map(|(outcome, recipes)| {
            recipes.iter().map(|recipe| Task::Cook(control, number, outcome.clone(), recipe.clone()))
        });
        let cooked: Vec<_> = cooked.collect();
        if is_new {
            self.plan(number, Task::First(control));
        }
        cooked.into_iter().for_each(|task| self.plan(number, task));
        groups.into_iter().for_each(|group| self.plan(number, Task::Votes(control, number, group)));
    }

    /// Whether in no sample with the same vote of its own less was counted.
    fn is_least(&self, control: u32, sample: &Sample, group: usize) -> bool {
        let Some(known) = self.controls.get(control as usize) else { return true };
        let votes = self.needs(sample, Some(group), &[], &[]);
        !known.minimal[group].iter().any(|&other| {
            let others = self.needs(&self.samples[other], Some(group), &[], &[]);
            others.own == votes.own && others.are_part_of(&votes)
        })
    }

    /// Runs a sample's history and then these, up to the first that brings something about.
    fn run(&mut self, control: u32, sample: usize, feeds: &[Feed]) -> Result<Ran<P>, Unfit> {
        let node = self.machine.begin(self.me)?.0;
        let mut node = node.ok_or_else(|| self.not_repeated(sample))?;
        for place in 0..self.samples[sample].feeds.len() {
            let feed = self.samples[sample].feeds[place];
            self.machine.feed(self.me, &mut node, feed)?;
        }
        if node.control != control {
            return Err(self.not_repeated(sample));
        }
        for (at, &feed) in feeds.iter().enumerate() {
            if matches!(feed, Feed::Timer(timer) if !node.timers.contains(&timer)) {
                break;
            }
            let done = self.machine.feed(self.me, &mut node, feed)?;
            if done.is_step() {
                return Ok(Ran { at: Some(at), done, node });
            }
        }
        Ok(Ran { at: None, done: Done::default(), node })
    }

    fn not_repeated(&self, sample: usize) -> Unfit {
        let inputs = self.samples[sample].feeds.len();
        Refusal::NotRepeated(format!("{} after {inputs} inputs is another than before", self.me)).into()
    }

    /// Takes down what a run has brought about, and goes on from there.
    fn record(&mut self, control: u32, feeds: &[Feed], ran: &Ran<P>, recipe: Recipe) {
        let to = ran.done.panicked.is_none().then_some(ran.node.control);
        let outcome = outcome(to, &ran.done);
        if self.keep(control, &outcome, &recipe) {
            self.go_on(recipe.origin, feeds, &outcome);
        }
    }

    /// Keeps a recipe if none that is known does with less. Whether it is kept.
    fn keep(&mut self, control: u32, outcome: &Outcome, recipe: &Recipe) -> bool {
        let known = &mut self.controls[control as usize];
        let refuted = known.refuted.get(outcome);
        if refuted.is_some_and(|refuted| refuted.iter().any(|needs| recipe.needs.are_part_of(needs))) {
            return false;
        }
        let hidden = known.hidden.entry(outcome.clone()).or_default();
        let recipes = known.ways.entry(outcome.clone()).or_default();
        if recipes.iter().any(|known| known.needs.are_part_of(&recipe.needs)) {
            if !recipes.iter().chain(&*hidden).any(|known| known.needs == recipe.needs) {
                hidden.push(recipe.clone());
            }
            return false;
        }
        hidden.extend(recipes.extract_if(.., |known| recipe.needs.are_part_of(&known.needs)));
        recipes.push(recipe.clone());
        let others = self.controls[control as usize].samples.clone();
        for other in others.into_iter().filter(|other| *other != recipe.origin) {
            self.plan(other, Task::Cook(control, other, outcome.clone(), recipe.clone()));
        }
        true
    }

    /// A history that goes on from a sample.
    fn after(&self, sample: usize, feeds: &[Feed], sent: &[Content]) -> Sample {
        let mut next = self.samples[sample].clone();
        for &feed in feeds {
            next.feeds.push(feed);
            if let Feed::Message(from, content) = feed {
                self.note_vote(&mut next, from, content);
            }
        }
        self.note_sent(&mut next, sent);
        next
    }

    fn go_on(&mut self, sample: usize, feeds: &[Feed], outcome: &Outcome) {
        if let Some(to) = outcome.to {
            let next = self.after(sample, feeds, &outcome.sent);
            self.admit(to, next);
        }
    }

    /// Tries whether a recipe brings the same about after another sample. If so it goes on from there; if not, perhaps the recipe
    /// leaves something out that the sample had which it was found with.
    fn cook(&mut self, control: u32, sample: usize, outcome: &Outcome, recipe: &Recipe) -> Result<(), Unfit> {
        let is_known = |finder: &Self| {
            let recipes = finder.controls[control as usize].ways.get(outcome);
            recipes.is_some_and(|recipes| recipes.contains(recipe))
        };
        let Some(feeds) = self.prepared(sample, recipe).filter(|_| is_known(self)) else { return Ok(()) };
        if self.brings_about(control, sample, &feeds, outcome)? {
            self.go_on(sample, &feeds, outcome);
        } else if self.is_wholly(sample, recipe)
            && self.run(control, sample, &feeds)?.at.is_none_or(|at| at + 1 == feeds.len())
            && self.is_explained(control, sample, feeds, outcome, recipe)?
        {
            self.refute(control, sample, outcome, recipe);
        }
        Ok(())
    }

    /// Whether a recipe does what it did once the sample is given, too, what that was given which it was found with: in any
    /// order, as far as nothing else comes of it.
    fn is_explained(
        &mut self,
        control: u32,
        sample: usize,
        feeds: Vec<Feed>,
        outcome: &Outcome,
        recipe: &Recipe,
    ) -> Result<bool, Unfit> {
        let mut all = Vec::new();
        for feed in self.rest_of(recipe.origin, sample) {
            all.push(feed);
            if self.brings_about(control, sample, &all, outcome)? {
                return Ok(true);
            }
            if self.run(control, sample, &all)?.at.is_some() {
                all.pop();
            }
        }
        all.extend(feeds);
        self.brings_about(control, sample, &all, outcome)
    }

    /// Whether the last of these brings that about, and none before it anything.
    fn brings_about(
        &mut self,
        control: u32,
        sample: usize,
        feeds: &[Feed],
        outcome: &Outcome,
    ) -> Result<bool, Unfit> {
        let ran = self.run(control, sample, feeds)?;
        let reached = ran.done.panicked.is_none().then_some(ran.node.control);
        Ok(ran.at.is_some()
            && ran.at == feeds.len().checked_sub(1)
            && self::outcome(reached, &ran.done) == *outcome)
    }

    /// Whether nothing was counted after a sample that a recipe does without.
    fn is_wholly(&self, sample: usize, recipe: &Recipe) -> bool {
        let Some(&(vote, _)) = recipe.needs.votes.first() else { return true };
        let Some(group) = self.alphabet().group(vote) else { return true };
        let counted = self.needs(&self.samples[sample], Some(group), &[], &[]);
        counted.own == recipe.needs.own && counted.are_part_of(&recipe.needs)
    }

    /// All messages that one sample was given and another was not.
    fn rest_of(&self, origin: usize, sample: usize) -> Vec<Feed> {
        let given = &self.samples[sample];
        let rest = self.samples[origin].feeds.iter().copied().filter(|feed| match *feed {
            Feed::Timer(_) => false,
            Feed::Message(from, content) => match self.alphabet().group(content) {
                Some(group) => given.voted[self.slot(group, from)].is_none(),
                None => !given.feeds.contains(feed),
            },
        });
        rest.collect()
    }

    /// Takes back a recipe that leaves something out. Those that it has hidden count again, and what comes of single messages
    /// is tried after the sample that has refuted it.
    fn refute(&mut self, control: u32, sample: usize, outcome: &Outcome, recipe: &Recipe) {
        let known = &mut self.controls[control as usize];
        if let Some(recipes) = known.ways.get_mut(outcome) {
            recipes.retain(|known| known != recipe);
        }
        known.refuted.entry(outcome.clone()).or_default().push(recipe.needs.clone());
        let hidden = known.hidden.get_mut(outcome).map(std::mem::take).unwrap_or_default();
        let is_tried = known.tried.contains(&sample);
        let vote = recipe.needs.votes.first();
        let group = vote.and_then(|(vote, _)| self.machine.alphabet.group(*vote));
        let again = group.map(|group| (group, self.controls[control as usize].minimal[group].clone()));
        for recipe in hidden {
            self.keep(control, outcome, &recipe);
        }
        if !is_tried {
            self.plan(sample, Task::Singles(control, sample));
        }
        for (group, sample) in
            again.into_iter().flat_map(|(group, all)| all.into_iter().map(move |s| (group, s)))
        {
            self.plan(sample, Task::Votes(control, sample, group));
        }
    }

    /// A recipe as it is handed over after a sample: votes that were counted are not counted again.
    fn prepared(&self, sample: usize, recipe: &Recipe) -> Option<Vec<Feed>> {
        let sample = &self.samples[sample];
        let mut voted = sample.voted.clone();
        let mut had: Vec<(Content, u8)> = match recipe.needs.votes.first() {
            Some(&(vote, _)) => {
                let group = self.alphabet().group(vote)?;
                if recipe.needs.own.is_some() && sample.voted[self.slot(group, self.me)] != recipe.needs.own {
                    return None;
                }
                self.counted(sample, group)
            }
            None => Vec::new(),
        };
        let mut feeds = Vec::new();
        for portion in &recipe.portions {
            match *portion {
                Portion::Timer(timer) => feeds.push(Feed::Timer(timer)),
                Portion::Single(single) => feeds.push(self.message(sample, single)?),
                Portion::Vote(vote) => {
                    if let Some((_, left)) = had.iter_mut().find(|(had, left)| *had == vote && *left > 0) {
                        *left -= 1;
                        continue;
                    }
                    let group = self.alphabet().group(vote)?;
                    let voter =
                        *self.others.iter().find(|other| voted[self.slot(group, **other)].is_none())?;
                    voted[self.slot(group, voter)] = Some(vote);
                    feeds.push(Feed::Message(voter, vote));
                }
            }
        }
        Some(feeds)
    }

    /// A message as it can be handed over after a sample, if nothing in it is the node's own that it has not sent.
    fn message(&self, sample: &Sample, single: Single) -> Option<Feed> {
        match single {
            Single::Plain(from, content) => Some(Feed::Message(from, content)),
            Single::Class(class) => {
                let members = self.alphabet().classes[class].iter().copied();
                let mut fitting = members.filter(|&member| {
                    let mut own =
                        self.alphabet().parts(member).iter().filter(|(signer, _)| *signer == self.me);
                    own.all(|(_, part)| sample.sent.contains(part))
                });
                fitting.next().map(|member| Feed::Message(self.others[0], member))
            }
        }
    }

    fn all_singles(&self) -> Vec<Single> {
        let others = self.others.iter();
        let plain =
            others.flat_map(|&from| self.alphabet().plain().map(move |content| Single::Plain(from, content)));
        plain.chain((0..self.alphabet().classes.len()).map(Single::Class)).collect()
    }

    fn key(&self, node: &Running<P>) -> Option<crate::protocol::Key> {
        self.machine.protocol.key(&node.node)
    }

    /// Timers, single messages, and pairs of them.
    fn try_singles(&mut self, control: u32, sample: usize) -> Result<(), Unfit> {
        self.controls[control as usize].tried.push(sample);
        let start = self.run(control, sample, &[])?.node;
        let (before, timers) = (self.key(&start), start.timers);
        for &timer in &timers {
            self.try_feeds(control, sample, &[Portion::Timer(timer)], &[Feed::Timer(timer)], &[])?;
        }
        let mut silent = Vec::new();
        let all =
            self.all_singles().into_iter().filter(|m| self.message(&self.samples[sample], *m).is_some());
        let all: Vec<_> = all.collect();
        for &single in &all {
            let Some(feed) = self.message(&self.samples[sample], single) else { continue };
            if self.try_feeds(control, sample, &[Portion::Single(single)], &[feed], &[single])? {
                continue;
            }
            let after = self.run(control, sample, &[feed])?.node;
            if before.is_some() && self.key(&after) == before && after.timers == timers {
                continue;
            }
            silent.push(single);
            for timer in after.timers.into_iter().filter(|timer| !timers.contains(timer)) {
                let portions = [Portion::Single(single), Portion::Timer(timer)];
                self.try_feeds(control, sample, &portions, &[feed, Feed::Timer(timer)], &[single])?;
            }
        }
        for &first in &silent {
            let mut left: Vec<_> = all.iter().copied().filter(|other| *other != first).collect();
            while let Some(at) = self.first_step(control, sample, &[first], &left)? {
                let second = left.remove(at);
                let portions = [first, second].map(Portion::Single);
                let feeds: Vec<_> =
                    [first, second].iter().filter_map(|m| self.message(&self.samples[sample], *m)).collect();
                // What the second does alone is no matter of the first.
                let alone = self.run(control, sample, &feeds[1..])?;
                let together = self.run(control, sample, &feeds)?;
                if alone.at.is_some() && came_of(&alone) == came_of(&together) {
                    continue;
                }
                self.try_feeds(control, sample, &portions, &feeds, &[first, second])?;
            }
        }
        let known = &mut self.controls[control as usize];
        let (before, is_first) = (known.silent.len(), known.tried.len() == 1);
        known.silent.extend(silent);
        known.silent.sort_unstable();
        known.silent.dedup();
        if known.silent.len() > before && !is_first {
            for (group, samples) in known.minimal.clone().into_iter().enumerate() {
                samples.into_iter().for_each(|sample| self.plan(sample, Task::Votes(control, sample, group)));
            }
        }
        Ok(())
    }

    /// The first of these that brings something about after those.
    fn first_step(
        &mut self,
        control: u32,
        sample: usize,
        before: &[Single],
        these: &[Single],
    ) -> Result<Option<usize>, Unfit> {
        let all = before.iter().chain(these);
        let feeds: Vec<_> = all.filter_map(|m| self.message(&self.samples[sample], *m)).collect();
        let ran = self.run(control, sample, &feeds)?;
        Ok(ran.at.and_then(|at| at.checked_sub(before.len())))
    }

    /// Runs these, and takes down what the last of them brings about. Whether anything came of it.
    fn try_feeds(
        &mut self,
        control: u32,
        sample: usize,
        portions: &[Portion],
        feeds: &[Feed],
        singles: &[Single],
    ) -> Result<bool, Unfit> {
        let ran = self.run(control, sample, feeds)?;
        let Some(at) = ran.at else { return Ok(false) };
        if at + 1 == feeds.len() {
            let needs = self.needs(&self.samples[sample], None, &[], singles);
            self.record(control, feeds, &ran, Recipe { needs, portions: portions.to_vec(), origin: sample });
        }
        Ok(true)
    }

    /// Votes of one group, in every number, alone and with messages that bring nothing about alone.
    fn try_votes(&mut self, control: u32, sample: usize, group: usize) -> Result<(), Unfit> {
        let silent = self.controls[control as usize].silent.clone();
        let silent: Vec<_> =
            silent.into_iter().filter(|m| self.message(&self.samples[sample], *m).is_some()).collect();
        let all =
            self.all_singles().into_iter().filter(|m| self.message(&self.samples[sample], *m).is_some());
        let all: Vec<_> = all.collect();
        let mut prefixes = vec![Vec::new()];
        let mut left = silent.clone();
        while !left.is_empty() {
            let mut together = left;
            left = Vec::new();
            while let Some(at) = self.first_step(control, sample, &[], &together)? {
                left.push(together.remove(at));
            }
            if together.is_empty() {
                break;
            }
            prefixes.push(together);
        }
        let timers = self.run(control, sample, &[])?.node.timers;
        for prefix in prefixes {
            let largest = self.try_counts(control, sample, group, &prefix, &timers)?;
            if prefix.is_empty() {
                for votes in largest {
                    self.try_singles_after(control, sample, group, &votes, &all)?;
                }
            }
        }
        Ok(())
    }

    /// Votes of these nodes that were not counted yet, in this order.
    fn ballots(&self, sample: usize, group: usize, votes: &[Content]) -> Vec<Feed> {
        let sample = &self.samples[sample];
        let free = self.others.iter().filter(|other| sample.voted[self.slot(group, **other)].is_none());
        free.zip(votes).map(|(voter, vote)| Feed::Message(*voter, *vote)).collect()
    }

    fn free(&self, sample: usize, group: usize) -> usize {
        let sample = &self.samples[sample];
        self.others.iter().filter(|other| sample.voted[self.slot(group, **other)].is_none()).count()
    }

    /// Every number of votes for each after these messages; the largest of which nothing comes.
    fn try_counts(
        &mut self,
        control: u32,
        sample: usize,
        group: usize,
        prefix: &[Single],
        timers: &[u16],
    ) -> Result<Vec<Vec<Content>>, Unfit> {
        let free = self.free(sample, group);
        let contents = self.alphabet().groups[group].clone();
        let mut todo = vec![Vec::new()];
        let mut met: BTreeSet<Vec<Content>> = BTreeSet::new();
        let mut largest = Vec::new();
        while let Some(votes) = todo.pop() {
            let mut is_largest = true;
            for &vote in contents.iter().filter(|_| votes.len() < free) {
                let mut more: Vec<Content> = votes.clone();
                more.push(vote);
                if self.try_ballots(control, sample, group, prefix, &more, None)? {
                    continue;
                }
                is_largest = false;
                let mut sorted = more.clone();
                sorted.sort_unstable();
                if met.insert(sorted.clone()) {
                    let feeds = self.served(sample, group, prefix, &sorted, None);
                    let after = self.run(control, sample, &feeds)?.node.timers;
                    for timer in after.into_iter().filter(|timer| !timers.contains(timer)) {
                        self.try_ballots(control, sample, group, prefix, &sorted, Some(timer))?;
                    }
                    todo.push(sorted);
                }
            }
            if is_largest {
                largest.push(votes);
            }
        }
        Ok(largest)
    }

    fn served(
        &self,
        sample: usize,
        group: usize,
        prefix: &[Single],
        votes: &[Content],
        timer: Option<u16>,
    ) -> Vec<Feed> {
        let singles = prefix.iter().filter_map(|m| self.message(&self.samples[sample], *m));
        let mut feeds: Vec<_> = singles.collect();
        feeds.extend(self.ballots(sample, group, votes));
        feeds.extend(timer.map(Feed::Timer));
        feeds
    }

    /// Messages, then votes, then perhaps a timer. Whether the last of them brings something about; of the messages it is
    /// taken down which are needed.
    fn try_ballots(
        &mut self,
        control: u32,
        sample: usize,
        group: usize,
        prefix: &[Single],
        votes: &[Content],
        timer: Option<u16>,
    ) -> Result<bool, Unfit> {
        let feeds = self.served(sample, group, prefix, votes, timer);
        let ran = self.run(control, sample, &feeds)?;
        let Some(at) = ran.at else { return Ok(false) };
        if at + 1 != feeds.len() {
            return Ok(true);
        }
        let to = |ran: &Ran<P>| outcome(ran.done.panicked.is_none().then_some(ran.node.control), &ran.done);
        let wanted = to(&ran);
        let mut needed = prefix.to_vec();
        let known = self.needs(&self.samples[sample], Some(group), votes, &[]);
        let is_known = |finder: &Self, needs: &Needs| {
            let recipes = finder.controls[control as usize].ways.get(&wanted);
            recipes.is_some_and(|recipes| recipes.iter().any(|recipe| recipe.needs.are_part_of(needs)))
        };
        let with_all = self.needs(&self.samples[sample], Some(group), votes, &needed);
        if is_known(self, &known) || is_known(self, &with_all) {
            return Ok(true);
        }
        for single in prefix {
            let fewer: Vec<_> = needed.iter().copied().filter(|other| other != single).collect();
            let feeds = self.served(sample, group, &fewer, votes, timer);
            let ran = self.run(control, sample, &feeds)?;
            if ran.at == feeds.len().checked_sub(1) && to(&ran) == wanted {
                needed = fewer;
            }
        }
        let feeds = self.served(sample, group, &needed, votes, timer);
        let ran = self.run(control, sample, &feeds)?;
        let needs = self.needs(&self.samples[sample], Some(group), votes, &needed);
        let portions = self.portions(sample, group, &needed, votes, timer.map(Portion::Timer));
        self.record(control, &feeds, &ran, Recipe { needs, portions, origin: sample });
        Ok(true)
    }

    fn portions(
        &self,
        sample: usize,
        group: usize,
        before: &[Single],
        votes: &[Content],
        last: Option<Portion>,
    ) -> Vec<Portion> {
        let counted = self.counted(&self.samples[sample], group);
        let counted = counted.iter().flat_map(|&(vote, count)| (0..count).map(move |_| Portion::Vote(vote)));
        let singles = before.iter().copied().map(Portion::Single);
        let votes = votes.iter().copied().map(Portion::Vote);
        counted.chain(singles).chain(votes).chain(last).collect()
    }

    /// Single messages after so many votes that nothing comes of more: of the votes it is taken down which are needed.
    fn try_singles_after(
        &mut self,
        control: u32,
        sample: usize,
        group: usize,
        votes: &[Content],
        silent: &[Single],
    ) -> Result<(), Unfit> {
        let mut left = silent.to_vec();
        loop {
            let mut feeds = self.ballots(sample, group, votes);
            let before = feeds.len();
            feeds.extend(left.iter().filter_map(|m| self.message(&self.samples[sample], *m)));
            let ran = self.run(control, sample, &feeds)?;
            let Some(at) = ran.at.and_then(|at| at.checked_sub(before)) else { return Ok(()) };
            let single = left.remove(at);
            self.try_fewer_votes(control, sample, group, votes, single)?;
        }
    }

    /// The smallest parts of these votes after which a message brings something about.
    fn try_fewer_votes(
        &mut self,
        control: u32,
        sample: usize,
        group: usize,
        votes: &[Content],
        single: Single,
    ) -> Result<(), Unfit> {
        let mut parts: Vec<Vec<Content>> = (0u32..1 << votes.len())
            .map(|mask| {
                let chosen = votes.iter().enumerate().filter(|(place, _)| mask & (1 << place) != 0);
                chosen.map(|(_, vote)| *vote).collect()
            })
            .collect();
        parts.sort_by_key(Vec::len);
        parts.dedup();
        let mut smallest: Vec<(Outcome, Needs)> = Vec::new();
        for part in parts {
            // Where no more votes are needed, it is not for these that it comes about.
            let of = (!part.is_empty()).then_some(group);
            let needs = self.needs(&self.samples[sample], of, &part, &[single]);
            let mut feeds = self.ballots(sample, group, &part);
            feeds.extend(self.message(&self.samples[sample], single));
            let ran = self.run(control, sample, &feeds)?;
            if ran.at == feeds.len().checked_sub(1) {
                let outcome = came_of(&ran);
                let is_more =
                    |(known, smaller): &(Outcome, Needs)| *known == outcome && smaller.are_part_of(&needs);
                if smallest.iter().any(is_more) {
                    continue;
                }
                smallest.push((outcome, needs.clone()));
                let portions = match part.is_empty() {
                    true => vec![Portion::Single(single)],
                    false => self.portions(sample, group, &[], &part, Some(Portion::Single(single))),
                };
                self.record(control, &feeds, &ran, Recipe { needs, portions, origin: sample });
            }
        }
        Ok(())
    }
}

fn came_of<P: Protocol>(ran: &Ran<P>) -> Outcome {
    outcome(ran.done.panicked.is_none().then_some(ran.node.control), &ran.done)
}

fn outcome(to: Option<u32>, done: &Done) -> Outcome {
    let (mut sent, mut decided) = (done.sent.clone(), done.decided.clone());
    sent.sort_unstable();
    sent.dedup();
    decided.sort_unstable();
    decided.dedup();
    Outcome { to, sent, decided, panicked: done.panicked.clone() }
}
