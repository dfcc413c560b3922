//! The guards of a local state: looked for once, and again when messages are met that it admits.

use std::sync::Arc;

use super::GuardModel;
use super::guard::Guard;
use super::ids::LocalId;
use super::local_steps::{Explored, Trial};
use super::locals::{LocalGuards, Node};
use super::messages::Messages;
use super::saved::GUARDS;
use super::tables::Tables;
use crate::interrupt;
use crate::model::numbers::Number as _;
use crate::model::participant::{EventRef, Local, Participant};
use crate::pbft::Message;

impl GuardModel {
    /// The guards of a local state, over all messages met so far.
    pub(in crate::model) fn guards(&self, local: LocalId) -> Arc<Vec<Guard>> {
        {
            let tables = self.read();
            if let Some(guards) = tables.locals.guards(local)
                && guards.are_up_to(&tables.messages)
            {
                return Arc::clone(&guards.guards);
            }
        }
        let mut tables = self.write();
        interrupt::poll();
        let guards = self.find_guards(&mut tables, local);
        // Only then: what is given up in the middle is no part of what is met.
        tables.note(GUARDS, &[local.word()]);
        guards
    }

    fn find_guards(&self, tables: &mut Tables, local: LocalId) -> Arc<Vec<Guard>> {
        let Some((node, known)) = tables.locals.get_mut(local) else { return Arc::default() };
        let (is_first, before) = (known.known == 0, known.admitted.len());
        self.consider(&tables.messages, node, known);
        if !is_first && known.admitted.len() == before {
            let guards = Arc::clone(&known.guards);
            tables.locals.note_known(local);
            return guards;
        }
        let (node, mut guards) = (node.clone(), known.clone());
        // Where nothing but counts, what one message brings about has nothing to do with another.
        let is_more = !is_first && guards.is_plain;
        let from = if is_more { before } else { 0 };
        let mut explored = self.found_in(tables, &node, &guards, from, !is_more);
        guards.is_plain = explored.is_plain;
        let mut known = Vec::new();
        if is_more && guards.is_plain {
            known = guards.guards.to_vec();
        } else if is_more {
            explored = self.found_in(tables, &node, &guards, 0, true);
        }
        guards.guards = Arc::new(self.collect(tables, &node, known, &explored.found));
        let found = Arc::clone(&guards.guards);
        tables.locals.keep(local, guards);
        found
    }

    /// What is found in a local state of the messages that it admits, from that place on; also of what it does without a
    /// delivery, if that is `unasked`.
    fn found_in(
        &self,
        tables: &mut Tables,
        node: &Node,
        guards: &LocalGuards,
        from: usize,
        unasked: bool,
    ) -> Arc<Explored> {
        let trial = Trial {
            admitted: guards.admitted[from..].to_vec(),
            refused: guards.refused.clone(),
            unasked,
            is_refused: tables.refusal.is_some(),
        };
        let explored = tables.explorations.known(&tables.messages, node, &trial).unwrap_or_else(|| {
            let explored = self.explore(&tables.messages, node, &trial);
            tables.explorations.keep(&tables.messages, node, trial, explored)
        });
        tables.stepped += explored.stepped;
        tables.refusal = tables.refusal.take().or_else(|| explored.refusal.clone());
        explored
    }

    /// Asks the participant which of the messages it admits that were not considered yet. What its guards send is met
    /// after that, for the first time by others: this participant sent it.
    fn consider(&self, messages: &Messages, node: &Node, known: &mut LocalGuards) {
        let participant = self.participant(node);
        for (number, message) in messages.from(known.known) {
            let is_withheld = node.changes.as_ref().is_some_and(|changes| {
                matches!(message, Message::ViewChange(_)) && !changes.contains(number)
            });
            if self.is_beyond(&node.local, message) || is_withheld || !self.reaches(participant, message) {
                continue;
            }
            if participant.admits(&self.system, &node.local, EventRef::Deliver(message)) {
                known.admitted.push(number.into());
            } else {
                known.refused.push(number.into());
            }
        }
        known.known = messages.met();
    }

    /// Whether a message is too far ahead of a replica to exist.
    fn is_beyond(&self, local: &Local, message: &Message) -> bool {
        let Some((horizon, state)) = self.horizon.zip(local.replica()) else { return false };
        let view = match message {
            Message::PrePrepare(m) => m.view(),
            Message::Prepare(m) => m.view,
            Message::Commit(m) => m.view,
            Message::ViewChange(m) => m.new_view,
            Message::NewView(m) => m.view,
            _ => return false,
        };
        view.0 > state.view().0 + horizon
    }

    /// Whether a message is ever offered to a participant.
    pub(super) fn reaches(&self, participant: &Participant, message: &Message) -> bool {
        match (participant, message) {
            (Participant::Client(client), Message::Reply(reply)) => reply.client == client.id(),
            (Participant::Client(_), _) | (_, Message::Reply(_)) => false,
            (Participant::Replica(replica, _), message) => {
                let own = message.signer() == participant.id();
                let unheard = matches!(message, Message::Request(request)
                    if !self.system.hears_requests(replica.id())
                        && self.system.requests().contains(request));
                !own && !unheard
            }
        }
    }
}
