//! Judge 3 as a job: any number of views, every placement.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use stateright::{Expectation, Model as _, Property};

use super::antichain::search_maximal;
use super::plan::{Job, JudgeKind, Outcome, Verdict, deadline, run};
use super::search::{Coverage, End, Limit, Limits, Progress, Report, search};
use crate::model::{
    Bound, BoundError, Byzantine, Reductions, Scope, Views, ViewsState, ViewsStep, placements,
};
use crate::pbft::Rules;

/// What this judge does not find, or does not say, is looked for in so many views of one sequence number, and so many states of each
/// placement: that takes little.
const FEW_VIEWS: u64 = 2;
const FEW_STATES: u64 = 40_000;

/// How many views more than the judge needed a violation is looked for in: who is primary of a view is fixed there.
const FURTHER_VIEWS: u64 = 1;

/// Visits the states between views, or those that no other one subsumes, as the model is reduced. `visit` is called once for
/// each of them, in the order of the search.
///
/// # Panics
/// If a property is not of kind *always*.
pub fn search_views(
    model: &Views,
    properties: &[Property<Views>],
    limits: &Limits,
    progress: &Progress,
    visit: impl FnMut(&ViewsState),
) -> Report<ViewsStep> {
    if model.leaves_out_subsumed() {
        search_maximal(model, properties, limits, progress, |state| model.reach(state), visit)
    } else {
        search(model, properties, limits, progress, visit)
    }
}

/// Explores all views of a scope.
///
/// # Errors
/// A bound that makes no sense.
pub(super) fn run_views(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<&str>,
    limits: &Limits,
    progress: &Progress,
) -> Result<Outcome, BoundError> {
    let byzantine = job.bound.byzantine.len() as u16;
    let deadline = deadline(limits.timeout);
    let model = |reductions| {
        let model = Views::new(job.bound.scope, byzantine, rules)?.reduced_by(reductions);
        Ok::<_, BoundError>(model.stopped_by(Arc::clone(&progress.stop), deadline))
    };
    let explored = |model: &Views| {
        let mut properties = model.properties();
        properties.retain(|p| {
            p.expectation != Expectation::Always || property.is_none_or(|property| property == p.name)
        });
        search_views(model, &properties, limits, progress, |_| {})
    };
    let start = Instant::now();
    let few = || in_few_views(job, rules, property, limits, (deadline, progress));
    let mut judge = model(job.reductions)?;
    let refused = |judge: &Views| {
        judge.refusal().map(|refusal| {
            let why = "its views cannot be explored one by one";
            Verdict::Refused(format!(
                "{why}: {refusal}; try --judge absorbed with as many --views as you can"
            ))
        })
    };
    let (verdict, mut coverage) = match refused(&judge) {
        // Nothing can be said to hold, so that a long search is in vain: what can be found soon is.
        Some(refusal) => (few()?.unwrap_or(refusal), Coverage::default()),
        None => {
            let mut report = explored(&judge);
            if judge.objection().is_some() && report.end == End::Exhausted {
                judge = model(Reductions { subsumed: false, ..job.reductions })?;
                report = explored(&judge);
            }
            let verdict = match (report.end, refused(&judge)) {
                (End::Violated { property, path }, _) => {
                    confirmed(job, rules, property, path.len() as u64, limits, progress)?
                }
                (_, Some(refusal)) => few()?.unwrap_or(refusal),
                (End::Limited(limit), None) => Verdict::NotExhausted(limit),
                // A view that was stopped in the middle led to less than it does.
                (End::Exhausted, None) if progress.stop.load(Relaxed) => {
                    Verdict::NotExhausted(Limit::Stopped)
                }
                (End::Exhausted, None) if judge.is_stopped() => {
                    Verdict::NotExhausted(Limit::Time(limits.timeout.unwrap_or_default()))
                }
                (End::Exhausted, None) => few()?.unwrap_or(Verdict::Holds),
            };
            (verdict, report.coverage)
        }
    };
    // To try what is assumed is part of the work.
    coverage.elapsed = start.elapsed();
    let reached = judge.reached();
    let is_clean = matches!(verdict, Verdict::Holds);
    let unreached = Views::GOOD.into_iter().filter(|good| is_clean && !reached.contains(good)).collect();
    let within_views = Some(judge.within());
    Ok(Outcome { job: job.clone(), coverage, verdict, unreached, within_views })
}

/// The violation that was found, as judge 2 finds it in as many views; if it does not, nothing is said.
fn confirmed(
    job: &Job,
    rules: &'static dyn Rules,
    property: &'static str,
    views: u64,
    limits: &Limits,
    progress: &Progress,
) -> Result<Verdict, BoundError> {
    let shown = shown(job, rules, property, views, limits, progress)?;
    Ok(shown.unwrap_or_else(|| {
        Verdict::Refused(format!(
            "some run of {views} views violates {property}, and judge 2 did not find it in as many; try --judge \
             absorbed --property {property} with more --views"
        ))
    }))
}

/// What judge 2 finds to be violated in a few views, if it does. It makes fewer assumptions: so it says something of rulebooks of
/// which judge 3 says nothing, and what it finds stands whatever judge 3 says.
fn in_few_views(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<&str>,
    limits: &Limits,
    (deadline, progress): (Option<Instant>, &Progress),
) -> Result<Option<Verdict>, BoundError> {
    let committee = job.bound.validate()?;
    let count = Byzantine::Count(job.bound.byzantine.len() as u16);
    let most = limits.max_states.map_or(FEW_STATES, |most| most.min(FEW_STATES));
    let limits = Limits { max_states: Some(most), ..*limits };
    let Scope { replicas, faults, requests, views, slots, .. } = job.bound.scope;
    let plain = Scope { replicas, faults, requests, views, slots, ..Scope::DEFAULT };
    if job.bound.scope != plain {
        return Ok(None);
    }
    let scope = Scope { views: FEW_VIEWS, slots: 1, ..plain };
    for ids in placements(&count, committee, FEW_VIEWS, rules) {
        if progress.stop.load(Relaxed) {
            break;
        }
        let job = Job::new(JudgeKind::Absorbed, Bound::new(scope, ids));
        let unseen = Progress { stop: Arc::clone(&progress.stop), ..Progress::default() };
        let outcome = run(&job, rules, property, &limits, deadline, &unseen)?;
        if matches!(outcome.verdict, Verdict::Violated { .. }) {
            return Ok(Some(outcome.verdict));
        }
    }
    Ok(None)
}

/// The violation as judge 2 finds it and the replicas show it.
fn shown(
    job: &Job,
    rules: &'static dyn Rules,
    property: &'static str,
    views: u64,
    limits: &Limits,
    progress: &Progress,
) -> Result<Option<Verdict>, BoundError> {
    let committee = job.bound.validate()?;
    let count = Byzantine::Count(job.bound.byzantine.len() as u16);
    for views in views..=views + FURTHER_VIEWS {
        let mut scope = job.bound.scope;
        scope.views = views;
        for ids in placements(&count, committee, views, rules) {
            let job = Job::new(JudgeKind::Absorbed, Bound::new(scope, ids));
            let outcome = run(&job, rules, Some(property), limits, None, progress)?;
            if matches!(outcome.verdict, Verdict::Violated { .. }) {
                return Ok(Some(outcome.verdict));
            }
        }
    }
    Ok(None)
}
