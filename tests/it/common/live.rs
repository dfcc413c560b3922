//! What the liveness check says of the paper's rules, which several tests hold against something else.

use std::sync::LazyLock;

use bft_check::check::{self, JudgeKind, Limits, Outcome, Progress};
use bft_check::model::{Bound, Byzantine, Scope};
use bft_check::pbft::Castro99;

/// One request, and two views before the network is stable.
pub const SCOPE: Scope = Scope { requests: 1, ..Scope::DEFAULT };

/// What is said wherever the Byzantine replica stands.
pub static OF_THE_PAPER: LazyLock<Vec<Outcome>> = LazyLock::new(|| {
    let bound = Bound::new(SCOPE, []);
    let jobs = check::jobs(JudgeKind::Liveness, &bound, &Byzantine::Count(1), &Castro99).unwrap();
    let run = |job| check::run(job, &Castro99, None, &Limits::default(), None, &Progress::default()).unwrap();
    jobs.iter().map(run).collect()
});
