//! Votes of several groups: whether one node may cast one of each, or it counts how many nodes have voted at all.

use super::*;

impl<P: Protocol> Finder<P> {
    /// The recipe with the fewest nodes whose votes still bring it about.
    pub(super) fn by_heads(
        &mut self,
        control: u32,
        recipe: Recipe,
        outcome: &Outcome,
    ) -> Result<Recipe, Unfit> {
        let mut totals = BTreeMap::<Option<usize>, usize>::new();
        for (vote, count) in &recipe.needs.votes {
            *totals.entry(self.alphabet().group(*vote)).or_default() += usize::from(*count);
        }
        let least = totals.values().copied().max().unwrap_or(0);
        let most = totals.values().sum::<usize>().min(self.others.len());
        // By as few as can be it comes about, too: then it does not matter.
        for heads in least..most {
            let mut fewer = recipe.clone();
            fewer.needs.heads = if heads == least { 0 } else { heads as u8 };
            let Some(feeds) = self.cast_by(recipe.origin, &recipe, heads) else { continue };
            if self.brings_about(control, recipe.origin, &feeds, outcome)? {
                return Ok(fewer);
            }
        }
        let mut by_all = recipe;
        let feeds = self.cast_by(by_all.origin, &by_all, most).unwrap_or_default();
        if least < most && self.brings_about(control, by_all.origin, &feeds, outcome)? {
            by_all.needs.heads = most as u8;
        }
        Ok(by_all)
    }

    /// A recipe as it is handed over after a sample, with its votes by so many nodes in all.
    fn cast_by(&self, sample: usize, recipe: &Recipe, heads: usize) -> Option<Vec<Feed>> {
        let votes = recipe.needs.votes.iter();
        let groups: BTreeSet<usize> = votes.filter_map(|(vote, _)| self.alphabet().group(*vote)).collect();
        let known = &self.samples[sample];
        let voted =
            |other: &NodeId| groups.iter().filter(|g| known.voted[self.slot(**g, *other)].is_some()).count();
        // Whoever has voted is one of them.
        let mut voters = self.others.clone();
        voters.sort_by_key(|other| std::cmp::Reverse(voted(other)));
        if voters.iter().filter(|other| voted(other) > 0).count() > heads {
            return None;
        }
        voters.truncate(heads);
        let outsiders: Vec<NodeId> =
            self.others.iter().copied().filter(|other| !voters.contains(other)).collect();
        let mut fewer = known.voted.clone();
        // Nobody else votes: they count as if they had.
        for (outsider, group) in outsiders.iter().flat_map(|o| groups.iter().map(move |group| (*o, *group))) {
            fewer[self.slot(group, outsider)].get_or_insert(0);
        }
        let feeds = self.prepared_with(sample, recipe, fewer)?;
        let cast = |other: &&NodeId| {
            let casts = |feed: &Feed| {
                matches!(feed, Feed::Message(from, vote)
                if from == *other && self.alphabet().group(*vote).is_some_and(|g| groups.contains(&g)))
            };
            voted(other) > 0 || feeds.iter().any(casts)
        };
        (self.others.iter().filter(cast).count() == heads).then_some(feeds)
    }
}
