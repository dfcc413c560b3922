//! What is handed to a sample of a control state, to find out what it brings about: single messages, votes of one tally, as few as
//! do it.

use super::*;

impl<P: Protocol> Finder<P> {
    /// Timers, single messages, and pairs of them.
    pub(super) fn try_singles(&mut self, control: u32, sample: usize) -> Result<(), Unfit> {
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
    pub(super) fn first_step(
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
    pub(super) fn try_feeds(
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
            let needs = self.needs(&self.samples[sample], &[], &[], singles);
            self.record(control, feeds, &ran, Recipe { needs, portions: portions.to_vec(), origin: sample });
        }
        Ok(true)
    }

    /// Votes of one group, in every number, alone and with messages that bring nothing about alone.
    pub(super) fn try_votes(&mut self, control: u32, sample: usize, group: usize) -> Result<(), Unfit> {
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
                    for &timer in &timers {
                        self.try_ballots(control, sample, group, &prefix, &votes, Some(timer))?;
                    }
                    self.try_singles_after(control, sample, group, &votes, &all)?;
                }
            }
        }
        Ok(())
    }

    /// Votes of these nodes that were not counted yet, in this order.
    pub(super) fn ballots(&self, sample: usize, group: usize, votes: &[Content]) -> Vec<Feed> {
        let sample = &self.samples[sample];
        let free = self.others.iter().filter(|other| sample.voted[self.slot(group, **other)].is_none());
        free.zip(votes).map(|(voter, vote)| Feed::Message(*voter, *vote)).collect()
    }

    pub(super) fn free(&self, sample: usize, group: usize) -> usize {
        let sample = &self.samples[sample];
        self.others.iter().filter(|other| sample.voted[self.slot(group, **other)].is_none()).count()
    }

    /// Every number of votes for each after these messages; the largest of which nothing comes.
    pub(super) fn try_counts(
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

    pub(super) fn served(
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
    pub(super) fn try_ballots(
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
        let known = self.needs(&self.samples[sample], &[group], votes, &[]);
        let is_known = |finder: &Self, needs: &Needs| {
            let recipes = finder.controls[control as usize].ways.get(&wanted);
            recipes.is_some_and(|recipes| recipes.iter().any(|recipe| recipe.needs.are_part_of(needs)))
        };
        let with_all = self.needs(&self.samples[sample], &[group], votes, &needed);
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
        let needs = self.needs(&self.samples[sample], &[group], votes, &needed);
        let portions = self.portions(sample, group, &needed, votes, timer.map(Portion::Timer));
        self.record(control, &feeds, &ran, Recipe { needs, portions, origin: sample });
        Ok(true)
    }

    pub(super) fn portions(
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
    pub(super) fn try_singles_after(
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
    pub(super) fn try_fewer_votes(
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
            let of: &[usize] = if part.is_empty() { &[] } else { &[group] };
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
