//! Liveness of the runs that go on from where a given run has led.

use std::time::Instant;

use super::job::{Job, JudgeKind};
use super::limits::{Limit, Limits, Progress, deadline};
use super::liveness::{all_explored, judge, new_model};
use super::liveness_looks::{FEW, MANY};
use super::outcome::{Outcome, Verdict};
use super::question::PlanError;
use crate::model::{Beginning, Bound, Conduct, Event, Liveness, Property, Scope, System};
use crate::pbft::{Principal, Rules};
use crate::trace::RunLasso;

/// The question about liveness in the system of a run. Where nothing is withheld, as in what is told about liveness, the views
/// of its bound are those before the network is stable and the f views after that.
pub(super) fn job_of(system: &System) -> Job {
    let Bound { scope, byzantine } = system.bound().clone();
    let further = if system.is_open() { u64::from(scope.faults) } else { 0 };
    let scope = Scope { views: scope.views.saturating_sub(further).max(1), ..scope };
    Job::new(JudgeKind::Liveness, Bound::new(scope, byzantine))
}

/// Explores every run that begins with these events, whenever the network becomes stable after them. What is
/// violated comes as a run that begins with all of them. Before that it looks for views that change for ever, among a few of the
/// runs whose network is stable at once; and among more of them, where runs go on beyond the views of the bound.
pub(super) fn searched(
    job: &Job,
    rules: &'static dyn Rules,
    given: &[(Principal, Event)],
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
) -> Result<Outcome, PlanError> {
    let asked = Continued { job, rules, given, property, limits, progress, until: deadline(limits.timeout) };
    if let Some(found) = asked.rising(Beginning::Stable)? {
        return Ok(found);
    }
    let mut outcome = asked.explored(false)?;
    // What is found from where votes can be received anew need not be a run of who has them already.
    if matches!(outcome.verdict, Verdict::Refused(_)) {
        outcome = asked.explored(true)?;
    }
    if !matches!(outcome.verdict, Verdict::NotExhausted(Limit::Bound)) {
        return Ok(outcome);
    }
    Ok(match asked.rising(Beginning::Unstable)? {
        Some(found) => found.also(outcome.coverage),
        None => outcome,
    })
}

/// What is asked of the runs that begin with events that are given.
struct Continued<'a> {
    job: &'a Job,
    rules: &'static dyn Rules,
    given: &'a [(Principal, Event)],
    property: Option<Property>,
    limits: &'a Limits,
    progress: &'a Progress,
    until: Option<Instant>,
}

impl Continued<'_> {
    /// What is left of the limits.
    fn left(&self) -> Limits {
        let timeout = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        Limits { timeout, ..*self.limits }
    }

    /// What all runs within the views of the bound say.
    fn explored(&self, keeps_tallies: bool) -> Result<Outcome, PlanError> {
        let model = new_model(self.job, self.rules)?.beginning_with(self.given, keeps_tallies);
        let model = model.map_err(|(step, why)| PlanError::NoBeginning(format!("step {step}: {why:?}")))?;
        let (mut outcome, _) =
            judge(self.job, &model, self.given, self.property, &self.left(), self.progress, None);
        // That something waits is asked of a whole bound: from here on everything may be done already.
        if matches!(outcome.verdict, Verdict::Holds | Verdict::Vacuous) {
            (outcome.verdict, outcome.unreached) = (all_explored(&model), Vec::new());
        }
        Ok(outcome)
    }

    /// A run whose views change for ever, under each conduct among a number of states. That none is found says nothing.
    fn rising(&self, beginning: Beginning) -> Result<Option<Outcome>, PlanError> {
        for conduct in Conduct::PLAIN {
            if conduct != Conduct::Silent && self.job.bound.byzantine.is_empty() {
                continue;
            }
            let mut outcome = self.under(conduct, beginning, false)?;
            if outcome.as_ref().is_some_and(|outcome| matches!(outcome.verdict, Verdict::Refused(_))) {
                outcome = self.under(conduct, beginning, true)?;
            }
            let Some(outcome) = outcome else { continue };
            let Verdict::Violated { trace, property, .. } = &outcome.verdict else { continue };
            // Where another end is found among so few runs, all runs of the bound say more of it.
            let is_said = beginning == Beginning::Unstable || *property == Property::Panics;
            if is_said || trace.lasso().is_some_and(RunLasso::is_rising) {
                return Ok(Some(outcome));
            }
        }
        Ok(None)
    }

    /// What the runs say in which Byzantine replicas do little from here on, whatever they have done before; nothing where there
    /// is no time left, or no such run begins so.
    fn under(
        &self,
        conduct: Conduct,
        beginning: Beginning,
        keeps_tallies: bool,
    ) -> Result<Option<Outcome>, PlanError> {
        let left = self.left();
        if left.timeout.is_some_and(|left| left.is_zero()) {
            return Ok(None);
        }
        let model = Liveness::endless(self.job.bound.clone(), self.rules, conduct, beginning)?;
        let model = model.and_then(|model| model.beginning_with(self.given, keeps_tallies).ok());
        let most = if beginning == Beginning::Stable { FEW } else { MANY };
        let limits =
            Limits { max_states: Some(left.max_states.map_or(most, |limit| limit.min(most))), ..left };
        Ok(model
            .map(|model| judge(self.job, &model, self.given, self.property, &limits, self.progress, None).0))
    }
}
