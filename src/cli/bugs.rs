//! `bft bugs`: the corpus, and the kill matrix.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};

use super::limits::threads;
use super::output::{answer, answer_json, head};
use super::progress::{ProgressArguments, with_line};
use super::{Format, HOLDS, NOT_EXHAUSTED, UNEXPECTED, UsageError, look, signals, unknown};
use crate::bugs::{self, Class, Expected, RULEBOOKS, Rulebook, Run};
use crate::check::{self, Limit, Limits, Progress, Row, Verdict, who};
use crate::interrupt::{self, Allowance};
use crate::memory;
use crate::model::{Bound, Reductions};
use crate::simulate::{Cell, MatrixRow, Method, matrix_row};
use crate::table::{Column, Kind, fitted, table};
use crate::trace::{count, thousands};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  bft bugs                          the corpus, with where each fault was seen
  bft bugs --check                  the kill matrix: each fault must be found
  bft bugs --check weak-prepare     that of one
  bft bugs --matrix --runs 100      which method finds what

Exit codes:
  0    every row came out as it must
  1    a fault was not found, or a control is not clean
  2    the question makes no sense
  20   a signal ended it
  130  a second signal ended the process")]
pub(super) struct BugsArguments {
    /// Only these; without, the whole corpus
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Run each where it shows, and print the kill matrix
    #[arg(long)]
    check: bool,
    /// Print which method finds each, and how fast: the exhaustive check, and simulated runs drawn in several ways
    #[arg(long, conflicts_with = "check")]
    matrix: bool,
    /// How many runs a method has in each of its tries, from 1 to 1,000,000
    #[arg(long, value_name = "N", default_value_t = 200, requires = "matrix", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    runs: u64,
    /// How many tries a method has, each with seeds of its own, from 1 to 1,000; the table shows the median
    #[arg(long, value_name = "N", default_value_t = 5, requires = "matrix", value_parser = clap::value_parser!(u64).range(1..=1000))]
    tries: u64,
    /// Run the slow rows too, which take minutes and gigabytes
    #[arg(long)]
    all: bool,
    /// Rows that run at the same time, from 1 to 1,024 [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = threads())]
    threads: Option<u64>,
    #[command(flatten)]
    progress: ProgressArguments,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What all rows run under.
struct Batch<'a> {
    arguments: &'a BugsArguments,
    threads: usize,
    stop: Arc<AtomicBool>,
    limits: Limits,
}

pub(super) fn run(arguments: &BugsArguments) -> Result<u8, UsageError> {
    let named: Result<Vec<_>, _> = arguments
        .names
        .iter()
        .map(|name| bugs::find(name).ok_or_else(|| unknown(name, &bugs::catalogue())))
        .collect();
    let corpus = match named? {
        named if named.is_empty() => RULEBOOKS.iter().filter(|r| r.class != Class::Correct).collect(),
        named => named,
    };
    if !arguments.check && !arguments.matrix {
        if arguments.all || arguments.threads.is_some() {
            return Err(UsageError(
                "--all and --threads are for --check or --matrix: add one of them".to_owned(),
            ));
        }
        return Ok(match arguments.format {
            Format::Json => {
                let mut out = head("bugs", HOLDS);
                out["bugs"] = json!(corpus);
                answer_json(&out, HOLDS)
            }
            Format::Text => answer(&list(&corpus, look::screen()), HOLDS),
        });
    }
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let batch = Batch {
        arguments,
        threads: arguments.threads.map_or_else(processors, |threads| threads as usize),
        stop: signals::stopped()?,
        limits: Limits { max_memory: memory::by_default(), ..Limits::default() },
    };
    if arguments.matrix {
        return batch.by_method(&corpus);
    }
    // Who names a rulebook wants its slow rows too.
    let slow = arguments.all || !arguments.names.is_empty();
    let all = corpus.iter().flat_map(|rulebook| rulebook.runs.iter().map(move |run| (*rulebook, run)));
    let (wanted, left): (Vec<_>, Vec<_>) = all.partition(|(_, run)| slow || !run.slow);
    let rows = batch.run_all(&wanted)?;
    let code = match rows.iter().all(Row::as_expected) {
        true => HOLDS,
        false if rows.iter().filter(|row| !row.as_expected()).all(is_stopped) => NOT_EXHAUSTED,
        false => UNEXPECTED,
    };
    Ok(match arguments.format {
        Format::Json => answer_json(&as_json(&rows, code), code),
        Format::Text => {
            let text = matrix(&rows, left.len(), look::screen());
            answer(&look::coloured(&text), code)
        }
    })
}

/// Whether a row has no other fault than that it was not run to its end.
fn is_stopped(row: &Row) -> bool {
    let mut verdicts = row.outcomes.iter().chain(&row.below).map(|outcome| &outcome.verdict);
    verdicts.any(|verdict| matches!(verdict, Verdict::NotExhausted(Limit::Stopped | Limit::Memory(_))))
}

impl Batch<'_> {
    /// Runs the rows, some at a time; in the order in which they stand, whichever ends first.
    fn run_all(&self, wanted: &[(&'static Rulebook, &'static Run)]) -> Result<Vec<Row>, UsageError> {
        let row = |(rulebook, run): &(&'static Rulebook, &'static Run)| self.row(rulebook, run);
        self.side_by_side(wanted, row).into_iter().collect()
    }

    fn row(&self, rulebook: &'static Rulebook, run: &'static Run) -> Result<Row, UsageError> {
        let progress = Progress { stop: Arc::clone(&self.stop), ..Progress::default() };
        Ok(check::run_row(rulebook, run, &self.limits, &progress)?)
    }

    /// What comes of each of these, some at a time; in the order in which they stand, whichever ends first.
    fn side_by_side<T: Sync, R: Send>(&self, wanted: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
        let queue = Mutex::new(wanted.iter().enumerate());
        let done = Mutex::new((0..wanted.len()).map(|_| None).collect::<Vec<_>>());
        let (ended, start) = (AtomicU64::new(0), Instant::now());
        let all = || {
            std::thread::scope(|scope| {
                for _ in 0..self.threads.min(wanted.len()) {
                    scope.spawn(|| {
                        loop {
                            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                            let Some((i, one)) = next else { break };
                            let result = work(one);
                            ended.fetch_add(1, Relaxed);
                            done.lock().unwrap_or_else(PoisonError::into_inner)[i] = Some(result);
                        }
                    });
                }
            });
        };
        let line = || {
            let (ended, elapsed) = (ended.load(Relaxed), start.elapsed().as_secs());
            format!("{ended} of {} after {elapsed} s", count(wanted.len() as u64, "row", "rows"))
        };
        with_line(&self.arguments.progress, line, all);
        done.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect()
    }

    /// Prints which method finds which fault. The exhaustive check runs each where it shows first.
    fn by_method(&self, corpus: &[&'static Rulebook]) -> Result<u8, UsageError> {
        let arguments = self.arguments;
        let row = |rulebook: &&'static Rulebook| -> Result<Option<ByMethod>, UsageError> {
            let violated = |run: &&Run| matches!(run.expected, Expected::Violated(_));
            let shown = rulebook.runs.iter().find(violated).or(rulebook.runs.first());
            let exhaustive = match shown.filter(|run| arguments.all || !run.slow) {
                Some(run) => Some(self.row(rulebook, run)?),
                None => None,
            };
            if self.stop.load(Relaxed) {
                return Ok(None);
            }
            let allowance = Allowance {
                timeout: None,
                deadline: None,
                max_memory: self.limits.max_memory,
                stop: &self.stop,
            };
            let drawn =
                interrupt::overseen(&allowance, || matrix_row(rulebook, arguments.tries, arguments.runs));
            let Ok(drawn) = drawn else { return Ok(None) };
            Ok(Some((*rulebook, exhaustive, drawn?)))
        };
        let rows = self.side_by_side(corpus, row).into_iter().collect::<Result<Vec<_>, _>>()?;
        let rows: Vec<_> = rows.into_iter().flatten().collect();
        let code = if rows.len() == corpus.len() { HOLDS } else { NOT_EXHAUSTED };
        Ok(match arguments.format {
            Format::Json => answer_json(&by_method_as_json(arguments, &rows, code), code),
            Format::Text => answer(&matrix_by_method(arguments, &rows, look::screen()), code),
        })
    }
}

fn by_method_as_json(arguments: &BugsArguments, rows: &[ByMethod], code: u8) -> Value {
    let rows = rows.iter().map(|(rulebook, exhaustive, row)| {
        json!({
            "number": rulebook.number,
            "bug": rulebook.name,
            "class": rulebook.class,
            "exhaustive": exhaustive.as_ref().map(outcome),
            "exhaustive_seconds": exhaustive.as_ref().map(|row| row.elapsed().as_secs_f64()),
            "methods": row.cells,
        })
    });
    let rows: Vec<_> = rows.collect();
    let mut out = head("bugs --matrix", code);
    out["runs"] = json!(arguments.runs);
    out["rows"] = json!(rows);
    out
}

/// A rulebook under every method: the exhaustive check where it was asked for, and simulated runs.
type ByMethod = (&'static Rulebook, Option<Row>, MatrixRow);

fn matrix_by_method(arguments: &BugsArguments, rows: &[ByMethod], screen: Option<usize>) -> String {
    let methods = Method::ALL.map(Method::name);
    let heads = ["no.", "bug", "class", "exhaustive"].into_iter().chain(methods);
    let columns: Vec<Column<'_>> = heads.map(|head| (head, Kind::Name)).collect();
    let cells = |(rulebook, exhaustive, row): &ByMethod| {
        let exhaustive = match exhaustive {
            None => "slow: not run".to_owned(),
            Some(row) => format!("{}, {:.1} s", by_check(row), row.elapsed().as_secs_f64()),
        };
        let first =
            [rulebook.number.unwrap_or("").to_owned(), rulebook.name.to_owned(), rulebook.class.to_string()];
        let drawn = row.cells.iter().map(|cell| simulated(cell, arguments.runs));
        first.into_iter().chain([exhaustive]).chain(drawn).collect()
    };
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let below = format!(
        "\n\nOf {} with up to {} each, the median: how many runs and seconds it took to the first violation.\nA fraction \
         says in how many tries there was one; a dash, that there was none.\n",
        count(arguments.tries, "try", "tries"),
        count(arguments.runs, "run", "runs"),
    );
    table(&columns, &rows, screen) + &fitted(&below, screen)
}

fn by_check(row: &Row) -> String {
    let states = count(row.states(), "state", "states");
    match row.shortest() {
        _ if row.run.scope.load.is_some() => "simulated".to_owned(),
        _ if !row.run.script.is_empty() => "written down".to_owned(),
        Some(_) => states,
        None => format!("clean, {states}"),
    }
}

fn simulated(cell: &Cell, runs: u64) -> String {
    let (found, tries) = (cell.found(), cell.tries.len());
    match cell.median() {
        Some(median) if median.found.is_some() => {
            let share = if found == tries { String::new() } else { format!("{found}/{tries}: ") };
            let runs = count(median.runs, "run", "runs");
            format!("{share}{runs}, {:.3} s", median.elapsed.as_secs_f64())
        }
        _ if found > 0 => format!("{found}/{tries} in {runs}"),
        _ => "–".to_owned(),
    }
}

fn list(corpus: &[&Rulebook], screen: Option<usize>) -> String {
    const COLUMNS: [Column<'_>; 6] = [
        ("no.", Kind::Name),
        ("name", Kind::Name),
        ("class", Kind::Name),
        ("rule", Kind::Prose),
        ("what it breaks", Kind::Prose),
        ("seen in", Kind::Prose),
    ];
    let row = |rulebook: &&Rulebook| {
        vec![
            rulebook.number.unwrap_or("").to_owned(),
            rulebook.name.to_owned(),
            rulebook.class.to_string(),
            rulebook.overrides.join(" "),
            rulebook.breaks.unwrap_or("nothing").to_owned(),
            rulebook.source.to_owned(),
        ]
    };
    let rows: Vec<_> = corpus.iter().map(row).collect();
    format!("{}\n\nTo see what kills each: bft bugs --check\n", table(&COLUMNS, &rows, screen))
}

fn matrix(rows: &[Row], left: usize, screen: Option<usize>) -> String {
    const COLUMNS: [Column<'_>; 12] = [
        ("no.", Kind::Name),
        ("bug", Kind::Name),
        ("class", Kind::Name),
        ("source", Kind::Prose),
        ("judge", Kind::Prose),
        ("bound", Kind::Prose),
        ("Byzantine", Kind::Name),
        ("states", Kind::Number),
        ("steps", Kind::Number),
        ("deliveries", Kind::Number),
        ("time", Kind::Number),
        ("outcome", Kind::Prose),
    ];
    let cells = |row: &Row| {
        let (steps, deliveries) = row
            .shortest()
            .map_or_else(Default::default, |(steps, deliveries)| (steps.to_string(), deliveries.to_string()));
        vec![
            row.rulebook.number.unwrap_or("").to_owned(),
            row.rulebook.name.to_owned(),
            row.rulebook.class.to_string(),
            row.rulebook.source.to_owned(),
            judge_with(row.run),
            row.run.scope.to_string(),
            placement(row.run),
            thousands(row.states()),
            steps,
            deliveries,
            format!("{:.1} s", row.elapsed().as_secs_f64()),
            outcome(row),
        ]
    };
    let mut out = table(&COLUMNS, &rows.iter().map(cells).collect::<Vec<_>>(), screen);
    out.push_str("\n\n");
    let wrong = rows.iter().filter(|row| !row.as_expected()).count();
    let all = count(rows.len() as u64, "row", "rows");
    let below = match (wrong, rows.len()) {
        (0, 1) => "The row came out as it must.\n".to_owned(),
        (_, 1) => "The row did not come out as it must.\n".to_owned(),
        (0, _) => format!("All {all} came out as they must.\n"),
        _ => format!("{wrong} of {all} did not come out as they must.\n"),
    };
    out.push_str(&fitted(&below, screen));
    if left > 0 {
        let slow = count(left as u64, "slow row was", "slow rows were");
        let below = format!("{slow} not run; bft bugs --check --all runs them too.\n");
        out.push_str(&fitted(&below, screen));
    }
    out
}

/// Who says so: judge *guards*, its fair runs, or only the replicas themselves, which follow a run that is written down or
/// drawn.
fn judge(run: &Run) -> &'static str {
    match run.expected {
        _ if run.scope.load.is_some() => "simulation",
        _ if !run.script.is_empty() => "replay",
        Expected::Violated(property) if property.is_liveness() => "liveness",
        _ => "guards",
    }
}

/// The judge of a row, and what it leaves out.
fn judge_with(run: &Run) -> String {
    match run.reductions {
        Reductions::NONE => judge(run).to_owned(),
        reductions => format!("{} ({reductions})", judge(run)),
    }
}

fn placement(run: &Run) -> String {
    run.byzantine.map_or_else(
        || format!("any {}", run.scope.faults),
        |ids| who(&Bound::new(run.scope, ids.iter().copied())),
    )
}

/// What came of a row, in words.
fn outcome(row: &Row) -> String {
    let verdicts = || row.outcomes.iter().map(|outcome| &outcome.verdict);
    let mut out = match verdicts().find(|v| !v.is_clean() && !matches!(v, Verdict::Violated { .. })) {
        Some(Verdict::Refused(why)) => format!("no verdict: {why}"),
        Some(_) => "not exhausted".to_owned(),
        None => match verdicts().find_map(|verdict| match verdict {
            Verdict::Violated { property, .. } => Some(property),
            _ => None,
        }) {
            Some(property) => format!("killed: {property}"),
            None if row.run.expected == Expected::Holds => "clean, as it must be".to_owned(),
            None => "NOT KILLED".to_owned(),
        },
    };
    if let Some(views) = row.run.passes_with_views {
        let passes = row.below.iter().all(|outcome| outcome.verdict.is_clean());
        let views = count(views, "view", "views");
        out.push_str(&format!("; {} in {views}", if passes { "not seen" } else { "NOT CLEAN" }));
    }
    if !row.as_expected() && row.run.expected == Expected::Holds {
        out.push_str(" (it must be clean)");
    }
    out
}

fn as_json(rows: &[Row], code: u8) -> Value {
    let row = |row: &Row| {
        let shortest = row.shortest();
        json!({
            "number": row.rulebook.number,
            "bug": row.rulebook.name,
            "class": row.rulebook.class,
            "source": row.rulebook.source,
            "judge": judge(row.run),
            "run": row.run,
            "states": row.states(),
            "steps": shortest.map(|(steps, _)| steps),
            "deliveries": shortest.map(|(_, deliveries)| deliveries),
            "seconds": row.elapsed().as_secs_f64(),
            "outcome": outcome(row),
            "as_expected": row.as_expected(),
        })
    };
    let mut out = head("bugs --check", code);
    out["as_expected"] = json!(rows.iter().all(Row::as_expected));
    out["rows"] = json!(rows.iter().map(row).collect::<Vec<_>>());
    out
}
