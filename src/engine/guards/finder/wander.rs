//! Histories that chance makes up, of one node among others that say anything: what it does and is not yet known is taken
//! down, with as little as it takes.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::*;

/// Inputs in a run after the sample that it goes on from.
const LENGTH: usize = 40;
/// Runs that go on from a control state, in one pass.
const WALKS: usize = 10;
/// Passes over all control states, before it is given up that one finds nothing new.
const PASSES: usize = 1000;
/// Passes in a row that find nothing new.
const QUIET: usize = 3;
/// Samples that what is learned is tried with.
const BASES: usize = 3;
/// What is tried with other votes in place of its own, at most.
const VARIANTS: usize = 27;

/// Something that a node has done and that is not known.
struct Gap {
    control: u32,
    feeds: Vec<Feed>,
    last: Feed,
    outcome: Outcome,
}

impl<P: Protocol> Finder<P> {
    /// Lets chance go on from every control state until it finds nothing new. None if it was told to stop.
    pub(super) fn wander(&mut self, stop: &AtomicBool) -> Result<Option<()>, Unfit> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.me.index() as u64);
        let mut quiet = 0;
        for _ in 0..PASSES {
            let (mut is_quiet, mut control) = (true, 0);
            while control < self.controls.len() {
                if stop.load(Relaxed) {
                    return Ok(None);
                }
                for _ in 0..WALKS {
                    let Some(gap) = self.walk(control as u32, &mut rng)? else { continue };
                    is_quiet = false;
                    self.learn(gap)?;
                    if self.work_off(stop)?.is_none() {
                        return Ok(None);
                    }
                }
                control += 1;
            }
            quiet = if is_quiet { quiet + 1 } else { 0 };
            self.tried.walks =
                if is_quiet { self.tried.walks + (self.controls.len() * WALKS) as u64 } else { 0 };
            if quiet == QUIET {
                return Ok(Some(()));
            }
        }
        Err(Unfit::Missed(format!("{} does something new again and again", self.me)))
    }

    /// One history; what in it is not known.
    fn walk(&mut self, control: u32, rng: &mut ChaCha8Rng) -> Result<Option<Gap>, Unfit> {
        let mut below = |n: usize| ((u128::from(rng.next_u64()) * n.max(1) as u128) >> 64) as usize;
        let samples = &self.controls[control as usize].samples;
        let Some(&sample) = samples.get(below(samples.len())) else { return Ok(None) };
        let mut node = self.run(control, sample, &[])?.node;
        let (mut held, mut path) = (self.held(sample), self.samples[sample].feeds.clone());
        // Of what can be said a part only, so that votes come together.
        let often = [25, 50, 100][below(3)];
        let said: Vec<Content> =
            (0..self.alphabet().messages.len() as Content).filter(|_| below(100) < often).collect();
        let mut said_so_far = self.after(sample, &[], &[]);
        for _ in 0..LENGTH {
            let feed = match below(100) {
                0..15 if !node.timers.is_empty() => Feed::Timer(node.timers[below(node.timers.len())]),
                _ => {
                    let (from, content) =
                        (self.others[below(self.others.len())], said.get(below(said.len())));
                    let Some(&content) = content else { break };
                    let parts = self.alphabet().parts(content);
                    if parts.iter().any(|(signer, part)| *signer == self.me && !held.has_sent(*part)) {
                        continue;
                    }
                    let mut more = said_so_far.clone();
                    self.note_vote(&mut more, from, content);
                    if more.liars.len() > self.lying {
                        continue;
                    }
                    said_so_far = more;
                    Feed::Message(from, content)
                }
            };
            let before = node.control;
            let done = self.machine.feed(self.me, &mut node, feed)?;
            held.take(self.alphabet(), feed);
            if done.is_step() {
                let to = done.panicked.is_none().then_some(node.control);
                let outcome = outcome(to, &done);
                if !self.accounts_for(before, &held, &outcome) {
                    return Ok(Some(Gap { control: before, feeds: path, last: feed, outcome }));
                }
                if to.is_none() {
                    break;
                }
                held.send(&done.sent);
            }
            path.push(feed);
        }
        Ok(None)
    }

    /// Whether these inputs lead to a control state, and the last brings that about then.
    fn leads(&mut self, control: u32, feeds: &[Feed], last: Feed, wanted: &Outcome) -> Result<bool, Unfit> {
        let Some(mut node) = self.machine.begin(self.me)?.0 else { return Ok(false) };
        for (at, &feed) in feeds.iter().chain([&last]).enumerate() {
            if at == feeds.len() && node.control != control
                || matches!(feed, Feed::Timer(timer) if !node.timers.contains(&timer))
            {
                return Ok(false);
            }
            let done = self.machine.feed(self.me, &mut node, feed)?;
            if at == feeds.len() {
                let to = done.panicked.is_none().then_some(node.control);
                return Ok(outcome(to, &done) == *wanted);
            }
            if done.panicked.is_some() {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// A history as a sample.
    fn history(&mut self, feeds: &[Feed]) -> Result<Sample, Unfit> {
        let voted = vec![None; self.alphabet().groups.len() * (self.others.len() + 1)];
        let mut sample = Sample { voted, ..Sample::default() };
        let (node, done) = self.machine.begin(self.me)?;
        self.note_sent(&mut sample, &done.sent);
        let Some(mut node) = node else { return Ok(sample) };
        for &feed in feeds {
            sample.feeds.push(feed);
            if let Feed::Message(from, content) = feed {
                self.note_vote(&mut sample, from, content);
            }
            let done = self.machine.feed(self.me, &mut node, feed)?;
            self.note_sent(&mut sample, &done.sent);
        }
        Ok(sample)
    }

    /// Takes down what was not known, with as little as it takes after samples that are known.
    fn learn(&mut self, gap: Gap) -> Result<(), Unfit> {
        let Gap { control, mut feeds, last, outcome } = gap;
        for place in (0..feeds.len()).rev() {
            let mut fewer = feeds.clone();
            fewer.remove(place);
            if self.leads(control, &fewer, last, &outcome)? {
                feeds = fewer;
            }
        }
        let sample = self.history(&feeds)?;
        let mut bases: Vec<usize> = self.controls[control as usize].minimal.concat();
        bases.sort_by_key(|base| self.weight(*base));
        bases.dedup();
        bases.truncate(BASES);
        let origin = self.admit(control, sample, true);
        for base in bases {
            let group = match last {
                Feed::Message(_, content) => self.alphabet().group(content),
                Feed::Timer(_) => None,
            };
            let is_free = |finder: &Self, from: NodeId, group| {
                finder.samples[base].voted[finder.slot(group, from)].is_none()
            };
            if let (Feed::Message(from, _), Some(group)) = (last, group)
                && !is_free(self, from, group)
            {
                continue;
            }
            if let Some(whole) = self.explained(control, base, origin, &[last], &outcome)? {
                let recipe = self.by_one(base, last, group);
                let recipe = self.extended(base, &recipe, &[last], &whole);
                self.note_pattern(&whole);
                let recipe = self.by_heads(control, recipe, &outcome)?;
                if self.keep(control, &outcome, &recipe) {
                    self.go_on(base, &whole, &outcome);
                }
            }
        }
        let mut held = self.held(origin);
        held.take(self.alphabet(), last);
        if !self.accounts_for(control, &held, &outcome) {
            let group = match last {
                Feed::Message(_, content) => self.alphabet().group(content),
                Feed::Timer(_) => None,
            };
            let recipe = self.with_all(origin, &self.by_one(origin, last, group));
            let recipe = self.by_heads(control, recipe, &outcome)?;
            self.keep(control, &outcome, &recipe);
        }
        self.go_on(origin, &[last], &outcome);
        Ok(())
    }

    /// What one input takes after a sample.
    fn by_one(&self, sample: usize, last: Feed, group: Option<usize>) -> Recipe {
        let portion = self.portion(&last);
        let (needs, portions) = match (portion, group) {
            (Portion::Vote(vote), Some(group)) => (
                self.needs(&self.samples[sample], &[group], &[vote], &[]),
                self.portions(sample, group, &[], &[vote], None),
            ),
            (Portion::Single(single), _) => {
                (self.needs(&self.samples[sample], &[], &[], &[single]), vec![portion])
            }
            _ => (Needs::default(), vec![portion]),
        };
        Recipe { needs, portions, origin: sample }
    }

    /// Remembers what was handed over, and the same with other votes, to try it everywhere.
    fn note_pattern(&mut self, feeds: &[Feed]) {
        let portions: Vec<Portion> = feeds.iter().map(|feed| self.portion(feed)).collect();
        let mut all = vec![Vec::new()];
        for portion in portions {
            let same: Vec<Portion> = match portion {
                Portion::Vote(vote) => {
                    let group = self.alphabet().group(vote);
                    let others = group.map(|group| self.alphabet().groups[group].clone()).unwrap_or_default();
                    others.into_iter().map(Portion::Vote).collect()
                }
                _ => vec![portion],
            };
            let longer = all.iter().flat_map(|begun: &Vec<Portion>| {
                same.iter().map(|portion| [&begun[..], &[*portion]].concat())
            });
            all = longer.take(VARIANTS).collect();
        }
        for pattern in all {
            let (number, is_new) = self.patterns.insert_full(pattern);
            for control in (0..self.controls.len()).filter(|_| is_new) {
                if let Some(&first) = self.controls[control].samples.first() {
                    self.plan(first, Task::Pattern(control as u32, number));
                }
            }
        }
    }

    /// Tries in a control state what has brought something about elsewhere.
    pub(super) fn try_pattern(&mut self, control: u32, pattern: usize) -> Result<(), Unfit> {
        let Some(portions) = self.patterns.get_index(pattern).cloned() else { return Ok(()) };
        let mut bases: Vec<usize> = self.controls[control as usize].minimal.concat();
        bases.sort_by_key(|base| (self.weight(*base), *base));
        bases.dedup();
        for base in bases.into_iter().take(BASES) {
            let Some(mut feeds) = self.handed(base, &portions) else { continue };
            let ran = self.run(control, base, &feeds)?;
            let Some(at) = ran.at else { continue };
            feeds.truncate(at + 1);
            let outcome = came_of(&ran);
            let mut held = self.held(base);
            feeds.iter().for_each(|feed| held.take(self.alphabet(), *feed));
            if self.accounts_for(control, &held, &outcome) {
                continue;
            }
            let Some(last) = feeds.pop() else { continue };
            let whole = self.fewest(control, base, feeds, &[last], &outcome)?;
            let group = self.group_of(&last);
            let recipe = self.extended(base, &self.by_one(base, last, group), &[last], &whole);
            let recipe = self.by_heads(control, recipe, &outcome)?;
            if self.keep(control, &outcome, &recipe) {
                self.go_on(base, &whole, &outcome);
            }
        }
        Ok(())
    }

    /// Portions as they are handed over after a sample.
    fn handed(&self, base: usize, portions: &[Portion]) -> Option<Vec<Feed>> {
        let mut voted = self.samples[base].voted.clone();
        let groups = portions.iter().filter_map(|portion| match portion {
            Portion::Vote(vote) => self.alphabet().group(*vote),
            _ => None,
        });
        let groups: BTreeSet<usize> = groups.collect();
        let feeds = portions.iter().map(|portion| match *portion {
            Portion::Timer(timer) => Some(Feed::Timer(timer)),
            Portion::Single(single) => self.message(&self.samples[base], single),
            Portion::Vote(vote) => self.ballot(&mut voted, &groups, vote),
        });
        feeds.collect()
    }
}
