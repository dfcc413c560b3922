//! The kill matrix: every rulebook of the corpus against the judge, each where it shows.
//!
//! A checker that has never been seen to find a fault proves nothing by finding none. Each run of a
//! rulebook says what must come of it: that a property is violated, or, for the controls, that none is.
//! And where a fault shows only in many views, that it is *not* found in fewer: what looks like a find
//! there would be another fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::job::{Job, JudgeKind, jobs};
use super::limits::{Limit, Limits, Progress};
use super::outcome::{Outcome, Verdict};
use super::question::PlanError;
use super::run;
use super::search::Coverage;
use super::validate::is_led_honestly;
use crate::bugs::{Expected, Rulebook, Run};
use crate::model::{Bound, Byzantine, Property, Scope, System};
use crate::pbft::Counted;
use crate::simulate::{self, End, Settings, StrategyKind};
use crate::trace::Trace;

/// One row of the matrix.
#[derive(Clone, Debug)]
pub struct Row {
    /// What ran.
    pub rulebook: &'static Rulebook,
    /// And where.
    pub run: &'static Run,
    /// What came of it: one outcome for each placement of the Byzantine replicas.
    pub outcomes: Vec<Outcome>,
    /// The outcomes with so few views that it must pass.
    pub below: Vec<Outcome>,
}

impl Row {
    /// The shortest violation: its steps, and the messages and timeouts that these stand for.
    pub fn shortest(&self) -> Option<(usize, usize)> {
        let found = self.outcomes.iter().filter_map(|outcome| match &outcome.verdict {
            Verdict::Violated { steps, trace, .. } => Some((*steps, trace.steps().len())),
            _ => None,
        });
        found.min()
    }

    /// Whether the judge said what it must.
    pub fn as_expected(&self) -> bool {
        let holds = |outcome: &Outcome| outcome.verdict.is_clean();
        let verdict = match self.run.expected {
            Expected::Holds => self.outcomes.iter().all(|outcome| matches!(outcome.verdict, Verdict::Holds)),
            // Another placement may pass; none may be without a verdict.
            Expected::Violated(_) => {
                let violated = |outcome: &Outcome| matches!(outcome.verdict, Verdict::Violated { .. });
                self.outcomes.iter().any(violated) && self.outcomes.iter().all(|o| violated(o) || holds(o))
            }
        };
        verdict && self.below.iter().all(holds)
    }

    /// How often the replicas have asked a rule at the bound, in all placements together.
    pub fn asked(&self, rule: &str) -> u64 {
        let counts = self.outcomes.iter().flat_map(|outcome| outcome.rules.iter().flatten());
        counts.filter(|count| count.rule == rule).map(|count| count.asked).sum()
    }

    /// Distinct states that were visited, below the bound too.
    pub fn states(&self) -> u64 {
        self.outcomes.iter().chain(&self.below).map(|outcome| outcome.coverage.states).sum()
    }

    /// How long all of it took.
    pub fn elapsed(&self) -> Duration {
        self.outcomes.iter().chain(&self.below).map(|outcome| outcome.coverage.elapsed).sum()
    }
}

/// Runs one row, with judge *guards* or, if it is about liveness, on its fair runs. `progress` can stop it.
///
/// # Errors
/// A question that makes no sense.
pub fn run_row(
    rulebook: &'static Rulebook,
    run: &'static Run,
    limits: &Limits,
    progress: &Progress,
) -> Result<Row, PlanError> {
    let placed = match run.byzantine {
        Some(ids) => Byzantine::Ids(ids.to_vec()),
        None => Byzantine::Count(run.scope.faults),
    };
    let property = match run.expected {
        Expected::Violated(property) => Some(property),
        Expected::Holds => None,
    };
    // Many rows may be left that would each begin, and end at once.
    if progress.stop.load(Relaxed) {
        let job = Job::new(JudgeKind::Guards, Bound::new(run.scope, []));
        let stopped = Outcome::of(&job, Coverage::default(), Verdict::NotExhausted(Limit::Stopped));
        return Ok(Row { rulebook, run, outcomes: vec![stopped], below: Vec::new() });
    }
    let at_bound = match run.script {
        [] => outcomes(rulebook, run, run.scope, &placed, property, limits, progress)?,
        lines if run.scope.load.is_some() => vec![simulated(rulebook, run, lines, &progress.stop)?],
        lines => vec![script(rulebook, run, lines)?],
    };
    let below = match run.passes_with_views {
        None => Vec::new(),
        Some(views) => {
            let everywhere = Byzantine::Count(run.scope.faults);
            outcomes(rulebook, run, Scope { views, ..run.scope }, &everywhere, property, limits, progress)?
        }
    };
    Ok(Row { rulebook, run, outcomes: at_bound, below })
}

/// The outcome of a run that is written down: it has no more states than steps.
fn script(rulebook: &'static Rulebook, run: &'static Run, lines: &[&str]) -> Result<Outcome, PlanError> {
    let start = Instant::now();
    let ids = run.byzantine.unwrap_or_default();
    let job = Job::new(JudgeKind::Message, Bound::new(run.scope, ids.iter().copied()));
    let counted = Counted::leak(rulebook.rules);
    let system = Arc::new(System::new(job.bound.clone(), counted)?);
    let verdict = match (Trace::scripted(&system, lines), run.expected) {
        (Ok(trace), Expected::Violated(property)) if trace.violation(property).is_some() => {
            Verdict::Violated { property, steps: lines.len(), trace: Box::new(trace) }
        }
        (Ok(_), _) => Verdict::Refused("the run that is written down violates nothing".to_owned()),
        (Err(error), _) => Verdict::Refused(error.to_string()),
    };
    let steps = lines.len() as u64;
    let coverage = Coverage { states: steps + 1, transitions: steps, depth: steps, elapsed: start.elapsed() };
    Ok(Outcome { rules: Some(counted.counts()), ..Outcome::of(&job, coverage, verdict) })
}

/// After so many steps a simulated run has shown nothing.
const STEPS: u64 = 1_000_000;

/// The outcome of a simulated run in a calm network, drawn from what these lines say: what looks at time, or at more
/// requests than a search can, is seen there alone.
fn simulated(
    rulebook: &'static Rulebook,
    run: &'static Run,
    lines: &[&str],
    stop: &AtomicBool,
) -> Result<Outcome, PlanError> {
    let start = Instant::now();
    let said = |what: &str| lines.iter().find_map(|line| line.strip_prefix(what)?.strip_prefix(' '));
    let strategy = said("strategy").and_then(|name| StrategyKind::ALL.into_iter().find(|s| s.name() == name));
    let ids = run.byzantine.map(<[_]>::to_vec);
    let settings = Settings {
        scope: run.scope,
        byzantine: ids.as_ref().map_or(run.scope.faults, |ids| ids.len() as u16),
        placed: ids.clone(),
        strategy: strategy.unwrap_or_default(),
        steps: STEPS,
        ..Settings::calm(rulebook.name, run.scope.replicas)
    };
    let seed = said("seed").and_then(|seed| seed.parse().ok()).unwrap_or_default();
    let job = Job::new(JudgeKind::Message, Bound::new(run.scope, ids.unwrap_or_default()));
    job.bound.validate()?;
    let mut steps = 0;
    let verdict = match simulate::run(rulebook.rules, &settings, seed, true, Some(stop)) {
        Err(error) => Verdict::Refused(error.to_string()),
        Ok(outcome) => {
            steps = outcome.counts.steps;
            match (&outcome.end, run.expected) {
                (End::Violated { property: found, .. }, Expected::Violated(property))
                    if *found == property =>
                {
                    match Trace::replay(&outcome.system, &outcome.happened()) {
                        Ok(trace) => {
                            Verdict::Violated { property, steps: trace.steps().len(), trace: Box::new(trace) }
                        }
                        Err(error) => Verdict::Refused(error.to_string()),
                    }
                }
                (End::Stopped, _) => Verdict::NotExhausted(Limit::Stopped),
                (end, _) => Verdict::Refused(format!("the simulated run violates nothing: {end:?}")),
            }
        }
    };
    let coverage = Coverage { states: steps + 1, transitions: steps, depth: steps, elapsed: start.elapsed() };
    Ok(Outcome::of(&job, coverage, verdict))
}

fn outcomes(
    rulebook: &'static Rulebook,
    run: &'static Run,
    scope: Scope,
    placed: &Byzantine,
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
) -> Result<Vec<Outcome>, PlanError> {
    let judge =
        if property.is_some_and(Property::is_liveness) { JudgeKind::Liveness } else { JudgeKind::Guards };
    let jobs = jobs(judge, &Bound::new(scope, []), placed, rulebook.rules)?;
    let asked = jobs
        .into_iter()
        .filter(|job| property != Some(Property::NoDeadEnd) || is_led_honestly(&job.bound, rulebook.rules));
    let reduced = |job| Job { reductions: run.reductions, ..job };
    asked.map(reduced).map(|job| run::run(&job, rulebook.rules, property, limits, None, progress)).collect()
}
