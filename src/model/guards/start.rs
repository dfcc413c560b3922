//! Where the runs begin that are explored: at the start of the system, or where a given run has led.

use std::collections::BTreeSet;

use stateright::Model as _;

use super::GuardModel;
use super::ids::MessageSet;
use super::locals::Node;
use super::state::GuardState;
use crate::model::event::Event;
use crate::model::numbers::Number as _;
use crate::model::participant::{EventRef, Local, Participant};
use crate::model::run::{NoStep, Run};
use crate::model::system::System;
use crate::pbft::{Message, Principal};

/// What a participant has been through.
#[derive(Default)]
struct Past {
    sent: BTreeSet<Message>,
    received: Vec<Message>,
}

impl GuardModel {
    /// This model of the runs that begin with these events.
    ///
    /// A participant's tallies are left out, as everywhere in this judge, if they can be had again from what it has
    /// received: that is tried on the participant itself. Where they cannot, it keeps them. Then it explores too what a
    /// participant could do that had not received these yet: whatever follows from the given run is among it, and what is
    /// found need not follow. With `keeps_tallies` every participant begins as it is, and what is found follows; that takes
    /// more states.
    ///
    /// # Errors
    /// The number of the first event that cannot happen, counted from 1, and why.
    pub fn beginning_with(
        mut self,
        events: &[(Principal, Event)],
        keeps_tallies: bool,
    ) -> Result<Self, (usize, NoStep)> {
        let _ = self.init_states();
        let system = self.shared_system();
        let mut run = Run::new(self.shared_system());
        let mut pasts: Vec<_> = self.honest.iter().map(|_| Past::default()).collect();
        for (number, (who, event)) in (1..).zip(events) {
            let (_, taken) = run.step(*who, event).map_err(|why| (number, why))?;
            let place = self.honest.iter().position(|participant| participant.id() == *who);
            let Some(past) = place.and_then(|place| pasts.get_mut(place)) else { continue };
            let sent = taken.sent(&system).into_iter().map(|(_, message)| message);
            // A relayed request exists already.
            past.sent.extend(sent.filter(|message| !matches!(message, Message::Request(_))));
            if let Event::Deliver(message) = event {
                past.received.push(message.clone());
            }
        }
        let mut numbers = Vec::new();
        let locals: Vec<_> = run.locals().map(|(_, local)| local.clone()).collect();
        for ((place, participant), (local, past)) in (0..).zip(&self.honest).zip(locals.iter().zip(pasts)) {
            let local = match keeps_tallies {
                true => {
                    let mut local = local.clone();
                    local.forget_backoff();
                    local
                }
                false => normal_form(&system, participant, local, &past.received),
            };
            let before = participant.control(&participant.init(&system));
            let before = Node::new(&system, place, before, MessageSet::default(), None);
            let states = self.states(&before, &local);
            let mut tables = self.write();
            let mut sent = MessageSet::default();
            for message in past.sent.into_iter().chain(states) {
                sent.insert(tables.messages.intern(message));
            }
            numbers.push(tables.locals.intern(Node::new(&system, place, local, sent, None)));
        }
        let mut start = GuardState::of(numbers);
        if let Some(history) = run.history() {
            let history = self.write().histories.intern(history.clone());
            start = start.with_beside(self.honest.len(), history.word());
        }
        self.start = Some(start);
        Ok(self)
    }
}

/// A local state without its tallies, if receiving once more what was received brings them back; with them if not.
fn normal_form(system: &System, participant: &Participant, local: &Local, received: &[Message]) -> Local {
    let bare = participant.control(local);
    let mut with = local.clone();
    with.forget_backoff();
    let mut again = bare.clone();
    // What comes late may let in what was refused.
    for _ in 0..=received.len() {
        let before = again.clone();
        for message in received {
            let stimulus = EventRef::Deliver(message);
            if let Some(taken) = participant.step(system, &again, stimulus)
                && participant.control(&taken.after) == bare
            {
                again = taken.after;
            }
        }
        again.forget_backoff();
        if again == with {
            return bare;
        }
        if again == before {
            break;
        }
    }
    with
}
