//! Local states that were not come to by steps: with other names, other view numbers, or put together by hand.

use std::sync::Arc;

use super::GuardModel;
use super::ids::{LocalId, MessageId, MessageSet};
use super::locals::Node;
use super::state::GuardState;
use crate::model::numbers::Number as _;
use crate::model::participant::{EventRef, Local, Participant};
use crate::pbft::{Message, Rename as _, Renaming, View};

impl GuardModel {
    /// The number of the local state in which an honest replica, by place among the participants, is in this state,
    /// has sent these messages and is offered no VIEW-CHANGEs but these.
    pub(in crate::model) fn placed(
        &self,
        participant: u16,
        local: &Local,
        sent: MessageSet,
        changes: MessageSet,
    ) -> LocalId {
        let local = self.honest[usize::from(participant)].control(local);
        let changes = Some(Arc::new(changes));
        self.write().locals.intern(Node { participant, local, sent, resends: None, changes })
    }

    /// The number of the local state in which the participant of local state `number` is in this state instead. What it
    /// has sent and what is offered to it stay as they are.
    pub(in crate::model) fn placed_like(&self, number: LocalId, local: &Local) -> Option<LocalId> {
        let mut tables = self.write();
        let node = tables.locals.node(number)?.clone();
        let local = self.honest[usize::from(node.participant)].control(local);
        Some(tables.locals.intern(Node { local, ..node }))
    }

    /// A state with all its views from `from` on `by` lower, if everybody has come that far and all that is
    /// left out for it is of views which everybody has left.
    pub(in crate::model) fn renumbered(&self, state: &GuardState, from: View, by: u64) -> Option<GuardState> {
        let nodes: Vec<Node> = {
            let tables = self.read();
            let node = |local| tables.locals.node(local);
            let nodes: Vec<_> = self.numbers(state).iter().map(node).collect::<Option<_>>()?;
            let is_past = |node: &&Node| node.local.replica().is_some_and(|s| s.view().0 >= from.0 + by);
            if !nodes.iter().all(is_past) {
                return None;
            }
            nodes.into_iter().cloned().collect()
        };
        let renumbering = self.system.renumbering(from, -i64::try_from(by).ok()?);
        // A status is answered with what is sent again anyway.
        let is_over = |message: &Message| {
            let refuses = |(participant, node): (&Participant, &Node)| {
                !participant.admits(&self.system, &node.local, EventRef::Deliver(message))
            };
            matches!(message, Message::Status(_)) || self.honest.iter().zip(&nodes).all(refuses)
        };
        let mut tables = self.write();
        let mut moved = state.clone();
        for (number, node) in moved.0.iter_mut().zip(&nodes) {
            let local = node.local.renamed(&renumbering)?;
            let mut sent = MessageSet::default();
            for id in node.sent.iter() {
                let message = &tables.messages[id];
                match message.renamed(&renumbering) {
                    Some(message) => sent.insert(tables.messages.intern(message)),
                    None if is_over(message) => {}
                    None => return None,
                }
            }
            let moved = Node::new(&self.system, node.participant, local, sent, node.changes.clone());
            *number = tables.locals.intern(moved).word();
        }
        Some(moved)
    }

    /// The number of a message with other names.
    pub(in crate::model) fn renamed_message(
        &self,
        number: MessageId,
        by: &Renaming<'_>,
    ) -> Option<MessageId> {
        let mut tables = self.write();
        let renamed = tables.messages.get(number)?.renamed(by)?;
        Some(tables.messages.intern(renamed))
    }

    /// The number of a local state with other names, of the participants at these places and of these messages.
    pub(in crate::model) fn renamed_local(
        &self,
        number: LocalId,
        by: &Renaming<'_>,
        places: &[u16],
        messages: &mut dyn FnMut(MessageId) -> Option<MessageId>,
    ) -> Option<LocalId> {
        let node = self.read().locals.node(number)?.clone();
        let sent = node.sent.iter().map(messages).collect::<Option<_>>()?;
        let (local, resends) = (node.local.renamed(by)?, node.resends.renamed(by)?);
        let participant = *places.get(usize::from(node.participant))?;
        Some(self.write().locals.intern(Node { participant, local, sent, resends, changes: None }))
    }
}
