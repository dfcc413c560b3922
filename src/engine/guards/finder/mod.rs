//! All control states of one node, closed over whatever the others may ever send; found by running it.
//!
//! A control state is met by histories. Of these a few are kept as samples: for each tally those in which as little as can be
//! was counted, since what was counted once cannot be taken back. What the node does in the control state is the union
//! of what it does after these. What comes about after one sample, and after another does not, but does once the other is
//! given what the first was given, is no matter of the control state: it is found again with all that it takes.

mod alike;
mod exact;
mod graph;
mod heads;
mod held;
mod histories;
mod late;
mod recipes;
mod taken;
mod tries;
mod waiting;
mod wander;
mod words;

pub use alike::Tried;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::hashed::{IndexMap, IndexSet};

use super::alphabet::{Alphabet, Content};
use super::error::{Unfit, UnlikeControls};
use super::machine::{Done, Feed, Machine, Running};
use super::way::{Needs, Outcome, Portion, Recipe, Sample, Single};
use crate::engine::Refusal;
use crate::protocol::{NodeId, Protocol};

/// Histories that are kept of a control state to be compared, besides its samples.
const SPARE: usize = 3;

/// What is known of a control state.
#[derive(Default)]
pub(super) struct Control {
    /// All samples, the first first.
    samples: Vec<usize>,
    /// A few more histories, which serve to be compared.
    spare: Vec<usize>,
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
    /// Everything but votes, after a sample.
    Singles(u32, usize),
    /// Votes of a group, after a sample in which few of it were counted.
    Votes(u32, usize, usize),
    /// What chance has found somewhere, by its number, here.
    Pattern(u32, usize),
    /// A recipe, after another sample than that which it was found with.
    Cook(u32, usize, Outcome, Box<Recipe>),
}

/// All that one node can do.
pub(super) struct Finder<P: Protocol> {
    pub machine: Machine<P>,
    pub me: NodeId,
    /// How many others may say two things where one is counted.
    lying: usize,
    others: Vec<NodeId>,
    samples: Vec<Sample>,
    /// By number of the control state.
    pub controls: Vec<Control>,
    /// What is to be tried, where little was handed over first: what was not is no part of what it takes.
    tasks: BTreeMap<(usize, usize), Task>,
    asked: usize,
    /// What was handed over where something was learned, and the same with other votes.
    patterns: IndexSet<Vec<Portion>>,
    /// What was tried in the end, and came out as it must.
    pub tried: Tried,
    /// Two histories of one control state that are not alike.
    pub unlike: Option<UnlikeControls>,
    /// What the node does before anything has happened.
    pub first: Option<Outcome>,
    /// Set if every input was handed to every state of the node: then nothing is missing.
    pub exact: Option<Exact>,
}

/// What is known of all states of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine::guards) struct Exact {
    pub states: usize,
    /// Whether it says two things where one is counted.
    pub votes_twice: bool,
}

/// What came of a run: the place of the first input that brought something about.
struct Ran<P: Protocol> {
    at: Option<usize>,
    done: Done,
    node: Running<P>,
}

impl<P: Protocol> Finder<P> {
    /// Runs the node until nothing new is met, or until it is told to stop. If `is_tried`, chance is asked for what is missing,
    /// and histories of one control state are compared.
    pub fn close(
        machine: Machine<P>,
        me: NodeId,
        lying: usize,
        is_tried: bool,
        stop: &AtomicBool,
    ) -> Result<Option<Self>, Unfit> {
        let nodes = machine.protocol.nodes();
        // Whose turn it is to vote is another node's for each node.
        let others = (1..nodes).map(|ahead| NodeId(((me.index() + ahead) % nodes) as u16)).collect();
        let mut finder = Finder::empty(machine, me, lying, others);
        let (node, done) = finder.machine.begin(me)?;
        let mut sample =
            Sample { voted: vec![None; finder.alphabet().groups.len() * nodes], ..Sample::default() };
        finder.note_sent(&mut sample, &done.sent);
        let outcome = outcome(node.as_ref().map(|node| node.control), &done);
        if let Some(node) = node {
            finder.admit(node.control, sample, false);
        }
        finder.first = Some(outcome);
        let is_closed = finder.work_off(stop)?.is_some();
        let is_over = match is_tried {
            true => is_closed && finder.wander(stop)?.is_some() && finder.compare(stop)?.is_some(),
            false => is_closed,
        };
        Ok(is_over.then_some(finder))
    }

    fn empty(machine: Machine<P>, me: NodeId, lying: usize, others: Vec<NodeId>) -> Self {
        let (samples, controls, tasks) = (Vec::new(), Vec::new(), BTreeMap::new());
        Finder {
            machine,
            me,
            lying,
            others,
            samples,
            controls,
            tasks,
            asked: 0,
            patterns: IndexSet::default(),
            tried: Tried::default(),
            unlike: None,
            first: None,
            exact: None,
        }
    }

    /// Tries all that is to be tried. None if it was told to stop.
    fn work_off(&mut self, stop: &AtomicBool) -> Result<Option<()>, Unfit> {
        while let Some((_, task)) = self.tasks.pop_first() {
            if stop.load(Relaxed) {
                return Ok(None);
            }
            match task {
                Task::First(control) => {
                    let samples = self.controls[control as usize].samples.iter().copied();
                    if let Some(lightest) = samples.min_by_key(|sample| self.weight(*sample)) {
                        self.try_singles(control, lightest)?;
                    }
                }
                Task::Singles(control, sample) => self.try_singles(control, sample)?,
                Task::Votes(control, sample, group) => self.try_votes(control, sample, group)?,
                Task::Pattern(control, pattern) => self.try_pattern(control, pattern)?,
                Task::Cook(control, sample, outcome, recipe) => {
                    self.cook(control, sample, &outcome, &recipe)?;
                }
            }
        }
        Ok(Some(()))
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
            let known = *sample.voted[self.slot(group, voter)].get_or_insert(content);
            if known != content && voter != self.me && !sample.liars.contains(&voter) {
                sample.liars.push(voter);
            }
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

    /// What of these groups was counted in a sample, with more votes and these messages.
    fn needs(&self, sample: &Sample, groups: &[usize], more: &[Content], singles: &[Single]) -> Needs {
        let mut needs = Needs { singles: singles.to_vec(), ..Needs::default() };
        for &group in groups {
            needs.own.extend(sample.voted[self.slot(group, self.me)]);
            needs.votes.extend(self.counted(sample, group));
        }
        for &content in more {
            match needs.votes.iter_mut().find(|(vote, _)| *vote == content) {
                Some((_, count)) => *count += 1,
                None => needs.votes.push((content, 1)),
            }
        }
        needs.own.sort_unstable();
        needs.votes.sort_unstable();
        needs.singles.sort_unstable();
        needs
    }

    /// Takes in a history that leads to a control state, if it is worth a sample or must be one; its number.
    fn admit(&mut self, control: u32, sample: Sample, must_be: bool) -> usize {
        if sample.liars.len() > self.lying {
            return self.samples.len();
        }
        while self.controls.len() <= control as usize {
            let minimal = vec![Vec::new(); self.alphabet().groups.len()];
            self.controls.push(Control { minimal, ..Control::default() });
        }
        let is_new = self.controls[control as usize].samples.is_empty();
        let number = self.samples.len();
        let groups: Vec<_> = (0..self.alphabet().groups.len())
            .filter(|&group| self.is_least(control, &sample, group))
            .collect();
        let is_worth_it = must_be || is_new || !groups.is_empty();
        if !is_worth_it {
            let known = &self.controls[control as usize];
            let is_other = known.spare.len() < SPARE
                && !known.samples.iter().chain(&known.spare).any(|s| self.samples[*s].feeds == sample.feeds);
            if is_other {
                self.samples.push(sample);
                self.controls[control as usize].spare.push(number);
            }
            return number;
        }
        self.samples.push(sample);
        for &group in &groups {
            let votes = self.needs(&self.samples[number], &[group], &[], &[]);
            let kept = self.controls[control as usize].minimal[group].iter().copied();
            let kept = kept.filter(|&other| {
                let others = self.needs(&self.samples[other], &[group], &[], &[]);
                others.own != votes.own || !votes.are_part_of(&others)
            });
            let mut kept: Vec<_> = kept.collect();
            kept.push(number);
            self.controls[control as usize].minimal[group] = kept;
        }
        let known = &mut self.controls[control as usize];
        known.samples.push(number);
        let cooked = known.ways.iter().flat_map(|(outcome, recipes)| {
            recipes
                .iter()
                .map(|recipe| Task::Cook(control, number, outcome.clone(), Box::new(recipe.clone())))
        });
        let cooked: Vec<_> = cooked.collect();
        if is_new {
            self.plan(number, Task::First(control));
            (0..self.patterns.len()).for_each(|pattern| self.plan(number, Task::Pattern(control, pattern)));
        }
        cooked.into_iter().for_each(|task| self.plan(number, task));
        groups.into_iter().for_each(|group| self.plan(number, Task::Votes(control, number, group)));
        number
    }

    /// Whether in no sample with the same vote of its own less was counted.
    fn is_least(&self, control: u32, sample: &Sample, group: usize) -> bool {
        let Some(known) = self.controls.get(control as usize) else { return true };
        let votes = self.needs(sample, &[group], &[], &[]);
        !known.minimal[group].iter().any(|&other| {
            let others = self.needs(&self.samples[other], &[group], &[], &[]);
            others.own == votes.own && others.are_part_of(&votes)
        })
    }

    /// Runs a sample's history and then these, up to the first that brings something about.
    fn run(&mut self, control: u32, sample: usize, feeds: &[Feed]) -> Result<Ran<P>, Unfit> {
        let node = self.machine.begin(self.me)?.0;
        let mut node = node.ok_or_else(|| self.not_repeated(sample))?;
        let is_whole = self.machine.replay(self.me, &mut node, &self.samples[sample].feeds)?;
        if !is_whole || node.control != control {
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
        if self.after(recipe.origin, feeds, &[]).liars.len() > self.lying {
            return;
        }
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
            self.plan(other, Task::Cook(control, other, outcome.clone(), Box::new(recipe.clone())));
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
            self.admit(to, next, false);
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
