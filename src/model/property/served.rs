//! Whether clients are served: which of their requests are executed, and answered.

use super::{GlobalView, Property, named};
use crate::pbft::{ClientId, SignedRequest, State, Timestamp};

/// Whether a replica has executed a client's request of this time, or a later one.
pub(crate) fn has_executed(state: &State, client: ClientId, timestamp: Timestamp) -> bool {
    state.last_reply(client).is_some_and(|last| last.timestamp >= timestamp)
}

impl GlobalView<'_> {
    /// How many requests there are sequence numbers for.
    pub(in crate::model) fn due(&self) -> usize {
        self.system.requests().len().min(self.system.bound().scope.slots as usize)
    }

    /// How many requests a replica has executed.
    pub(in crate::model) fn executed_by(&self, state: &State) -> usize {
        let is_executed = |request: &&SignedRequest| has_executed(state, request.client, request.timestamp);
        self.system.requests().iter().filter(is_executed).count()
    }

    /// Which replica has executed fewer requests than there are numbers for.
    pub(crate) fn unserved(&self) -> Option<String> {
        let due = self.due();
        let mut executed = named(self).map(|(id, state)| (id, self.executed_by(state)));
        let (id, executed) = executed.find(|(_, executed)| *executed < due)?;
        Some(format!(
            "nothing that can still happen changes anything, and {id} has executed {executed} of {due} requests"
        ))
    }

    /// Whether every honest replica has executed as many requests as there are numbers for.
    pub(in crate::model) fn is_executed(&self) -> bool {
        self.replicas.iter().all(|replica| self.executed_by(replica) >= self.due())
    }

    /// Whether as many requests as there are numbers for have f + 1 honest replicas that agree on the result;
    /// and, where clients take part, whether each of these believes it.
    pub(in crate::model) fn is_answered(&self) -> bool {
        let enough = usize::from(self.system.bound().scope.faults) + 1;
        let is_answered = |request: &&SignedRequest| {
            let results = || {
                self.replicas
                    .iter()
                    .filter(|replica| has_executed(replica, request.client, request.timestamp))
                    .filter_map(|replica| replica.last_reply(request.client).map(|last| last.result))
            };
            let client = self.system.clients().iter().position(|client| client.id() == request.client);
            let believes =
                client.and_then(|index| self.clients.get(index)).is_none_or(|c| c.accepted().is_some());
            results().any(|result| results().filter(|other| *other == result).count() >= enough) && believes
        };
        self.system.requests().iter().filter(is_answered).count() >= self.due()
    }

    /// Whether the goal of a liveness property is reached; every other property has none.
    pub fn reaches(&self, property: Property) -> bool {
        match property {
            Property::Executed => self.is_executed(),
            Property::Answered => self.is_answered(),
            _ => true,
        }
    }
}
