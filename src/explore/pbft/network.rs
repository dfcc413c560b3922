//! Lets the network run: what honest participants have sent arrives, in the order in which it was sent.

use super::super::until::Until;
use super::walk::{Deed, Walk};
use crate::model::{Event, Participant, guarded, has_executed};
use crate::pbft::{Effect, Principal, SignedRequest};
use crate::trace::changes;

/// The most steps that are taken at once.
const MOST: usize = 2000;

/// Delivers what was sent to these, or to everybody, first sent first. With `timers`, whenever nothing is left and
/// requests wait, the timers that run run out.
pub(super) fn run(walk: &mut Walk, until: Until, timers: bool, only: Option<&[Principal]>) {
    let (mut left, begun) = (MOST, walk.deeds.len());
    loop {
        let before = walk.deeds.len();
        deliver(walk, until, only, &mut left);
        let is_over = match until {
            Until::Quiet => left == 0,
            Until::Decided => left == 0 || has_decided(walk, begun),
            Until::One => walk.deeds.len() > begun,
        };
        if is_over || !timers || !expire(walk, only) {
            return;
        }
        left = left.saturating_sub(walk.deeds.len() - before);
    }
}

/// Passes over what was sent, in order, until a pass changes nothing.
fn deliver(walk: &mut Walk, until: Until, only: Option<&[Principal]>, left: &mut usize) {
    let everybody: Vec<_> = walk.run.locals().map(|(who, _)| who).collect();
    loop {
        let (mut changed, mut place) = (false, 0);
        while let Some(sent) = walk.sent.get(place).cloned() {
            place += 1;
            for &to in &everybody {
                let message = &sent.worded.message;
                let is_let = only.is_none_or(|only| only.contains(&to)) && !walk.is_stopped(to);
                if !is_let || !walk.may_reach(to, &sent) || walk.is_dropped(to, message) {
                    continue;
                }
                let event = Event::Deliver(message.clone());
                if walk.is_delivered(to, message) || !changes(&walk.run, to, &event) {
                    continue;
                }
                let before = walk.deeds.len();
                if *left == 0 || walk.happen(to, event).is_err() {
                    continue;
                }
                (*left, changed) = (*left - 1, true);
                if until == Until::One || (until == Until::Decided && has_decided(walk, before)) {
                    return;
                }
            }
        }
        if !changed {
            return;
        }
    }
}

/// Whether somebody decides in a step after these.
fn has_decided(walk: &Walk, from: usize) -> bool {
    walk.deeds[from..].iter().any(|deed| match deed {
        Deed::Step(step) => step.effects.iter().any(|effect| matches!(effect, Effect::Committed(_))),
        _ => false,
    })
}

/// Whether somebody who has not stopped has executed fewer requests than there are numbers for.
fn waits(walk: &Walk) -> bool {
    let system = &walk.opened.system;
    let due = system.requests().len().min(system.bound().scope.slots as usize);
    let mut running = walk.run.locals().filter(|(who, _)| !walk.is_stopped(*who));
    running.any(|(_, local)| {
        local.replica().is_some_and(|state| {
            let is_executed = |it: &&SignedRequest| has_executed(state, it.client, it.timestamp);
            system.requests().iter().filter(is_executed).count() < due
        })
    })
}

/// Whether a timer that runs out, where nothing is left to deliver, changes anybody.
pub(super) fn can_expire(walk: &Walk) -> bool {
    due(walk, None).iter().any(|(who, event)| changes(&walk.run, *who, event))
}

/// The timers that run, where requests wait.
fn due(walk: &Walk, only: Option<&[Principal]>) -> Vec<(Principal, Event)> {
    let mut due = Vec::new();
    if !waits(walk) {
        return due;
    }
    for participant in walk.participants() {
        let who = participant.id();
        let Participant::Replica(replica, _) = participant else { continue };
        let state = walk.local(who).filter(|local| local.wreck().is_none()).and_then(|local| local.replica());
        let is_let = only.is_none_or(|only| only.contains(&who)) && !walk.is_stopped(who);
        if let Some(state) = state.filter(|_| is_let)
            && let Ok(Some(timer)) = guarded(|| replica.timer(state))
        {
            due.push((who, Event::Timeout(timer.view)));
        }
    }
    due
}

/// Lets the timers that run run out, each once, where requests wait; whether one did.
fn expire(walk: &mut Walk, only: Option<&[Principal]>) -> bool {
    let before = walk.deeds.len();
    for (who, event) in due(walk, only) {
        if changes(&walk.run, who, &event) {
            // A timer that has been stopped by then does not run out.
            let _ = walk.happen(who, event);
        }
    }
    walk.deeds.len() > before
}
