//! From a question to rows of a table: which judge runs on which bound, and what came of it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use stateright::{Expectation, Model, Property};

use super::liveness::run_liveness;
use super::save::{Suspended, Unfinished};
use super::search::{Coverage, End, Limit, Limits, Progress, Report, search_on};
use super::views::run_views;
use crate::model::{
    Absorbed, Bound, BoundError, ByGuards, Byzantine, Event, Interned, Judge, Move, NO_DEAD_END, PANICS,
    Reduced, Reductions, Scope, Symmetric, System, guarded, is_liveness, no_dead_end, placements, properties,
};
use crate::pbft::{Principal, Refusal, ReplicaId, Rules, View};
use crate::trace::{ReplayError, Trace};

/// Which judge explores.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JudgeKind {
    /// Judge 1: every delivery is a step.
    Message,
    /// Judge 2: whole guards at a time.
    Absorbed,
    /// Judge 2 with a time from which the network is stable: liveness, on all fair runs.
    Liveness,
    /// Judge 3: view by view, for any number of views and every placement at once.
    Unbounded,
}

impl std::fmt::Display for JudgeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            JudgeKind::Message => "message",
            JudgeKind::Absorbed => "absorbed",
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
    /// A judge on a bound, with the reductions that it has by default: judge 3 all of them.
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

/// Whether the primary of the first view is honest; if the rulebook panics over it, nobody else is.
pub fn is_led_honestly(bound: &Bound, rules: &dyn Rules) -> bool {
    let is_honest = |committee| guarded(|| !bound.byzantine.contains(&rules.primary(committee, View(0))));
    bound.validate().is_ok_and(|committee| is_honest(committee).unwrap_or(true))
}

/// What a run says.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Every reachable state within the bound was visited and has every property.
    Holds,
    /// A property is violated; the trace was replayed on the real replicas.
    Violated {
        /// The property.
        property: &'static str,
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
    /// How many states were visited within views, where [`Coverage::states`] counts those between them.
    pub within_views: Option<u64>,
}

/// Runs a job. `property` restricts the check to one property; `deadline` ends it.
///
/// # Errors
/// A bound that makes no sense.
pub fn run(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<&str>,
    limits: &Limits,
    deadline: Option<Instant>,
    progress: &Progress,
) -> Result<Outcome, BoundError> {
    run_on(job, rules, property, limits, deadline, progress, None).map(|(outcome, _)| outcome)
}

/// The same, from where a limit ended the job before, if it did: that must have been of the same rules and
/// property. Also gives what it takes to go on, if a limit ended it now; liveness cannot go on.
///
/// # Errors
/// A bound that makes no sense.
pub fn run_on(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<&str>,
    limits: &Limits,
    deadline: Option<Instant>,
    progress: &Progress,
    from: Option<Unfinished>,
) -> Result<(Outcome, Option<Unfinished>), BoundError> {
    let ran = guarded(|| run_judge(job, rules, property, limits, deadline, progress, from));
    ran.unwrap_or_else(|panicked| {
        let why = format!("a rule that was asked while no replica took a step panicked: {panicked}");
        Ok((refused(job, why), None))
    })
}

/// No verdict.
fn refused(job: &Job, why: String) -> Outcome {
    let (coverage, verdict) = (Coverage::default(), Verdict::Refused(why));
    Outcome { job: job.clone(), coverage, verdict, unreached: Vec::new(), within_views: None }
}

fn run_judge(
    job: &Job,
    rules: &'static dyn Rules,
    property: Option<&str>,
    limits: &Limits,
    deadline: Option<Instant>,
    progress: &Progress,
    from: Option<Unfinished>,
) -> Result<(Outcome, Option<Unfinished>), BoundError> {
    let system = Arc::new(System::new(job.bound.clone(), rules)?);
    if property.is_some_and(|name| is_liveness(name) != (job.judge == JudgeKind::Liveness)) {
        let why = format!("judge {} does not check this property", job.judge);
        return Ok((refused(job, why), None));
    }
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let mut limits = Limits { timeout: left.or(limits.timeout), ..*limits };
    match job.judge {
        JudgeKind::Message => {
            let (model, halted) = match from {
                Some(Unfinished(Suspended::Message(model, halted))) => (model, Some(halted)),
                _ => (Box::new(Interned::new(Arc::clone(&system))), None),
            };
            let asked = selected(&*model, property);
            let (report, halted) = search_on(&*model, &asked, &limits, progress, halted, |_| {});
            let outcome =
                outcome(job, &system, report, |path| path.iter().map(|step| model.expand(step)).collect());
            Ok((outcome, halted.map(|halted| Unfinished(Suspended::Message(model, halted)))))
        }
        JudgeKind::Absorbed if of_judge_2(job.reductions) => {
            Ok((run_reduced(job, &system, property, &limits, progress), None))
        }
        JudgeKind::Absorbed => {
            let (model, halted) = match from {
                Some(Unfinished(Suspended::Absorbed(model, halted))) => (model, Some(halted)),
                _ => {
                    let model = Box::new(Absorbed::new(Arc::clone(&system)));
                    limits = rehearsed(&model, &limits, progress);
                    (model, None)
                }
            };
            // Its tables grow as it runs: one thread keeps the order of discovery, and so the trace,
            // the same in every run.
            let limits = Limits { threads: 1, ..limits };
            let asked = selected(&*model, property);
            let (report, halted) = search_on(&*model, &asked, &limits, progress, halted, |_| {});
            let mut outcome = outcome(job, &system, report, |path| expand(&model, path));
            // A violation was replayed, and stands whatever else the judge could not do.
            let replayed = matches!(outcome.verdict, Verdict::Violated { .. });
            if let Some(refusal) = model.refusal().filter(|_| !replayed) {
                outcome.verdict = Verdict::Refused(refusal);
            }
            let halted = halted.filter(|_| matches!(outcome.verdict, Verdict::NotExhausted(_)));
            Ok((outcome, halted.map(|halted| Unfinished(Suspended::Absorbed(model, halted)))))
        }
        JudgeKind::Liveness => {
            run_liveness(job, rules, property, &limits, progress).map(|outcome| (outcome, None))
        }
        JudgeKind::Unbounded => {
            run_views(job, rules, property, &limits, progress).map(|outcome| (outcome, None))
        }
    }
}

/// Whether judge 2 has one of these reductions.
fn of_judge_2(reductions: Reductions) -> bool {
    reductions.silent || reductions.decided || reductions.symmetry
}

/// Judge 2 with some of its reductions.
fn run_reduced(
    job: &Job,
    system: &Arc<System>,
    property: Option<&str>,
    limits: &Limits,
    progress: &Progress,
) -> Outcome {
    let shared = || Arc::clone(system);
    let run = (job, system, property, limits, progress);
    let refused = |why: &str| refused(job, why.to_owned());
    let Reductions { silent, decided, symmetry, .. } = job.reductions;
    if decided && symmetry {
        return refused("decided and symmetry do not go together in judge absorbed");
    }
    if decided && !Reduced::knows_decisions_of(system) {
        return refused(
            "who has decided matters with clients, checkpoints, crashes and several sequence numbers",
        );
    }
    if !symmetry {
        return run_by_guards(&Reduced::by(Absorbed::new(shared()), job.reductions), run);
    }
    let outcome = if silent {
        Symmetric::new(shared(), Reduced::new).map(|model| run_by_guards(&model, run))
    } else {
        Symmetric::new(shared(), |judge| judge).map(|model| run_by_guards(&model, run))
    };
    outcome.unwrap_or_else(|| refused("clients have an order, so that symmetry cannot be used"))
}

fn run_by_guards<M: ByGuards + Sync>(
    model: &M,
    (job, system, property, limits, progress): (&Job, &Arc<System>, Option<&str>, &Limits, &Progress),
) -> Outcome
where
    M::Action: Clone + std::fmt::Debug + PartialEq,
{
    let limits = Limits { threads: 1, ..rehearsed(model.judge(), limits, progress) };
    let asked = selected(model, property);
    let report = search_on(model, &asked, &limits, progress, None, |_| {}).0;
    let violated = match &report.end {
        End::Violated { property, .. } => Some(*property),
        _ => None,
    };
    let mut outcome = outcome(job, system, report, |path| {
        // Without steps nothing is violated, and the replicas say so.
        expand(model.judge(), &model.violating(path, violated.unwrap_or_default()))
    });
    let start = Instant::now();
    let refusal = match outcome.verdict {
        Verdict::Violated { .. } => None,
        Verdict::Holds => model.refused(),
        _ => model.judge().refusal(),
    };
    // To try what a reduction assumes is part of the work.
    outcome.coverage.elapsed += start.elapsed();
    if let Some(refusal) = refusal {
        outcome.verdict = Verdict::Refused(refusal);
    }
    outcome
}

/// Lets judge 2 meet what it can before it searches. Says how it is limited from then on.
fn rehearsed(model: &Absorbed, limits: &Limits, progress: &Progress) -> Limits {
    let deadline = deadline(limits.timeout);
    let is_over = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
    model.rehearse(&|| progress.stop.load(Relaxed) || is_over());
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    Limits { timeout: left.or(limits.timeout), ..*limits }
}

/// The steps of judge 2 as the deliveries that they stand for.
fn expand(model: &Absorbed, path: &[Move]) -> Vec<(Principal, Event)> {
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

fn selected<J: Judge>(judge: &J, property: Option<&str>) -> Vec<Property<J>> {
    let mut all = properties(judge.system());
    all.extend((property == Some(NO_DEAD_END)).then(no_dead_end));
    // Where somebody panics nobody gets stuck in another way.
    let also = property.filter(|name| *name == NO_DEAD_END).map(|_| PANICS);
    all.retain(|p: &Property<J>| {
        p.expectation != Expectation::Always
            || property.is_none_or(|name| name == p.name)
            || also == Some(p.name)
    });
    all
}

fn outcome<A>(
    job: &Job,
    system: &Arc<System>,
    report: Report<A>,
    events: impl FnOnce(&[A]) -> Vec<(Principal, Event)>,
) -> Outcome {
    let verdict = match &report.end {
        End::Exhausted => Verdict::Holds,
        End::Limited(limit) => Verdict::NotExhausted(*limit),
        End::Violated { property, path } => match confirm(system, property, events(path)) {
            Ok(trace) => Verdict::Violated { property, steps: path.len(), trace: Box::new(trace) },
            Err(why) => Verdict::Refused(why),
        },
    };
    let unreached = if matches!(verdict, Verdict::Holds) { report.unreached } else { Vec::new() };
    Outcome { job: job.clone(), coverage: report.coverage, verdict, unreached, within_views: None }
}

/// Replays a counterexample on the real replicas, and looks at the property again. Judge 2 lets a replica
/// forget what it has received and receive it again; the replica, which has not forgotten, refuses that, and
/// the delivery is left out. So is whatever else the violation does not need.
fn confirm(
    system: &Arc<System>,
    property: &str,
    mut events: Vec<(Principal, Event)>,
) -> Result<Trace, String> {
    let internal = |error: ReplayError| {
        format!(
            "the judge found a violation of {property} that the replicas do not show ({error}); please report this"
        )
    };
    let trace = loop {
        match Trace::replay(system, &events) {
            Err(ReplayError::Refused(step, .., Refusal::Duplicate)) => drop(events.remove(step - 1)),
            // Who has not forgotten may panic earlier.
            Err(ReplayError::Impossible(step, ..)) if property == PANICS => events.truncate(step - 1),
            replayed => break replayed.map_err(internal)?,
        }
    };
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
