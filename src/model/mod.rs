//! The protocol under the model checker: bounds, the adversary, the judges and the properties.
//!
//! All judges run the same [`Replica`](crate::pbft::Replica) against the same adversary over the
//! same network: a set of messages that only grows. What is sent can be delivered at any time, in any
//! order, again, or never: delay, reordering, duplication and loss are all behaviours of that set.

mod absorbed;
mod adversary;
mod asked;
mod bits;
mod bounds;
mod fingerprint;
mod history;
mod interned;
mod known;
mod lab;
mod liveness;
mod local;
mod message;
mod panics;
mod participant;
mod property;
mod record;
mod reduced;
mod reductions;
mod run;
mod symmetry;
mod views;

pub use absorbed::{Absorbed, AbsorbedState, Feeds, Move};
pub use adversary::{Adversary, Knowledge};
pub use bounds::{Bound, BoundError, Byzantine, Conduct, Load, Scope, Store, System, placements};
pub use fingerprint::{Fingerprint, fingerprint};
pub use history::History;
pub use interned::{Delivery, Interned, InternedState};
pub use known::Known;
pub use liveness::{
    ALL_LIVENESS, ANSWERED, EXECUTED, LIVENESS, Liveness, LivenessMove, LivenessState, Owed, Stabilisation,
    is_liveness,
};
pub use local::{Local, ReplicaLocal, Wreck};
pub use message::{MessageAction, MessageModel, MessageState};
pub use panics::{Panicked, guarded};
pub(crate) use panics::{raised, unanswered};
pub use participant::{Event, Participant, Stimulus, Taken, participants};
pub use property::{
    DEAD_END, Judge, NO_DEAD_END, PANICS, PROPERTIES, SafetyProperty, Seen, first_history, no_dead_end,
    properties,
};
pub use record::{Recorded, Unfit};
pub use reduced::{Reduced, Stretch};
pub use reductions::{NoSuchReduction, Reductions};
pub use run::{NoStep, Run};
pub use symmetry::{ByGuards, Symmetric};
pub use views::{Between, Reach, Subsumes, Views, ViewsState, ViewsStep};
