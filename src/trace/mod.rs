//! A run, as a person reads it: replayed on the real replicas, told step by step, drawn.
//!
//! Whatever found a run hands over the events that happened at each replica. Replaying makes
//! them happen again, message by message, and refuses what cannot have happened: so nothing is ever
//! shown that the protocol's code does not do.

#[cfg(feature = "pbft")]
mod dead_end;
#[cfg(feature = "pbft")]
mod draw;
#[cfg(feature = "pbft")]
mod explain;
#[cfg(feature = "pbft")]
mod file;
mod form;
#[cfg(feature = "pbft")]
mod html;
#[cfg(feature = "pbft")]
mod lasso;
#[cfg(feature = "pbft")]
mod message;
mod plain;
mod print;
#[cfg(feature = "pbft")]
mod replayed;
#[cfg(feature = "pbft")]
mod script;
mod sheet;
#[cfg(feature = "pbft")]
mod shiviz;
#[cfg(feature = "pbft")]
mod shrink;
#[cfg(feature = "pbft")]
mod stage;
mod story;
#[cfg(feature = "pbft")]
mod text;

#[cfg(all(feature = "explore", feature = "pbft"))]
pub(crate) use dead_end::changes;
#[cfg(all(feature = "explore", feature = "pbft"))]
pub(crate) use draw::{participants as everybody, svg};
#[cfg(feature = "pbft")]
pub use explain::{Blame, Both, BrokenRule, Conflict, Explanation, Overlap, Parting, Quorum};
#[cfg(all(feature = "explore", feature = "pbft"))]
pub(crate) use file::LassoRecord;
#[cfg(feature = "pbft")]
pub use file::{ReadError, TraceFile};
pub use form::{Form, UnknownForm};
#[cfg(all(feature = "explore", feature = "pbft"))]
pub(crate) use html::{Extras, html};
#[cfg(feature = "pbft")]
pub(crate) use lasso::raised;
#[cfg(feature = "pbft")]
pub use lasso::{LassoError, RunLasso, Unfair};
pub(crate) use print::{beside_the_build, count, thousands, were};
#[cfg(feature = "pbft")]
pub use replayed::{ReplayError, Step, Trace};
#[cfg(feature = "pbft")]
use replayed::{name, violation};
#[cfg(all(feature = "explore", feature = "pbft"))]
pub(crate) use script::principal;
#[cfg(all(feature = "explore", feature = "pbft"))]
pub(crate) use stage::{adversary, offered};
pub use story::{ReadStoryError, Story, StoryEnd, StoryFile};
#[cfg(feature = "pbft")]
pub(crate) use text::describe;
#[cfg(all(feature = "explore", feature = "pbft"))]
pub(crate) use text::in_words;
