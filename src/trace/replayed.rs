//! A run of PBFT, replayed on the real replicas.

use std::sync::Arc;

use super::dead_end::Oracle;
use super::draw::{Arrow, mermaid, svg};
use super::lasso::RunLasso;
use crate::model::{Event, Local, NoStep, Property, Run, System, Transition};
use crate::pbft::{ClientEffect, Digest, Effect, Principal, Refusal, ReplicaId, State};

/// A run of the protocol from its initial state.
#[derive(Clone, Debug)]
pub struct Trace {
    pub(super) system: Arc<System>,
    pub(super) steps: Vec<Step>,
    pub(super) run: Run,
    pub(super) lasso: Option<RunLasso>,
}

/// One event at one participant, and what it made of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The replica or client.
    pub to: Principal,
    /// What happened to it.
    pub event: Event,
    /// What it asked of the world, if it is a replica.
    pub effects: Vec<Effect>,
    /// What it asked of the world, if it is a client.
    pub of_client: Vec<ClientEffect>,
    /// What it believed before.
    pub before: Local,
    /// What it believed after.
    pub after: Local,
}

impl Step {
    /// What came of an event.
    pub(crate) fn new(to: Principal, event: Event, before: Local, taken: Transition) -> Self {
        let Transition { after, effects, of_client } = taken;
        Step { to, event, effects, of_client, before, after }
    }

    /// What came of it.
    pub(crate) fn taken(&self) -> Transition {
        let (after, effects, of_client) = (self.after.clone(), self.effects.clone(), self.of_client.clone());
        Transition { after, effects, of_client }
    }

    /// The replica with its states before and after, if it is one.
    pub fn replica(&self) -> Option<(ReplicaId, &State, &State)> {
        Some((self.to.replica()?, self.before.replica()?, self.after.replica()?))
    }
}

/// Why a sequence of events is not a run of the protocol. Steps count from 1.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReplayError {
    /// The replica is Byzantine, or not there.
    #[error("step {0}: {1} is not an honest participant of this system")]
    NotHonest(usize, Principal),
    /// The message does not exist, and nobody who could make it is Byzantine.
    #[error("step {0}: nobody can have sent {1} by then")]
    NeverSent(usize, String),
    /// It does not happen within the bound: no such timer runs, or no crash is left.
    #[error("step {0}: at {1} there can be no {2} then")]
    Impossible(usize, Principal, String),
    /// The participant refuses it.
    #[error("step {0}: {1} refuses {2}: {3}")]
    Refused(usize, Principal, String, Refusal),
    /// What a file tells of it does not fit together, or cannot be.
    #[error("step {0}: {1}: {2}")]
    Unfit(usize, String, String),
}

impl ReplayError {
    pub(super) fn new(step: usize, who: Principal, event: &str, why: NoStep) -> Self {
        match why {
            NoStep::NotHonest => ReplayError::NotHonest(step, who),
            NoStep::Impossible => ReplayError::Impossible(step, who, event.to_owned()),
            NoStep::Refused(why) => ReplayError::Refused(step, who, event.to_owned(), why),
        }
    }
}

impl Trace {
    /// Makes these events happen to the real participants, one by one.
    ///
    /// # Errors
    /// The first step that cannot happen.
    pub fn replay(system: &Arc<System>, events: &[(Principal, Event)]) -> Result<Self, ReplayError> {
        Trace::enact(system, events, |stage, number, (to, event)| {
            let event = match event {
                Event::Deliver(message) => {
                    let real = stage.real(message);
                    Event::Deliver(
                        real.ok_or_else(|| ReplayError::NeverSent(number, format!("{message:?}")))?,
                    )
                }
                other => other.clone(),
            };
            Ok((*to, event))
        })
    }

    /// How it goes on for ever, if that is what is wrong with it.
    pub fn lasso(&self) -> Option<&RunLasso> {
        self.lasso.as_ref()
    }

    /// The system that ran.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What the honest participants believe at the end.
    pub fn finally(&self) -> impl Iterator<Item = (Principal, &Local)> {
        self.run.locals()
    }

    /// The honest replicas' states at the end, in the order of [`System::honest`].
    pub fn states(&self) -> impl Iterator<Item = &State> {
        self.finally().filter_map(|(_, local)| local.replica())
    }

    /// What is wrong with the last state, if something is.
    pub fn violation(&self, property: Property) -> Option<String> {
        violation(&self.run, property)
    }
}

/// What is wrong with what the participants of a run believe, if something is.
pub(super) fn violation(run: &Run, property: Property) -> Option<String> {
    Oracle::of(run.system()).violation(run, property)
}

/// A digest by the name of the batch that has it, if the system knows one.
pub(super) fn name(system: &System, digest: Digest) -> String {
    let batch = system.batch(digest);
    batch.map_or_else(|| digest.to_string(), |batch| batch.to_string())
}

impl Trace {
    /// The trace as a Mermaid sequence diagram.
    pub fn to_mermaid(&self, property: Option<Property>) -> String {
        let arrows: Vec<_> = self.steps.iter().map(|step| self.arrow(step)).collect();
        let end = property.and_then(|p| self.violation(p));
        let why = property.and_then(|p| self.explain(p)).and_then(|why| why.short());
        let end: Vec<_> = end.into_iter().chain(why).collect();
        mermaid(&self.system, &arrows, self.lasso.as_ref(), &end)
    }

    /// The trace as an SVG sequence diagram.
    pub fn to_svg(&self) -> String {
        let events: Vec<_> = self.steps.iter().map(|step| (step.to, step.event.clone())).collect();
        svg(&self.system, &events, self.lasso.as_ref())
    }

    fn arrow(&self, step: &Step) -> Arrow {
        Arrow {
            from: match &step.event {
                Event::Deliver(message) => Some(message.signer()),
                _ => None,
            },
            to: step.to,
            label: step.event(&self.system),
            note: step.changes(&self.system).join("; "),
        }
    }
}
