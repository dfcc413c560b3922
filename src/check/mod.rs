//! The engines over stateright's [`Model`](stateright::Model) trait, and what they report.

#[cfg(feature = "pbft")]
mod ahead;
#[cfg(feature = "pbft")]
mod antichain;
mod builder;
mod conclusion;
#[cfg(feature = "pbft")]
mod confirm;
#[cfg(feature = "pbft")]
mod continuation;
#[cfg(feature = "distributed")]
pub mod distributed;
#[cfg(feature = "pbft")]
mod exercised;
mod fair;
#[cfg(feature = "pbft")]
mod job;
mod levels;
mod limits;
#[cfg(feature = "pbft")]
mod liveness;
#[cfg(feature = "pbft")]
mod liveness_continuation;
#[cfg(feature = "pbft")]
mod liveness_looks;
#[cfg(feature = "pbft")]
mod liveness_told;
#[cfg(feature = "pbft")]
mod matrix;
#[cfg(feature = "pbft")]
mod outcome;
mod overseer;
mod pausing;
#[cfg(feature = "pbft")]
mod pbft;
#[cfg(feature = "pbft")]
mod plan;
pub mod protocol;
#[cfg(feature = "pbft")]
mod question;
#[cfg(feature = "pbft")]
mod report;
#[cfg(feature = "pbft")]
mod resume;
#[cfg(feature = "pbft")]
mod run;
pub mod save;
#[cfg(feature = "pbft")]
mod schedule;
mod search;
#[cfg(feature = "pbft")]
mod sizes;
mod subject;
#[cfg(feature = "pbft")]
mod unbounded;
#[cfg(feature = "pbft")]
mod validate;
mod visited;
mod watch;
mod words;

pub use builder::{Check, CheckError};
pub use conclusion::Conclusion;
#[cfg(feature = "pbft")]
pub use continuation::run_from;
pub use fair::{
    Claim, Condition, Cut, Ending, FairModel, Finding, Lasso, LivenessError, LivenessProperty,
    LivenessReport, LivenessVerdict, MAX_CLASSES, MAX_PROPERTIES, check_liveness,
};
#[cfg(feature = "pbft")]
pub use job::{Job, JudgeKind, jobs};
pub use limits::{Level, Limit, Limits, Lost, MOST_THREADS, Process, Progress};
#[cfg(feature = "pbft")]
pub use liveness::liveness_properties;
#[cfg(feature = "pbft")]
pub use matrix::{Row, run_row};
#[cfg(feature = "pbft")]
pub use outcome::{Outcome, Verdict};
#[cfg(feature = "pbft")]
pub use pbft::AskedOfPbft;
#[cfg(all(feature = "cli", feature = "pbft"))]
pub(crate) use pbft::Searched;
#[cfg(feature = "pbft")]
pub use plan::Plan;
#[cfg(feature = "pbft")]
pub use question::{NoSuchQuestion, PlanError, Question};
#[cfg(feature = "pbft")]
pub use report::Checked;
#[cfg(all(feature = "cli", feature = "pbft"))]
pub(crate) use report::who;
#[cfg(feature = "pbft")]
pub use run::{run, run_on};
#[cfg(all(feature = "cli", feature = "pbft"))]
pub(crate) use save::rules as rules_of_saved;
pub use search::{Coverage, End, Halted, Report, search, search_on};
pub use subject::{IntoSubject, Subject};
#[cfg(feature = "pbft")]
pub use unbounded::search_unbounded;
#[cfg(feature = "pbft")]
pub use validate::{is_led_honestly, validate};
#[cfg(feature = "cli")]
pub(crate) use visited::collision_probability;
pub use watch::Watch;
