//! The honest participants, as the judges run them: replicas with their storage, and clients.

use super::bounds::Store;
pub(super) use super::event::Event;
pub(super) use super::event::EventRef;
pub(super) use super::local::Local;
use super::local::{ReplicaLocal, Stored, Wreck};
use super::panics::{Panicked, guarded};
use super::system::System;
use crate::interrupt;
use crate::pbft::{
    Client, ClientEffect, ClientInput, ClientState, Effect, Input, Message, Principal, Refusal, Replica,
    ReplicaId,
};

/// An honest participant: what is fixed.
#[derive(Clone, Debug)]
pub enum Participant {
    /// A replica, and how its storage behaves.
    Replica(Replica, Store),
    /// A client.
    Client(Client),
}

/// What a step puts into the network: the message, and the one it is addressed to, if not all replicas.
pub type Sent = (Option<Principal>, Message);

/// What came of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transition {
    /// The next local state.
    pub after: Local,
    /// What it asks of the world, if it is a replica.
    pub(crate) effects: Vec<Effect>,
    /// What it asks of the world, if it is a client.
    pub(crate) of_client: Vec<ClientEffect>,
}

impl Transition {
    /// What it puts into the network. Replies go there only if clients take part.
    pub fn sent(&self, system: &System) -> Vec<Sent> {
        let replica = |id: ReplicaId| Some(Principal::Replica(id));
        let by_replica = self.effects.iter().filter_map(|effect| match effect {
            Effect::Broadcast(message) => Some((None, message.clone())),
            Effect::Send(to, message) => Some((replica(*to), message.clone())),
            Effect::Reply(reply) if !system.clients().is_empty() => {
                Some((Some(Principal::Client(reply.client)), Message::Reply(reply.clone())))
            }
            _ => None,
        });
        let by_client = self.of_client.iter().filter_map(|effect| match effect {
            ClientEffect::Broadcast(message) => Some((None, message.clone())),
            ClientEffect::Send(to, message) => Some((replica(*to), message.clone())),
            ClientEffect::Accepted(..) | ClientEffect::Timer(_) => None,
        });
        by_replica.chain(by_client).filter(|(_, message)| system.is_explored(message)).collect()
    }
}

/// What happens as a client takes it. It reads once; retransmission adds nothing where nothing is lost.
fn as_client_input<'a>(
    system: &System,
    local: &ClientState,
    stimulus: EventRef<'a>,
) -> Option<ClientInput<'a>> {
    match stimulus {
        EventRef::Deliver(message) => Some(ClientInput::Deliver(message)),
        EventRef::Invoke if system.is_simulated() => system.next_operation(local),
        EventRef::Resend if system.is_simulated() => Some(ClientInput::Timeout),
        EventRef::Invoke if local.accepted().is_none() => {
            Some(ClientInput::Invoke { operation: System::OPERATION, reads: true })
        }
        _ => None,
    }
}

impl Participant {
    /// Who this is.
    pub(crate) fn id(&self) -> Principal {
        match self {
            Participant::Replica(replica, _) => Principal::Replica(replica.id()),
            Participant::Client(client) => Principal::Client(client.id()),
        }
    }

    /// The local state at the start. A client that writes has asked already; one that reads asks later.
    pub(crate) fn init(&self, system: &System) -> Local {
        match self {
            Participant::Replica(replica, _) => {
                let state = replica.init();
                let store = (system.bound().scope.crashes > 0).then(|| Stored::of(&state));
                Local::Replica(ReplicaLocal { state, crashes: 0, store })
            }
            Participant::Client(client) => {
                let mut state = client.init();
                let asks = || {
                    if !system.reads(client.id()) {
                        let operation = ClientInput::Invoke { operation: System::OPERATION, reads: false };
                        let _ = client.step(&mut state, operation, &mut Vec::new());
                    }
                };
                match guarded(asks) {
                    Ok(()) => Local::Client(state),
                    Err(panicked) => self.wreck(&Local::Client(client.init()), panicked),
                }
            }
        }
    }

    /// Whether it would act. To panic is to act.
    pub(crate) fn admits(&self, system: &System, local: &Local, stimulus: EventRef<'_>) -> bool {
        interrupt::poll();
        guarded(|| self.lets_through(system, local, stimulus)).unwrap_or(true)
    }

    fn lets_through(&self, system: &System, local: &Local, stimulus: EventRef<'_>) -> bool {
        match (self, local, stimulus) {
            (Participant::Replica(replica, _), Local::Replica(local), _) => match stimulus {
                EventRef::Crash => self.recovered(system, local).is_some(),
                _ => system
                    .as_input(&local.state, stimulus)
                    .is_some_and(|input| replica.check(&local.state, input).is_ok()),
            },
            (Participant::Client(client), Local::Client(local), _) => {
                as_client_input(system, local, stimulus)
                    .is_some_and(|input| client.check(local, input).is_ok())
            }
            _ => false,
        }
    }

    /// The next local state and what comes of it; nothing if it does not act.
    pub fn step(&self, system: &System, local: &Local, stimulus: EventRef<'_>) -> Option<Transition> {
        interrupt::poll();
        guarded(|| self.acts(system, local, stimulus)).unwrap_or_else(|panicked| {
            let after = self.wreck(local, panicked);
            Some(Transition { after, effects: Vec::new(), of_client: Vec::new() })
        })
    }

    /// The local state after a step in which its code panics. What it would have sent has not left: effects leave when
    /// the step is over.
    fn wreck(&self, before: &Local, panicked: Panicked) -> Local {
        let before = self.control(before);
        Local::Panicked(Box::new(Wreck { before, panicked }))
    }

    fn acts(&self, system: &System, local: &Local, stimulus: EventRef<'_>) -> Option<Transition> {
        match (self, local) {
            (Participant::Replica(_, _), Local::Replica(local)) if matches!(stimulus, EventRef::Crash) => {
                let after = match self.recovered(system, local)? {
                    Ok(local) => Local::Replica(local),
                    Err(panicked) => self.wreck(&Local::Replica(local.clone()), panicked),
                };
                Some(Transition { after, effects: Vec::new(), of_client: Vec::new() })
            }
            (Participant::Replica(replica, kept), Local::Replica(local)) => {
                let input = system.as_input(&local.state, stimulus)?;
                let mut effects = Vec::new();
                let state = replica.successor(&local.state, input, &mut effects).ok()?;
                let store = local.store.as_ref().map(|store| store.after(replica, *kept, &effects));
                let after = Local::Replica(ReplicaLocal { state, crashes: local.crashes, store });
                Some(Transition { after, effects, of_client: Vec::new() })
            }
            (Participant::Client(client), Local::Client(local)) => {
                let input = as_client_input(system, local, stimulus)?;
                let (mut next, mut of_client) = (local.clone(), Vec::new());
                client.step(&mut next, input, &mut of_client).ok()?;
                Some(Transition { after: Local::Client(next), effects: Vec::new(), of_client })
            }
            _ => None,
        }
    }

    /// What it says of how far it is, if it is a replica and its rulebook retransmits.
    ///
    /// # Errors
    /// The panic of its code.
    pub(crate) fn status(&self, local: &Local) -> Result<Option<Message>, Panicked> {
        guarded(|| self.says(local))
    }

    fn says(&self, local: &Local) -> Option<Message> {
        let (Participant::Replica(replica, _), Local::Replica(local)) = (self, local) else { return None };
        let mut effects = Vec::new();
        replica.successor(&local.state, Input::Retransmit, &mut effects).ok()?;
        effects.into_iter().find_map(|effect| match effect {
            Effect::Broadcast(message @ Message::Status(_)) => Some(message),
            _ => None,
        })
    }

    /// What it sends to a replica that says how far it is.
    ///
    /// # Errors
    /// The panic of its code.
    pub(crate) fn answers(
        &self,
        system: &System,
        local: &Local,
        status: &Message,
    ) -> Result<Vec<Message>, Panicked> {
        let taken = guarded(|| self.acts(system, local, EventRef::Deliver(status)))?;
        Ok(taken.map_or_else(Vec::new, |taken| taken.sent(system).into_iter().map(|(_, m)| m).collect()))
    }

    /// The guard of the protocol that refuses, if one does.
    pub(crate) fn refusal(&self, system: &System, local: &Local, stimulus: EventRef<'_>) -> Option<Refusal> {
        guarded(|| self.refuses(system, local, stimulus)).ok().flatten()
    }

    fn refuses(&self, system: &System, local: &Local, stimulus: EventRef<'_>) -> Option<Refusal> {
        match (self, local) {
            (Participant::Replica(replica, _), Local::Replica(local)) => {
                replica.check(&local.state, system.as_input(&local.state, stimulus)?).err()
            }
            (Participant::Client(client), Local::Client(local)) => {
                client.check(local, as_client_input(system, local, stimulus)?).err()
            }
            _ => None,
        }
    }

    /// The local state after a crash; none if a crash loses nothing that could not be had again: then it
    /// is no step. Where messages are lost, nothing can be had again.
    fn recovered(&self, system: &System, local: &ReplicaLocal) -> Option<Result<ReplicaLocal, Panicked>> {
        let (Participant::Replica(replica, kept), Some(store)) = (self, &local.store) else { return None };
        let state = match kept {
            Store::Keeps => &store.now,
            Store::LosesLast => &store.before,
        };
        let state = match state {
            Ok(state) => state.clone(),
            Err(panicked) => return Some(Err(panicked.clone())),
        };
        if !system.is_simulated() && state == replica.control(&local.state) {
            return None;
        }
        let store = Some(Stored::of(&state));
        Some(Ok(ReplicaLocal { state, crashes: local.crashes + 1, store }))
    }

    /// The local state without what could be received again and has had no consequence yet.
    pub fn control(&self, local: &Local) -> Local {
        match (self, local) {
            (Participant::Replica(replica, _), Local::Replica(local)) => {
                Local::Replica(ReplicaLocal { state: replica.control(&local.state), ..local.clone() })
            }
            (Participant::Client(client), Local::Client(state)) => Local::Client(client.control(state)),
            _ => local.clone(),
        }
    }
}

/// The participants of a system: honest replicas by number, then clients if they take part.
pub fn participants(system: &System) -> Vec<Participant> {
    let store = system.bound().scope.store;
    let replicas = system.honest().iter().map(|replica| Participant::Replica(replica.clone(), store));
    replicas.chain(system.clients().iter().cloned().map(Participant::Client)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bound, Scope};
    use crate::pbft::Castro99;

    /// Storage that cannot be read is found when it is read, not when it is written.
    #[test]
    fn a_recovery_that_panics_is_a_step_to_a_panic() {
        let bound = Bound::new(Scope { crashes: 1, ..Scope::DEFAULT }, []);
        let system = System::new(bound, &Castro99).unwrap();
        let replica = &participants(&system)[0];
        let Local::Replica(mut local) = replica.init(&system) else { panic!("it is a replica") };
        assert_eq!(replica.step(&system, &Local::Replica(local.clone()), EventRef::Crash), None);
        let panicked = Panicked { message: "unreadable".into(), place: "storage".into() };
        local.store.as_mut().unwrap().now = Err(panicked.clone());
        let before = Local::Replica(local);
        assert!(replica.admits(&system, &before, EventRef::Crash));
        let after = replica.step(&system, &before, EventRef::Crash).unwrap().after;
        assert_eq!(after.wreck().unwrap().panicked, panicked);
        assert_eq!(after.replica(), before.replica());
        assert!(!replica.admits(&system, &after, EventRef::Crash));
        let request = Message::Request(system.requests()[0].clone());
        assert_eq!(replica.step(&system, &after, EventRef::Deliver(&request)), None);
    }
}
