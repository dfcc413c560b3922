//! Whether what is known to bring something about from one sample of a control state does so from another.

use super::*;

impl<P: Protocol> Finder<P> {
    /// Tries whether a recipe brings the same about after another sample. If so it goes on from there; if not, perhaps the recipe
    /// leaves something out that the sample had which it was found with.
    pub(super) fn cook(
        &mut self,
        control: u32,
        sample: usize,
        outcome: &Outcome,
        recipe: &Recipe,
    ) -> Result<(), Unfit> {
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
    pub(super) fn is_explained(
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
    pub(super) fn brings_about(
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
    pub(super) fn is_wholly(&self, sample: usize, recipe: &Recipe) -> bool {
        let Some(&(vote, _)) = recipe.needs.votes.first() else { return true };
        let Some(group) = self.alphabet().group(vote) else { return true };
        let counted = self.needs(&self.samples[sample], Some(group), &[], &[]);
        counted.own == recipe.needs.own && counted.are_part_of(&recipe.needs)
    }

    /// All messages that one sample was given and another was not.
    pub(super) fn rest_of(&self, origin: usize, sample: usize) -> Vec<Feed> {
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
    pub(super) fn refute(&mut self, control: u32, sample: usize, outcome: &Outcome, recipe: &Recipe) {
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
    pub(super) fn prepared(&self, sample: usize, recipe: &Recipe) -> Option<Vec<Feed>> {
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
    pub(super) fn message(&self, sample: &Sample, single: Single) -> Option<Feed> {
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
}
