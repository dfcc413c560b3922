//! Why a property is violated: which quorums contradict each other, who stands in both, and which rule
//! would have stopped it. All of it is read off the run, or found by running it again.

mod mixed;
mod quorums;
mod rule;
mod words;

use std::fmt::Display;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::{Step, Trace};
use crate::model::{Event, Property, guarded};
use crate::pbft::{Effect, Message, NewView, ReplicaId, Signed};

pub use quorums::{Both, Conflict, Overlap, Quorum};
pub use rule::{Blame, BrokenRule, Parting};

/// The explanation of a violation.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The quorums that contradict each other.
    #[serde(flatten)]
    pub conflict: Conflict,
    /// The rules that would have stopped it.
    pub rules: Option<Blame>,
    /// How many replicas are Byzantine, where that is more than the protocol tolerates.
    pub too_many_byzantine: Option<usize>,
}

impl Trace {
    /// Why the last state violates the property, if it does.
    pub fn explain(&self, property: Property) -> Option<Explanation> {
        self.violation(property)?;
        let bound = self.system.bound();
        let byzantine = bound.byzantine.len();
        // A rulebook that panics when it is asked about a run explains nothing.
        Some(Explanation {
            conflict: guarded(|| Conflict::find(self, property)).unwrap_or_default(),
            rules: guarded(|| Blame::find(self, property)).ok().flatten(),
            too_many_byzantine: (byzantine > usize::from(bound.scope.faults)).then_some(byzantine),
        })
    }
}

/// The new views that a step is about: one that arrives, or one that the replica itself announces.
fn new_views(step: &Step) -> impl Iterator<Item = &Arc<Signed<NewView>>> {
    let arrived = match &step.event {
        Event::Deliver(message) => Some(message),
        _ => None,
    };
    let sent = step.effects.iter().filter_map(|effect| match effect {
        Effect::Broadcast(message) => Some(message),
        _ => None,
    });
    arrived.into_iter().chain(sent).filter_map(|message| match message {
        Message::NewView(new_view) => Some(new_view),
        _ => None,
    })
}

/// Serialises what has a name as that name.
fn as_text<S: Serializer>(value: &impl Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

fn if_any_as_text<S: Serializer>(value: &Option<impl Display>, to: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(ToString::to_string).serialize(to)
}

fn all_as_text<S: Serializer>(ids: &[ReplicaId], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(ids.iter().map(ToString::to_string))
}
