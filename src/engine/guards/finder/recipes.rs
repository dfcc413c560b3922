//! Whether what is known to bring something about from one sample of a control state does so from another.

use super::*;

impl<P: Protocol> Finder<P> {
    /// Tries whether a recipe brings the same about after another sample. If so it goes on from there; if not, the sample with
    /// which it was found may have held something that the recipe leaves out: then that becomes part of what it takes.
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
        let ran = self.run(control, sample, &feeds)?;
        let is_last = ran.at.is_none_or(|at| at + 1 == feeds.len());
        if is_last && ran.at.is_some() && came_of(&ran) == *outcome {
            self.go_on(sample, &feeds, outcome);
            return Ok(());
        }
        if !is_last {
            return Ok(());
        }
        let (mut more, is_deaf) = (Vec::new(), ran.at.is_none());
        let Some(first) =
            self.with_what_was_held(control, sample, recipe.origin, (recipe, &feeds, is_deaf), outcome)?
        else {
            return Ok(());
        };
        more.push(first);
        for other in self.controls[control as usize].samples.clone() {
            if other == recipe.origin || other == sample {
                continue;
            }
            let Some(same) = self.prepared(other, recipe) else { continue };
            if self.brings_about(control, other, &same, outcome)? {
                more.extend(self.with_what_was_held(
                    control,
                    sample,
                    other,
                    (recipe, &feeds, is_deaf),
                    outcome,
                )?);
            }
        }
        self.refute(control, sample, outcome, recipe);
        for recipe in more {
            let recipe = self.by_heads(control, recipe, outcome)?;
            if self.keep(control, outcome, &recipe) {
                let feeds = self.prepared(recipe.origin, &recipe).unwrap_or_default();
                if self.brings_about(control, recipe.origin, &feeds, outcome)? {
                    self.go_on(recipe.origin, &feeds, outcome);
                }
            }
        }
        Ok(())
    }

    /// The recipe, which does not bring it about after one sample, with what another holds after which it does. None if that
    /// is not the reason.
    fn with_what_was_held(
        &mut self,
        control: u32,
        sample: usize,
        other: usize,
        (recipe, feeds, is_deaf): (&Recipe, &[Feed], bool),
        outcome: &Outcome,
    ) -> Result<Option<Recipe>, Unfit> {
        if let Some(whole) = self.explained(control, sample, other, feeds, outcome)? {
            return Ok(Some(self.extended(sample, recipe, feeds, &whole)));
        }
        // Somebody has voted otherwise, or on the way something else comes of it: then it takes all that the other holds.
        let is_known = |feed: &Feed| self.samples[sample].feeds.contains(feed);
        if !is_deaf || !self.are_torn(sample, other) && feeds.iter().any(is_known) {
            return Ok(None);
        }
        let with_all = self.with_all(other, recipe);
        Ok((with_all.needs != recipe.needs).then_some(with_all))
    }

    /// Whether somebody was counted for one thing in one sample and for another in the other.
    pub(super) fn are_torn(&self, one: usize, other: usize) -> bool {
        let votes = self.samples[one].voted.iter().zip(&self.samples[other].voted);
        votes.into_iter().any(|(a, b)| a.is_some() && b.is_some() && a != b)
    }

    /// The recipe, and all that a sample was given.
    pub(super) fn with_all(&self, sample: usize, recipe: &Recipe) -> Recipe {
        let known = &self.samples[sample];
        let of_recipe = |group: usize| {
            recipe.needs.votes.iter().any(|(vote, _)| self.alphabet().group(*vote) == Some(group))
        };
        let groups = (0..self.alphabet().groups.len()).filter(|group| !of_recipe(*group));
        let groups: Vec<usize> = groups.filter(|group| !self.counted(known, *group).is_empty()).collect();
        let mut portions = Vec::new();
        for group in &groups {
            let counted = self.counted(known, *group).into_iter();
            portions.extend(counted.flat_map(|(vote, count)| (0..count).map(move |_| Portion::Vote(vote))));
        }
        let mut singles = recipe.needs.singles.clone();
        for feed in &known.feeds {
            if let Portion::Single(single) = self.portion(feed)
                && !singles.contains(&single)
            {
                portions.push(Portion::Single(single));
                singles.push(single);
            }
        }
        portions.extend(&recipe.portions);
        let mut needs = self.needs(known, &groups, &[], &singles);
        needs.own.extend(&recipe.needs.own);
        needs.votes.extend(&recipe.needs.votes);
        needs.own.sort_unstable();
        needs.votes.sort_unstable();
        Recipe { needs, portions, origin: sample }
    }

    /// What brings it about after a sample, if these do once the sample is given, too, what another was given: in any order,
    /// as far as nothing else comes of it. Of that as little as does it.
    pub(super) fn explained(
        &mut self,
        control: u32,
        sample: usize,
        other: usize,
        feeds: &[Feed],
        outcome: &Outcome,
    ) -> Result<Option<Vec<Feed>>, Unfit> {
        let mut rest = Vec::new();
        for feed in self.rest_of(other, sample) {
            rest.push(feed);
            if self.brings_about(control, sample, &rest, outcome)? {
                return Ok(Some(self.fewest(control, sample, rest, &[], outcome)?));
            }
            if self.run(control, sample, &rest)?.at.is_some() {
                rest.pop();
            }
        }
        let all = [&rest[..], feeds].concat();
        match self.brings_about(control, sample, &all, outcome)? {
            true => Ok(Some(self.fewest(control, sample, rest, feeds, outcome)?)),
            false => Ok(None),
        }
    }

    /// As few of the former as with the latter still bring it about, and the latter.
    pub(super) fn fewest(
        &mut self,
        control: u32,
        sample: usize,
        mut former: Vec<Feed>,
        latter: &[Feed],
        outcome: &Outcome,
    ) -> Result<Vec<Feed>, Unfit> {
        for place in (0..former.len()).rev() {
            let mut fewer = former.clone();
            fewer.remove(place);
            let all = [&fewer[..], latter].concat();
            if self.brings_about(control, sample, &all, outcome)? {
                former = fewer;
            }
        }
        Ok([&former[..], latter].concat())
    }

    /// The recipe with what these inputs have more than those, which are it as it is handed over after a sample.
    pub(super) fn extended(&self, sample: usize, recipe: &Recipe, feeds: &[Feed], whole: &[Feed]) -> Recipe {
        let is_whole = whole.ends_with(feeds);
        let more = if is_whole { &whole[..whole.len() - feeds.len()] } else { whole };
        let groups: BTreeSet<usize> = more.iter().filter_map(|feed| self.group_of(feed)).collect();
        let known = &self.samples[sample];
        let counted: Vec<(Content, u8)> =
            groups.iter().flat_map(|group| self.counted(known, *group)).collect();
        let mut portions: Vec<Portion> =
            counted.iter().flat_map(|(vote, count)| (0..*count).map(|_| Portion::Vote(*vote))).collect();
        portions.extend(more.iter().map(|feed| self.portion(feed)));
        let is_touched = |vote: Content| self.alphabet().group(vote).is_some_and(|g| groups.contains(&g));
        let mut left = counted;
        for portion in recipe.portions.iter().filter(|_| is_whole) {
            if let Portion::Vote(vote) = *portion
                && is_touched(vote)
                && let Some((_, left)) = left.iter_mut().find(|(had, left)| *had == vote && *left > 0)
            {
                *left -= 1;
                continue;
            }
            portions.push(*portion);
        }
        let mut needs = Needs::default();
        for portion in &portions {
            match *portion {
                Portion::Vote(vote) => match needs.votes.iter_mut().find(|(known, _)| *known == vote) {
                    Some((_, count)) => *count += 1,
                    None => needs.votes.push((vote, 1)),
                },
                Portion::Single(single) if !needs.singles.contains(&single) => needs.singles.push(single),
                _ => {}
            }
        }
        needs.own = recipe.needs.own.iter().copied().filter(|own| is_whole && !is_touched(*own)).collect();
        needs.own.extend(groups.iter().filter_map(|group| known.voted[self.slot(*group, self.me)]));
        needs.own.sort_unstable();
        needs.votes.sort_unstable();
        needs.singles.sort_unstable();
        Recipe { needs, portions, origin: sample }
    }

    pub(super) fn group_of(&self, feed: &Feed) -> Option<usize> {
        match *feed {
            Feed::Message(_, content) => self.alphabet().group(content),
            Feed::Timer(_) => None,
        }
    }

    /// An input as it is kept in a recipe.
    pub(super) fn portion(&self, feed: &Feed) -> Portion {
        match *feed {
            Feed::Timer(timer) => Portion::Timer(timer),
            Feed::Message(from, content) => {
                match (self.alphabet().group(content), self.alphabet().class(content)) {
                    (Some(_), _) => Portion::Vote(content),
                    (None, Some(class)) => Portion::Single(Single::Class(class)),
                    (None, None) => Portion::Single(Single::Plain(from, content)),
                }
            }
        }
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
        let votes = recipe.needs.votes.iter();
        let groups: BTreeSet<usize> =
            votes.filter_map(|(vote, _)| self.machine.alphabet.group(*vote)).collect();
        let minimal = &self.controls[control as usize].minimal;
        let again: Vec<_> = groups.into_iter().map(|group| (group, minimal[group].clone())).collect();
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
        self.prepared_with(sample, recipe, self.samples[sample].voted.clone())
    }

    /// A recipe as it is handed over after a sample, with others taken to have voted besides.
    pub(super) fn prepared_with(
        &self,
        sample: usize,
        recipe: &Recipe,
        mut voted: Vec<Option<Content>>,
    ) -> Option<Vec<Feed>> {
        let sample = &self.samples[sample];
        let had_voted = voted.clone();
        if recipe.needs.own.iter().any(|own| !sample.sent.contains(own)) {
            return None;
        }
        let groups: BTreeSet<usize> =
            recipe.needs.votes.iter().filter_map(|(vote, _)| self.alphabet().group(*vote)).collect();
        let mut had: Vec<_> = groups.iter().flat_map(|group| self.counted(sample, *group)).collect();
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
                    feeds.push(self.ballot(&mut voted, &groups, vote)?);
                }
            }
        }
        let votes = |other: NodeId, group: usize| {
            let slot = self.slot(group, other);
            sample.voted[slot].is_some() || voted[slot] != had_voted[slot]
        };
        let has_voted = |other: &&NodeId| groups.iter().any(|group| votes(**other, *group));
        let heads = self.others.iter().filter(has_voted).count();
        (heads >= usize::from(recipe.needs.heads)).then_some(feeds)
    }

    /// A vote by somebody who has not voted in its group; first by whoever has voted least in these, since some rules count
    /// heads.
    pub(super) fn ballot(
        &self,
        voted: &mut [Option<Content>],
        groups: &BTreeSet<usize>,
        vote: Content,
    ) -> Option<Feed> {
        let group = self.alphabet().group(vote)?;
        let has_voted = |other: NodeId, group: usize| voted[self.slot(group, other)].is_some();
        let free = self.others.iter().copied().filter(|other| !has_voted(*other, group));
        let heads = |other: &NodeId| groups.iter().filter(|group| has_voted(*other, **group)).count();
        let voter = free.min_by_key(heads)?;
        voted[self.slot(group, voter)] = Some(vote);
        Some(Feed::Message(voter, vote))
    }

    /// A message as it can be handed over after a sample, if nothing in it is the node's own that it has not sent.
    pub(super) fn message(&self, sample: &Sample, single: Single) -> Option<Feed> {
        match single {
            Single::Plain(from, content) => Some(Feed::Message(from, content)),
            Single::Class(class) => {
                let members = self.alphabet().classes[class].iter().copied();
                let fitting = members.filter(|&member| {
                    let mut own =
                        self.alphabet().parts(member).iter().filter(|(signer, _)| *signer == self.me);
                    own.all(|(_, part)| sample.sent.contains(part))
                });
                // Nobody lies who need not.
                let lies = |member: &Content| {
                    let parts = self.alphabet().parts(*member).iter();
                    let counted = |signer: NodeId, part: Content| {
                        let group = self.alphabet().group(part)?;
                        sample.voted[self.slot(group, signer)]
                    };
                    parts.filter(|(who, part)| counted(*who, *part).is_some_and(|vote| vote != *part)).count()
                };
                fitting.min_by_key(lies).map(|member| Feed::Message(self.others[0], member))
            }
        }
    }
}
