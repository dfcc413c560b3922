//! Liveness of the runs that go on from where a given run has led.

use std::time::Instant;

use super::job::{Job, JudgeKind};
use super::limits::{Limits, Progress, deadline};
use super::liveness::{all_explored, judge, new_model};
use super::outcome::{Outcome, Verdict};
use super::question::PlanError;
use crate::model::{Bound, Event, Property, Scope, System};
use crate::pbft::{Principal, Rules};

/// The question about liveness in the system of a run. Where nothing is withheld, as in what is told about liveness, the views
/// of its bound are those before the network is stable and the f views after that.
pub(super) fn job_of(system: &System) -> Job {
    let Bound { scope, byzantine } = system.bound().clone();
    let further = if system.is_open() { u64::from(scope.faults) } else { 0 };
    let scope = Scope { views: scope.views.saturating_sub(further).max(1), ..scope };
    Job::new(JudgeKind::Liveness, Bound::new(scope, byzantine))
}

/// Explores every run that begins with these events, whenever the network becomes stable after them. What is
/// violated comes as a run that begins with all of them. Views that change for ever, beyond the bound, are not looked for.
pub(super) fn searched(
    job: &Job,
    rules: &'static dyn Rules,
    given: &[(Principal, Event)],
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
) -> Result<Outcome, PlanError> {
    let until = deadline(limits.timeout);
    let explored = |keeps_tallies: bool| -> Result<Outcome, PlanError> {
        let model = new_model(job, rules)?.beginning_with(given, keeps_tallies);
        let model = model.map_err(|(step, why)| PlanError::NoBeginning(format!("step {step}: {why:?}")))?;
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let limits = Limits { timeout: left, ..*limits };
        let (mut outcome, _) = judge(job, &model, given, property, &limits, progress, None);
        // That something waits is asked of a whole bound: from here on everything may be done already.
        if matches!(outcome.verdict, Verdict::Holds | Verdict::Vacuous) {
            (outcome.verdict, outcome.unreached) = (all_explored(&model), Vec::new());
        }
        Ok(outcome)
    };
    let outcome = explored(false)?;
    // What is found from where votes can be received anew need not be a run of who has them already.
    if matches!(outcome.verdict, Verdict::Refused(_)) { explored(true) } else { Ok(outcome) }
}
