//! The liveness properties of PBFT, on all fair runs of a bound.

use std::time::Instant;

use super::fair::{Cut, FairModel, HaltedGraph, LivenessProperty, LivenessVerdict, check_liveness_on};
use super::job::Job;
use super::limits::{Limit, Limits, Progress};
use super::liveness_looks::{Asked, FEW, together};
use super::liveness_told::{panics, told};
use super::outcome::{Outcome, Verdict, exhausted};
use super::search::{Coverage, End, search};
use crate::interrupt;
use crate::model::{
    Beginning, BoundError, Conduct, Event, Judge as _, Liveness, LivenessMove, LivenessState, Owed, Property,
    Stabilisation,
};
use crate::pbft::{Principal, Rules};

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

/// A bound of more states is looked at in between for runs without end.
const LARGE: u64 = 250_000;

/// The good outcome without which liveness says nothing.
pub(super) const WAITS: &str = "a request waits";

/// The liveness properties of PBFT, as the checker takes them.
pub fn liveness_properties() -> Vec<LivenessProperty<Liveness>> {
    vec![
        LivenessProperty::eventually(Property::Executed.name(), Liveness::is_executed),
        LivenessProperty::eventually(Property::Answered.name(), Liveness::is_answered),
    ]
}

/// Checks liveness on a bound, with f views more after stabilisation than before it. Before that it looks for views that
/// change for ever, among some runs whose views go on without end; and again among more of them, where the bound
/// leaves no verdict.
///
/// # Errors
/// A bound that makes no sense.
pub(super) fn run_liveness(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
    from: Option<UnfinishedLiveness>,
) -> Result<(Outcome, Option<UnfinishedLiveness>), BoundError> {
    let start = Instant::now();
    let mut asked =
        Asked { job, rules, property, limits, progress, start, covered: Coverage::default(), found: None };
    let mut is_begun = true;
    let (model, halted, mut has_looked) = match from {
        Some(UnfinishedLiveness { model, halted, covered, has_looked }) => {
            asked.covered = covered;
            (model, Some(halted), has_looked)
        }
        None => {
            if let Some(outcome) = asked.first_looks()? {
                return Ok((outcome, None));
            }
            // Looks that were cut short are made again.
            is_begun = !interrupt::is_set();
            (Box::new(new_model(job, rules)?), None, false)
        }
    };
    let is_over = |outcome: &Outcome| matches!(outcome.verdict, Verdict::NotExhausted(Limit::States(_)));
    let first = limits.max_states.map_or(LARGE, |most| most.min(LARGE));
    let (mut outcome, mut halted) =
        asked.explored(&model, if has_looked { limits.max_states } else { Some(first) }, halted);
    if !has_looked && is_over(&outcome) && limits.max_states.is_none_or(|most| most > first) {
        match asked.look_or_limit(|asked| asked.look(&Conduct::PLAIN, Beginning::Unstable, FEW, &[]))? {
            Ok(Some(found)) => return Ok((found.also(outcome.coverage), None)),
            Ok(None) => {
                has_looked = true;
                (outcome, halted) = asked.explored(&model, limits.max_states, halted);
            }
            Err(limit) => outcome.verdict = Verdict::NotExhausted(limit),
        }
    }
    if matches!(outcome.verdict, Verdict::Holds) {
        outcome.verdict = all_explored(&model);
    }
    if matches!(outcome.verdict, Verdict::NotExhausted(Limit::Bound))
        && let Ok(Some(found)) = asked.look_or_limit(Asked::last_looks)?
    {
        return Ok((found.also(outcome.coverage), None));
    }
    let goes_on = matches!(outcome.verdict, Verdict::NotExhausted(_)) && asked.found.is_none() && is_begun;
    let covered = asked.covered;
    if matches!(outcome.verdict, Verdict::NotExhausted(_) | Verdict::Refused(_)) && !progress.pauses() {
        outcome.coverage = together(outcome.coverage, asked.covered);
        if let Some(found) = asked.found {
            (outcome.verdict, outcome.unreached) = (found.verdict, found.unreached);
        }
    }
    let unfinished = halted.filter(|_| goes_on || progress.pauses() && is_begun);
    let unfinished = unfinished.map(|halted| UnfinishedLiveness { model, halted, covered, has_looked });
    Ok((outcome, unfinished))
}

/// The verdict where all of a model was explored, and nothing was violated.
pub(super) fn all_explored(model: &Liveness) -> Verdict {
    match model.far_views_are_alike() {
        true => interrupt::undisturbed(|| exhausted(model.judge().system())),
        false => Verdict::NotExhausted(Limit::Bound),
    }
}

/// The model of all runs of a job.
pub(super) fn new_model(job: &Job, rules: &'static dyn Rules) -> Result<Liveness, BoundError> {
    let further = u64::from(job.bound.scope.faults);
    Liveness::new(job.bound.clone(), rules, Stabilisation { further })
}

/// A run that a limit ended: the model, with all that its tables hold, what was explored, and what the looks at runs without
/// end have covered.
#[derive(Debug)]
pub(super) struct UnfinishedLiveness {
    pub model: Box<Liveness>,
    pub halted: HaltedGraph<LivenessState, Owed>,
    pub covered: Coverage,
    /// Whether runs without end were looked at between.
    pub has_looked: bool,
}

/// What one model says, whose runs begin with events that are given.
pub(super) fn judge(
    job: &Job,
    model: &Liveness,
    given: &[(Principal, Event)],
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
    halted: Option<HaltedGraph<LivenessState, Owed>>,
) -> (Outcome, Option<HaltedGraph<LivenessState, Owed>>) {
    let asked = |name: &str| property.is_none_or(|property| property.name() == name);
    let mut properties = liveness_properties();
    properties.retain(|property| asked(&property.name));
    // The model's tables grow as it runs: one thread keeps the order of discovery, and so the counterexample,
    // the same in every run.
    let report = check_liveness_on(model, &properties, &Limits { threads: 1, ..*limits }, progress, halted);
    let (report, halted) = match report {
        Ok(report) => report,
        Err(error) => {
            let verdict = Verdict::Refused(error.to_string());
            let coverage = Coverage::default();
            return (Outcome::of(job, coverage, verdict), None);
        }
    };
    if progress.pauses() && halted.is_some() {
        let paused = Verdict::NotExhausted(Limit::Stopped);
        return (Outcome::of(job, report.coverage, paused), halted);
    }
    if let Some(verdict) = panicking(model, given, limits, progress) {
        return (Outcome::of(job, report.coverage, verdict), halted);
    }
    let mut verdict = Verdict::Holds;
    let mut unreached = Vec::new();
    for finding in &report.findings {
        let violated = Property::LIVENESS.into_iter().find(|property| property.name() == finding.property);
        let Some(violated) = violated else { continue };
        match &finding.verdict {
            LivenessVerdict::Violated(lasso) => {
                verdict = match interrupt::undisturbed(|| told(model, given, violated, lasso)) {
                    Ok(trace) => {
                        let steps = lasso.prefix.len() + lasso.cycle().len();
                        Verdict::Violated { property: violated, steps, trace: Box::new(trace) }
                    }
                    Err(why) => Verdict::Refused(format!(
                        "a run that violates {violated} was found in the model, and the replicas do not show it: {why}"
                    )),
                };
                break;
            }
            LivenessVerdict::NotExhausted(Cut::Limit(limit)) => verdict = Verdict::NotExhausted(*limit),
            LivenessVerdict::NotExhausted(Cut::Boundary) => verdict = Verdict::NotExhausted(Limit::Bound),
            LivenessVerdict::Holds if finding.owed == 0 => unreached.push(WAITS),
            LivenessVerdict::Holds => {}
        }
    }
    let is_violated = matches!(verdict, Verdict::Violated { .. });
    if let Some(refusal) = model.refusal().filter(|_| !is_violated) {
        verdict = Verdict::Refused(refusal);
    }
    (Outcome::of(job, report.coverage, verdict).without(unreached), halted)
}

/// What is said of a model in which somebody panics: where it is not known whether anybody does, nothing.
fn panicking(
    model: &Liveness,
    given: &[(Principal, Event)],
    limits: &Limits,
    progress: &Progress,
) -> Option<Verdict> {
    if !model.meets_panics() {
        return None;
    }
    let nobody: fn(&Liveness, &LivenessState) -> bool =
        |model, state| model.with_view(state, |seen| seen.panicked.is_none());
    let asked = [stateright::Property::always(Property::Panics.name(), nobody)];
    let report = search(model, &asked, &Limits { threads: 1, ..*limits }, progress, |_| {});
    match report.end {
        End::Exhausted => None,
        End::Limited(limit) => Some(Verdict::NotExhausted(limit)),
        End::Violated { path, .. } => Some(match interrupt::undisturbed(|| panics(model, given, &path)) {
            Ok(trace) => {
                Verdict::Violated { property: Property::Panics, steps: path.len(), trace: Box::new(trace) }
            }
            Err(why) => Verdict::Refused(format!(
                "somebody panics in the model, and the replicas do not show it: {why}"
            )),
        }),
    }
}
