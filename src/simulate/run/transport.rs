//! What is sent, on its way through the network of a run.

use super::Simulation;
use super::agenda::Due;
use crate::pbft::{Message, Principal};

impl Simulation<'_> {
    /// Puts a message on its way to all replicas but its sender.
    pub(super) fn broadcast(&mut self, from: Principal, message: &Message) {
        self.lore_of(from, message);
        for to in self.everybody().filter(|&to| to != from) {
            self.transmit(from, to, message.clone(), 0);
        }
    }

    pub(super) fn send(&mut self, from: Principal, to: Principal, message: &Message) {
        self.lore_of(from, message);
        self.transmit(from, to, message.clone(), 0);
    }

    /// Byzantine replicas hear of everything, if they listen.
    pub(super) fn lore_of(&mut self, from: Principal, message: &Message) {
        if self.byzantine.strategy.listens() && !self.system.byzantine().is_empty() {
            let honest = from.replica().is_none_or(|id| !self.byzantine.is_one(id.index()));
            self.byzantine.knowledge.learn(message, honest);
        }
    }

    pub(super) fn transmit(&mut self, from: Principal, to: Principal, message: Message, delay: u64) {
        let (sender, receiver) = (self.process(from), self.process(to));
        let safe = self.byzantine.is_one(sender);
        let arrivals = self.faults.arrivals(self.now + delay, sender, receiver, safe, &mut self.network);
        self.counts.lost += u64::from(arrivals.first.is_none());
        self.counts.duplicated += u64::from(arrivals.second.is_some());
        if let Some(at) = arrivals.second {
            self.agenda.put(at, receiver, Due::Deliver(message.clone()));
        }
        if let Some(at) = arrivals.first {
            self.agenda.put(at, receiver, Due::Deliver(message));
        }
    }
}
