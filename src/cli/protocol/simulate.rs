//! `simulate`: runs that are drawn from seeds.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::bound::BoundArguments;
use crate::cli::output::{self, answer, answer_json};
use crate::cli::{Format, HOLDS, NOT_EXHAUSTED, STUCK, UNSAFE, UsageError, seconds, signals, with};
use crate::protocol::Protocol;
use crate::simulate::protocol::{Counts, Simulated, Simulation};

#[derive(Debug, Args)]
pub(super) struct SimulateArguments {
    #[command(flatten)]
    bound: BoundArguments,
    /// Look at this property only: agreement, validity, panics, liveness, or an invariant of the protocol
    #[arg(long, value_name = "NAME")]
    property: Option<String>,
    /// The first seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How many runs, each of the next seed
    #[arg(long, value_name = "N", default_value_t = 100)]
    runs: u64,
    /// Steps of a run, at most
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Go on after the first run that violates something
    #[arg(long)]
    keep_going: bool,
    /// Threads to use [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Begin no further run after so many seconds
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write the first run that violates something to this file, in the form of its ending: .json or .itf.json (Informal
    /// Trace Format), which `replay` reads, .mmd (Mermaid), .txt (words), .shiviz or .log (ShiViz)
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

pub(super) fn run<P: Protocol>(protocol: P, arguments: &SimulateArguments) -> Result<u8, UsageError> {
    let bound = &arguments.bound;
    let network = bound.network(&protocol)?;
    let timeout = arguments.timeout.map(seconds).transpose()?;
    let seeds = arguments.seed..arguments.seed.saturating_add(arguments.runs);
    let simulation = Simulation::new(protocol).seeds(seeds);
    let simulation = with(simulation, bound.byzantine.clone(), Simulation::byzantine);
    let simulation = with(simulation, bound.crashes, Simulation::crashes);
    let simulation = with(simulation, network, Simulation::network);
    let simulation = with(simulation, arguments.property.clone(), Simulation::property);
    let simulation = with(simulation, arguments.steps, Simulation::steps);
    let simulation = with(simulation, arguments.threads, Simulation::threads);
    let simulation = with(simulation, timeout, Simulation::timeout);
    let simulation = with(simulation, arguments.trace.clone(), Simulation::trace);
    let simulation = if arguments.keep_going { simulation.keep_going() } else { simulation };
    let simulated = simulation.run_until(&*signals::stopped()?)?;
    let code = exit_code(&simulated, arguments.runs);
    Ok(match arguments.format {
        Format::Text => answer(&simulated.to_string(), code),
        Format::Json => answer_json(&as_json(&simulated, code)?, code),
    })
}

fn exit_code(simulated: &Simulated, runs: u64) -> u8 {
    let is_liveness = |story: &crate::trace::Story| story.end.is_some();
    let findings = simulated.findings();
    if findings.iter().any(|finding| !is_liveness(&finding.story)) {
        return UNSAFE;
    }
    match findings.is_empty() {
        false => STUCK,
        true if simulated.counts().runs < runs => NOT_EXHAUSTED,
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
    out["runs"] = json!(runs);
    out["steps"] = json!(steps);
    out["done"] = json!(done);
    out["quiet"] = json!(quiet);
    out["long"] = json!(long);
    out["violating"] = json!(violating);
    out["findings"] = json!(findings);
    Ok(out)
}
