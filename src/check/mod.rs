//! The engines over stateright's [`Model`](stateright::Model) trait, and what they report.

mod antichain;
mod confirm;
mod fair;
mod job;
mod levels;
mod liveness;
mod matrix;
mod outcome;
mod question;
mod run;
pub mod save;
mod search;
mod unbounded;
mod visited;

pub use crate::model::{Fingerprint, fingerprint};
pub use antichain::search_maximal;
pub use fair::{
    Claim, Condition, Cut, Ending, FairModel, Finding, Lasso, LivenessError, LivenessProperty,
    LivenessReport, LivenessVerdict, MAX_CLASSES, MAX_PROPERTIES, check_liveness,
};
pub use job::{Job, JudgeKind, jobs};
pub use liveness::liveness_properties;
pub use matrix::{Row, run_row};
pub use outcome::{Outcome, Verdict};
pub use question::{NoSuchQuestion, Plan, PlanError, Question, Wanted, is_led_honestly, plan, validate};
pub use run::{run, run_on};
pub use search::{Coverage, End, Halted, Limit, Limits, Progress, Report, deadline, search, search_on};
pub use unbounded::search_unbounded;
pub use visited::collision_probability;
