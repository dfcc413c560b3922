//! `simulate`: runs that are drawn from seeds.

use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;

use clap::Args;
use serde_json::json;

use super::bound::BoundArguments;
use crate::cli::limits::{MOST_RUNS, threads};
use crate::cli::output::{self, answer, answer_json, complain};
use crate::cli::progress::{ProgressArguments, Runs, with_runs};
use crate::cli::{
    HOLDS, NOT_EXHAUSTED, ReportFormat, STUCK, UNSAFE, UsageError, junit, look, seconds, signals, with,
};
use crate::protocol::Protocol;
use crate::simulate::protocol::{Counts, Progress, Simulated, Simulation};
use crate::table::fitted;

/// The most steps of a run.
const MOST_STEPS: u64 = 1_000_000_000;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  simulate --byzantine 1 --runs 10000            one node lies, another one in each run
  simulate --crashes 2 --trace x.json            the first run that violates something, shrunk, in a file
  simulate --seed 41 --runs 1                    one run again

Exit codes:
  0    every run was made, and none violates anything; that says nothing of other runs
  2    the question makes no sense
  10   a run violates a property of safety
  11   a run gets nowhere
  20   not every run was made, or not to its end: a limit or a signal ended it
  130  a second signal ended the process
A file that cannot be written changes none of them.")]
pub(super) struct SimulateArguments {
    #[command(flatten)]
    bound: BoundArguments,
    /// Look at this property only: agreement, validity, panics, liveness, or an invariant of the protocol
    #[arg(long, value_name = "NAME")]
    property: Option<String>,
    /// The first seed, up to 18,446,744,073,709,551,614
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How many runs, each of the next seed; from 1 to 1,000,000,000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=MOST_RUNS))]
    runs: u64,
    /// Steps of a run, at most; from 1 to 1,000,000,000 [default: 1,000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_STEPS))]
    steps: Option<u64>,
    /// Go on after the first run that violates something
    #[arg(long)]
    keep_going: bool,
    /// Threads to use, from 1 to 1,024 [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = threads())]
    threads: Option<u64>,
    /// End the runs after so many seconds, up to 1,000,000,000 [default: never]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    #[command(flatten)]
    progress: ProgressArguments,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
    /// Write the first run that violates something to this file, in the form of its ending: .json or .itf.json (Informal
    /// Trace Format), which `replay` reads, .mmd (Mermaid), .txt (words), .html (a page), .shiviz or .log (ShiViz)
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

pub(super) fn run<P: Protocol>(protocol: P, arguments: &SimulateArguments) -> Result<u8, UsageError> {
    let bound = &arguments.bound;
    let network = bound.network(&protocol)?;
    let timeout = arguments.timeout.map(seconds).transpose()?;
    let Some(end) = arguments.seed.checked_add(arguments.runs) else {
        let (seed, runs) = (arguments.seed, arguments.runs);
        return Err(UsageError(format!("--seed {seed} and --runs {runs}: no seed is so large")));
    };
    let seeds = arguments.seed..end;
    let simulation = Simulation::new(protocol).seeds(seeds);
    let simulation = with(simulation, bound.byzantine.clone(), Simulation::byzantine);
    let simulation = with(simulation, bound.crashes, Simulation::crashes);
    let simulation = with(simulation, network, Simulation::network);
    let simulation = with(simulation, arguments.property.clone(), Simulation::property);
    let simulation = with(simulation, arguments.steps.map(|steps| steps as usize), Simulation::steps);
    let simulation = with(simulation, arguments.threads.map(|threads| threads as usize), Simulation::threads);
    let simulation = with(simulation, timeout, Simulation::timeout);
    let simulation = with(simulation, arguments.trace.clone(), Simulation::trace);
    let simulation = if arguments.keep_going { simulation.keep_going() } else { simulation };
    let (stop, progress) = (signals::stopped()?, Progress::default());
    let done = || Runs { runs: progress.runs.load(Relaxed), steps: progress.steps.load(Relaxed) };
    let run = || simulation.run_watched(&stop, &progress);
    let simulated = with_runs(&arguments.progress, arguments.runs, done, run)?;
    let code = exit_code(&simulated);
    let code = match arguments.format {
        ReportFormat::Text => answer(&look::coloured(&fitted(&simulated.to_string(), look::screen())), code),
        ReportFormat::Json => answer_json(&as_json(&simulated, code)?, code),
        ReportFormat::Junit => answer(&junit::simulated_protocol(&simulated)?, code),
    };
    if let Some(failure) = simulated.failure() {
        complain(&failure.to_string());
    }
    Ok(code)
}

fn exit_code(simulated: &Simulated) -> u8 {
    let is_liveness = |story: &crate::trace::Story| story.end.is_some();
    let findings = simulated.findings();
    if findings.iter().any(|finding| !is_liveness(&finding.story)) {
        return UNSAFE;
    }
    match findings.is_empty() {
        false => STUCK,
        true if simulated.uncovered().is_some() => NOT_EXHAUSTED,
        true => HOLDS,
    }
}

fn as_json(simulated: &Simulated, code: u8) -> serde_json::Result<serde_json::Value> {
    let Counts { runs, steps, done, quiet, long, violating } = simulated.counts();
    let mut findings = Vec::new();
    for finding in simulated.findings() {
        findings.push(json!({
            "seed": finding.seed,
            "steps": finding.steps,
            "property": finding.story.violation.as_ref().map(|violation| &violation.property),
            "trace": serde_json::from_str::<serde_json::Value>(&finding.story.to_json()?)?,
        }));
    }
    let mut out = output::head("simulate", code);
    out["nodes"] = json!(simulated.nodes());
    out["seconds"] = json!(simulated.elapsed().as_secs_f64());
    out["runs"] = json!(runs);
    out["steps"] = json!(steps);
    out["done"] = json!(done);
    out["quiet"] = json!(quiet);
    out["long"] = json!(long);
    out["violating"] = json!(violating);
    out["failures"] = json!(Vec::from_iter(simulated.failure().map(ToString::to_string)));
    out["findings"] = json!(findings);
    Ok(out)
}
