//! The honest participants of a run, stepped where they stand.
//!
//! The same participants as a judge's [`Run`](crate::model::Run), with the same storage: that both end in the same
//! states on the same events is a test. A judge keeps the state before each step; here nobody needs it.

use std::sync::Arc;

use crate::model::{
    Event, EventRef, GlobalView, History, Panicked, Property, Store, System, guarded, has_executed,
};
use crate::pbft::{
    Client, ClientEffect, ClientInput, ClientState, Effect, Message, Outcome, Principal, Record, Replica,
    ReplicaId, State,
};

/// An honest replica.
#[derive(Debug)]
struct Actor {
    replica: Replica,
    records: Vec<Record>,
    /// Where the last write to storage begins.
    last_write: usize,
}

/// Everybody who is honest.
#[derive(Debug)]
pub(super) struct HonestNodes {
    system: Arc<System>,
    actors: Vec<Actor>,
    /// In the order of the actors.
    states: Vec<State>,
    /// The actor of each replica, if it is honest.
    index: Vec<Option<usize>>,
    clients: Vec<(Client, ClientState)>,
    history: Option<History>,
    keeps_records: bool,
    crashes: u32,
    /// Whose code has panicked, in the middle of a step: nobody takes one any more.
    panicked: Option<(Principal, Panicked)>,
}

impl HonestNodes {
    pub fn new(system: Arc<System>) -> Self {
        let actor =
            |replica: &Replica| Actor { replica: replica.clone(), records: Vec::new(), last_write: 0 };
        let actors: Vec<_> = system.honest().iter().map(actor).collect();
        let states = actors.iter().map(|actor| actor.replica.init()).collect();
        let place = |id: ReplicaId| actors.iter().position(|actor| actor.replica.id() == id);
        let index = system.setting().committee.replicas().map(place).collect();
        let mut history = system.keeps_history().then(History::new);
        let mut clients = Vec::new();
        let mut panicked = None;
        for client in system.clients() {
            let before = client.init();
            let mut state = before.clone();
            let invoke = ClientInput::Invoke { operation: System::OPERATION, reads: false };
            let asked = guarded(|| client.step(&mut state, invoke, &mut Vec::new()));
            panicked = panicked.or(asked.err().map(|panicked| (Principal::Client(client.id()), panicked)));
            history = history.map(|history| history.after(client.id(), &before, &state));
            clients.push((client.clone(), state));
        }
        let keeps_records = system.bound().scope.crashes > 0;
        HonestNodes { system, actors, states, index, clients, history, keeps_records, crashes: 0, panicked }
    }

    /// An honest replica.
    pub fn replica(&self, id: ReplicaId) -> Option<(&Replica, &State)> {
        self.index.get(id.index())?.map(|index| (&self.actors[index].replica, &self.states[index]))
    }

    pub fn states(&self) -> &[State] {
        &self.states
    }

    pub fn clients(&self) -> &[(Client, ClientState)] {
        &self.clients
    }

    /// Makes an event happen; whether it did. What it asks of the world stands in `effects` or `of_client` then;
    /// of an event that is refused, evidence at most; of one at which somebody panics, nothing.
    pub fn step(
        &mut self,
        who: Principal,
        event: &Event,
        effects: &mut Vec<Effect>,
        of_client: &mut Vec<ClientEffect>,
    ) -> bool {
        if self.panicked.is_some() {
            return false;
        }
        let happens = guarded(|| match who {
            Principal::Replica(id) => self.step_replica(id, event, effects),
            Principal::Client(id) => self.step_client(id.0 as usize, event, of_client),
        });
        happens.unwrap_or_else(|panicked| {
            self.panicked = Some((who, panicked));
            effects.clear();
            of_client.clear();
            true
        })
    }

    /// Whether somebody's code has panicked.
    pub fn has_panicked(&self) -> bool {
        self.panicked.is_some()
    }

    fn step_replica(&mut self, id: ReplicaId, event: &Event, effects: &mut Vec<Effect>) -> bool {
        let Some(index) = self.index.get(id.index()).copied().flatten() else { return false };
        if *event == Event::Crash {
            return self.crash(index);
        }
        let (actor, state) = (&mut self.actors[index], &mut self.states[index]);
        let stimulus = match event {
            Event::Timeout(view) if *view != state.view() => return false,
            Event::Deliver(message) => EventRef::Deliver(message),
            Event::Timeout(_) => EventRef::Timeout,
            Event::Resend => EventRef::Resend,
            Event::Crash | Event::Invoke => return false,
        };
        let Some(input) = self.system.as_input(state, stimulus) else { return false };
        let from = effects.len();
        if actor.replica.step(state, input, effects).is_err() {
            return false;
        }
        if self.keeps_records {
            let before = actor.records.len();
            actor.records.extend(effects[from..].iter().filter_map(|effect| match effect {
                Effect::Persist(record) => Some(record.clone()),
                _ => None,
            }));
            if actor.records.len() > before {
                actor.last_write = before;
            }
        }
        true
    }

    fn crash(&mut self, index: usize) -> bool {
        if self.crashes >= self.system.bound().scope.crashes {
            return false;
        }
        self.crashes += 1;
        let actor = &mut self.actors[index];
        if self.system.bound().scope.store == Store::LosesLast {
            actor.records.truncate(actor.last_write);
        }
        actor.last_write = actor.records.len();
        self.states[index] = actor.replica.control(&actor.replica.recover(&actor.records));
        true
    }

    fn step_client(&mut self, index: usize, event: &Event, out: &mut Vec<ClientEffect>) -> bool {
        let Some((client, state)) = self.clients.get_mut(index) else { return false };
        let input = match event {
            Event::Deliver(message) => ClientInput::Deliver(message),
            Event::Invoke => match self.system.next_operation(state) {
                Some(input) => input,
                None => return false,
            },
            Event::Resend => ClientInput::Timeout,
            Event::Timeout(_) | Event::Crash => return false,
        };
        let accepted = state.accepted();
        let waited = state.waiting_for().is_some();
        let before = self.history.as_ref().map(|_| state.clone());
        if client.step(state, input, out).is_err() {
            return false;
        }
        let told = accepted != state.accepted() || waited != state.waiting_for().is_some();
        if let (Some(history), Some(before), true) = (&mut self.history, before, told) {
            *history = history.after(client.id(), &before, state);
        }
        true
    }

    /// What is wrong with what everybody believes: with one property, or with any.
    pub fn violation(&self, property: Option<Property>) -> Option<(Property, String)> {
        let replicas: Vec<_> = self.states.iter().collect();
        let clients: Vec<_> = self.clients.iter().map(|(_, state)| state).collect();
        let history = self.history.as_ref();
        let panicked = self.panicked.as_ref().map(|(who, panicked)| (*who, panicked));
        let seen =
            GlobalView { system: &self.system, replicas: &replicas, clients: &clients, history, panicked };
        // Who panics in the middle of a step leaves a state that is none.
        let is_asked = |known: &Property| property.is_none_or(|asked| asked == *known);
        let can_be_asked = |known: &Property| panicked.is_none() || *known == Property::Panics;
        let asked = Property::SAFETY.into_iter().filter(|known| is_asked(known) && can_be_asked(known));
        asked.into_iter().find_map(|property| property.violation(&seen).map(|what| (property, what)))
    }

    /// Which request of an honest client some honest replica has not executed, or its client has no answer to.
    pub fn unserved(&self) -> Option<(Property, String)> {
        if let Some(unserved) = (0..self.clients.len()).find_map(|client| self.unserved_of(client)) {
            return Some(unserved);
        }
        for (client, state) in &self.clients {
            // What was only read was not executed.
            let Some((timestamp, Outcome::Appended { .. })) = state.accepted() else { continue };
            for (actor, state) in self.actors.iter().zip(&self.states) {
                if !has_executed(state, client.id(), timestamp) {
                    let what = format!("{} has not executed {}.{timestamp}", actor.replica.id(), client.id());
                    return Some((Property::Executed, what));
                }
            }
        }
        None
    }

    /// What a client waits for, if some honest replica has not executed it or the client has no answer to it.
    pub fn unserved_of(&self, client: usize) -> Option<(Property, String)> {
        let (client, state) = self.clients.get(client)?;
        let request = state.waiting_for()?;
        let behind = |(_, state): &(&Actor, &State)| !has_executed(state, client.id(), request.timestamp);
        let behind = self.actors.iter().zip(&self.states).find(behind).filter(|_| !state.reads());
        Some(match behind {
            Some((actor, _)) => {
                let what = format!("{} has not executed {}", actor.replica.id(), request.id());
                (Property::Executed, what)
            }
            None => (Property::Answered, format!("{} has no answer to {}", client.id(), request.id())),
        })
    }

    /// Whether every client has an answer to all that it is to ask.
    pub fn all_asked(&self) -> bool {
        let done = |state: &ClientState| state.waiting_for().is_none() && !self.system.asks_again(state);
        self.clients.iter().all(|(_, state)| done(state))
    }

    /// The first request of a client, which it has asked before anything happens.
    pub fn first_request(&self, client: usize) -> Option<Message> {
        self.clients.get(client)?.1.waiting_for().cloned().map(Message::Request)
    }
}
