//! The engines over stateright's [`Model`](stateright::Model) trait, and what they report.

mod fair;
mod fingerprint;
mod levels;
mod liveness;
mod matrix;
mod plan;
mod search;
mod views;

pub use crate::model::{Fingerprint, fingerprint};
pub use fair::{
    Claim, Condition, Cut, Ending, FairModel, Finding, Lasso, LivenessError, LivenessProperty,
    LivenessReport, LivenessVerdict, MAX_CLASSES, MAX_PROPERTIES, check_liveness,
};
pub use fingerprint::collision_probability;
pub use liveness::liveness_properties;
pub use matrix::{Row, run_row};
pub use plan::{Job, JudgeKind, Outcome, Verdict, deadline, is_led_honestly, jobs, run};
pub use search::{Coverage, End, Limit, Limits, Progress, Report, search};
