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

use rustc_hash::FxHashSet;

use super::UnboundedModel;
use super::boundary::{BoundaryState, CarriedState, Rank, choices, is_part, with};
use super::error::Unexplorable;
use super::stage::Stage;
use crate::model::bits::Bits;
use crate::model::guards::Guard;

/// A replica that has decided, and its double: numbers of local states.
type Pair = (u32, u32);

/// Whether whoever has decided something of what is decided after a past can be taken for one that has not, in the view
/// in which the replicas start in these local states and what exists is at most this.
///
/// # Errors
/// Who cannot.
pub(super) fn check(
    views: &UnboundedModel,
    stage: &mut Stage,
    past: &BoundaryState,
    order: &[&CarriedState<Rank>],
    start: &[u32],
    exists: &Bits,
) -> Result<(), Unexplorable> {
    for (place, (own, &double)) in (0..).zip(order.iter().zip(start)) {
        let (_, expected) = stage.start(views, place, own)?;
        for decided in choices(&past.decided).filter(|decided| decided.iter().any(Option::is_some)) {
            let (local, change) = stage.start(views, place, &CarriedState { decided, ..(*own).clone() })?;
            let who = stage.replica(place.into()).ok_or(Unexplorable::NoReplica)?.id();
            if change != expected {
                return Err(Unexplorable::ReportsDecision(who));
            }
            let number = stage.judge.placed_like(double, &local).ok_or(Unexplorable::Unmet)?;
            if !follow(views, stage, (number, double), exists)? {
                return Err(Unexplorable::ActsOnDecision(who));
            }
        }
    }
    Ok(())
}

/// Whether a double can always follow.
fn follow(
    views: &UnboundedModel,
    stage: &mut Stage,
    pair: Pair,
    exists: &Bits,
) -> Result<bool, Unexplorable> {
    let votes = stage.votes_of_view().len();
    let mut seen = FxHashSet::default();
    let mut waiting = vec![pair];
    while let Some(pair) = waiting.pop() {
        // What happens to whoever has entered the view depends on the votes in it.
        let is_active = stage.known(views, pair.0)?.is_active;
        if (is_active && stage.stood_for.get(&pair) == Some(&votes)) || !seen.insert((pair, is_active)) {
            continue;
        }
        let guards = stage.judge.guards(pair.0);
        let possible = guards.iter().filter(|guard| guard.next != pair.0);
        for guard in possible.filter(|guard| is_active || guard.is_enabled(exists)) {
            match double(views, stage, pair, guard)? {
                Some(double) => waiting.push((guard.next, double)),
                None => return Ok(false),
            }
        }
    }
    let entered = seen.into_iter().filter(|&(_, is_active)| is_active);
    stage.stood_for.extend(entered.map(|(pair, _)| (pair, votes)));
    Ok(true)
}

/// What the double is after a step of the other's.
fn double(
    views: &UnboundedModel,
    stage: &mut Stage,
    pair: Pair,
    guard: &Guard,
) -> Result<Option<u32>, Unexplorable> {
    let (before, after) = (stage.known(views, pair.0)?.clone(), stage.known(views, guard.next)?.clone());
    let guards = stage.judge.guards(pair.1);
    // The same messages first: something else can look the same for a while.
    let others = || guards.iter().filter(|own| own.next != pair.1);
    let same = others().filter(|own| guard.takes_the_same(own));
    let possible = same.chain(others().filter(|own| own.is_enabled_with(guard)));
    let possible = possible.map(|own| own.next).chain([pair.1]);
    for next in possible {
        let own = stage.known(views, next)?;
        let (sends_it, is_active, own) = (after.sent.is_subset(&own.sent), own.is_active, own.outcome);
        let [before, after_it, own] =
            [before.outcome, after.outcome, own].map(|number| stage.outcomes[number as usize]);
        let [of_before, of_after, of_own] =
            [before, after_it, own].map(|outcome| &stage.decisions[outcome.decided as usize]);
        let is_same = sends_it && is_active == after.is_active && own.past == after_it.past;
        if is_same && is_part(of_after, &with(of_before, of_own)) {
            return Ok(Some(next));
        }
    }
    Ok(None)
}
