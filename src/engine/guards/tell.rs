//! A run of real nodes, told step by step.

use std::collections::BTreeSet;

use super::error::Unfit;
use super::machine::{Feed, Machine};
use super::world::{Input, World};
use crate::engine::place::{Participants, Place};
use crate::engine::{Happening, Kind, Violation};
use crate::interrupt;
use crate::protocol::{NodeId, Protocol};

/// A run that has happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acted {
    /// Who took part: a Byzantine node is one that runs nothing.
    pub participants: Participants,
    /// What happened.
    pub steps: Vec<Happening>,
    /// What is wrong with the last state.
    pub violation: Option<Violation>,
}

/// Whether these inputs can happen one after another, and what is wrong then.
pub(super) fn wrong<P: Protocol>(
    machine: &mut Machine<P>,
    byzantine: &[NodeId],
    inputs: &[Input],
    asked: Option<&str>,
) -> Result<Option<(&'static str, String)>, Unfit> {
    let mut world = World::new(machine, byzantine)?;
    for &input in inputs {
        if world.happen(machine, input)?.is_none() {
            return Ok(None);
        }
    }
    Ok(world.wrong(machine, asked))
}

/// The same violation with inputs left out, until none can be, or it is interrupted.
pub(super) fn shrunk<P: Protocol>(
    machine: &mut Machine<P>,
    byzantine: &[NodeId],
    mut inputs: Vec<Input>,
    asked: &str,
) -> Result<Vec<Input>, Unfit> {
    loop {
        let before = inputs.len();
        for place in (0..before).rev() {
            let mut fewer = inputs.clone();
            if place < fewer.len() {
                fewer.remove(place);
            }
            if interrupt::is_set() {
                return Ok(inputs);
            }
            if wrong(machine, byzantine, &fewer, Some(asked))?.is_some() {
                inputs = fewer;
            }
        }
        if inputs.len() == before {
            return Ok(inputs);
        }
    }
}

/// Lets these inputs happen and tells it.
pub(super) fn told<P: Protocol>(
    machine: &mut Machine<P>,
    byzantine: &[NodeId],
    inputs: &[Input],
    asked: Option<&str>,
) -> Result<Acted, Unfit> {
    let nodes = machine.protocol.nodes();
    let places = NodeId::all(nodes).map(|node| Place { node, twin: None }).collect();
    let participants = Participants { nodes, places, byzantine: byzantine.to_vec() };
    let mut world = World::new(machine, byzantine)?;
    let mut steps = Vec::new();
    for &input in inputs {
        let before: BTreeSet<u16> = world
            .nodes
            .iter()
            .filter(|node| node.id == input.at)
            .flat_map(|node| node.decided.clone())
            .collect();
        let Some(done) = world.happen(machine, input)? else { continue };
        let (kind, from, words) = headline(machine, input.feed);
        let sent =
            done.sent.iter().filter_map(|content| machine.alphabet.messages.get_index(usize::from(*content)));
        let others = || NodeId::all(nodes).filter(|to| *to != input.at);
        let sends = sent.flat_map(|message| {
            let words = machine.protocol.message_in_words(message);
            others().map(move |to| (to, words.clone()))
        });
        let new = done.decided.iter().filter(|decision| !before.contains(decision));
        let decides = new.filter_map(|decision| {
            let (slot, value) = machine.decisions.get_index(usize::from(*decision))?;
            Some(format!("{} in {slot}", machine.protocol.value_in_words(value)))
        });
        steps.push(Happening {
            kind,
            at: input.at.to_string(),
            from,
            node: input.at,
            words,
            nth: 0,
            sends: sends.collect(),
            decides: decides.collect(),
            cuts: Vec::new(),
            panics: done.panicked.as_ref().map(ToString::to_string),
            key: None,
        });
    }
    let violation = world.wrong(machine, asked);
    let violation = violation.map(|(property, why)| Violation { property: property.to_owned(), why });
    Ok(Acted { participants, steps, violation })
}

fn headline<P: Protocol>(machine: &Machine<P>, feed: Feed) -> (Kind, Option<NodeId>, String) {
    match feed {
        Feed::Message(from, content) => {
            let message = machine.alphabet.messages.get_index(usize::from(content));
            let words = message.map(|message| machine.protocol.message_in_words(message));
            (Kind::Message, Some(from), words.unwrap_or_default())
        }
        Feed::Timer(timer) => {
            let event = machine.timers.get_index(usize::from(timer));
            (Kind::Timer, None, event.map(|event| machine.protocol.event_in_words(event)).unwrap_or_default())
        }
    }
}
