//! `bft bugs`: the corpus, and the kill matrix.

use std::sync::Mutex;
use std::sync::PoisonError;

use clap::Args;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::json;

use super::{Format, HOLDS, UNEXPECTED, UsageError, unknown};
use crate::bugs::{self, Class, Expected, RULEBOOKS, Rulebook, Run};
use crate::check::{self, Limits, Progress, Row, Verdict, who};
use crate::model::{Bound, Reductions};
use crate::simulate::{Cell, MatrixRow, Method, matrix_row};
use crate::trace::thousands;

#[derive(Debug, Args)]
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
    /// How many runs a method has in each of its tries
    #[arg(long, value_name = "N", default_value_t = 200, requires = "matrix")]
    runs: u64,
    /// How many tries a method has, each with seeds of its own; the table shows the median
    #[arg(long, value_name = "N", default_value_t = 5, requires = "matrix")]
    tries: u64,
    /// Run the slow rows too, which take minutes and gigabytes
    #[arg(long)]
    all: bool,
    /// Rows that run at the same time [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
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
        match arguments.format {
            Format::Json => println!("{}", serde_json::to_string_pretty(&corpus)?),
            Format::Text => print!("{}", list(&corpus)),
        }
        return Ok(HOLDS);
    }
    let threads = match arguments.threads {
        Some(0) => return Err(UsageError("--threads must be at least 1".to_owned())),
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    if arguments.matrix {
        return by_method(arguments, &corpus, threads);
    }
    // Who names a rulebook wants its slow rows too.
    let slow = arguments.all || !arguments.names.is_empty();
    let all = corpus.iter().flat_map(|rulebook| rulebook.runs.iter().map(move |run| (*rulebook, run)));
    let (wanted, left): (Vec<_>, Vec<_>) = all.partition(|(_, run)| slow || !run.slow);
    let rows = run_all(&wanted, threads)?;
    let expected = rows.iter().all(Row::as_expected);
    match arguments.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&as_json(&rows))?),
        Format::Text => print!("{}", matrix(&rows, left.len())),
    }
    Ok(if expected { HOLDS } else { UNEXPECTED })
}

/// Runs the rows, some at a time; in the order in which they stand, whichever ends first.
fn run_all(wanted: &[(&'static Rulebook, &'static Run)], threads: usize) -> Result<Vec<Row>, UsageError> {
    let row = |(rulebook, run): &(&'static Rulebook, &'static Run)| {
        check::run_row(rulebook, run, &Limits::default(), &Progress::default())
    };
    let rows: Result<Vec<_>, _> = side_by_side(wanted, threads, row).into_iter().collect();
    Ok(rows?)
}

/// What comes of each of these, some at a time; in the order in which they stand, whichever ends first.
fn side_by_side<T: Sync, R: Send>(wanted: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let queue = Mutex::new(wanted.iter().enumerate());
    let done = Mutex::new((0..wanted.len()).map(|_| None).collect::<Vec<_>>());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((i, one)) = next else { break };
                    let result = work(one);
                    done.lock().unwrap_or_else(PoisonError::into_inner)[i] = Some(result);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect()
}

/// A rulebook under every method: the exhaustive check where it was asked for, and simulated runs.
type ByMethod = (&'static Rulebook, Option<Row>, MatrixRow);

/// Prints which method finds which fault. The exhaustive check runs each where it shows first.
fn by_method(
    arguments: &BugsArguments,
    corpus: &[&'static Rulebook],
    threads: usize,
) -> Result<u8, UsageError> {
    for (name, value) in [("runs", arguments.runs), ("tries", arguments.tries)] {
        if value == 0 {
            return Err(UsageError(format!("--{name} must be at least 1")));
        }
    }
    let row = |rulebook: &&'static Rulebook| -> Result<ByMethod, UsageError> {
        let violated = |run: &&Run| matches!(run.expected, Expected::Violated(_));
        let shown = rulebook.runs.iter().find(violated).or(rulebook.runs.first());
        let exhaustive = match shown.filter(|run| arguments.all || !run.slow) {
            Some(run) => Some(check::run_row(rulebook, run, &Limits::default(), &Progress::default())?),
            None => None,
        };
        Ok((*rulebook, exhaustive, matrix_row(rulebook, arguments.tries, arguments.runs)?))
    };
    let rows = side_by_side(corpus, threads, row).into_iter().collect::<Result<Vec<_>, _>>()?;
    match arguments.format {
        Format::Json => {
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
            println!("{}", serde_json::to_string_pretty(&json!({ "runs": arguments.runs, "rows": rows }))?);
        }
        Format::Text => print!("{}", matrix_by_method(arguments, &rows)),
    }
    Ok(HOLDS)
}

fn matrix_by_method(arguments: &BugsArguments, rows: &[ByMethod]) -> String {
    let mut table = table();
    let methods = Method::ALL.map(Method::name);
    table.set_header(["no.", "bug", "class", "exhaustive"].into_iter().chain(methods));
    for (rulebook, exhaustive, row) in rows {
        let exhaustive = match exhaustive {
            None => "slow: not run".to_owned(),
            Some(row) => format!("{}, {:.1} s", by_check(row), row.elapsed().as_secs_f64()),
        };
        let cells = row.cells.iter().map(|cell| simulated(cell, arguments.runs));
        let first =
            [rulebook.number.unwrap_or("").to_owned(), rulebook.name.to_owned(), rulebook.class.to_string()];
        table.add_row(first.into_iter().chain([exhaustive]).chain(cells));
    }
    format!(
        "{}\n\nOf {} tries with up to {} runs each, the median: how many runs and seconds it took to the first \
         violation.\nA fraction says in how many tries there was one; a dash, that there was none.\n",
        table.trim_fmt(),
        arguments.tries,
        arguments.runs
    )
}

fn by_check(row: &Row) -> String {
    let states = thousands(row.states());
    match row.shortest() {
        _ if row.run.scope.load.is_some() => "simulated".to_owned(),
        _ if !row.run.script.is_empty() => "written down".to_owned(),
        Some(_) => format!("{states} states"),
        None => format!("clean, {states} states"),
    }
}

fn simulated(cell: &Cell, runs: u64) -> String {
    let (found, tries) = (cell.found(), cell.tries.len());
    match cell.median() {
        Some(median) if median.found.is_some() => {
            let share = if found == tries { String::new() } else { format!("{found}/{tries}: ") };
            let plural = if median.runs == 1 { "run" } else { "runs" };
            format!("{share}{} {plural}, {:.3} s", median.runs, median.elapsed.as_secs_f64())
        }
        _ if found > 0 => format!("{found}/{tries} in {runs}"),
        _ => "–".to_owned(),
    }
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if table.width().is_none() {
        table.set_width(190);
    }
    table
}

fn list(corpus: &[&Rulebook]) -> String {
    let mut table = table();
    table.set_header(["no.", "name", "class", "rule", "what it breaks", "seen in"]);
    for rulebook in corpus {
        table.add_row([
            rulebook.number.unwrap_or(""),
            rulebook.name,
            &rulebook.class.to_string(),
            &rulebook.overrides.join(" "),
            rulebook.breaks.unwrap_or("nothing"),
            rulebook.source,
        ]);
    }
    format!("{}\n\nTo see what kills each: bft bugs --check\n", table.trim_fmt())
}

fn matrix(rows: &[Row], left: usize) -> String {
    let mut table = table();
    table.set_header([
        "no.",
        "bug",
        "class",
        "source",
        "judge",
        "bound",
        "Byzantine",
        "states",
        "steps",
        "deliveries",
        "time",
        "outcome",
    ]);
    for row in rows {
        let (steps, deliveries) = row
            .shortest()
            .map_or_else(Default::default, |(steps, deliveries)| (steps.to_string(), deliveries.to_string()));
        table.add_row([
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
        ]);
    }
    for column in table.column_iter_mut().skip(7).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut out = table.trim_fmt();
    out.push_str("\n\n");
    let wrong = rows.iter().filter(|row| !row.as_expected()).count();
    out.push_str(&match wrong {
        0 => format!("All {} rows came out as they must.\n", rows.len()),
        _ => format!("{wrong} of {} rows did not come out as they must.\n", rows.len()),
    });
    if left > 0 {
        out.push_str(&format!("{left} slow rows were not run; bft bugs --check --all runs them too.\n"));
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

/// The same, and what it leaves out.
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
        let plural = if views == 1 { "view" } else { "views" };
        out.push_str(&format!("; {} in {views} {plural}", if passes { "not seen" } else { "NOT CLEAN" }));
    }
    if !row.as_expected() && row.run.expected == Expected::Holds {
        out.push_str(" (it must be clean)");
    }
    out
}

fn as_json(rows: &[Row]) -> serde_json::Value {
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
    json!({
        "as_expected": rows.iter().all(Row::as_expected),
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
    })
}
