//! The kill matrix by method: which way of drawing runs finds which fault of the corpus, and how fast.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::case::first_violation;
use super::outcome::End;
use super::run::run;
use super::scheduler::SchedulerKind;
use super::settings::{Settings, SettingsError};
use super::strategy_kind::StrategyKind;
use crate::bugs::{Expected, Rulebook};
use crate::model::{Load, Property, Scope};
use crate::pbft::Rules;

/// A way of drawing runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// A random walk, and Byzantine replicas that send anything.
    Random,
    /// PCT's order of steps, and Byzantine replicas that send anything.
    Pct,
    /// A random walk, and twins.
    Twins,
    /// A random walk, and messages that are changed a little.
    Mutation,
    /// Runs that proptest draws, with any of the strategies.
    Proptest,
}

impl Method {
    /// All of them, in the order of the table.
    pub const ALL: [Method; 5] =
        [Method::Random, Method::Pct, Method::Twins, Method::Mutation, Method::Proptest];

    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Method::Random => "random",
            Method::Pct => "PCT",
            Method::Twins => "twins",
            Method::Mutation => "mutation",
            Method::Proptest => "proptest",
        }
    }

    /// The settings under which a rulebook is looked for: in the committee in which the exhaustive check finds it,
    /// with a few requests, and checkpoints soon.
    pub fn settings(self, rulebook: &Rulebook) -> Settings {
        let violated = rulebook.runs.iter().find(|run| matches!(run.expected, Expected::Violated(_)));
        let shown = violated.map_or(rulebook.smallest(), |run| run.scope);
        let base = Settings::new(rulebook.name, shown.replicas);
        let load = Load { operations: 3, batch: 1, in_flight: 2 };
        let scope = Scope {
            replicas: shown.replicas,
            faults: shown.faults,
            requests: 2,
            checkpoint: Some(2),
            window: Some(4),
            crashes: 1,
            load: Some(load),
            ..base.scope
        };
        let (scheduler, strategy) = match self {
            Method::Random => (SchedulerKind::Random, StrategyKind::Random),
            Method::Pct => (SchedulerKind::Pct, StrategyKind::Random),
            Method::Twins => (SchedulerKind::Random, StrategyKind::Twins),
            Method::Mutation => (SchedulerKind::Random, StrategyKind::Mutate),
            // No scheduler is asked: the order of events is drawn.
            Method::Proptest => (SchedulerKind::Random, StrategyKind::Mixed),
        };
        Settings { scope, byzantine: shown.faults, scheduler, strategy, ..base }
    }
}

/// What one try came to: how many runs it took, how long, and what was found.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Try {
    /// Runs until the violation, or all.
    pub runs: u64,
    /// How long they took.
    pub elapsed: Duration,
    /// The property that is violated in the last of them.
    pub found: Option<Property>,
}

/// A rulebook under a method.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Cell {
    /// The method.
    pub method: Method,
    /// What each try came to.
    pub tries: Vec<Try>,
}

impl Cell {
    /// How many tries found something.
    pub fn found(&self) -> usize {
        self.tries.iter().filter(|t| t.found.is_some()).count()
    }

    /// The try in the middle, where one that found nothing took longest.
    pub fn median(&self) -> Option<&Try> {
        let mut tries: Vec<_> = self.tries.iter().collect();
        tries.sort_by_key(|t| (t.found.is_none(), t.runs));
        tries.get(tries.len() / 2).copied()
    }
}

/// A row of the matrix.
#[derive(Clone, Debug, Serialize)]
pub struct MatrixRow {
    /// The rulebook.
    pub rulebook: &'static str,
    /// What each method came to.
    pub cells: Vec<Cell>,
}

/// The seeds of the tries lie so far apart.
const APART: u64 = 1 << 32;

/// Tries each method so often, each time on so many runs at most.
///
/// # Errors
/// Settings that make no sense.
pub fn matrix_row(rulebook: &'static Rulebook, tries: u64, runs: u64) -> Result<MatrixRow, SettingsError> {
    let cells = Method::ALL.into_iter().map(|method| cell(rulebook, method, tries, runs));
    Ok(MatrixRow { rulebook: rulebook.name, cells: cells.collect::<Result<_, _>>()? })
}

fn cell(rulebook: &Rulebook, method: Method, tries: u64, runs: u64) -> Result<Cell, SettingsError> {
    let settings = method.settings(rulebook);
    let mut out = Vec::new();
    for number in 0..tries {
        let start = Instant::now();
        let (runs, found) = match method {
            Method::Proptest => first_violation(rulebook.rules, &settings, number, runs)?,
            _ => first_of_seeds(rulebook.rules, &settings, number * APART, runs)?,
        };
        out.push(Try { runs, elapsed: start.elapsed(), found });
    }
    Ok(Cell { method, tries: out })
}

/// How many runs it takes to the first violation, at most so many, and what is violated there.
fn first_of_seeds(
    rules: &'static dyn Rules,
    settings: &Settings,
    from: u64,
    most: u64,
) -> Result<(u64, Option<Property>), SettingsError> {
    for count in 0..most {
        if let End::Violated { property, .. } = run(rules, settings, from + count, false, None)?.end {
            return Ok((count + 1, Some(property)));
        }
    }
    Ok((most, None))
}
