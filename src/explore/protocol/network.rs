//! Lets the network run: what honest nodes have sent each other arrives, in the order in which it was sent.

use super::super::until::Until;
use super::name::possible;
use super::opened::Opened;
use super::walk::Walk;
use crate::engine::{PlaceId, Step};
use crate::protocol::Protocol;

/// The most steps that are taken at once.
const MOST: usize = 500;
/// How often all timers run out, at most.
const ROUNDS: usize = 8;

/// Delivers what was sent to these, or to all honest nodes, first sent first. With `timers`, whenever nothing is left and
/// somebody is not done, the timers that run run out.
///
/// # Errors
/// The code cannot be shown.
pub(super) fn run<P: Protocol>(
    opened: &Opened<P>,
    walk: &mut Walk,
    until: Until,
    timers: bool,
    only: Option<&[PlaceId]>,
) -> Result<(), String> {
    let begun = walk.deeds.len();
    let is_let = |walk: &Walk, place: PlaceId| {
        only.is_none_or(|only| only.contains(&place)) && is_running(opened, walk, place)
    };
    let mut rounds = 0;
    while walk.deeds.len() < begun + MOST {
        if let Some(step) = next(opened, walk, is_let) {
            take(opened, walk, step)?;
            if until == Until::One || until == Until::Decided && walk.has_decided_since(begun) {
                return Ok(());
            }
            continue;
        }
        let before = walk.deeds.len();
        if timers && rounds < ROUNDS && !opened.graph.are_all_done(&walk.seen.state) {
            rounds += 1;
            expire(opened, walk, is_let)?;
        }
        if walk.deeds.len() == before {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether something comes of letting the network run: without timers, and with them.
pub(super) fn can_run<P: Protocol>(opened: &Opened<P>, walk: &Walk) -> (bool, bool) {
    let is_let = |walk: &Walk, place: PlaceId| is_running(opened, walk, place);
    let messages = next(opened, walk, is_let).is_some();
    let expires = || {
        let mut all = possible(&opened.graph, &walk.seen.state).into_iter();
        all.any(|named| runs_out(opened, walk, named.step, is_let))
    };
    let is_done = opened.graph.are_all_done(&walk.seen.state);
    (messages, messages || !is_done && expires())
}

/// Whether somebody is honest and has not stopped.
fn is_running<P: Protocol>(opened: &Opened<P>, walk: &Walk, place: PlaceId) -> bool {
    opened.graph.place(place).twin.is_none() && !walk.is_stopped(place)
}

/// Whether a step is that a timer runs out, of somebody who is let, with an effect.
fn runs_out<P: Protocol>(
    opened: &Opened<P>,
    walk: &Walk,
    step: Step,
    is_let: impl Fn(&Walk, PlaceId) -> bool,
) -> bool {
    matches!(step, Step::Timer(place, _) if is_let(walk, place)) && walk.changes(opened, step)
}

fn take<P: Protocol>(opened: &Opened<P>, walk: &mut Walk, step: Step) -> Result<(), String> {
    let all = possible(&opened.graph, &walk.seen.state);
    // What has been stopped or has arrived by then does not happen.
    all.iter().find(|named| named.step == step).map_or(Ok(()), |named| walk.happen(opened, named))
}

/// What was sent first of all that can arrive: between honest nodes, and changing something.
fn next<P: Protocol>(
    opened: &Opened<P>,
    walk: &Walk,
    is_let: impl Fn(&Walk, PlaceId) -> bool,
) -> Option<Step> {
    let graph = &opened.graph;
    let is_possible = possible(graph, &walk.seen.state);
    let mut first = None;
    for delivery in walk.undelivered(opened) {
        let (to, message, step) = (delivery.to(), delivery.message(), Step::Deliver(delivery));
        let Some((by, at)) = walk.origin(opened, &walk.seen.state, delivery) else { continue };
        let is_honest = graph.place(by).twin.is_none();
        if !is_honest || !is_let(walk, to) || walk.is_dropped(to, message) || delivery.leaves_out() {
            continue;
        }
        if !is_possible.iter().any(|named| named.step == step) || !walk.changes(opened, step) {
            continue;
        }
        let place =
            walk.sent.iter().position(|sent| sent.message == message && sent.by == by && sent.at == at);
        let order = (at, place, to);
        if first.as_ref().is_none_or(|(known, _)| order < *known) {
            first = Some((order, step));
        }
    }
    first.map(|(_, step)| step)
}

/// Lets the timers that run run out, each once.
fn expire<P: Protocol>(
    opened: &Opened<P>,
    walk: &mut Walk,
    is_let: impl Fn(&Walk, PlaceId) -> bool,
) -> Result<(), String> {
    let all = possible(&opened.graph, &walk.seen.state);
    for named in all {
        if runs_out(opened, walk, named.step, &is_let) {
            take(opened, walk, named.step)?;
        }
    }
    Ok(())
}
