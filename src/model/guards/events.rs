//! A step, as the events that it stands for.

use super::GuardModel;
use super::fair::Choice;
use super::ids::{EventId, Happening};
use super::messages::Messages;
use super::state::{EventIds, GuardState, LocalIds, Move};
use crate::model::numbers::Number as _;
use crate::model::participant::Event;
use crate::pbft::{Message, Principal, State, View};

impl GuardModel {
    /// A step, as the events that it stands for.
    pub(crate) fn expand(&self, state: &GuardState, step: &Move) -> Vec<(Principal, Event)> {
        let ways = self.ways(state, step);
        self.fed(self.numbers(state), step.participant, ways.first().map_or(&[], |way| way))
    }

    /// The sets of messages which exist that bring a step about, each in the order in which it is delivered
    /// and by numbers that [`Self::fed`] understands. A set that holds another of them is left out.
    pub(crate) fn ways(&self, state: &GuardState, step: &Move) -> Vec<EventIds> {
        let available = self.available(state);
        let tables = self.read();
        let local = self.numbers(state).at(usize::from(step.participant));
        let Some(guards) = tables.locals.guards(local) else { return Vec::new() };
        let Some(guard) = guards.guards.get(step.guard.place()) else { return Vec::new() };
        let ways = guard.ways.iter().filter(|way| way.needs.are_met(&available));
        ways.map(|way| way.feed.clone()).collect()
    }

    /// What happens when a participant is fed this; `numbers` are those of a state.
    pub(crate) fn fed(
        &self,
        numbers: LocalIds<'_>,
        participant: u16,
        way: &[EventId],
    ) -> Vec<(Principal, Event)> {
        let who = self.honest[usize::from(participant)].id();
        let tables = self.read();
        let local = numbers.at(usize::from(participant));
        let Some(node) = tables.locals.node(local) else { return Vec::new() };
        let view = node.local.replica().map_or(View(0), State::view);
        way.iter().map(|&id| (who, event(&tables.messages, id, view))).collect()
    }

    /// A choice, as the events that it stands for. A state that is taken over was asked for first.
    pub(in crate::model) fn told(&self, state: &GuardState, choice: &Choice) -> Vec<(Principal, Event)> {
        let to = usize::from(choice.step.participant);
        let who = self.honest[to].id();
        let tables = self.read();
        let mut events = Vec::new();
        for &id in &choice.feed {
            let event = event(&tables.messages, id, choice.timer.unwrap_or_default());
            if let Event::Deliver(message @ Message::State(_)) = &event
                && let Some(status) = tables.sent_again.status(self.numbers(state).at(to))
                && self.honest.iter().any(|other| other.id() == message.signer() && other.id() != who)
            {
                events.push((message.signer(), Event::Deliver(status.clone())));
            }
            events.push((who, event));
        }
        events
    }
}

/// What happens to a participant, by number; if its timer runs out, that of this view.
fn event(messages: &Messages, id: EventId, view: View) -> Event {
    match id.happening() {
        Happening::Message(message) => Event::Deliver(messages[message].clone()),
        Happening::Timeout => Event::Timeout(view),
        Happening::Crash => Event::Crash,
        Happening::Invoke => Event::Invoke,
    }
}
