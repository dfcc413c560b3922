//! The protocol under the model checker: bounds, the adversary, the judges and the properties.
//!
//! All judges run the same [`Replica`](crate::pbft::Replica) against the same adversary over the
//! same network: a set of messages that only grows. What is sent can be delivered at any time, in any
//! order, again, or never: delay, reordering, duplication and loss are all behaviours of that set.

mod adversary;
mod alike;
mod bits;
mod bounds;
mod conduct;
mod event;
mod far;
mod guards;
mod histories;
mod history;
mod lenient;
mod liveness;
mod liveness_saved;
mod local;
mod message;
mod message_graph;
mod network;
mod numbers;
mod participant;
mod property;

mod reduced;
mod reductions;
mod run;
mod statements;
mod symmetry;
mod system;
mod unbounded;

#[cfg(feature = "cli")]
pub(crate) use crate::engine::unanswered;
pub use crate::engine::{Fingerprint, Panicked, fingerprint, guarded};
pub use crate::engine::{Recorded, Unfit};
pub(crate) use crate::engine::{panics, raised};
pub(crate) use adversary::quorum;
pub(crate) use adversary::votes::{Ballots, Tried, Vote, Wanted};
pub use adversary::{Adversary, Family};
pub use alike::VotesMatter;
pub(crate) use alike::votes_matter;
pub use bounds::{Bound, BoundError, Byzantine, Load, Scope, Store, placements};
pub use conduct::Conduct;
pub use event::{Event, EventRef};
pub(crate) use guards::EventIds;
pub use guards::{GuardModel, GuardState, LocalId, LocalIds, Move};
pub use history::History;
pub use liveness::{Beginning, Liveness, LivenessMove, LivenessState, Owed, Stabilisation};
pub use local::{Local, ReplicaLocal, Wreck};
pub use message::{MessageAction, MessageModel, MessageState};
pub use message_graph::{Delivery, GraphState, MessageGraph};
pub use participant::{Participant, Transition, participants};
pub use property::{GlobalView, Judge, NoSuchProperty, Property, properties};
pub(crate) use property::{has_executed, looked_at, no_dead_end};
pub use reduced::{Reduced, Stretch};
pub use reductions::{NoSuchReduction, Reductions};
pub use run::{NoStep, Run};
pub(crate) use statements::Statements;
pub use symmetry::{ByGuards, Symmetric};
pub use system::System;
pub(crate) use unbounded::Found;
pub use unbounded::{
    Assumption, BoundaryState, Objection, Reach, Subsumes, UnboundedModel, UnboundedState, UnboundedStep,
    Unexplorable,
};
