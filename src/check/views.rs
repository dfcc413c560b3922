//! Judge 3 as a job: any number of views, every placement.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use stateright::{Expectation, Model as _};

use super::antichain::search_maximal;
use super::plan::{Job, JudgeKind, Outcome, Verdict, deadline, run};
use super::question::PlanError;
use super::search::{End, Limit, Limits, Progress, Report, search};
use crate::model::{
    Bound, BoundError, Byzantine, Property, Reductions, Scope, Views, ViewsState, ViewsStep, placements,
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
    properties: &[stateright::Property<Views>],
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
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
) -> Result<Outcome, PlanError> {
    let byzantine = job.bound.byzantine.len() as u16;
    let deadline = deadline(limits.timeout);
    let explored = |reductions| {
        let model = Views::new(job.bound.scope, byzantine, rules)?
            .reduced_by(reductions)
            .stopped_by(Arc::clone(&progress.stop), deadline);
        let mut properties = model.properties();
        // What comes of a view in which somebody panics is not known, whatever is asked.
        properties.retain(|p| {
            let is_asked = property.is_none_or(|property| property.name() == p.name);
            p.expectation != Expectation::Always || is_asked || p.name == Property::Panics.name()
        });
        let report = search_views(&model, &properties, limits, progress, |_| {});
        Ok::<_, BoundError>((model, report))
    };
    let (mut model, mut report) = explored(job.reductions)?;
    if model.objection().is_some() && report.end == End::Exhausted {
        (model, report) = explored(Reductions { subsumed: false, ..job.reductions })?;
    }
    let mut unreached = Vec::new();
    let is_asked = |found: &Property| property.is_none_or(|asked| asked == *found);
    let verdict = match (report.end, model.refusal()) {
        (End::Violated { path, .. }, _) if matches!(path.last(), Some(ViewsState::Lacks(found)) if !is_asked(found)) =>
        {
            let why = "somebody panics in a view, and what comes of it is not known; try --judge absorbed";
            Verdict::Refused(why.to_owned())
        }
        (End::Violated { property, path }, _) => {
            let views = path.len() as u64;
            let found = match path.last() {
                Some(&ViewsState::Lacks(lacking)) => shown(job, rules, lacking, views, limits, progress)?,
                _ => None,
            };
            match found {
                Some(verdict) => verdict,
                None => Verdict::Refused(format!(
                    "some run of {views} views violates {property}, and judge 2 did not find it in as many; try \
                     --judge absorbed --property {property} with more --views"
                )),
            }
        }
        (_, Some(refusal)) => Verdict::Refused(format!(
            "its views cannot be explored one by one: {refusal}; try --judge absorbed"
        )),
        (End::Limited(limit), None) => Verdict::NotExhausted(limit),
        // A view that was stopped in the middle led to less than it does.
        (End::Exhausted, None) if progress.stop.load(Relaxed) => Verdict::NotExhausted(Limit::Stopped),
        (End::Exhausted, None) if model.is_stopped() => {
            Verdict::NotExhausted(Limit::Time(limits.timeout.unwrap_or_default()))
        }
        (End::Exhausted, None) => {
            let reached = model.reached();
            unreached = Views::GOOD.into_iter().filter(|good| !reached.contains(good)).collect();
            Verdict::Holds
        }
    };
    let verdict = match verdict {
        Verdict::Holds | Verdict::Refused(_) => {
            let start = Instant::now();
            let found = in_few_views(job, rules, property, limits, progress)?;
            report.coverage.elapsed += start.elapsed();
            found.unwrap_or(verdict)
        }
        other => other,
    };
    if !matches!(verdict, Verdict::Holds) {
        unreached.clear();
    }
    let within_views = Some(model.within());
    let outcome = Outcome::of(job, report.coverage, verdict).without(unreached);
    Ok(Outcome { within_views, ..outcome })
}

/// What judge 2 finds to be violated in a few views, if it does. It makes fewer assumptions: so it says something of rulebooks of
/// which judge 3 says nothing, and what it finds stands whatever judge 3 says.
fn in_few_views(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
) -> Result<Option<Verdict>, PlanError> {
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
        let outcome = run(&job, rules, property, &limits, None, &Progress::default())?;
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
    property: Property,
    views: u64,
    limits: &Limits,
    progress: &Progress,
) -> Result<Option<Verdict>, PlanError> {
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
