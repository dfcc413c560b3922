//! Whether it makes no difference who has decided.
//!
//! A replica begins a view here as if it had decided nothing, and what somebody has decided is kept for all of them
//! together. That loses nothing if a replica which has decided some of that can do nothing that it could not do
//! otherwise: send the same, hold the same certificates, decide the same besides. It is not taken for granted: the
//! real replica is followed side by side with its double that has decided nothing, and whenever it does something, its
//! double has to be able to do the same with the same messages (a simulation: Milner, 1971).
//!
//! That it *adds* something is possible: a replica that has decided may decide otherwise here. A violation that comes of it
//! is looked for again by judge *guards*.

use rustc_hash::{FxHashMap, FxHashSet};

use super::boundary::{BoundaryState, CarriedState, Rank, choices, is_part, with};
use super::context::Context;
use super::error::Unexplorable;
use super::numbers::LocalId;
use super::stage::Stage;
use crate::model::guards::{Guard, MessageSet};

/// A replica that has decided, and its double.
type Pair = (LocalId, LocalId);

/// The doubles that were found: local states of whoever has decided, each with one of whoever has not that stands for
/// it, and how many votes had been met then.
#[derive(Default)]
pub(super) struct Doubles(FxHashMap<Pair, u32>);

impl Doubles {
    /// Whether whoever has decided something of what is decided after a past can be taken for one that has not, in the
    /// view in which the replicas, which carry that, start in these local states and what exists is at most this.
    ///
    /// # Errors
    /// Who cannot.
    pub fn check(
        &mut self,
        context: &Context,
        stage: &mut Stage,
        (past, order): (&BoundaryState, &[&CarriedState<Rank>]),
        start: &[LocalId],
        exists: &MessageSet,
    ) -> Result<(), Unexplorable> {
        for (place, (own, &double)) in (0..).zip(order.iter().zip(start)) {
            let (_, expected) = stage.start(context, place, own)?;
            for decided in choices(&past.decided).filter(|decided| decided.iter().any(Option::is_some)) {
                let carried = CarriedState { decided, ..(*own).clone() };
                let (local, change) = stage.start(context, place, &carried)?;
                let who = stage.arena.replica(place.into())?.id();
                if change != expected {
                    return Err(Unexplorable::ReportsDecision(who));
                }
                let number = stage.arena.judge.placed_like(double, &local).ok_or(Unexplorable::Unmet)?;
                if !self.can_follow(context, stage, (number, double), exists)? {
                    return Err(Unexplorable::ActsOnDecision(who));
                }
            }
        }
        Ok(())
    }

    /// Whether a double can always follow.
    fn can_follow(
        &mut self,
        context: &Context,
        stage: &mut Stage,
        pair: Pair,
        exists: &MessageSet,
    ) -> Result<bool, Unexplorable> {
        let votes = stage.votes().len();
        let mut seen = FxHashSet::default();
        let mut waiting = vec![pair];
        while let Some(pair) = waiting.pop() {
            // What happens to whoever has entered the view depends on the votes in it.
            let is_active = stage.known(context, pair.0)?.is_active;
            if (is_active && self.0.get(&pair) == Some(&votes)) || !seen.insert((pair, is_active)) {
                continue;
            }
            let guards = stage.arena.judge.guards(pair.0);
            let possible = guards.iter().filter(|guard| guard.next != pair.0);
            for guard in possible.filter(|guard| is_active || guard.is_enabled(exists)) {
                match double(context, stage, pair, guard)? {
                    Some(double) => waiting.push((guard.next, double)),
                    None => return Ok(false),
                }
            }
        }
        let entered = seen.into_iter().filter(|&(_, is_active)| is_active);
        self.0.extend(entered.map(|(pair, _)| (pair, votes)));
        Ok(true)
    }
}

/// What the double is after a step of the other's.
fn double(
    context: &Context,
    stage: &mut Stage,
    pair: Pair,
    guard: &Guard,
) -> Result<Option<LocalId>, Unexplorable> {
    let (before, after) = (stage.known(context, pair.0)?.clone(), stage.known(context, guard.next)?.clone());
    let guards = stage.arena.judge.guards(pair.1);
    // The same messages first: something else can look the same for a while.
    let others = || guards.iter().filter(|own| own.next != pair.1);
    let same = others().filter(|own| guard.takes_the_same(own));
    let possible = same.chain(others().filter(|own| own.is_enabled_with(guard)));
    let possible = possible.map(|own| own.next).chain([pair.1]);
    for next in possible {
        let own = stage.known(context, next)?;
        let (sends_it, is_active, own) = (after.sent.is_subset(&own.sent), own.is_active, own.outcome);
        let outcomes = &stage.outcomes;
        let carries_it = outcomes[own].carried == outcomes[after.outcome].carried;
        let [of_before, of_after, of_own] =
            [before.outcome, after.outcome, own].map(|outcome| outcomes.decided_with(outcome));
        let is_same = sends_it && is_active == after.is_active && carries_it;
        if is_same && is_part(of_after, &with(of_before, of_own)) {
            return Ok(Some(next));
        }
    }
    Ok(None)
}
