//! The network of judge *message*: who may receive what is sent, and what is there before anybody has done anything.

use super::event::Event;
use super::participant::Participant;
use super::system::System;
use crate::pbft::{Message, Principal, View};

/// Who may receive a message. No message names the replica that it is for, so what is sent to one can
/// reach any.
pub(super) fn receivers(system: &System, to: Option<Principal>) -> impl Iterator<Item = Principal> {
    let client = to.filter(|to| to.replica().is_none());
    let replicas = system.setting().committee.replicas().filter(move |_| client.is_none());
    replicas.map(Principal::Replica).chain(client)
}

/// Everybody honest whom a message of the adversary concerns.
pub(super) fn concerned(system: &System, message: &Message) -> impl Iterator<Item = Principal> {
    let to = match message {
        Message::Reply(reply) => Some(Principal::Client(reply.client)),
        _ => None,
    };
    let byzantine = &system.bound().byzantine;
    receivers(system, to).filter(|to| to.replica().is_none_or(|id| !byzantine.contains(&id)))
}

/// An event on its way: from whom, to whom, and what.
pub(super) type Underway = (Principal, Principal, Event);

/// What is in the network before anybody has sent anything, without what the adversary makes of it.
pub(super) fn first_events(system: &System, honest: &[Participant]) -> Vec<Underway> {
    let mut events = Vec::new();
    for participant in honest {
        let who = participant.id();
        match participant {
            Participant::Replica(replica, _) => {
                let heard = system.hears_requests(replica.id());
                events.extend(system.requests().iter().filter(|_| heard).map(|request| {
                    (request.signer(), who, Event::Deliver(Message::Request(request.clone())))
                }));
                let views = (0..system.bound().scope.views).map(View);
                let views = views.filter(|&view| system.may_time_out(view));
                events.extend(views.map(|view| (who, who, Event::Timeout(view))));
                if system.bound().scope.crashes > 0 {
                    events.push((who, who, Event::Crash));
                }
            }
            Participant::Client(client) if system.reads(client.id()) => {
                events.push((who, who, Event::Invoke));
            }
            Participant::Client(_) => {}
        }
    }
    events
}
