//! What honest participants do, and what the world does with it.

use super::Simulation;
use super::agenda::Due;
use crate::model::{Event, Property};
use crate::pbft::{ClientEffect, Effect, Message, Principal};
use crate::simulate::strategy::CopyClock;

impl Simulation<'_> {
    /// Makes an event happen to an honest participant; whether it did.
    pub(super) fn step(&mut self, who: Principal, event: Event) -> bool {
        let process = self.process(who);
        if self.down.get(process) == Some(&true) {
            self.counts.lost += 1;
            return false;
        }
        let (mut effects, mut of_client) =
            (std::mem::take(&mut self.effects), std::mem::take(&mut self.of_client));
        let happened = self.honest_nodes.step(who, &event, &mut effects, &mut of_client);
        if happened {
            self.counts.steps += 1;
            self.suspicion.suspects += usize::from(event == Event::Crash);
            self.counts.view_changes += u64::from(matches!(event, Event::Deliver(Message::NewView(_))));
            if let Some(events) = &mut self.events {
                events.push((self.now, who, event));
            }
        }
        for effect in effects.drain(..) {
            self.perform(who, process, effect);
        }
        for effect in of_client.drain(..) {
            self.perform_client(who, process, effect);
        }
        (self.effects, self.of_client) = (effects, of_client);
        self.look();
        happened
    }

    fn perform(&mut self, who: Principal, process: usize, effect: Effect) {
        match effect {
            Effect::Broadcast(message) => {
                // Each of these may make two replicas contradict each other.
                self.suspicion.suspects +=
                    usize::from(matches!(message, Message::Commit(_) | Message::NewView(_)));
                self.counts.view_changes += u64::from(matches!(message, Message::NewView(_)));
                self.broadcast(who, &message);
            }
            Effect::Send(to, message) => self.send(who, Principal::Replica(to), &message),
            Effect::Reply(reply) => {
                let to = Principal::Client(reply.client);
                self.send(who, to, &Message::Reply(reply));
            }
            Effect::Timer(timer) => {
                self.set_timer(process, 0, timer.map(|timer| (timer.view, timer.doublings)));
            }
            Effect::Executed(block) => {
                self.suspicion.suspects += 1;
                if !block.executed().is_empty() {
                    self.has_come_about();
                }
            }
            Effect::Stable(_) => {
                self.suspicion.suspects += 1;
                self.counts.checkpoints += 1;
            }
            Effect::Transferred(_) => {
                self.suspicion.suspects += 1;
                self.has_come_about();
                self.counts.transfers += 1;
            }
            Effect::Committed(_) => self.suspicion.suspects += 1,
            Effect::Evidence(evidence) => {
                self.counts.evidence += 1;
                let byzantine = &self.system.bound().byzantine;
                let fair = evidence.verify(&self.system.setting().keys)
                    && evidence.culprit().is_some_and(|id| byzantine.contains(&id));
                if !fair {
                    let what =
                        format!("{who} holds proof against somebody honest, or no proof: {evidence:?}");
                    self.suspicion.violation.get_or_insert((Property::Evidence, what));
                }
            }
            Effect::Persist(_) | Effect::Behind(_) => {}
        }
    }

    fn perform_client(&mut self, who: Principal, process: usize, effect: ClientEffect) {
        match effect {
            ClientEffect::Broadcast(message) => self.broadcast(who, &message),
            ClientEffect::Send(to, message) => self.send(who, Principal::Replica(to), &message),
            ClientEffect::Accepted(..) => {
                self.suspicion.suspects = usize::MAX / 2;
                self.has_come_about();
                self.counts.answered += 1;
                let think = self.network.between(1, self.faults.thinks.max(1));
                self.agenda.put(self.now + think, process, Due::Ask);
            }
            ClientEffect::Timer(Some(doublings)) => self.start_client_timer(process, doublings),
            ClientEffect::Timer(None) => {
                self.clocks[process] =
                    CopyClock { number: self.clocks[process].number + 1, ..CopyClock::default() };
            }
        }
    }
}
