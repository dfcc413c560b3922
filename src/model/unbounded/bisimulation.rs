//! Whether two local states that look alike once the view is entered act alike from then on.
//!
//! Their guards are compared side by side, and those of all local states that they lead to (a bisimulation: Park, 1981).

use rustc_hash::{FxHashMap, FxHashSet};

use super::context::Context;
use super::error::Unexplorable;
use super::numbers::{EssenceNumber, LocalId};
use super::stage::Stage;
use crate::model::guards::{Guard, MessageSet};

/// Two local states that are compared.
type Pair = (LocalId, LocalId);

/// What was found of local states that have one essence.
#[derive(Default)]
pub(super) struct Representatives {
    /// By place and essence, a local state that stands for all of them.
    representatives: FxHashMap<(usize, EssenceNumber), LocalId>,
    /// Local states each with one that was found to act alike, and how many votes had been met then.
    alike: FxHashMap<Pair, u32>,
    /// Local states of which another was found not to act alike.
    others: FxHashSet<LocalId>,
}

impl Representatives {
    /// Whether a local state acts like all others with the same essence at the same place.
    pub fn is_represented(
        &mut self,
        context: &Context,
        stage: &mut Stage,
        place: usize,
        local: LocalId,
    ) -> Result<bool, Unexplorable> {
        let essence = stage.known(context, local)?.essence;
        let representative = *self.representatives.entry((place, essence)).or_insert(local);
        let votes = stage.votes().len();
        if self.alike.get(&(local, representative)) == Some(&votes) {
            return Ok(true);
        }
        if self.others.contains(&local) {
            return Ok(false);
        }
        let mut seen = FxHashSet::default();
        let mut waiting = vec![(local, representative)];
        while let Some(pair) = waiting.pop() {
            if self.alike.get(&pair) == Some(&votes) || !seen.insert(pair) {
                continue;
            }
            match both(context, stage, pair)? {
                Some(next) => waiting.extend(next),
                None => {
                    self.others.insert(local);
                    return Ok(false);
                }
            }
        }
        self.alike.extend(seen.into_iter().map(|pair| (pair, votes)));
        Ok(true)
    }
}

/// Where the guards of two local states lead, which have one essence: to states that have one essence each, with the
/// same messages, and nothing but votes in the view.
fn both(context: &Context, stage: &mut Stage, pair: Pair) -> Result<Option<Vec<Pair>>, Unexplorable> {
    let (guards, others) = (stage.arena.judge.guards(pair.0), stage.arena.judge.guards(pair.1));
    let votes = stage.votes().clone();
    let Some(own) = described(context, stage, pair.0, &guards, &votes)? else { return Ok(None) };
    if pair.0 == pair.1 {
        return Ok(Some(own.iter().map(|&(place, _)| (guards[place].next, guards[place].next)).collect()));
    }
    let Some(mut free) = described(context, stage, pair.1, &others, &votes)? else { return Ok(None) };
    if own.len() != free.len() {
        return Ok(None);
    }
    let mut next = Vec::new();
    for (place, essence) in own {
        let guard = &guards[place];
        let is_same = |&(other, its): &(usize, EssenceNumber)| {
            let other = &others[other];
            its == essence && other.is_enabled_with(guard) && guard.is_enabled_with(other)
        };
        let Some(found) = free.iter().position(is_same) else { return Ok(None) };
        next.push((guard.next, others[free.swap_remove(found).0].next));
    }
    Ok(Some(next))
}

/// The guards that lead away from a local state, by their places, each with the essence that it leads to; none if one
/// needs something else than votes.
fn described(
    context: &Context,
    stage: &mut Stage,
    from: LocalId,
    guards: &[Guard],
    votes: &MessageSet,
) -> Result<Option<Vec<(usize, EssenceNumber)>>, Unexplorable> {
    let mut described = Vec::new();
    for (place, guard) in guards.iter().enumerate().filter(|(_, guard)| guard.next != from) {
        if !guard.needs().all(|needs| needs.are_among(votes)) {
            return Ok(None);
        }
        described.push((place, stage.known(context, guard.next)?.essence));
    }
    Ok(Some(described))
}
