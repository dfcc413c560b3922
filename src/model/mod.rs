//! The protocol under the model checker: bounds, the adversary, the judges and the properties.
//!
//! All judges run the same [`Replica`](crate::pbft::Replica) against the same adversary over the
//! same network: a set of messages that only grows. What is sent can be delivered at any time, in any
//! order, again, or never: delay, reordering, duplication and loss are all behaviours of that set.

mod absorbed;
mod adversary;
mod alike;
mod bits;
mod bounds;
mod conduct;
mod far;
mod fingerprint;
mod history;
mod interned;
mod known;
mod lab;
mod lenient;
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
pub use adversary::{Adversary, Family, Knowledge};
pub use alike::{VotesMatter, votes_matter};
pub use bounds::{Bound, BoundError, Byzantine, Load, Scope, Store, System, placements};
pub use conduct::Conduct;
pub use fingerprint::{Fingerprint, fingerprint};
pub use history::History;
pub use interned::{Delivery, Interned, InternedState};
pub use known::Known;
pub use liveness::{Beginning, Liveness, LivenessMove, LivenessState, Owed, Stabilisation};
pub use local::{Local, ReplicaLocal, Wreck};
pub use message::{MessageAction, MessageModel, MessageState};
pub use panics::{Panicked, guarded};
pub(crate) use panics::{raised, unanswered};
pub use participant::{Event, Participant, Stimulus, Taken, participants};
pub use property::{
    Judge, NoSuchProperty, Properties, Property, Seen, first_history, looked_at, no_dead_end, properties,
};
pub use record::{Recorded, Unfit};
pub use reduced::{Reduced, Stretch};
pub use reductions::{NoSuchReduction, Reductions};
pub use run::{NoStep, Run};
pub use symmetry::{ByGuards, Symmetric};
pub use views::{Assumption, Between, Reach, Subsumes, Views, ViewsState, ViewsStep};
