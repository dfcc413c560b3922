//! bft-check finds out whether a Byzantine-fault-tolerant consensus protocol is right: it runs the
//! protocol's real code under an exhaustive model checker, against the most general Byzantine adversary,
//! and shows what goes wrong as a trace that a person can read.
//!
//! ```
//! use bft_check::check::Check;
//! use bft_check::model::Property;
//! use bft_check::pbft::{Committee, Rules};
//! use bft_check::subject::Pbft;
//!
//! /// A decision takes one COMMIT less than a quorum.
//! #[derive(Debug)]
//! struct FewCommits;
//!
//! impl Rules for FewCommits {
//!     fn commit_quorum(&self, committee: Committee) -> usize {
//!         committee.quorum() - 1
//!     }
//! }
//!
//! Check::new(Pbft::with(&FewCommits)).views(2).assert_violates(Property::Agreement);
//! ```
//!
//! The rooms, in the order in which a question flows through them; each uses only those above it:
//!
//! - [`protocol`]: the wall: what a protocol of one's own is, so that it can be checked;
//! - [`engine`]: every run of such a protocol within a bound, message by message;
//! - [`pbft`]: the protocol of Castro and Liskov (OSDI'99), a pure state machine behind a rulebook;
//! - [`bugs`]: rulebooks with one broken rule each;
//! - [`model`]: bounds, the Byzantine adversary, the judges, a time of stabilisation, and the properties;
//! - [`subject`]: what is asked about, a protocol under rules, by name;
//! - [`trace`]: a run replayed on the real replicas, in words and pictures;
//! - [`simulate`]: runs drawn from seeds, past what can be explored exhaustively;
//! - [`check`]: the search, liveness under weak fairness, and what they say;
//! - [`proof`]: the proof of safety without bounds, and its provers;
//! - [`explore`] and [`cli`]: what a person sees.
//!
//! The [`guide`] is for people who use it: where to begin, and everything that the commands and the judges say.

// Without PBFT some of what runs can be saved, stopped and drawn with is used by nobody.
#![cfg_attr(not(feature = "pbft"), allow(dead_code))]

#[cfg(feature = "pbft")]
pub mod bugs;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod engine;
#[cfg(feature = "explore")]
pub mod explore;
mod files;
pub mod guide;
mod hashed;
mod interrupt;
mod memory;
#[cfg(feature = "pbft")]
pub mod model;
#[cfg(feature = "pbft")]
pub mod pbft;
#[cfg(feature = "pbft")]
pub mod proof;
pub mod protocol;
pub mod simulate;
mod spread;
#[cfg(feature = "pbft")]
pub mod subject;
mod table;
pub mod trace;
