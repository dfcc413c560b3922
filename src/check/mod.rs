//! The engines over stateright's [`Model`](stateright::Model) trait, and what they report.

mod fingerprint;
mod plan;
mod search;

pub use fingerprint::{Fingerprint, collision_probability, fingerprint};
pub use plan::{Job, JudgeKind, Outcome, Verdict, deadline, jobs, run};
pub use search::{Coverage, End, Limit, Limits, Progress, Report, search};
