//! Judge *unbounded* as a job: any number of views, every placement.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use stateright::{Expectation, Model as _};

use super::antichain::{HaltedChain, search_maximal};
use super::job::{Job, JudgeKind};
use super::limits::{Limit, Limits, Progress, deadline};
use super::outcome::{Outcome, Verdict};
use super::question::PlanError;
use super::run::run;
use super::search::{Coverage, End, Halted, Report, search_on};
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
    search_unbounded_on(model, properties, limits, progress, None, visit).0
}

/// A search that a limit ended, and all that it takes to go on with it but the model.
pub(super) enum HaltedUnbounded {
    /// Of the states that no other one subsumes.
    Chain(HaltedChain<UnboundedState, UnboundedStep>),
    /// Of all.
    All(Halted<UnboundedState>),
}

/// The same, from where another search was ended by a limit, if one was. Also gives what it takes to go on, if a limit
/// ended this one.
fn search_unbounded_on(
    model: &UnboundedModel,
    properties: &[stateright::Property<UnboundedModel>],
    limits: &Limits,
    progress: &Progress,
    halted: Option<HaltedUnbounded>,
    visit: impl FnMut(&UnboundedState),
) -> (Report<UnboundedStep>, Option<HaltedUnbounded>) {
    if model.leaves_out_subsumed() {
        let halted = match halted {
            Some(HaltedUnbounded::Chain(halted)) => Some(halted),
            _ => None,
        };
        let reach = |state: &UnboundedState| model.reach(state);
        let (report, halted) = search_maximal(model, properties, limits, progress, halted, reach, visit);
        (report, halted.map(HaltedUnbounded::Chain))
    } else {
        let halted = match halted {
            Some(HaltedUnbounded::All(halted)) => Some(halted),
            _ => None,
        };
        let (report, halted) = search_on(model, properties, limits, progress, halted, visit);
        (report, halted.map(HaltedUnbounded::All))
    }
}

/// A run that a limit ended: its model, which of the reductions that it was asked for it has, and its search.
pub(super) struct UnfinishedUnbounded {
    pub model: Box<UnboundedModel>,
    pub reductions: Reductions,
    pub halted: HaltedUnbounded,
}

impl std::fmt::Debug for UnfinishedUnbounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnfinishedUnbounded").field("model", &self.model).finish_non_exhaustive()
    }
}

/// The model of a job with these reductions.
///
/// # Errors
/// A bound that makes no sense.
pub(super) fn new_model(
    job: &Job,
    rules: &'static dyn Rules,
    reductions: Reductions,
) -> Result<UnboundedModel, BoundError> {
    let byzantine = job.bound.byzantine.len() as u16;
    Ok(UnboundedModel::new(job.bound.scope, byzantine, rules)?.reduced_by(reductions))
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
    from: Option<UnfinishedUnbounded>,
) -> Result<(Outcome, Option<UnfinishedUnbounded>), PlanError> {
    let asked = Asked { job, rules, property, limits, deadline: deadline(limits.timeout), progress };
    let start = Instant::now();
    let (judge, verdict, mut coverage, halted) = asked.answer(from)?;
    // To try what is assumed is part of the work, and so is what was done before.
    coverage.elapsed = coverage.elapsed.max(start.elapsed());
    let reached = judge.reached();
    let is_clean = matches!(verdict, Verdict::Holds);
    let unreached =
        UnboundedModel::GOOD.into_iter().filter(|good| is_clean && !reached.contains(good)).collect();
    let within_views = Some(judge.within());
    let outcome = Outcome::of(job, coverage, verdict).without(unreached);
    let unfinished =
        halted.map(|(reductions, halted)| UnfinishedUnbounded { model: judge, reductions, halted });
    Ok((Outcome { within_views, ..outcome }, unfinished))
}

/// The judge, what it says, how much it has visited, and what it takes to go on with which of the reductions.
type Answer = (Box<UnboundedModel>, Verdict, Coverage, Option<(Reductions, HaltedUnbounded)>);

/// What is asked, and how long.
struct Asked<'a> {
    job: &'a Job,
    rules: &'static dyn Rules,
    property: Option<Property>,
    limits: &'a Limits,
    deadline: Option<Instant>,
    progress: &'a Progress,
}

impl Asked<'_> {
    /// The judge, what it says, and how much it has visited; and what it takes to go on, if a limit ended the search.
    fn answer(&self, from: Option<UnfinishedUnbounded>) -> Result<Answer, PlanError> {
        let (mut judge, mut reductions, mut halted) = match from {
            Some(UnfinishedUnbounded { model, reductions, halted }) => (model, reductions, Some(halted)),
            None => {
                let reductions = self.job.reductions;
                let judge = Box::new(new_model(self.job, self.rules, reductions)?);
                // Nothing can be said to hold, so that a long search is in vain: what can be found soon is.
                if let Some(refusal) = refused(&judge) {
                    let verdict = self.in_few_views()?.unwrap_or(refusal);
                    return Ok((judge, verdict, Coverage::default(), None));
                }
                (judge, reductions, None)
            }
        };
        let mut report;
        (report, halted) = self.explored(&judge, halted);
        if judge.objection().is_some() && report.end == End::Exhausted {
            reductions = Reductions { subsumed: false, ..reductions };
            judge = Box::new(new_model(self.job, self.rules, reductions)?);
            (report, halted) = self.explored(&judge, None);
        }
        let Report { end, coverage, .. } = report;
        if self.progress.pauses() && halted.is_some() {
            return Ok((
                judge,
                Verdict::NotExhausted(Limit::Stopped),
                coverage,
                halted.map(|it| (reductions, it)),
            ));
        }
        let verdict = self.verdict(&judge, end, coverage.depth)?;
        // What was found so that the search is to end is found again, soon.
        let goes_on = matches!(verdict, Verdict::NotExhausted(_)) && judge.found().is_some();
        Ok((judge, verdict, coverage, halted.filter(|_| goes_on).map(|it| (reductions, it))))
    }

    fn explored(
        &self,
        model: &UnboundedModel,
        halted: Option<HaltedUnbounded>,
    ) -> (Report<UnboundedStep>, Option<HaltedUnbounded>) {
        let mut properties = model.properties();
        // What comes of a view in which somebody panics is not known, whatever is asked.
        properties.retain(|p| {
            let is_asked = self.property.is_none_or(|property| property.name() == p.name);
            p.expectation != Expectation::Always || is_asked || p.name == Property::Panics.name()
        });
        self.progress.can_pause.store(true, Relaxed);
        let explored = search_unbounded_on(model, &properties, self.limits, self.progress, halted, |_| {});
        if !self.progress.pauses() {
            self.progress.can_pause.store(false, Relaxed);
        }
        explored
    }

    /// What is said of a search that ended so, after so many steps at most.
    fn verdict(
        &self,
        judge: &UnboundedModel,
        end: End<UnboundedStep>,
        depth: u64,
    ) -> Result<Verdict, PlanError> {
        Ok(match (end, refused(judge)) {
            (End::Violated { path, .. }, _) if is_unasked(&path, self.property) => {
                self.in_few_views()?.unwrap_or_else(cut_short)
            }
            (End::Violated { property, path }, _) => {
                // The way there is not found again if the judge has an objection since.
                let views = depth.max(path.len() as u64);
                self.shown(property, views)?.unwrap_or_else(|| unconfirmed(property, views))
            }
            (_, Some(refusal)) => self.in_few_views()?.unwrap_or(refusal),
            (End::Limited(limit), None) => Verdict::NotExhausted(limit),
            (End::Exhausted, None) => self.in_few_views()?.unwrap_or(Verdict::Holds),
        })
    }

    /// What judge *guards* finds to be violated in a few views, if it does. It makes fewer assumptions: so it says something
    /// of rulebooks of which judge *unbounded* says nothing, and what it finds stands whatever judge *unbounded* says.
    fn in_few_views(&self) -> Result<Option<Verdict>, PlanError> {
        let (bound, progress) = (&self.job.bound, self.progress);
        let committee = bound.validate()?;
        let count = Byzantine::Count(bound.byzantine.len() as u16);
        let most = self.limits.max_states.map_or(FEW_STATES, |most| most.min(FEW_STATES));
        let limits = Limits { max_states: Some(most), ..*self.limits };
        let Scope { replicas, faults, requests, views, slots, .. } = bound.scope;
        let plain = Scope { replicas, faults, requests, views, slots, ..Scope::DEFAULT };
        if bound.scope != plain || replicas > FEW_REPLICAS {
            return Ok(None);
        }
        let requests = requests.min(FEW_REQUESTS);
        let scope = Scope { views: FEW_VIEWS, slots: 1, requests, ..plain };
        for ids in placements(&count, committee, FEW_VIEWS, self.rules) {
            if progress.stop.load(Relaxed) {
                break;
            }
            let unseen = Progress { stop: Arc::clone(&progress.stop), ..Progress::default() };
            let found = self.by_guards(Bound::new(scope, ids), &limits, &unseen)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The violation of this name as judge *guards* finds it in so many views and the replicas show it.
    fn shown(&self, property: &str, views: u64) -> Result<Option<Verdict>, PlanError> {
        let bound = &self.job.bound;
        let committee = bound.validate()?;
        let count = Byzantine::Count(bound.byzantine.len() as u16);
        let asked = Asked { property: property.parse().ok(), ..*self };
        for views in views..=views + FURTHER_VIEWS {
            let mut scope = bound.scope;
            scope.views = views;
            for ids in placements(&count, committee, views, self.rules) {
                let found = asked.by_guards(Bound::new(scope, ids), self.limits, self.progress)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }

    /// What judge *guards* finds to be violated in a bound, if it does.
    fn by_guards(
        &self,
        bound: Bound,
        limits: &Limits,
        progress: &Progress,
    ) -> Result<Option<Verdict>, PlanError> {
        let job = Job::new(JudgeKind::Guards, bound);
        let outcome = run(&job, self.rules, self.property, limits, self.deadline, progress)?;
        Ok(Some(outcome.verdict).filter(|verdict| matches!(verdict, Verdict::Violated { .. })))
    }
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
