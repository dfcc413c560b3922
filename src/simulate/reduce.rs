//! From thousands of events to the few that a violation needs.
//!
//! Delta debugging (Zeller and Hildebrandt, 2002) on the events: pieces are left out, large ones first, with all
//! that then cannot happen any more; the run is made to happen again each time. What is left is handed to
//! [`Trace::shrunk`], which leaves out single steps until none can be.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::honest_nodes::HonestNodes;
use crate::interrupt;
use crate::model::{Event, Property, Statements, System};
use crate::pbft::{ClientEffect, Effect, Message, Principal};
use crate::trace::{ReplayError, Trace};

/// A violating run, shrunk.
#[derive(Debug)]
pub struct Reduced {
    /// What is left.
    pub trace: Trace,
    /// How many events there were.
    pub from: usize,
    /// Whether no single one of its events can be left out.
    pub is_least: bool,
}

type Events = Vec<(Principal, Event)>;

/// A locally minimal part of these events that violates the property too; of the events themselves the trace, if
/// they do not violate it when they happen again. Where it is interrupted, it is what is left by then.
///
/// # Errors
/// If the events cannot happen again.
pub fn reduced(system: &Arc<System>, events: &Events, property: Property) -> Result<Reduced, ReplayError> {
    let from = events.len();
    let mut kept = events.clone();
    // What was left out by then is left out.
    let _ = interrupt::caught(|| leave_pieces_out(system, &mut kept, property));
    let trace = interrupt::undisturbed(|| Trace::replay(system, &kept))?.shrunk(property);
    Ok(Reduced { trace, from, is_least: !interrupt::is_set() })
}

fn leave_pieces_out(system: &Arc<System>, kept: &mut Events, property: Property) {
    let Some(happened) = again(system, kept.iter(), property) else { return };
    *kept = happened;
    // What is violated before anything happens leaves no pieces.
    let mut piece = kept.len().div_ceil(2).max(1);
    loop {
        let mut end = kept.len();
        let mut changed = false;
        while end > 0 {
            let start = end.saturating_sub(piece);
            let rest = kept[..start].iter().chain(&kept[end.min(kept.len())..]);
            if let Some(fewer) = again(system, rest, property) {
                *kept = fewer;
                changed = true;
            }
            end = start.min(kept.len());
        }
        match (piece, changed) {
            (1, false) => return,
            (1, true) => {}
            _ => piece = piece.div_ceil(2),
        }
    }
}

/// Makes these events happen, but for those that cannot; the ones that did, if the property is violated then.
fn again<'a>(
    system: &Arc<System>,
    events: impl Iterator<Item = &'a (Principal, Event)>,
    property: Property,
) -> Option<Events> {
    let mut honest_nodes = HonestNodes::new(Arc::clone(system));
    let lies = !system.byzantine().is_empty();
    let mut known = Statements::of(system, []);
    let mut sent: FxHashSet<Message> = system.requests().iter().cloned().map(Message::Request).collect();
    let (mut effects, mut of_client) = (Vec::new(), Vec::new());
    let mut kept = Vec::new();
    for (who, event) in events {
        interrupt::poll();
        let event = match event {
            Event::Deliver(message) => match sent.get(message) {
                Some(real) => Event::Deliver(real.clone()),
                None if lies && known.makes(system, message) => event.clone(),
                None => continue,
            },
            other => other.clone(),
        };
        if honest_nodes.step(*who, &event, &mut effects, &mut of_client) {
            kept.push((*who, event));
        }
        let by_replica = effects.drain(..).filter_map(|effect| match effect {
            Effect::Broadcast(message) | Effect::Send(_, message) => Some(message),
            Effect::Reply(reply) => Some(Message::Reply(reply)),
            _ => None,
        });
        let by_client = of_client.drain(..).filter_map(|effect| match effect {
            ClientEffect::Broadcast(message) | ClientEffect::Send(_, message) => Some(message),
            _ => None,
        });
        for message in by_replica.chain(by_client) {
            if sent.insert(message.clone()) && lies {
                known.learn(&message);
            }
        }
    }
    honest_nodes.violation(Some(property)).is_some().then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::{Cause, Interrupt, under};
    use crate::simulate::{End, Method, run};

    /// A run that violates something, as it was drawn.
    fn drawn() -> (Arc<System>, Events, Property) {
        let rulebook = crate::bugs::find("weak-prepare").unwrap();
        let settings = Method::Random.settings(rulebook);
        let found = (0..300).find_map(|seed| {
            let outcome = run(rulebook.rules, &settings, seed, true, None).unwrap();
            match outcome.end {
                End::Violated { property, .. } if Property::SAFETY.contains(&property) => {
                    Some((Arc::clone(&outcome.system), outcome.happened(), property))
                }
                _ => None,
            }
        });
        found.unwrap()
    }

    /// A violation stays one, however little of the shrinking there was time for.
    #[test]
    fn a_run_that_is_not_shrunk_in_time_is_shown_as_it_is() {
        let (system, events, property) = drawn();
        let at_once = Arc::new(Interrupt::default());
        at_once.set(Cause::Time);
        at_once.end();
        let cut = under(Arc::clone(&at_once), || reduced(&system, &events, property)).unwrap();
        assert_eq!((cut.trace.steps().len(), cut.is_least), (events.len(), false));
        assert!(cut.trace.violation(property).is_some());
        let also_cut = under(at_once, || cut.trace.shrunk(property));
        assert_eq!(also_cut.steps().len(), events.len());
        assert!(also_cut.violation(property).is_some());
        let whole = reduced(&system, &events, property).unwrap();
        assert!(whole.is_least && whole.trace.steps().len() < events.len() / 2);
        // The moment that is left is used.
        let late = Arc::new(Interrupt::default());
        late.set(Cause::Time);
        let late = under(late, || interrupt::late(|| reduced(&system, &events, property))).unwrap();
        assert_eq!(late.trace.steps().len(), whole.trace.steps().len());
    }
}
