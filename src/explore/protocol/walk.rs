//! A run, step by step as an address names it.

use std::collections::HashSet;
use std::sync::Arc;

use super::lines::{Line, news};
use super::name::{self, Named};
use super::opened::Opened;
use crate::engine::{Delivery, GraphState, Happening, Kind, MessageId, PlaceId, Seen, Step};
use crate::protocol::Protocol;

/// What stands in a run as it is shown.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// Something happened.
    Step(Box<Happened>),
    /// A message does not arrive.
    Dropped(Box<Happened>),
    /// Somebody does nothing more.
    Stopped(PlaceId),
}

/// A step of the protocol, told.
#[derive(Clone, Debug)]
pub(super) struct Happened {
    pub step: Step,
    pub told: Happening,
    /// Who sent what arrives or is lost, and at which step: 0 is the start.
    pub sent: Option<(PlaceId, usize)>,
    /// What of the node is new.
    pub news: Vec<String>,
}

/// A step that cannot happen, where the run ends therefore.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Unfit {
    /// Its number, from 1.
    pub step: usize,
    pub name: String,
    pub why: String,
}

/// What was sent, by whom, and at which step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub at: usize,
    pub by: PlaceId,
    pub message: MessageId,
}

/// A run with what was left out of it on purpose.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    pub seen: Seen,
    pub deeds: Vec<Deed>,
    /// The name of each deed.
    pub names: Vec<String>,
    /// All that was sent, in that order.
    pub sent: Vec<Sent>,
    /// What everybody was like before the last deed.
    pub before: Vec<Arc<Vec<Line>>>,
    /// What has arrived, where it arrives again.
    delivered: HashSet<(PlaceId, MessageId)>,
    dropped: HashSet<(PlaceId, MessageId)>,
    stopped: Vec<PlaceId>,
}

impl Walk {
    /// Before anything was chosen.
    ///
    /// # Errors
    /// The code cannot be shown.
    pub fn new<P: Protocol>(opened: &Opened<P>) -> Result<Self, String> {
        let graph = &opened.graph;
        let seen = graph.begun().map_err(|why| why.to_string())?;
        // What is on its way at the start was sent before it.
        let mut sent = Vec::new();
        for delivery in graph.under_way(&seen.state) {
            let message = delivery.message();
            let from = graph.message_seen(message).map(|(from, ..)| from);
            if from.is_some_and(|from| graph.participants().only_speaks(from)) {
                continue;
            }
            let mut places = graph.everybody().filter(|place| Some(graph.place(*place).node) == from);
            let by = delivery.queue().or_else(|| places.next()).unwrap_or(delivery.to());
            sent.push(Sent { at: 0, by, message });
        }
        if !graph.is_in_order() {
            let mut met = HashSet::new();
            sent.retain(|sent| met.insert(sent.message));
        }
        Ok(Walk {
            seen,
            deeds: Vec::new(),
            names: Vec::new(),
            sent,
            before: Vec::new(),
            delivered: HashSet::new(),
            dropped: HashSet::new(),
            stopped: Vec::new(),
        })
    }

    /// Goes on by these names, as far as they can happen.
    pub fn follow<'a, P: Protocol>(
        &mut self,
        opened: &Opened<P>,
        names: impl Iterator<Item = &'a str>,
    ) -> Option<Unfit> {
        for name in names {
            if let Err(why) = self.take(opened, name) {
                return Some(Unfit { step: self.deeds.len() + 1, name: name.to_owned(), why });
            }
        }
        None
    }

    /// Goes on by the step of this name.
    ///
    /// # Errors
    /// Why it cannot happen.
    pub fn take<P: Protocol>(&mut self, opened: &Opened<P>, name: &str) -> Result<(), String> {
        let graph = &opened.graph;
        if let Some(who) = name.strip_prefix("stop-") {
            let place = graph.everybody().find(|place| graph.place(*place).to_string() == who);
            let place = place.filter(|place| graph.place(*place).twin.is_none());
            let place = place.ok_or_else(|| format!("{who} is no honest node"))?;
            self.before = self.everybody(opened)?;
            self.stopped.push(place);
            self.add(Deed::Stopped(place), name.to_owned());
            return Ok(());
        }
        let (is_dropped, meant) = match name.strip_prefix("x-") {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        let all = name::possible(graph, &self.seen.state);
        let changes = |named: &Named| self.changes(opened, named.step);
        let found = name::find(&all, meant, changes).ok_or("nothing of this name can happen then")?;
        if !is_dropped {
            return self.happen(opened, found);
        }
        match found.step {
            Step::Deliver(delivery) if !graph.is_in_order() => {
                let told = found.told.clone();
                let sent = self.origin(opened, &self.seen.state, delivery);
                self.before = self.everybody(opened)?;
                self.dropped.insert((delivery.to(), delivery.message()));
                let happened = Happened { step: found.step, told, sent, news: Vec::new() };
                self.add(Deed::Dropped(Box::new(happened)), format!("x-{}", found.name()));
                Ok(())
            }
            Step::Deliver(_) => {
                Err("on a FIFO link a message is lost only where the bound has losses".to_owned())
            }
            _ => Err("only a message can be dropped".to_owned()),
        }
    }

    /// Lets a step happen that is possible.
    ///
    /// # Errors
    /// The code cannot be shown.
    pub fn happen<P: Protocol>(&mut self, opened: &Opened<P>, named: &Named) -> Result<(), String> {
        let graph = &opened.graph;
        let (step, name) = (named.step, named.name());
        self.before = self.everybody(opened)?;
        let sent = match step {
            Step::Deliver(delivery) | Step::Lose(delivery) => self.origin(opened, &self.seen.state, delivery),
            _ => None,
        };
        let sends = graph.sent_in(&self.seen.state, step);
        let told = graph.go_on(&mut self.seen, step).map_err(|why| why.to_string())?;
        match step {
            Step::Deliver(delivery) => drop(self.delivered.insert((delivery.to(), delivery.message()))),
            Step::Crash(place) => self.delivered.retain(|(to, _)| *to != place),
            _ => {}
        }
        let at = self.deeds.len() + 1;
        if let Some((by, messages)) = sends {
            self.sent.extend(messages.into_iter().map(|message| Sent { at, by, message }));
        }
        let news = match step.place() {
            Some(place) => {
                let after = opened.lines(&self.seen, place).map_err(|why| why.to_string())?;
                self.before.get(place.index()).map_or_else(Vec::new, |before| news(before, &after))
            }
            None => Vec::new(),
        };
        self.add(Deed::Step(Box::new(Happened { step, told, sent, news })), name);
        Ok(())
    }

    fn add(&mut self, deed: Deed, name: String) {
        self.deeds.push(deed);
        self.names.push(name);
    }

    /// What everybody is like.
    ///
    /// # Errors
    /// The code cannot be shown.
    pub fn everybody<P: Protocol>(&self, opened: &Opened<P>) -> Result<Vec<Arc<Vec<Line>>>, String> {
        let all = opened.graph.everybody().map(|place| opened.lines(&self.seen, place));
        all.collect::<Result<_, _>>().map_err(|why| why.to_string())
    }

    /// Whether a step leads to another state.
    pub fn changes<P: Protocol>(&self, opened: &Opened<P>, step: Step) -> bool {
        opened.graph.next(&self.seen.state, step).is_ok_and(|next| next != self.seen.state)
    }

    /// Who sent a message that is under way, and at which step. Of equal ones in a queue the first has left it first.
    pub fn origin<P: Protocol>(
        &self,
        opened: &Opened<P>,
        state: &GraphState,
        delivery: Delivery,
    ) -> Option<(PlaceId, usize)> {
        let of_it = |sent: &&Sent| {
            sent.message == delivery.message() && delivery.queue().is_none_or(|by| by == sent.by)
        };
        let all: Vec<_> = self.sent.iter().filter(of_it).collect();
        let behind = opened.graph.equal_from(state, delivery);
        let number = if delivery.queue().is_some() { all.len().checked_sub(behind)? } else { 0 };
        all.get(number).map(|sent| (sent.by, sent.at))
    }

    pub fn is_stopped(&self, who: PlaceId) -> bool {
        self.stopped.contains(&who)
    }

    pub fn is_dropped(&self, to: PlaceId, message: MessageId) -> bool {
        self.dropped.contains(&(to, message))
    }

    /// What was sent, has not arrived, and would change its receiver or its queue; what was dropped is among it.
    pub fn undelivered<P: Protocol>(&self, opened: &Opened<P>) -> Vec<Delivery> {
        let mut all = opened.graph.under_way(&self.seen.state);
        if !opened.graph.is_in_order() {
            all.retain(|delivery| {
                let (to, message) = (delivery.to(), delivery.message());
                let is_open = || self.changes(opened, Step::Deliver(*delivery));
                !self.delivered.contains(&(to, message)) && (self.is_dropped(to, message) || is_open())
            });
        }
        all
    }

    /// The steps of the protocol, without what was dropped or stopped, which is none.
    pub fn path(&self) -> Vec<Step> {
        let steps = self.deeds.iter().filter_map(|deed| match deed {
            Deed::Step(happened) => Some(happened.step),
            _ => None,
        });
        steps.collect()
    }

    /// Whether somebody decides in a deed after so many.
    pub fn has_decided_since(&self, deeds: usize) -> bool {
        self.deeds.iter().skip(deeds).any(|deed| match deed {
            Deed::Step(happened) => !happened.told.decides.is_empty(),
            _ => false,
        })
    }

    /// Whether something happened that a search from here would let happen all the same.
    pub fn leaves_out(&self) -> bool {
        self.deeds.iter().any(|deed| !matches!(deed, Deed::Step(_)))
    }
}

/// What the page calls a kind of step.
pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Message => "message",
        Kind::Event => "outside",
        Kind::Timer => "timeout",
        Kind::Crash => "crash",
        Kind::Loss => "drop",
        Kind::Cut => "cut",
    }
}
