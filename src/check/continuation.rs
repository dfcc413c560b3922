//! A check of the runs that go on from where a given run has led.

use std::sync::Arc;
use std::time::Instant;

use stateright::Expectation;

use super::confirm::{confirm_after, shown};
use super::job::{Job, JudgeKind};
use super::limits::{Limits, Progress, deadline};
use super::liveness_continuation;
use super::outcome::{Outcome, Verdict, exhausted};
use super::overseer::overseen;
use super::question::PlanError;
use super::run::{expand, selected, warmed_up};
use super::search::{Coverage, End, search_on};
use super::validate::{properties_of, validate};
use crate::model::{Event, GuardModel, Property, System, guarded};
use crate::pbft::{Principal, Rules};
use crate::trace::Trace;

/// Visits every state that can be reached from the last of a run within its bound, with judge *guards*. A violation
/// comes as a run that begins with all of the given one; its steps count from there.
///
/// A run of a system in which nothing is withheld ([`System::open`]) is followed within the bound as far as that goes.
///
/// Of a property of liveness it is looked for a fair run that goes on from there and never reaches it, whenever the network
/// becomes stable; the run that comes then is one of an open system with f views more. The bound ends before the goal where
/// views can change for ever: that is [`Limit::Bound`](super::Limit::Bound).
///
/// ```
/// use std::sync::Arc;
///
/// use bft_check::check::{self, Limits, Progress, Verdict};
/// use bft_check::model::{Bound, Property, Scope, System};
/// use bft_check::pbft::{Castro99, ReplicaId};
/// use bft_check::trace::Trace;
///
/// let bound = Bound::new(Scope { views: 1, ..Scope::DEFAULT }, [ReplicaId(0)]);
/// let system = Arc::new(System::new(bound, &Castro99)?);
/// let begun = Trace::scripted(&system, &["r0 → r1 PRE-PREPARE v0 #1 c0.t1", "r0 → r2 PRE-PREPARE v0 #1 c1.t1"])?;
/// let property = Some(Property::Agreement);
/// let outcome = check::run_from(&begun, property, &Limits::default(), &Progress::default())?;
/// assert!(outcome.verdict.is_clean());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A question that makes no sense; among them a run that does not fit its bound.
pub fn run_from(
    begun: &Trace,
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
) -> Result<Outcome, PlanError> {
    let rules = begun.system().rules().itself();
    let job = match property.is_some_and(Property::is_liveness) {
        true => liveness_continuation::job_of(begun.system()),
        false => Job::new(JudgeKind::Guards, begun.system().bound().clone()),
    };
    validate(&job, rules, property)?;
    let start = Instant::now();
    let from = || searched(&job, rules, begun, property, limits, progress);
    let answered = || {
        guarded(from).unwrap_or_else(|panicked| {
            Err(PlanError::NoBeginning(format!(
                "a rule panicked that was asked while no replica took a step: {panicked}"
            )))
        })
    };
    // What is not between two expansions of the search ends here.
    let outcome = overseen(limits, None, &progress.stop, answered).unwrap_or_else(|limit| {
        let coverage = Coverage::so_far(progress, start);
        Ok(Outcome::of(&job, coverage, Verdict::NotExhausted(limit)))
    })?;
    Ok(Outcome { properties: properties_of(&job, rules, property)?, ..outcome })
}

fn searched(
    job: &Job,
    rules: &'static dyn Rules,
    begun: &Trace,
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
) -> Result<Outcome, PlanError> {
    if begun.system().is_simulated() {
        return Err(PlanError::NoBeginning("a simulated system has no bound to search".to_owned()));
    }
    let given: Vec<(Principal, Event)> =
        begun.steps().iter().map(|step| (step.to, step.event.clone())).collect();
    if job.judge == JudgeKind::Liveness {
        return liveness_continuation::searched(job, rules, &given, property, limits, progress);
    }
    let system = Arc::new(System::new(job.bound.clone(), rules)?);
    Trace::replay(&system, &given).map_err(|why| PlanError::NoBeginning(why.to_string()))?;
    let until = deadline(limits.timeout);
    let (outcome, is_shown) = search_from(job, &system, &given, property, limits, progress, false)?;
    if is_shown {
        return Ok(outcome);
    }
    // What is found from where votes can be received anew need not be a run of who has them already.
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let limits = Limits { timeout: left, ..*limits };
    Ok(search_from(job, &system, &given, property, &limits, progress, true)?.0)
}

/// Searches; also whether what was found, if something was, is shown by the replicas.
fn search_from(
    job: &Job,
    system: &Arc<System>,
    given: &[(Principal, Event)],
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
    keeps_tallies: bool,
) -> Result<(Outcome, bool), PlanError> {
    let model = GuardModel::new(Arc::clone(system)).beginning_with(given, keeps_tallies);
    let model = model.map_err(|(step, why)| PlanError::NoBeginning(format!("step {step}: {why:?}")))?;
    // Its tables grow as it runs: one thread keeps the order of discovery.
    let limits = Limits { threads: 1, ..warmed_up(&model, limits, progress) };
    // What good must be possible is asked of a whole bound: from here on it may have happened, or be over.
    let mut asked = selected(&model, property);
    asked.retain(|asked| asked.expectation == Expectation::Always);
    let (report, _) = search_on(&model, &asked, &limits, progress, None, |_| {});
    let verdict = match &report.end {
        End::Exhausted => exhausted(system),
        End::Limited(limit) => Verdict::NotExhausted(*limit),
        End::Violated { property, path } => {
            let shown = shown(property, |property| {
                Ok((path.len(), confirm_after(system, property, given, expand(&model, path))?))
            });
            match shown {
                Ok(verdict) => verdict,
                Err(why) => return Ok((Outcome::of(job, report.coverage, Verdict::Refused(why)), false)),
            }
        }
    };
    let refused = model.refusal().filter(|_| !matches!(verdict, Verdict::Violated { .. }));
    Ok((Outcome::of(job, report.coverage, refused.map_or(verdict, Verdict::Refused)), true))
}
