//! The engines over stateright's [`Model`](stateright::Model) trait, and what they report.

mod antichain;
mod fair;
mod levels;
mod liveness;
mod matrix;
mod plan;
mod question;
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
pub use liveness::liveness_properties;
pub use matrix::{Row, run_row};
pub use plan::{Job, JudgeKind, Outcome, Verdict, deadline, jobs, run, run_on};
pub use question::{NoSuchQuestion, Plan, PlanError, Question, Wanted, is_led_honestly, plan, validate};
pub use search::{Coverage, End, Halted, Limit, Limits, Progress, Report, search, search_on};
pub use unbounded::search_unbounded;
pub use visited::collision_probability;
