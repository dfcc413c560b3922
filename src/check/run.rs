//! Runs a job: lets its judge search its bound, and says what came of it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use stateright::{Expectation, Model};

use super::confirm::{confirm, shown};
use super::job::{Job, JudgeKind};
use super::limits::{Limits, Progress, deadline};
use super::liveness::run_liveness;
use super::outcome::{Outcome, Verdict, exhausted};
use super::overseer::overseen;
use super::question::PlanError;
use super::save::{Suspended, Unfinished};
use super::search::{Coverage, End, Halted, Report, search_ahead, search_on};
use super::unbounded::run_unbounded;
use super::validate::{properties_of, validate};
use crate::engine::Panicked;
use crate::model::{
    ByGuards, Event, GuardModel, GuardState, Judge, MessageGraph, Move, Property, Reduced, Reductions,
    Symmetric, System, guarded, no_dead_end, properties,
};
use crate::pbft::{Counted, Principal, Rules};

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

/// Runs a job from where a limit ended it before, if one did: that must have been of the same rules and
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
    let (start, rules_itself) = (Instant::now(), rules);
    let counted = || {
        validate(job, rules, property)?;
        let is_whole = from.is_none();
        let counted = Counted::leak(rules.itself());
        let (outcome, unfinished) = searched(job, counted, property, limits, deadline, progress, from)?;
        let rules = is_whole.then(|| counted.counts());
        let properties = properties_of(job, rules_itself, property)?;
        Ok((Outcome { rules, properties, ..outcome }, unfinished))
    };
    let answered = || {
        guarded(counted).unwrap_or_else(|panicked| {
            let why = of_panicked_rule(&panicked);
            Ok((Outcome::of(job, Coverage::default(), Verdict::Refused(why)), None))
        })
    };
    // What is not between two expansions of the search ends here: then there is nothing to go on with.
    overseen(limits, deadline, &progress.stop, answered).unwrap_or_else(|limit| {
        let coverage = Coverage::so_far(progress, start);
        let properties = properties_of(job, rules, property)?;
        Ok((Outcome { properties, ..Outcome::of(job, coverage, Verdict::NotExhausted(limit)) }, None))
    })
}

/// Why a judge says nothing where a rule panics that is asked outside of all steps.
pub(super) fn of_panicked_rule(panicked: &Panicked) -> String {
    format!("a rule that was asked while no replica took a step panicked: {panicked}")
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
    let begun = Instant::now();
    let system = Arc::new(System::new(job.bound.clone(), rules)?);
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let limits = Limits { timeout: left.or(limits.timeout), ..*limits };
    match job.judge {
        JudgeKind::Message => {
            let (model, halted) = match from {
                Some(Unfinished(Suspended::Message(model, halted))) => (model, Some(halted)),
                _ => (Box::new(MessageGraph::new(Arc::clone(&system))), None),
            };
            let asked = selected(&*model, property);
            let before = begun.elapsed();
            progress.can_pause.store(true, Relaxed);
            let (report, halted) = search_on(&*model, &asked, &limits, progress, halted, |_| {});
            let halted = halted.map(|halted| Halted { elapsed: halted.elapsed + before, ..halted });
            let mut outcome = outcome(job, &system, report, |path, _| {
                (path.len(), path.iter().map(|step| model.expand(step)).collect())
            });
            outcome.coverage.elapsed += before;
            Ok((outcome, halted.map(|halted| Unfinished(Suspended::Message(model, halted)))))
        }
        JudgeKind::Guards if of_judge_guards(job.reductions) => {
            let from = from.map(|Unfinished(from)| from);
            let (outcome, unfinished) = run_reduced(job, &system, property, &limits, progress, from);
            Ok((outcome, unfinished.map(Unfinished)))
        }
        JudgeKind::Guards => {
            let from = match from {
                Some(Unfinished(Suspended::Guards(model, halted))) => Some((model, halted)),
                _ => None,
            };
            Ok(run_guards(job, &system, property, &limits, progress, from))
        }
        JudgeKind::Liveness => {
            let from = match from {
                Some(Unfinished(Suspended::Liveness(from))) => Some(*from),
                _ => None,
            };
            let (outcome, unfinished) = run_liveness(job, rules, property, &limits, progress, from)?;
            Ok((outcome, unfinished.map(|unfinished| Unfinished(Suspended::Liveness(Box::new(unfinished))))))
        }
        JudgeKind::Unbounded => {
            let from = match from {
                Some(Unfinished(Suspended::Unbounded(from))) => Some(*from),
                _ => None,
            };
            let (outcome, unfinished) = run_unbounded(job, rules, property, &limits, progress, from)?;
            Ok((outcome, unfinished.map(|unfinished| Unfinished(Suspended::Unbounded(Box::new(unfinished))))))
        }
    }
}

/// Judge *guards* without reductions.
fn run_guards(
    job: &Job,
    system: &Arc<System>,
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
    from: Option<(Box<GuardModel>, Halted<GuardState>)>,
) -> (Outcome, Option<Unfinished>) {
    let (begun, mut limits) = (Instant::now(), *limits);
    let (model, halted) = match from {
        Some((model, halted)) => (model, Some(halted)),
        None => {
            let model = Box::new(GuardModel::new(Arc::clone(system)));
            limits = warmed_up(&model, &limits, progress);
            (model, None)
        }
    };
    let before = begun.elapsed();
    let asked = selected(&*model, property);
    progress.can_pause.store(true, Relaxed);
    let (report, halted) = if system.clients().is_empty() {
        search_ahead(&*model, &asked, &limits, progress, halted)
    } else {
        // What clients were told is numbered as it is met, in each step: one thread keeps that the same in every run.
        let limits = Limits { threads: 1, ..limits };
        search_on(&*model, &asked, &limits, progress, halted, |_| {})
    };
    let mut outcome = outcome(job, system, report, |path, _| (path.len(), expand(&model, path)));
    // So is what came before the search.
    outcome.coverage.elapsed += before;
    let halted = halted.map(|halted| Halted { elapsed: halted.elapsed + before, ..halted });
    // A violation was replayed, and stands whatever else the judge could not do.
    let replayed = matches!(outcome.verdict, Verdict::Violated { .. });
    if let Some(refusal) = model.refusal().filter(|_| !replayed) {
        outcome.verdict = Verdict::Refused(refusal);
    }
    let halted = halted.filter(|_| matches!(outcome.verdict, Verdict::NotExhausted(_)) || progress.pauses());
    (outcome, halted.map(|halted| Unfinished(Suspended::Guards(model, halted))))
}

/// Whether judge *guards* has one of these reductions.
pub(super) fn of_judge_guards(reductions: Reductions) -> bool {
    reductions.silent || reductions.quotient || reductions.symmetry
}

/// Judge *guards* with some of its reductions.
fn run_reduced(
    job: &Job,
    system: &Arc<System>,
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
    from: Option<Suspended>,
) -> (Outcome, Option<Suspended>) {
    let run = (job, system, property, limits, progress);
    match from.or_else(|| reduced_model(job, system)) {
        Some(Suspended::Reduced(model, halted)) => {
            let (outcome, halted) = run_by_guards(&*model, halted, run);
            (outcome, halted.map(|halted| Suspended::Reduced(model, Some(halted))))
        }
        Some(Suspended::Symmetric(model, halted)) => {
            let (outcome, halted) = run_by_guards(&*model, halted, run);
            (outcome, halted.map(|halted| Suspended::Symmetric(model, Some(halted))))
        }
        Some(Suspended::Both(model, halted)) => {
            let (outcome, halted) = run_by_guards(&*model, halted, run);
            (outcome, halted.map(|halted| Suspended::Both(model, Some(halted))))
        }
        _ => {
            let why = PlanError::OrderedClients(job.reductions).to_string();
            (Outcome::of(job, Coverage::default(), Verdict::Refused(why)), None)
        }
    }
}

/// Judge *guards* with its reductions, before it has searched; none where what it takes for one has an order.
pub(super) fn reduced_model(job: &Job, system: &Arc<System>) -> Option<Suspended> {
    let shared = Arc::clone(system);
    let Reductions { silent, symmetry, .. } = job.reductions;
    match (symmetry, silent) {
        (false, _) => {
            Some(Suspended::Reduced(Box::new(Reduced::by(GuardModel::new(shared), job.reductions)), None))
        }
        (true, true) => {
            Symmetric::new(shared, Reduced::new).map(|model| Suspended::Both(Box::new(model), None))
        }
        (true, false) => {
            Symmetric::new(shared, |judge| judge).map(|model| Suspended::Symmetric(Box::new(model), None))
        }
    }
}

fn run_by_guards<M: ByGuards + Sync>(
    model: &M,
    halted: Option<Halted<GuardState>>,
    (job, system, property, limits, progress): (&Job, &Arc<System>, Option<Property>, &Limits, &Progress),
) -> (Outcome, Option<Halted<GuardState>>)
where
    M::Action: Clone + std::fmt::Debug + PartialEq,
{
    let begun = Instant::now();
    let limits = match halted {
        Some(_) => *limits,
        None => warmed_up(model.judge(), limits, progress),
    };
    let (limits, before) = (Limits { threads: 1, ..limits }, begun.elapsed());
    let asked = selected(model, property);
    progress.can_pause.store(true, Relaxed);
    let (report, halted) = search_on(model, &asked, &limits, progress, halted, |_| {});
    let halted = halted.map(|halted| Halted { elapsed: halted.elapsed + before, ..halted });
    let mut outcome = outcome(job, system, report, |path, property| {
        let moves = model.violating(path, property);
        (moves.len(), expand(model.judge(), &moves))
    });
    let start = Instant::now();
    let refusal = match outcome.verdict {
        Verdict::Violated { .. } => None,
        // A violation that the replicas do not show may come of a reduction that assumes too much.
        Verdict::Holds | Verdict::Vacuous | Verdict::Refused(_) => model.refused(),
        Verdict::NotExhausted(_) => model.judge().refusal(),
    };
    // What comes before the search, and to try what a reduction assumes, is part of the work.
    outcome.coverage.elapsed += before + start.elapsed();
    if let Some(refusal) = refusal {
        (outcome.verdict, outcome.unreached) = (Verdict::Refused(refusal), Vec::new());
    }
    let goes_on = matches!(outcome.verdict, Verdict::NotExhausted(_)) || progress.pauses();
    (outcome, halted.filter(|_| goes_on))
}

/// Lets judge *guards* meet what it can before it searches. Says how it is limited from then on.
pub(super) fn warmed_up(model: &GuardModel, limits: &Limits, progress: &Progress) -> Limits {
    let deadline = deadline(limits.timeout);
    model.warm_up(&|| {
        progress.walked.fetch_add(1, Relaxed);
    });
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    Limits { timeout: left.or(limits.timeout), ..*limits }
}

/// The steps of judge *guards* as the deliveries that they stand for.
pub(super) fn expand(model: &GuardModel, path: &[Move]) -> Vec<(Principal, Event)> {
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

pub(super) fn selected<J: Judge>(judge: &J, property: Option<Property>) -> Vec<stateright::Property<J>> {
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

/// What a search came to. `run` says of the path to a violation how many steps of the judge it is, those that a reduction puts off
/// with them, and for which deliveries they stand.
pub(super) fn outcome<A>(
    job: &Job,
    system: &Arc<System>,
    report: Report<A>,
    run: impl FnOnce(&[A], Property) -> (usize, Vec<(Principal, Event)>),
) -> Outcome {
    let verdict = match &report.end {
        End::Exhausted => exhausted(system),
        End::Limited(limit) => Verdict::NotExhausted(*limit),
        End::Violated { property, path } => {
            let shown = shown(property, |property| {
                let (steps, events) = run(path, property);
                Ok((steps, confirm(system, property, events)?))
            });
            shown.unwrap_or_else(Verdict::Refused)
        }
    };
    Outcome::of(job, report.coverage, verdict).without(report.unreached)
}
