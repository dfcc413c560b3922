//! From thousands of events to the few that a violation needs.
//!
//! Delta debugging (Zeller and Hildebrandt, 2002) on the events: pieces are left out, large ones first, with all
//! that then cannot happen any more; the run is made to happen again each time. What is left is handed to
//! [`Trace::shrunk`], which leaves out single steps until none can be.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::honest_nodes::HonestNodes;
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
}

type Events = Vec<(Principal, Event)>;

/// A locally minimal part of these events that violates the property too; of the events themselves the trace, if
/// they do not violate it when they happen again.
///
/// # Errors
/// If the events cannot happen again.
pub fn reduced(system: &Arc<System>, events: &Events, property: Property) -> Result<Reduced, ReplayError> {
    let from = events.len();
    let kept = pieces_left_out(system, events, property).unwrap_or_else(|| events.clone());
    let trace = Trace::replay(system, &kept)?.shrunk(property);
    Ok(Reduced { trace, from })
}

fn pieces_left_out(system: &Arc<System>, events: &Events, property: Property) -> Option<Events> {
    let mut kept = again(system, events.iter(), property)?;
    // What is violated before anything happens leaves no pieces.
    let mut piece = kept.len().div_ceil(2).max(1);
    loop {
        let mut end = kept.len();
        let mut changed = false;
        while end > 0 {
            let start = end.saturating_sub(piece);
            let rest = kept[..start].iter().chain(&kept[end.min(kept.len())..]);
            if let Some(fewer) = again(system, rest, property) {
                kept = fewer;
                changed = true;
            }
            end = start.min(kept.len());
        }
        match (piece, changed) {
            (1, false) => return Some(kept),
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
