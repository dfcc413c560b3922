//! From a question to rows of a table: which judge runs on which bound, and what came of it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use stateright::{Expectation, Model};

use super::liveness::run_liveness;
use super::question::{PlanError, validate};
use super::save::{Suspended, Unfinished};
use super::search::{Coverage, End, Limit, Limits, Progress, Report, search_on};
use super::unbounded::run_unbounded;
use crate::model::{
    Bound, BoundError, ByGuards, Byzantine, Event, GuardModel, Judge, MessageGraph, Move, NoSuchProperty,
    Property, Reduced, Reductions, Scope, Symmetric, System, guarded, no_dead_end, placements, properties,
    votes_matter,
};
use crate::pbft::{Counted, Principal, Refusal, ReplicaId, RuleCount, Rules};
use crate::trace::{ReplayError, Trace};

/// Which judge explores.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JudgeKind {
    /// Judge *message*: every delivery is a step.
    Message,
    /// Judge *guards*: whole guards at a time.
    Guards,
    /// Judge *guards* with a time from which the network is stable: liveness, on all fair runs.
    Liveness,
    /// Judge *unbounded*: view by view, for any number of views and every placement at once.
    Unbounded,
}

impl std::fmt::Display for JudgeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            JudgeKind::Message => "message",
            JudgeKind::Guards => "guards",
            JudgeKind::Liveness => "liveness",
            JudgeKind::Unbounded => "unbounded",
        })
    }
}

/// One run: a judge on a bound.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The judge.
    pub judge: JudgeKind,
    /// The bound, with one placement of the Byzantine replicas. To [`JudgeKind::Unbounded`] its number of views
    /// means nothing, and of the Byzantine replicas only how many they are.
    pub bound: Bound,
    /// Which states it leaves out because others stand for them; those that its judge does not have count for
    /// nothing.
    pub reductions: Reductions,
}

impl Job {
    /// A judge on a bound, with the reductions that it has by default: judge *unbounded* all of them.
    pub fn new(judge: JudgeKind, bound: Bound) -> Self {
        let reductions = if judge == JudgeKind::Unbounded { Reductions::ALL } else { Reductions::NONE };
        Job { judge, bound, reductions }
    }

    /// What is explored, in words.
    pub fn covers(&self) -> String {
        match self.judge {
            JudgeKind::Unbounded => self.bound.scope.with_views("any number of views"),
            _ => self.bound.scope.to_string(),
        }
    }
}

/// The jobs of one judge: the bound with every placement, up to symmetry.
///
/// # Errors
/// A bound that makes no sense.
pub fn jobs(
    judge: JudgeKind,
    bound: &Bound,
    byzantine: &Byzantine,
    rules: &dyn Rules,
) -> Result<Vec<Job>, BoundError> {
    let committee = bound.validate()?;
    if let Byzantine::Count(count) = byzantine
        && *count >= bound.replicas
    {
        return Err(BoundError::NobodyHonest(usize::from(*count), bound.replicas));
    }
    if judge == JudgeKind::Unbounded {
        let count = match byzantine {
            Byzantine::Count(count) => *count,
            Byzantine::Ids(ids) => ids.len() as u16,
        };
        let last = (bound.replicas.saturating_sub(count)..bound.replicas).map(ReplicaId);
        let bound = Bound::new(Scope { views: 1, ..bound.scope }, last);
        bound.validate()?;
        return Ok(vec![Job::new(judge, bound)]);
    }
    let further = if judge == JudgeKind::Liveness { u64::from(bound.faults) } else { 0 };
    placements(byzantine, committee, bound.views + further, rules)
        .into_iter()
        .map(|ids| {
            let bound = Bound::new(bound.scope, ids);
            bound.validate().map(|_| Job::new(judge, bound))
        })
        .collect()
}

/// What a run says.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Every reachable state within the bound was visited and has every property, and every good outcome that must be
    /// possible is reached.
    Holds,
    /// Every reachable state within the bound was visited and has every property, but some good outcome is
    /// [never reached](Outcome::unreached): the properties may hold only because so little happens.
    Vacuous,
    /// A property is violated; the trace was replayed on the real replicas.
    Violated {
        /// The property.
        property: Property,
        /// The shortest run that the judge knows, in its own steps.
        steps: usize,
        /// That run, message by message.
        trace: Box<Trace>,
    },
    /// A limit ended the run: nothing is said of what was not visited.
    NotExhausted(Limit),
    /// This judge cannot judge this rulebook, or contradicts the replica; no verdict.
    Refused(String),
}

/// The result of a job.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What ran.
    pub job: Job,
    /// What was covered.
    pub coverage: Coverage,
    /// What it says.
    pub verdict: Verdict,
    /// Good outcomes that no visited state has: a run in which nothing happens proves nothing.
    pub unreached: Vec<&'static str>,
    /// How often the replicas have asked each rule, and what it said, in the steps that the judge has run: it runs most of
    /// them once, however often they come up. Not known of a run that was gone on with.
    pub rules: Option<Vec<RuleCount>>,
    /// How many states were visited within views, where [`Coverage::states`] counts those between them.
    pub within_views: Option<u64>,
}

impl Verdict {
    /// Whether all was visited, and nothing is violated.
    pub fn is_clean(&self) -> bool {
        matches!(self, Verdict::Holds | Verdict::Vacuous)
    }
}

impl Outcome {
    /// The outcome of a job, of which nothing more is known.
    pub(super) fn of(job: &Job, coverage: Coverage, verdict: Verdict) -> Self {
        Outcome {
            job: job.clone(),
            coverage,
            verdict,
            unreached: Vec::new(),
            rules: None,
            within_views: None,
        }
    }

    /// The same, of which these good outcomes are in no state that was visited: if it holds, it does so vacuously.
    pub(super) fn without(self, unreached: Vec<&'static str>) -> Self {
        match self.verdict {
            Verdict::Holds if !unreached.is_empty() => {
                Outcome { verdict: Verdict::Vacuous, unreached, ..self }
            }
            _ => self,
        }
    }
}

/// Runs a job. `property` restricts the check to one property; `deadline` ends it.
///
/// # Errors
/// A question that makes no sense.
pub fn run(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<Property>,
    limits: &Limits,
    deadline: Option<Instant>,
    progress: &Progress,
) -> Result<Outcome, PlanError> {
    run_on(job, rules, property, limits, deadline, progress, None).map(|(outcome, _)| outcome)
}

/// The same, from where a limit ended the job before, if it did: that must have been of the same rules and
/// property. Also gives what it takes to go on, if a limit ended it now; liveness cannot go on.
///
/// # Errors
/// A question that makes no sense.
pub fn run_on(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<Property>,
    limits: &Limits,
    deadline: Option<Instant>,
    progress: &Progress,
    from: Option<Unfinished>,
) -> Result<(Outcome, Option<Unfinished>), PlanError> {
    let ran = guarded(|| counted(job, rules, property, limits, deadline, progress, from));
    ran.unwrap_or_else(|panicked| {
        let why = format!("a rule that was asked while no replica took a step panicked: {panicked}");
        Ok((Outcome::of(job, Coverage::default(), Verdict::Refused(why)), None))
    })
}

fn counted(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<Property>,
    limits: &Limits,
    deadline: Option<Instant>,
    progress: &Progress,
    from: Option<Unfinished>,
) -> Result<(Outcome, Option<Unfinished>), PlanError> {
    validate(job, rules, property)?;
    let is_whole = from.is_none();
    let counted = Counted::leak(rules.itself());
    let (outcome, unfinished) = searched(job, counted, property, limits, deadline, progress, from)?;
    let rules = is_whole.then(|| counted.counts());
    Ok((Outcome { rules, ..outcome }, unfinished))
}

fn searched(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<Property>,
    limits: &Limits,
    deadline: Option<Instant>,
    progress: &Progress,
    from: Option<Unfinished>,
) -> Result<(Outcome, Option<Unfinished>), PlanError> {
    let system = Arc::new(System::new(job.bound.clone(), rules)?);
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let mut limits = Limits { timeout: left.or(limits.timeout), ..*limits };
    match job.judge {
        JudgeKind::Message => {
            let (model, halted) = match from {
                Some(Unfinished(Suspended::Message(model, halted))) => (model, Some(halted)),
                _ => (Box::new(MessageGraph::new(Arc::clone(&system))), None),
            };
            let asked = selected(&*model, property);
            let (report, halted) = search_on(&*model, &asked, &limits, progress, halted, |_| {});
            let outcome =
                outcome(job, &system, report, |path, _| path.iter().map(|step| model.expand(step)).collect());
            Ok((outcome, halted.map(|halted| Unfinished(Suspended::Message(model, halted)))))
        }
        JudgeKind::Guards if of_judge_guards(job.reductions) => {
            Ok((run_reduced(job, &system, property, &limits, progress), None))
        }
        JudgeKind::Guards => {
            let (model, halted) = match from {
                Some(Unfinished(Suspended::Guards(model, halted))) => (model, Some(halted)),
                _ => {
                    let model = Box::new(GuardModel::new(Arc::clone(&system)));
                    limits = warmed_up(&model, &limits, progress);
                    (model, None)
                }
            };
            // Its tables grow as it runs: one thread keeps the order of discovery, and so the trace,
            // the same in every run.
            let limits = Limits { threads: 1, ..limits };
            let asked = selected(&*model, property);
            let (report, halted) = search_on(&*model, &asked, &limits, progress, halted, |_| {});
            let mut outcome = outcome(job, &system, report, |path, _| expand(&model, path));
            // A violation was replayed, and stands whatever else the judge could not do.
            let replayed = matches!(outcome.verdict, Verdict::Violated { .. });
            if let Some(refusal) = model.refusal().filter(|_| !replayed) {
                outcome.verdict = Verdict::Refused(refusal);
            }
            let halted = halted.filter(|_| matches!(outcome.verdict, Verdict::NotExhausted(_)));
            Ok((outcome, halted.map(|halted| Unfinished(Suspended::Guards(model, halted)))))
        }
        JudgeKind::Liveness => Ok((run_liveness(job, rules, property, &limits, progress)?, None)),
        JudgeKind::Unbounded => {
            run_unbounded(job, rules, property, &limits, progress).map(|outcome| (outcome, None))
        }
    }
}

/// Whether judge *guards* has one of these reductions.
fn of_judge_guards(reductions: Reductions) -> bool {
    reductions.silent || reductions.quotient || reductions.symmetry
}

/// Judge *guards* with some of its reductions.
fn run_reduced(
    job: &Job,
    system: &Arc<System>,
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
) -> Outcome {
    let shared = || Arc::clone(system);
    let run = (job, system, property, limits, progress);
    let Reductions { silent, symmetry, .. } = job.reductions;
    if !symmetry {
        return run_by_guards(&Reduced::by(GuardModel::new(shared()), job.reductions), run);
    }
    let outcome = if silent {
        Symmetric::new(shared(), Reduced::new).map(|model| run_by_guards(&model, run))
    } else {
        Symmetric::new(shared(), |judge| judge).map(|model| run_by_guards(&model, run))
    };
    outcome.unwrap_or_else(|| {
        let why = PlanError::OrderedClients(job.reductions).to_string();
        Outcome::of(job, Coverage::default(), Verdict::Refused(why))
    })
}

fn run_by_guards<M: ByGuards + Sync>(
    model: &M,
    (job, system, property, limits, progress): (&Job, &Arc<System>, Option<Property>, &Limits, &Progress),
) -> Outcome
where
    M::Action: Clone + std::fmt::Debug + PartialEq,
{
    let limits = Limits { threads: 1, ..warmed_up(model.judge(), limits, progress) };
    let asked = selected(model, property);
    let report = search_on(model, &asked, &limits, progress, None, |_| {}).0;
    let mut outcome = outcome(job, system, report, |path, property| {
        expand(model.judge(), &model.violating(path, property))
    });
    let start = Instant::now();
    let refusal = match outcome.verdict {
        Verdict::Violated { .. } => None,
        // A violation that the replicas do not show may come of a reduction that assumes too much.
        Verdict::Holds | Verdict::Vacuous | Verdict::Refused(_) => model.refused(),
        Verdict::NotExhausted(_) => model.judge().refusal(),
    };
    // To try what a reduction assumes is part of the work.
    outcome.coverage.elapsed += start.elapsed();
    if let Some(refusal) = refusal {
        (outcome.verdict, outcome.unreached) = (Verdict::Refused(refusal), Vec::new());
    }
    outcome
}

/// Lets judge *guards* meet what it can before it searches. Says how it is limited from then on.
fn warmed_up(model: &GuardModel, limits: &Limits, progress: &Progress) -> Limits {
    let deadline = deadline(limits.timeout);
    let is_over = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
    model.warm_up(&|| progress.stop.load(Relaxed) || is_over());
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    Limits { timeout: left.or(limits.timeout), ..*limits }
}

/// The steps of judge *guards* as the deliveries that they stand for.
fn expand(model: &GuardModel, path: &[Move]) -> Vec<(Principal, Event)> {
    let mut events = Vec::new();
    let mut state = model.init_states().swap_remove(0);
    for step in path {
        events.extend(model.expand(&state, step));
        if let Some(next) = model.next_state(&state, *step) {
            state = next;
        }
    }
    events
}

fn selected<J: Judge>(judge: &J, property: Option<Property>) -> Vec<stateright::Property<J>> {
    let mut all = properties(judge.system());
    all.extend((property == Some(Property::NoDeadEnd)).then(no_dead_end));
    // Where somebody panics nobody gets stuck in another way.
    let also = property.filter(|property| *property == Property::NoDeadEnd).map(|_| Property::Panics.name());
    all.retain(|p: &stateright::Property<J>| {
        p.expectation != Expectation::Always
            || property.is_none_or(|property| property.name() == p.name)
            || also == Some(p.name)
    });
    all
}

/// What is said where every state was visited and nothing is violated. States are equal whichever votes stand in a
/// certificate, and of other certificates that say the same one is tried: nothing holds if such matter.
pub(super) fn exhausted(system: &System) -> Verdict {
    match guarded(|| votes_matter(system)) {
        Ok(Ok(())) => Verdict::Holds,
        Ok(Err(why)) => Verdict::Refused(why.to_string()),
        Err(panicked) => Verdict::Refused(format!(
            "whether it treats certificates alike that say the same cannot be tried, a rule panicked: {panicked}"
        )),
    }
}

fn outcome<A>(
    job: &Job,
    system: &Arc<System>,
    report: Report<A>,
    events: impl FnOnce(&[A], Property) -> Vec<(Principal, Event)>,
) -> Outcome {
    let verdict = match &report.end {
        End::Exhausted => exhausted(system),
        End::Limited(limit) => Verdict::NotExhausted(*limit),
        End::Violated { property, path } => {
            let confirmed = property.parse().map_err(|error: NoSuchProperty| error.to_string());
            let confirmed = confirmed.and_then(|property| {
                let trace = confirm(system, property, events(path, property))?;
                Ok(Verdict::Violated { property, steps: path.len(), trace: Box::new(trace) })
            });
            confirmed.unwrap_or_else(Verdict::Refused)
        }
    };
    Outcome::of(job, report.coverage, verdict).without(report.unreached)
}

/// Replays a counterexample on the real replicas, and looks at the property again. Judge *guards* lets a replica
/// forget what it has received and receive it again; the replica, which has not forgotten, refuses that as received, or as
/// a vote that comes too late, and the delivery is left out. So is whatever else the violation does not need.
fn confirm(
    system: &Arc<System>,
    property: Property,
    mut events: Vec<(Principal, Event)>,
) -> Result<Trace, String> {
    let internal = |error: ReplayError| {
        format!(
            "the judge found a violation of {property} that the replicas do not show ({error}); please report this"
        )
    };
    let trace = loop {
        match Trace::replay(system, &events) {
            Err(ReplayError::Refused(
                step,
                ..,
                Refusal::Duplicate | Refusal::TallyFull | Refusal::Decided,
            )) => drop(events.remove(step - 1)),
            // Who has not forgotten may panic earlier.
            Err(ReplayError::Impossible(step, ..)) if property == Property::Panics => {
                events.truncate(step - 1);
            }
            replayed => break replayed.map_err(internal)?,
        }
    };
    // Whole guards at a time leave out what only is counted, and counts: it still can happen.
    let trace = if property == Property::NoDeadEnd { trace.to_the_end() } else { trace };
    if trace.violation(property).is_none() {
        return Err(format!(
            "the judge found a violation of {property} that is not there when the run is replayed; please report this"
        ));
    }
    Ok(trace.shrunk(property))
}

/// How long a run may still take, for the whole of a check.
pub fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}
