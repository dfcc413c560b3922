//! How a graph is had again in another process: what was handed to which state of a node, asked again in the same order.
//!
//! Nothing of the protocol's own types is written: messages, events, values and nodes come out of the code when the same happens
//! to new nodes. What comes out is held against a digest of what was there before.

use std::borrow::Cow;

use super::fair::{FairGraph, FairState};
use super::fingerprint::{Fingerprint, fingerprint};
use super::graph::{Graph, GraphState};
use super::histories::{EventRef, MessageId};
use super::locals::LocalId;
use super::network::{Link, Queue, Traffic};
use super::place::PlaceId;
use super::record::{Journal, Recorded, Unfit};
use crate::interrupt;
use crate::protocol::{NodeId, Protocol};

impl<P: Protocol> Graph<P> {
    /// Hands to a state what is in an entry of a journal.
    fn hand(&self, kind: u32, words: &[u32]) -> Result<(), Unfit> {
        let &[from, number] = words else { return Err(Unfit) };
        let input = EventRef::numbered(kind, number).ok_or(Unfit)?;
        let mut tables = self.tables();
        let place = tables.numbered(from).ok_or(Unfit)?.place;
        let is_met = match input {
            EventRef::Message(message) => {
                let to = tables.histories.envelope(message).map(|envelope| envelope.to);
                to == Some(self.participants.at(place).node)
            }
            EventRef::Event(event) => tables.histories.has_event(event),
            EventRef::Crash => self.root.crashes > 0,
        };
        if !is_met {
            return Err(Unfit);
        }
        let taken = tables.take(&self.protocol, &self.participants, LocalId(from), input);
        taken.map(drop).map_err(|_| Unfit)
    }

    /// What is on its way, by its numbers.
    fn traffic(&self, numbers: &[u32]) -> Option<Traffic> {
        let tables = self.tables();
        let is_met = |message: &u32| tables.histories.envelope(MessageId(*message)).is_some();
        if !matches!(self.root.traffic, Traffic::Fifo { .. }) {
            let is_sound = numbers.is_sorted_by(|a, b| a < b) && numbers.iter().all(is_met);
            return is_sound.then(|| Traffic::Set(numbers.iter().copied().map(MessageId).collect()));
        }
        let (places, nodes) = (self.participants.places.len(), self.participants.nodes);
        let (&[left, losses, cuts], mut rest) = numbers.split_first_chunk::<3>()?;
        let mut cut: Vec<Link> = Vec::new();
        for _ in 0..cuts {
            let (&[one, other], more) = rest.split_first_chunk::<2>()?;
            let id =
                |number: u32| u16::try_from(number).ok().filter(|id| usize::from(*id) < nodes).map(NodeId);
            cut.push((id(one)?, id(other)?));
            rest = more;
        }
        let mut queues: Vec<Queue> = Vec::new();
        while let Some((&[from, to, length], more)) = rest.split_first_chunk::<3>() {
            let place =
                |number: u32| u16::try_from(number).ok().filter(|id| usize::from(*id) < places).map(PlaceId);
            let (messages, more) = more.split_at_checked(length as usize)?;
            if messages.is_empty() || !messages.iter().all(is_met) {
                return None;
            }
            queues.push(((place(from)?, place(to)?), messages.iter().copied().map(MessageId).collect()));
            rest = more;
        }
        let are_links = cut.iter().all(|(one, other)| one < other) && cut.is_sorted_by(|a, b| a < b);
        let are_queues = queues.is_sorted_by(|(a, _), (b, _)| a < b);
        (rest.is_empty() && are_links && are_queues).then_some(Traffic::Fifo { queues, cut, left, losses })
    }
}

/// The numbers of what is on its way.
fn traffic_in_numbers(traffic: &Traffic, out: &mut Vec<u32>) {
    match traffic {
        Traffic::Set(all) => out.extend(all.iter().map(|message| message.0)),
        Traffic::Fifo { queues, cut, left, losses } => {
            out.extend([*left, *losses, cut.len() as u32]);
            out.extend(cut.iter().flat_map(|(one, other)| [u32::from(one.0), u32::from(other.0)]));
            for ((from, to), queue) in queues {
                out.extend([u32::from(from.0), u32::from(to.0), queue.len() as u32]);
                out.extend(queue.iter().map(|message| message.0));
            }
        }
    }
}

impl<P: Protocol> Recorded for Graph<P> {
    fn with_journal(&self, with: &mut dyn FnMut(&[u32])) {
        with(self.tables().journal.words());
    }

    fn replay(&self, journal: &[u32]) -> Result<(), Unfit> {
        Journal::entries(journal).try_for_each(|(kind, words)| {
            interrupt::poll();
            self.hand(kind, words)
        })
    }

    fn digest(&self) -> Fingerprint {
        fingerprint(&*self.tables())
    }

    fn numbers(state: &GraphState) -> Cow<'_, [u32]> {
        let GraphState { locals, traffic, used, crashes } = state;
        let mut numbers: Vec<u32> = locals.iter().map(|local| local.0).collect();
        numbers.extend(used.iter().map(|&times| u32::from(times)));
        numbers.push(u32::from(*crashes));
        traffic_in_numbers(traffic, &mut numbers);
        Cow::Owned(numbers)
    }

    fn numbered(&self, numbers: &[u32]) -> Option<GraphState> {
        let (locals, rest) = numbers.split_at_checked(self.participants.places.len())?;
        let (used, rest) = rest.split_at_checked(self.offers.len())?;
        let (&crashes, rest) = rest.split_first()?;
        let are_met = {
            let tables = self.tables();
            let is_met = |(place, &local): (u16, &u32)| {
                tables.numbered(local).is_some_and(|local| local.place == PlaceId(place))
            };
            (0..).zip(locals).all(is_met)
        };
        let may = |(&times, offer): (&u32, &super::graph::Offered)| times <= u32::from(offer.times);
        let is_sound =
            are_met && used.iter().zip(&self.offers).all(may) && crashes <= u32::from(self.root.crashes);
        let traffic = self.traffic(rest).filter(|_| is_sound)?;
        Some(GraphState {
            locals: locals.iter().copied().map(LocalId).collect(),
            traffic,
            used: used.iter().map(|&times| times as u8).collect(),
            crashes: crashes as u8,
        })
    }
}

impl<P: Protocol> Recorded for FairGraph<P> {
    fn with_journal(&self, with: &mut dyn FnMut(&[u32])) {
        self.graph().with_journal(with);
    }

    fn replay(&self, journal: &[u32]) -> Result<(), Unfit> {
        self.graph().replay(journal)
    }

    fn digest(&self) -> Fingerprint {
        self.graph().digest()
    }

    fn numbers(state: &FairState) -> Cow<'_, [u32]> {
        let mut numbers = <Graph<P> as Recorded>::numbers(&state.at).into_owned();
        numbers.insert(0, state.is_stable.into());
        Cow::Owned(numbers)
    }

    fn numbered(&self, numbers: &[u32]) -> Option<FairState> {
        let (&is_stable, at) = numbers.split_first()?;
        let at = Recorded::numbered(self.graph(), at).filter(|_| is_stable < 2)?;
        Some(FairState { at, is_stable: is_stable == 1 })
    }
}
