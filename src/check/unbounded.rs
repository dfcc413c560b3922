//! Judge *unbounded* as a job: any number of views, every placement.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use stateright::{Expectation, Model as _};

use super::antichain::search_maximal;
use super::job::{Job, JudgeKind};
use super::limits::{Limit, Limits, Progress, deadline};
use super::outcome::{Outcome, Verdict};
use super::question::PlanError;
use super::run::run;
use super::search::{Coverage, End, Report, search};
use crate::model::{
    Bound, BoundError, Byzantine, Property, Reductions, Scope, UnboundedModel, UnboundedState, UnboundedStep,
    placements,
};
use crate::pbft::Rules;

/// What this judge does not find, or does not say, is looked for in so many views of one sequence number, with so many replicas
/// and requests at most, and in so many states of each placement: that takes little.
const FEW_VIEWS: u64 = 2;
const FEW_REPLICAS: u16 = 4;
const FEW_REQUESTS: u32 = 2;
const FEW_STATES: u64 = 40_000;

/// How many views more than the judge needed a violation is looked for in: who is primary of a view is fixed there.
const FURTHER_VIEWS: u64 = 1;

/// Visits the states between views, or those that no other one subsumes, as the model is reduced. `visit` is called once for
/// each of them, in the order of the search.
///
/// # Panics
/// If a property is not of kind *always*.
pub fn search_unbounded(
    model: &UnboundedModel,
    properties: &[stateright::Property<UnboundedModel>],
    limits: &Limits,
    progress: &Progress,
    visit: impl FnMut(&UnboundedState),
) -> Report<UnboundedStep> {
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
pub(super) fn run_unbounded(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
) -> Result<Outcome, PlanError> {
    let byzantine = job.bound.byzantine.len() as u16;
    let deadline = deadline(limits.timeout);
    let model = |reductions| {
        let model = UnboundedModel::new(job.bound.scope, byzantine, rules)?.reduced_by(reductions);
        Ok::<_, BoundError>(model.stopped_by(Arc::clone(&progress.stop), deadline))
    };
    let explored = |model: &UnboundedModel| {
        let mut properties = model.properties();
        // What comes of a view in which somebody panics is not known, whatever is asked.
        properties.retain(|p| {
            let is_asked = property.is_none_or(|property| property.name() == p.name);
            p.expectation != Expectation::Always || is_asked || p.name == Property::Panics.name()
        });
        search_unbounded(model, &properties, limits, progress, |_| {})
    };
    let start = Instant::now();
    let few = || in_few_views(job, rules, property, limits, (deadline, progress));
    let mut judge = model(job.reductions)?;
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
                (End::Violated { path, .. }, _) if is_unasked(&path, property) => {
                    few()?.unwrap_or_else(cut_short)
                }
                (End::Violated { property, path }, _) => {
                    // The way there is not found again if the judge has an objection since.
                    let views = report.coverage.depth.max(path.len() as u64);
                    let shown = shown(job, rules, property, views, limits, (deadline, progress))?;
                    shown.unwrap_or_else(|| unconfirmed(property, views))
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
    let unreached =
        UnboundedModel::GOOD.into_iter().filter(|good| is_clean && !reached.contains(good)).collect();
    let within_views = Some(judge.within());
    let outcome = Outcome::of(job, coverage, verdict).without(unreached);
    Ok(Outcome { within_views, ..outcome })
}

/// That it cannot judge the rulebook, if it cannot.
fn refused(judge: &UnboundedModel) -> Option<Verdict> {
    let why = "its views cannot be explored one by one";
    let refused = |refusal| format!("{why}: {refusal}; try --judge guards with as many --views as you can");
    judge.refusal().map(refused).map(Verdict::Refused)
}

/// Whether what is violated at the end of a path is not what was asked about.
fn is_unasked(path: &[UnboundedStep], asked: Option<Property>) -> bool {
    let is_found = |found: &Property| asked.is_none_or(|asked| asked == *found);
    matches!(path.last(), Some(UnboundedState::Lacks(found)) if !is_found(found))
}

/// Nothing is said of what comes of a view in which somebody panics.
fn cut_short() -> Verdict {
    let why = "somebody panics in some view, and what comes of it is not known; try --judge guards";
    Verdict::Refused(why.to_owned())
}

/// Nothing is said of a violation that judge *guards* does not find.
fn unconfirmed(property: &str, views: u64) -> Verdict {
    Verdict::Refused(format!(
        "some run of {views} views violates {property}, and judge *guards* did not find it in as many, or not within the \
         limits; try --judge guards --property {property} with more --views"
    ))
}

/// What judge *guards* finds to be violated in a few views, if it does. It makes fewer assumptions: so it says something of rulebooks of
/// which judge *unbounded* says nothing, and what it finds stands whatever judge *unbounded* says.
fn in_few_views(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<Property>,
    limits: &Limits,
    (deadline, progress): (Option<Instant>, &Progress),
) -> Result<Option<Verdict>, PlanError> {
    let committee = job.bound.validate()?;
    let count = Byzantine::Count(job.bound.byzantine.len() as u16);
    let most = limits.max_states.map_or(FEW_STATES, |most| most.min(FEW_STATES));
    let limits = Limits { max_states: Some(most), ..*limits };
    let Scope { replicas, faults, requests, views, slots, .. } = job.bound.scope;
    let plain = Scope { replicas, faults, requests, views, slots, ..Scope::DEFAULT };
    if job.bound.scope != plain || replicas > FEW_REPLICAS {
        return Ok(None);
    }
    let requests = requests.min(FEW_REQUESTS);
    let scope = Scope { views: FEW_VIEWS, slots: 1, requests, ..plain };
    for ids in placements(&count, committee, FEW_VIEWS, rules) {
        if progress.stop.load(Relaxed) {
            break;
        }
        let job = Job::new(JudgeKind::Guards, Bound::new(scope, ids));
        let unseen = Progress { stop: Arc::clone(&progress.stop), ..Progress::default() };
        let outcome = run(&job, rules, property, &limits, deadline, &unseen)?;
        if matches!(outcome.verdict, Verdict::Violated { .. }) {
            return Ok(Some(outcome.verdict));
        }
    }
    Ok(None)
}

/// The violation of this name as judge *guards* finds it in so many views and the replicas show it.
fn shown(
    job: &Job,
    rules: &'static dyn Rules,
    property: &str,
    views: u64,
    limits: &Limits,
    (deadline, progress): (Option<Instant>, &Progress),
) -> Result<Option<Verdict>, PlanError> {
    let committee = job.bound.validate()?;
    let count = Byzantine::Count(job.bound.byzantine.len() as u16);
    let property = property.parse().ok();
    for views in views..=views + FURTHER_VIEWS {
        let mut scope = job.bound.scope;
        scope.views = views;
        for ids in placements(&count, committee, views, rules) {
            let job = Job::new(JudgeKind::Guards, Bound::new(scope, ids));
            let outcome = run(&job, rules, property, limits, deadline, progress)?;
            if matches!(outcome.verdict, Verdict::Violated { .. }) {
                return Ok(Some(outcome.verdict));
            }
        }
    }
    Ok(None)
}
