//! Every run of a protocol within a bound, message by message.
//!
//! A [`Graph`] is a stateright [`Model`](stateright::Model) in numbers: what nodes know, send and decide is kept once, and
//! a state is which of it is the case. It runs the protocol's own code, knows it through [`protocol`](crate::protocol) and
//! no other way, and so can neither clone nor compare a node: a node is known by the history of its
//! inputs, and had again by making the same happen to a new one.

mod around;
mod bound;
mod fair;
mod fingerprint;
mod graph;
pub mod guards;
mod happening;
mod histories;
mod lies;
mod locals;
mod network;
mod one_run;
mod onward;
pub(crate) mod panics;
mod place;
#[cfg(feature = "distributed")]
mod portable;
pub(crate) mod record;
mod refusal;
mod saved;
#[cfg(feature = "explore")]
mod seen;
mod setup;
mod violation;
mod words;

pub(crate) use around::Around;
pub use bound::Bound;
pub(crate) use fair::nodes_in_words;
pub use fair::{FairGraph, FairState, FairStep, Owed};
pub use fingerprint::{Fingerprint, fingerprint};
pub(crate) use graph::BY_HISTORY;
pub use graph::{Graph, GraphState, Step};
pub use happening::{Happening, Kind};
#[cfg(feature = "explore")]
pub(crate) use histories::MessageId;
pub(crate) use lies::most_general;
pub use network::Delivery;
pub(crate) use one_run::{Ends, OneRun, Sort};
pub(crate) use onward::Onward;
#[cfg(feature = "pbft")]
pub(crate) use panics::raised;
#[cfg(all(feature = "cli", feature = "pbft"))]
pub(crate) use panics::unanswered;
pub use panics::{Panicked, guarded};
pub use place::{Participants, Place, PlaceId, TWINS};
#[cfg(feature = "distributed")]
pub(crate) use portable::Portable;
pub use record::{Recorded, Unfit};
pub use refusal::{Refusal, SetupError, UnlikeKeys};
#[cfg(feature = "explore")]
pub(crate) use seen::{NodeSeen, Seen, SeenAs};
pub use violation::Violation;
pub(crate) use violation::{AGREEMENT, LIVENESS, PANICS, VALIDITY};
