//! A run, as a person reads it: replayed on the real replicas, told step by step, drawn.
//!
//! Whatever found a run hands over the events that happened at each replica. [`Trace::replay`] makes
//! them happen again, message by message, and refuses what cannot have happened: so nothing is ever
//! shown that the protocol's code does not do.

mod draw;
mod explain;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use crate::model::{Adversary, Event, PROPERTIES, SafetyProperty, System};
use crate::pbft::{Digest, Effect, Message, Principal, Refusal, ReplicaId, State, Timer};

pub use draw::{Arrow, mermaid, svg};
pub use explain::{Blame, Both, BrokenRule, Conflict, Explanation, Overlap, Parting, Quorum};
pub use text::describe;

/// A run of the protocol from its initial state.
#[derive(Clone, Debug)]
pub struct Trace {
    system: Arc<System>,
    steps: Vec<Step>,
    finally: Vec<State>,
}

/// One event at one replica, and what the replica made of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The replica.
    pub to: ReplicaId,
    /// What happened to it.
    pub event: Event,
    /// What it asked of the world.
    pub effects: Vec<Effect>,
    /// Its state before.
    pub before: State,
    /// Its state after.
    pub after: State,
}

/// Why a sequence of events is not a run of the protocol. Steps count from 1.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReplayError {
    /// The replica is Byzantine, or not there.
    #[error("step {0}: {1} is not an honest replica of this system")]
    NotHonest(usize, ReplicaId),
    /// The message does not exist, and nobody who could make it is Byzantine.
    #[error("step {0}: nobody can have sent {1} by then")]
    NeverSent(usize, String),
    /// The timer of that view does not run.
    #[error("step {0}: no timer of that view runs at {1}")]
    NoTimer(usize, ReplicaId),
    /// The replica refuses it.
    #[error("step {0}: {1} refuses {2}: {3}")]
    Refused(usize, ReplicaId, String, Refusal),
}

impl Trace {
    /// Makes these events happen to the real replicas, one by one.
    ///
    /// # Errors
    /// The first step that cannot happen.
    pub fn replay(system: &Arc<System>, events: &[(ReplicaId, Event)]) -> Result<Self, ReplayError> {
        let adversary = Adversary::new(Arc::clone(system));
        let mut states: Vec<State> = system.honest().iter().map(|replica| replica.init()).collect();
        let mut sent: BTreeSet<Message> = BTreeSet::new();
        let mut steps = Vec::new();
        for (number, (to, event)) in (1..).zip(events) {
            let index = system.honest().iter().position(|replica| replica.id() == *to);
            let index = index.ok_or(ReplayError::NotHonest(number, *to))?;
            let replica = &system.honest()[index];
            let event = match event {
                Event::Timeout(view) => Event::Timeout(*view),
                Event::Deliver(message) => {
                    let real = find(system, &adversary, &sent, message);
                    Event::Deliver(
                        real.ok_or_else(|| ReplayError::NeverSent(number, format!("{message:?}")))?,
                    )
                }
            };
            let before = states[index].clone();
            let input = event.as_input(&before).ok_or(ReplayError::NoTimer(number, *to))?;
            let mut effects = Vec::new();
            replica
                .step(&mut states[index], input, &mut effects)
                .map_err(|refusal| ReplayError::Refused(number, *to, format!("{event:?}"), refusal))?;
            sent.extend(effects.iter().filter_map(|effect| match effect {
                Effect::Broadcast(message) | Effect::Send(_, message) => Some(message.clone()),
                _ => None,
            }));
            let after = states[index].clone();
            steps.push(Step { to: *to, event, effects, before, after });
        }
        Ok(Trace { system: Arc::clone(system), steps, finally: states })
    }

    /// The system that ran.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The honest replicas' states at the end, in the order of [`System::honest`].
    pub fn states(&self) -> &[State] {
        &self.finally
    }

    /// What is wrong with the last state, if something is.
    pub fn violation(&self, property: &str) -> Option<(SafetyProperty, String)> {
        let property = PROPERTIES.into_iter().find(|p| p.name == property)?;
        let states: Vec<&State> = self.finally.iter().collect();
        (property.violation)(&self.system, &states).map(|what| (property, what))
    }
}

/// A digest by the name of the batch that has it, if the system knows one.
fn name(system: &System, digest: Digest) -> String {
    let batch = system.batches().into_iter().find(|batch| batch.digest() == digest);
    batch.map_or_else(|| digest.to_string(), |batch| batch.to_string())
}

/// The message that really exists and says the same: who vouches for a certificate may differ from
/// where the checker met it.
fn find(
    system: &System,
    adversary: &Adversary,
    sent: &BTreeSet<Message>,
    message: &Message,
) -> Option<Message> {
    if let Some(real) = sent.get(message) {
        return Some(real.clone());
    }
    if let Some(real) = adversary.unconditional_messages().iter().find(|m| *m == message) {
        return Some(real.clone());
    }
    match message {
        Message::Request(request) => system.requests().contains(request).then(|| message.clone()),
        _ => adversary.messages(sent).into_iter().find(|m| m == message),
    }
}

/// The form in which a trace is written to a file.
#[derive(Debug, Serialize)]
struct Record<'a> {
    rules: String,
    bound: &'a crate::model::Bound,
    violates: Option<&'a str>,
    explanation: Option<String>,
    because: Option<Explanation>,
    steps: Vec<StepRecord>,
    finally: Vec<(String, String)>,
}

#[derive(Debug, Serialize)]
struct StepRecord {
    step: usize,
    from: Option<String>,
    to: String,
    event: String,
    sends: Vec<String>,
    timer: Option<Option<String>>,
    state: String,
}

impl Trace {
    /// The trace as JSON, for other programs.
    ///
    /// # Errors
    /// If serialisation fails.
    pub fn to_json(&self, rules: &str, property: Option<&str>) -> serde_json::Result<String> {
        let steps = (1..).zip(&self.steps).map(|(number, step)| StepRecord {
            step: number,
            from: match &step.event {
                Event::Deliver(message) => Some(message.signer().to_string()),
                Event::Timeout(_) => None,
            },
            to: step.to.to_string(),
            event: step.event(&self.system),
            sends: step.sends(&self.system),
            timer: step.effects.iter().rev().find_map(|effect| match effect {
                Effect::Timer(timer) => Some(timer.map(|Timer { view, .. }| view.to_string())),
                _ => None,
            }),
            state: format!("{:?}", step.after),
        });
        let ids = self.system.honest().iter().map(|replica| replica.id().to_string());
        let record = Record {
            rules: rules.to_owned(),
            bound: self.system.bound(),
            violates: property,
            explanation: property.and_then(|p| self.violation(p)).map(|(_, what)| what),
            because: property.and_then(|p| self.explain(p)),
            steps: steps.collect(),
            finally: ids.zip(self.finally.iter().map(|state| format!("{state:?}"))).collect(),
        };
        serde_json::to_string_pretty(&record)
    }

    /// The trace as a Mermaid sequence diagram.
    pub fn to_mermaid(&self, property: Option<&str>) -> String {
        let arrows: Vec<_> = self.steps.iter().map(|step| self.arrow(step)).collect();
        let end = property.and_then(|p| self.violation(p)).map(|(_, what)| what);
        let why = property.and_then(|p| self.explain(p)).and_then(|why| why.short());
        mermaid(&self.system, &arrows, &end.into_iter().chain(why).collect::<Vec<_>>())
    }

    fn arrow(&self, step: &Step) -> Arrow {
        Arrow {
            from: match &step.event {
                Event::Deliver(message) => Some(message.signer()),
                Event::Timeout(_) => None,
            },
            to: Principal::Replica(step.to),
            label: step.event(&self.system),
            note: step.changes(&self.system).join("; "),
        }
    }
}
