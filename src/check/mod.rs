//! The engines over stateright's [`Model`](stateright::Model) trait, and what they report.

mod antichain;
mod builder;
mod conclusion;
mod confirm;
mod continuation;
mod exercised;
mod fair;
mod job;
mod levels;
mod limits;
mod liveness;
mod matrix;
mod outcome;
mod overseer;
mod pbft;
mod plan;
pub mod protocol;
mod question;
mod report;
mod resume;
mod run;
pub mod save;
mod schedule;
mod search;
mod sizes;
mod subject;
mod unbounded;
mod validate;
mod visited;

pub use builder::{Check, CheckError};
pub use conclusion::Conclusion;
pub use continuation::run_from;
pub use fair::{
    Claim, Condition, Cut, Ending, FairModel, Finding, Lasso, LivenessError, LivenessProperty,
    LivenessReport, LivenessVerdict, MAX_CLASSES, MAX_PROPERTIES, check_liveness,
};
pub use job::{Job, JudgeKind, jobs};
pub use limits::{Level, Limit, Limits, MOST_THREADS, Progress};
pub use liveness::liveness_properties;
pub use matrix::{Row, run_row};
pub use outcome::{Outcome, Verdict};
pub use pbft::AskedOfPbft;
pub use plan::Plan;
pub use question::{NoSuchQuestion, PlanError, Question};
pub use report::Checked;
#[cfg(feature = "cli")]
pub(crate) use report::who;
pub use run::{run, run_on};
#[cfg(feature = "cli")]
pub(crate) use save::rules as rules_of_saved;
pub use schedule::Watch;
pub use search::{Coverage, End, Halted, Report, search, search_on};
pub use subject::{IntoSubject, Subject};
pub use unbounded::search_unbounded;
pub use validate::{is_led_honestly, validate};
#[cfg(feature = "cli")]
pub(crate) use visited::collision_probability;
