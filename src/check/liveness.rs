//! The liveness properties of PBFT, on all fair runs of a bound.

use super::fair::{Cut, Ending, FairModel, Lasso, LivenessProperty, LivenessVerdict, check_liveness};
use super::plan::{Job, Outcome, Verdict};
use super::search::{Coverage, Limit, Limits, Progress};
use crate::model::{
    ALL_LIVENESS, ANSWERED, BoundError, EXECUTED, Event, Liveness, LivenessMove, LivenessState, Owed,
    Stabilisation,
};
use crate::pbft::{Principal, Refusal, Rules};
use crate::trace::{ReplayError, Stay, Trace};

impl FairModel for Liveness {
    type Class = Owed;

    fn class(&self, _state: &LivenessState, action: &LivenessMove) -> Option<Owed> {
        match action {
            LivenessMove::Stabilise => Some(Owed::Stabilisation),
            LivenessMove::Fire(_, owed) => *owed,
        }
    }

    fn is_cut(&self, state: &LivenessState) -> bool {
        self.is_used_up(state)
    }
}

/// The liveness properties of PBFT, as the checker takes them.
pub fn liveness_properties() -> Vec<LivenessProperty<Liveness>> {
    vec![
        LivenessProperty::eventually(EXECUTED, Liveness::is_executed),
        LivenessProperty::eventually(ANSWERED, Liveness::is_answered),
    ]
}

/// Checks liveness on a bound, with f views more after stabilisation than before it.
///
/// # Errors
/// A bound that makes no sense.
pub(super) fn run_liveness(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<&str>,
    limits: &Limits,
    progress: &Progress,
) -> Result<Outcome, BoundError> {
    let further = u64::from(job.bound.faults);
    let model = Liveness::new(job.bound.clone(), rules, Stabilisation { further })?;
    let asked = |name: &str| property.is_none_or(|property| property == ALL_LIVENESS || property == name);
    let mut properties = liveness_properties();
    properties.retain(|property| asked(&property.name));
    // The model's tables grow as it runs: one thread keeps the order of discovery, and so the counterexample,
    // the same in every run.
    let report = check_liveness(&model, &properties, &Limits { threads: 1, ..*limits }, progress);
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            let verdict = Verdict::Refused(error.to_string());
            return Ok(Outcome {
                job: job.clone(),
                coverage: Coverage::default(),
                verdict,
                unreached: Vec::new(),
                within_views: None,
            });
        }
    };
    let mut verdict = Verdict::Holds;
    let mut unreached = Vec::new();
    for finding in &report.findings {
        let name = if finding.property == EXECUTED { EXECUTED } else { ANSWERED };
        match &finding.verdict {
            LivenessVerdict::Violated(lasso) => {
                verdict = match told(&model, name, lasso) {
                    Ok(trace) => {
                        let steps = lasso.prefix.len() + lasso.cycle().len();
                        Verdict::Violated { property: name, steps, trace: Box::new(trace) }
                    }
                    Err(why) => Verdict::Refused(format!(
                        "a run that violates {name} was found, and the replicas do not show it: {why}; please report this"
                    )),
                };
                break;
            }
            LivenessVerdict::NotExhausted(Cut::Limit(limit)) => verdict = Verdict::NotExhausted(*limit),
            LivenessVerdict::NotExhausted(Cut::Boundary) => verdict = Verdict::NotExhausted(Limit::Bound),
            LivenessVerdict::Holds if finding.owed == 0 => unreached.push("a request waits"),
            LivenessVerdict::Holds => {}
        }
    }
    let is_violated = matches!(verdict, Verdict::Violated { .. });
    if let Some(refusal) = model.refusal().filter(|_| !is_violated) {
        verdict = Verdict::Refused(refusal);
    }
    Ok(Outcome { job: job.clone(), coverage: report.coverage, verdict, unreached, within_views: None })
}

/// A counterexample on the real replicas, message by message.
fn told(model: &Liveness, property: &'static str, lasso: &Lasso<LivenessMove>) -> Result<Trace, String> {
    let states = lasso.states(model).ok_or("a step is not there")?;
    let mut events: Vec<(Principal, Event)> = Vec::new();
    let (mut stable_after, mut repeats_after) = (usize::MAX, usize::MAX);
    for (number, (state, step)) in states.iter().zip(lasso.prefix.iter().chain(lasso.cycle())).enumerate() {
        if number == lasso.prefix.len() {
            repeats_after = events.len();
        }
        if *step == LivenessMove::Stabilise {
            stable_after = events.len();
        }
        events.extend(model.expand(state, step));
    }
    (stable_after, repeats_after) = (stable_after.min(events.len()), repeats_after.min(events.len()));
    let system = model.shared_system();
    let trace = loop {
        match Trace::replay(&system, &events) {
            // What the model let a replica forget, the replica still has.
            Err(ReplayError::Refused(step, .., Refusal::Duplicate)) => {
                events.remove(step - 1);
                for place in [&mut stable_after, &mut repeats_after] {
                    *place -= usize::from(*place >= step);
                }
            }
            replayed => break replayed.map_err(|error| error.to_string())?,
        }
    };
    let then = match lasso.ending {
        Ending::DeadEnd => Stay::DEAD_END,
        Ending::Rest => Stay::REST,
        Ending::Loop(_) => Stay::LOOP,
    };
    trace.staying(Stay { property, stable_after, repeats_after, then }).map_err(|error| error.to_string())
}
