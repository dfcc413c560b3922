//! A check that a limit ended, in a file, and how it goes on from there.
//!
//! What is written of a search is what its [`Halted`](super::Halted) holds: the fingerprints and parents of the states that
//! were visited, and the states that are still to be expanded; and what made the judge's tables grow
//! ([`Recorded`](crate::engine::Recorded)), since the numbers of which states consist mean nothing without them. When the file is
//! read, the tables are made again by the code under test, and have to come out as they were.
//!
//! A file is written beside its place and moved there when it is complete, and ends in a checksum: a file
//! that is damaged or cut short is never taken for a whole one.

mod form;
#[cfg(feature = "pbft")]
mod pbft;
pub(super) mod search;

use std::io;
use std::path::PathBuf;

#[cfg(feature = "pbft")]
use crate::model::BoundError;

pub(super) use self::form::{Body, CoverageRow, VERSION, open as open_file, write as write_file};
#[cfg(all(feature = "cli", feature = "pbft"))]
pub(crate) use self::pbft::rules;
#[cfg(feature = "pbft")]
pub use self::pbft::{Kept, Unfinished, read, write};
#[cfg(feature = "pbft")]
pub(super) use self::pbft::{Saved, Suspended, open};

/// Why a check cannot be saved, or not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// It is something else.
    #[error("{0} is not what check --save writes")]
    Foreign(PathBuf),
    /// Its checksum is wrong.
    #[error("{0} is damaged or cut short: it does not match its checksum, so nothing in it can be relied on")]
    Damaged(PathBuf),
    /// Another version wrote it.
    #[error("{0} was saved by bft-check {1}, and this is {2}: go on with the version that saved it")]
    Version(PathBuf, String, &'static str),
    /// It is of another check.
    #[error("{path} was saved by another check: {differences}; leave that out, or begin anew without --resume", differences = .differences.join("; "))]
    Other {
        /// The file.
        path: PathBuf,
        /// What is otherwise.
        differences: Vec<String>,
    },
    /// The judge does not come to the same tables.
    #[error(
        "{0} was saved by another build: the code no longer does what it did then; start the check again"
    )]
    Build(PathBuf),
    /// The bound makes no sense.
    #[cfg(feature = "pbft")]
    #[error(transparent)]
    Bound(#[from] BoundError),
    /// It takes longer to write than the check may still take.
    #[error(
        "--save {0}: given up, since to write it takes longer than there was time left for; what was there before is as it was"
    )]
    GivenUp(PathBuf),
    /// Nothing is kept of what is near a run, or goes on from its end.
    #[error(
        "--save and --resume are for all runs within a bound: of what is near a run, or goes on from its end, nothing is kept"
    )]
    OfGivenRun,
    /// A counterexample cannot be written.
    #[error("a counterexample cannot be written: {0}")]
    Trace(#[from] serde_json::Error),
}
