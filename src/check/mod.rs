//! The engines over stateright's [`Model`](stateright::Model) trait, and what they report.

mod fingerprint;
mod plan;
mod search;

pub use crate::model::{Fingerprint, fingerprint};
pub use fingerprint::collision_probability;
pub use plan::{Job, JudgeKind, Outcome, Verdict, deadline, jobs, run};
pub use search::{Coverage, End, Limit, Limits, Progress, Report, search};
