//! `bft simulate`: runs drawn from seeds, past what can be explored exhaustively.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;

use clap::Args;
use serde_json::json;

use super::limits::{MOST_MEMORY, MOST_RUNS, threads};
use super::output::{answer, answer_json, complain, head};
use super::progress::{ProgressArguments, Runs, with_runs};
use super::{
    HOLDS, NOT_EXHAUSTED, ReportFormat, STUCK, UNSAFE, UsageError, are_different, can_be_written, junit,
    look, make_steppable, seconds, signals, subject, with,
};
use crate::files;
use crate::model::{Byzantine, Load, Property};
use crate::simulate::{Progress, Report, SchedulerKind, Simulated, Simulation, StrategyKind, merge};
use crate::subject::{Catalogue, Pbft};
use crate::table::fitted;
use crate::trace::{Form, thousands};

/// Seeds from one to the one before another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seeds(u64, u64);

impl std::str::FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || {
            format!("'{text}' is no range of seeds: give two numbers as in 0..1000, the second the larger")
        };
        let (from, to) = text.split_once("..").ok_or_else(error)?;
        let (from, to) = (from.trim().parse().map_err(|_| error())?, to.trim().parse().map_err(|_| error())?);
        if from >= to {
            return Err(error());
        }
        match to - from {
            runs if runs <= MOST_RUNS => Ok(Seeds(from, to)),
            runs => {
                Err(format!("{} are more than {} in one campaign", thousands(runs), thousands(MOST_RUNS)))
            }
        }
    }
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  bft simulate                                          a hundred runs of the paper's protocol
  bft simulate --replicas 31 --runs 20                  a larger committee
  bft simulate --rules weak-prepare --trace x.json      a broken rulebook; its violating run in a file
  bft simulate --seeds 0..5000 --json a.json            a part of a campaign, here or on another machine
  bft simulate --merge a.json b.json                    the parts together

Exit codes:
  0    every seed was run to its end, and no run violates anything; that says nothing of other runs
  2    the question makes no sense
  10   a run violates a safety property
  11   a run violates a liveness property
  20   a run was cut off, or not every seed was run: by a limit or a signal
  130  a second signal ended the process
A file that cannot be written changes none of them.")]
pub(super) struct SimulateArguments {
    /// n: the number of replicas, from 1 to 100
    #[arg(long, value_name = "N", default_value_t = 4)]
    replicas: u16,
    /// f: the number of Byzantine replicas that the thresholds tolerate, up to (n - 1) / 3 [default: that many]
    #[arg(long, value_name = "F")]
    faults: Option<u16>,
    /// Which replicas are Byzantine: a count, drawn by each seed, or a list as in r0,r2 [default: f]
    #[arg(long, value_name = "COUNT|IDS")]
    byzantine: Option<Byzantine>,
    /// What Byzantine replicas do
    #[arg(long, value_enum, default_value_t)]
    strategy: StrategyKind,
    /// Who is next, of all that could be
    #[arg(long, value_enum, default_value_t)]
    scheduler: SchedulerKind,
    /// d of PCT: how many orderings a fault may hang on, from 1 to 1,000
    #[arg(long, value_name = "D", default_value_t = 3)]
    depth: u32,
    /// Which rulebook the replicas follow; `bft rules` lists them [default: the first of these]
    #[arg(long, value_name = "NAME")]
    rules: Option<String>,
    /// Check this property only [default: all]
    #[arg(long, value_name = "NAME")]
    property: Option<Property>,
    /// The first seed, up to 18,446,744,073,709,551,614
    #[arg(long, value_name = "SEED", default_value_t = 0, conflicts_with = "seeds")]
    seed: u64,
    /// How many seeds, from 1 to 1,000,000,000
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with = "seeds", value_parser = clap::value_parser!(u64).range(1..=MOST_RUNS))]
    runs: u64,
    /// The seeds from one to the one before another, as in 0..1000: a part of a campaign [default: --runs from --seed on]
    #[arg(long, value_name = "FROM..TO")]
    seeds: Option<Seeds>,
    /// Cut off a run after so many steps, up to 1,000,000,000 [default: as many as a run may need]
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// How many clients, from 1 to 1,000
    #[arg(long, value_name = "N", default_value_t = 3)]
    clients: u32,
    /// How many requests each client sends, one after the other; from 1 to 1,000,000
    #[arg(long, value_name = "N", default_value_t = Load::default().operations)]
    requests: u32,
    /// The most requests in a batch, from 1 to 1,000
    #[arg(long, value_name = "N", default_value_t = Load::default().batch)]
    batch: u32,
    /// The most batches that a primary has proposed and not executed, from 1 to 1,000
    #[arg(long, value_name = "N", default_value_t = Load::default().in_flight)]
    in_flight: u32,
    /// K: a checkpoint at every multiple of it, from 1 to 10,000; OSDI'99 suggests 128
    #[arg(long, value_name = "K", default_value_t = 4)]
    checkpoint: u64,
    /// L: how far the high watermark lies above the low one, up to 10,000 [default: twice K]
    #[arg(long, value_name = "L")]
    window: Option<u64>,
    /// How often honest replicas crash and recover at most, all together; up to 1,000
    #[arg(long, value_name = "N", default_value_t = 2)]
    crashes: u32,
    /// Whether a crash loses what the last step wrote to storage
    #[arg(long)]
    lossy_store: bool,
    /// How many of a thousand messages are lost until the network is stable, up to 1,000 [default: drawn by each seed]
    #[arg(long, value_name = "N")]
    drop: Option<u32>,
    /// How many of a thousand are delivered twice until then, up to 1,000 [default: drawn by each seed]
    #[arg(long, value_name = "N")]
    duplicate: Option<u32>,
    /// How often the network parts until then, up to 1,000 [default: drawn by each seed]
    #[arg(long, value_name = "N")]
    partitions: Option<u32>,
    /// When the network becomes stable, in ticks of virtual time, up to 1,000,000,000 [default: drawn by each seed]
    #[arg(long, value_name = "TICKS")]
    stable_at: Option<u64>,
    /// Go on after a violation, and count them [default: end at the first]
    #[arg(long)]
    keep_going: bool,
    /// Runs that happen at the same time, from 1 to 1,024 [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = threads())]
    threads: Option<u64>,
    /// Give up after so many seconds, up to 1,000,000,000 [default: never]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Give up when the process holds more than so many MiB of memory, up to 16,777,216 [default: four fifths of what the
    /// machine has, or its control group may have]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(..=MOST_MEMORY))]
    memory: Option<u64>,
    /// Write the violating run to this file, shrunk: JSON, or by its ending ITF (.itf.json), Mermaid (.mmd), a page (.html)
    /// or text
    /// (.txt) [default: bft-simulate-RULES-SEED.json]
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write no violating run
    #[arg(long, conflicts_with = "trace")]
    no_trace: bool,
    /// Write what came of it to this file, to be merged with the other parts of a campaign [default: to
    /// none]
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Put the results of parts of a campaign together, as --json writes them. The first of what was found is run again; nothing
    /// else is, so that this goes with --json and --format alone
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = NOT_MERGED)]
    merge: Vec<PathBuf>,
    #[command(flatten)]
    progress: ProgressArguments,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
}

/// What says how something is run, and so nothing of reports.
const NOT_MERGED: [&str; 30] = [
    "replicas",
    "faults",
    "byzantine",
    "strategy",
    "scheduler",
    "depth",
    "rules",
    "property",
    "seed",
    "runs",
    "seeds",
    "steps",
    "clients",
    "requests",
    "batch",
    "in_flight",
    "checkpoint",
    "window",
    "crashes",
    "lossy_store",
    "drop",
    "duplicate",
    "partitions",
    "stable_at",
    "keep_going",
    "threads",
    "timeout",
    "memory",
    "trace",
    "no_trace",
];

pub(super) fn run(arguments: &SimulateArguments, catalogue: &Catalogue) -> Result<u8, UsageError> {
    are_different(&[("--trace", arguments.trace.as_deref()), ("--json", arguments.json.as_deref())])?;
    if let Some(path) = &arguments.json {
        can_be_written("json", path)?;
    }
    if !arguments.merge.is_empty() {
        return merged(arguments, catalogue);
    }
    if let Some(path) = &arguments.trace {
        Form::of(&path.to_string_lossy())?;
        can_be_written("trace", path)?;
    }
    let subject = subject(catalogue, &arguments.rules)?;
    let simulation = simulation(arguments, catalogue)?;
    let progress = Progress { stop: signals::stopped()?, ..Progress::default() };
    let Seeds(from, to) = seeds(arguments)?;
    let done = || Runs { runs: progress.runs.load(Relaxed), steps: progress.steps.load(Relaxed) };
    let work = || simulation.simulate_watched(&progress);
    let mut simulated = with_runs(&arguments.progress, to - from, done, work)?;
    let code = exit_code(simulated.report());
    let text = || simulated.to_string();
    if arguments.format == ReportFormat::Text {
        let code = print(arguments, simulated.report(), &text, &[], code)?;
        let failures = write(arguments, &subject, &mut simulated);
        failures.iter().for_each(|failure| complain(failure));
        if let Some(file) = simulated.written() {
            let again = if Form::of(&file.to_string_lossy()).is_ok_and(Form::can_be_read) {
                format!("; to read it again: bft replay {}", file.display())
            } else {
                String::new()
            };
            answer(&format!("\nWritten to {}{again}\n", file.display()), HOLDS);
        }
        return Ok(code);
    }
    let failures = write(arguments, &subject, &mut simulated);
    failures.iter().for_each(|failure| complain(failure));
    print(arguments, simulated.report(), &String::new, &failures, code)
}

/// Writes the files that were asked for, and where none was, a violating run to one of its own name. Says what could not
/// be written.
fn write(arguments: &SimulateArguments, subject: &Pbft, simulated: &mut Simulated) -> Vec<String> {
    let mut failures = Vec::new();
    if let Some(finding) = simulated.report().findings.first().filter(|_| !arguments.no_trace) {
        let own =
            || format!("bft-simulate-{}-{}.json", simulated.report().settings.rules, finding.seed).into();
        let path = arguments.trace.clone().unwrap_or_else(own);
        failures.extend(simulated.write(&path).err().map(|error| error.to_string()));
        if let (Some(path), Some((property, trace))) = (simulated.written(), simulated.first()) {
            failures.extend(make_steppable(path, subject, Some(property), trace).err());
        }
    }
    failures.extend(write_report(arguments, simulated.report()));
    failures
}

/// Writes the report for a merge, if it was asked for.
fn write_report(arguments: &SimulateArguments, report: &Report) -> Option<String> {
    let path = arguments.json.as_ref()?;
    let text = match serde_json::to_string_pretty(report) {
        Ok(text) => text,
        Err(error) => return Some(format!("--json {}: {error}", path.display())),
    };
    files::write(path, text).err().map(|error| format!("--json {}: {error}", path.display()))
}

fn seeds(arguments: &SimulateArguments) -> Result<Seeds, UsageError> {
    match arguments.seeds {
        Some(seeds) => Ok(seeds),
        None => match arguments.seed.checked_add(arguments.runs) {
            Some(to) => Ok(Seeds(arguments.seed, to)),
            None => Err(UsageError(format!(
                "--seed {} and --runs {}: no seed is so large",
                arguments.seed, arguments.runs
            ))),
        },
    }
}

/// The campaign that is asked for.
fn simulation(arguments: &SimulateArguments, catalogue: &Catalogue) -> Result<Simulation, UsageError> {
    let Seeds(from, to) = seeds(arguments)?;
    let simulation = Simulation::new(subject(catalogue, &arguments.rules)?)
        .replicas(arguments.replicas)
        .strategy(arguments.strategy)
        .scheduler(arguments.scheduler)
        .depth(arguments.depth)
        .seeds(from..to)
        .clients(arguments.clients)
        .requests(arguments.requests)
        .batch(arguments.batch)
        .in_flight(arguments.in_flight)
        .checkpoint(arguments.checkpoint)
        .crashes(arguments.crashes);
    let timeout = arguments.timeout.map(seconds).transpose()?;
    let simulation = with(simulation, arguments.faults, Simulation::faults);
    let simulation = with(simulation, arguments.byzantine.clone(), Simulation::byzantine);
    let simulation = with(simulation, arguments.property, Simulation::property);
    let simulation = with(simulation, arguments.steps, Simulation::steps);
    let simulation = with(simulation, arguments.window, Simulation::window);
    let simulation = with(simulation, arguments.drop, Simulation::drop);
    let simulation = with(simulation, arguments.duplicate, Simulation::duplicate);
    let simulation = with(simulation, arguments.partitions, Simulation::partitions);
    let simulation = with(simulation, arguments.stable_at, Simulation::stable_at);
    let simulation = with(simulation, arguments.threads.map(|threads| threads as usize), Simulation::threads);
    let simulation = with(simulation, timeout, Simulation::timeout);
    let simulation = with(simulation, arguments.memory.map(|mib| mib << 20), Simulation::max_memory);
    let simulation = if arguments.lossy_store { simulation.lossy_store() } else { simulation };
    Ok(if arguments.keep_going { simulation.keep_going() } else { simulation })
}

/// Puts reports together that files hold.
fn merged(arguments: &SimulateArguments, catalogue: &Catalogue) -> Result<u8, UsageError> {
    let named = |path: &Path, what: &dyn std::fmt::Display| UsageError(format!("{}: {what}", path.display()));
    let mut reports = Vec::new();
    for path in &arguments.merge {
        are_different(&[("--merge", Some(path)), ("--json", arguments.json.as_deref())])?;
        let text = fs::read_to_string(path).map_err(|why| named(path, &why))?;
        let report: Report = serde_json::from_str(&text).map_err(|why| {
            named(path, &format!("this is no report as bft simulate --json writes it: {why}"))
        })?;
        report.validate(catalogue).map_err(|why| named(path, &why))?;
        reports.push(report);
    }
    let report = merge(reports)?;
    report.reproduce(catalogue)?;
    let code = exit_code(&report);
    if arguments.format == ReportFormat::Text {
        let code = print(arguments, &report, &|| report.to_string(), &[], code)?;
        write_report(arguments, &report).iter().for_each(|failure| complain(failure));
        return Ok(code);
    }
    let failures = Vec::from_iter(write_report(arguments, &report));
    failures.iter().for_each(|failure| complain(failure));
    print(arguments, &report, &String::new, &failures, code)
}

/// Prints what came of it; `text` says it in words.
fn print(
    arguments: &SimulateArguments,
    report: &Report,
    text: &dyn Fn() -> String,
    failures: &[String],
    code: u8,
) -> Result<u8, UsageError> {
    Ok(match arguments.format {
        ReportFormat::Text => answer(&look::coloured(&fitted(&text(), look::screen())), code),
        ReportFormat::Junit => answer(&junit::simulated(report)?, code),
        ReportFormat::Json => {
            let mut out = head("simulate", code);
            let commands = report.findings.iter().map(|finding| report.command(finding.seed));
            out["commands"] = json!(commands.collect::<Vec<_>>());
            out["failures"] = json!(failures);
            out["report"] = serde_json::to_value(report)?;
            answer_json(&out, code)
        }
    })
}

fn exit_code(report: &Report) -> u8 {
    let unsafe_ones = report.findings.iter().any(|finding| !finding.property.is_liveness());
    match report.findings.is_empty() {
        true if report.uncovered().is_some() => NOT_EXHAUSTED,
        true => HOLDS,
        false if unsafe_ones => UNSAFE,
        false => STUCK,
    }
}
