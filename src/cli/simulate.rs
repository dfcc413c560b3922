//! `bft simulate`: runs drawn from seeds, past what can be explored exhaustively.

use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::check::stopped_by_ctrl_c;
use super::{Format, HOLDS, STUCK, UNSAFE, UsageError, seconds, subject, with};
use crate::model::{Byzantine, Load, Property};
use crate::simulate::{Progress, Report, SchedulerKind, Simulation, StrategyKind, merge};
use crate::subject::Catalogue;
use crate::trace::thousands;

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
        if from < to { Ok(Seeds(from, to)) } else { Err(error()) }
    }
}

#[derive(Debug, Args)]
pub(super) struct SimulateArguments {
    /// n: the number of replicas, up to 100
    #[arg(long, value_name = "N", default_value_t = 4)]
    replicas: u16,
    /// f: the number of Byzantine replicas that the thresholds tolerate [default: as many as n allows]
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
    /// d of PCT: how many orderings a fault may hang on
    #[arg(long, value_name = "D", default_value_t = 3)]
    depth: u32,
    /// Which rulebook the replicas follow; `bft rules` lists them [default: the first of these]
    #[arg(long, value_name = "NAME")]
    rules: Option<String>,
    /// Check this property only
    #[arg(long, value_name = "NAME")]
    property: Option<Property>,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 0, conflicts_with = "seeds")]
    seed: u64,
    /// How many seeds
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with = "seeds")]
    runs: u64,
    /// The seeds from one to the one before another, as in 0..1000: a part of a campaign
    #[arg(long, value_name = "FROM..TO")]
    seeds: Option<Seeds>,
    /// Cut off a run after so many steps [default: as many as a run may need]
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// How many clients
    #[arg(long, value_name = "N", default_value_t = 3)]
    clients: u32,
    /// How many requests each client sends, one after the other
    #[arg(long, value_name = "N", default_value_t = Load::default().operations)]
    requests: u32,
    /// The most requests in a batch
    #[arg(long, value_name = "N", default_value_t = Load::default().batch)]
    batch: u32,
    /// The most batches that a primary has proposed and not executed
    #[arg(long, value_name = "N", default_value_t = Load::default().in_flight)]
    in_flight: u32,
    /// K: a checkpoint at every multiple of it; OSDI'99 suggests 128
    #[arg(long, value_name = "K", default_value_t = 4)]
    checkpoint: u64,
    /// L: how far the high watermark lies above the low one [default: twice K]
    #[arg(long, value_name = "L")]
    window: Option<u64>,
    /// How often honest replicas crash and recover at most, all together
    #[arg(long, value_name = "N", default_value_t = 2)]
    crashes: u32,
    /// Whether a crash loses what the last step wrote to storage
    #[arg(long)]
    lossy_store: bool,
    /// How many of a thousand messages are lost until the network is stable [default: drawn by each seed]
    #[arg(long, value_name = "N")]
    drop: Option<u32>,
    /// How many of a thousand are delivered twice until then [default: drawn by each seed]
    #[arg(long, value_name = "N")]
    duplicate: Option<u32>,
    /// How often the network parts until then [default: drawn by each seed]
    #[arg(long, value_name = "N")]
    partitions: Option<u32>,
    /// When the network becomes stable, in ticks of virtual time [default: drawn by each seed]
    #[arg(long, value_name = "TICKS")]
    stable_at: Option<u64>,
    /// Go on after a violation, and count them
    #[arg(long)]
    keep_going: bool,
    /// Runs that happen at the same time [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Give up after so many seconds
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Write the violating run to this file, shrunk: JSON, or by its ending ITF (.itf.json), Mermaid (.mmd), a page (.html) or text
    /// (.txt) [default: bft-simulate-RULES-SEED.json]
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write no violating run
    #[arg(long, conflicts_with = "trace")]
    no_trace: bool,
    /// Write what came of it to this file, to be merged with the other parts of a campaign
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Put the results of parts of a campaign together, as --json writes them; nothing is run
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["seeds", "trace"])]
    merge: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &SimulateArguments, catalogue: &Catalogue) -> Result<u8, UsageError> {
    if !arguments.merge.is_empty() {
        return merged(arguments);
    }
    let simulation = simulation(arguments, catalogue)?;
    if let Some(path) = &arguments.json {
        can_be_written("json", path)?;
    }
    let progress = Progress { stop: stopped_by_ctrl_c()?, ..Progress::default() };
    let Seeds(from, to) = seeds(arguments)?;
    let mut simulated = watched(to - from, &progress, || simulation.run_watched(&progress))?;
    if arguments.trace.is_none()
        && !arguments.no_trace
        && let Some(finding) = simulated.report().findings.first()
    {
        let name = format!("bft-simulate-{}-{}.json", simulated.report().settings.rules, finding.seed);
        simulated.write(&PathBuf::from(name))?;
    }
    if let (Some(path), Some((property, trace))) = (&arguments.trace, simulated.first()) {
        super::make_steppable(path, &subject(catalogue, &arguments.rules)?, Some(property), trace)?;
    }
    let code = print(arguments, simulated.report(), &simulated)?;
    match simulated.failure() {
        Some(error) => Err(UsageError(error.to_string())),
        None => Ok(code),
    }
}

fn seeds(arguments: &SimulateArguments) -> Result<Seeds, UsageError> {
    match arguments.seeds {
        Some(seeds) => Ok(seeds),
        None if arguments.runs == 0 => Err(UsageError("--runs must be at least 1".to_owned())),
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
    let simulation = with(simulation, arguments.threads, Simulation::threads);
    let simulation = with(simulation, timeout, Simulation::timeout);
    let simulation = with(simulation, arguments.trace.clone(), Simulation::trace);
    let simulation = if arguments.lossy_store { simulation.lossy_store() } else { simulation };
    Ok(if arguments.keep_going { simulation.keep_going() } else { simulation })
}

fn can_be_written(name: &str, path: &Path) -> Result<(), UsageError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() && !path.is_dir() {
        return Ok(());
    }
    Err(UsageError(format!("--{name} {}: no file can be written there", path.display())))
}

/// Shows a progress bar while the work is done.
fn watched<R: Send>(runs: u64, progress: &Progress, work: impl FnOnce() -> R + Send) -> R {
    if !std::io::stderr().is_terminal() {
        return work();
    }
    let bar = ProgressBar::with_draw_target(Some(runs), ProgressDrawTarget::stderr());
    let style = "{spinner} {bar:30} {pos}/{len} runs  {msg}  {elapsed}, {eta} to go";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    let done = AtomicBool::new(false);
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                bar.set_position(progress.runs.load(Relaxed));
                bar.set_message(format!("{} steps", thousands(progress.steps.load(Relaxed))));
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let result = work();
        done.store(true, Relaxed);
        result
    });
    bar.finish_and_clear();
    result
}

/// Puts reports together that files hold.
fn merged(arguments: &SimulateArguments) -> Result<u8, UsageError> {
    let named = |path: &Path, what: &dyn std::fmt::Display| UsageError(format!("{}: {what}", path.display()));
    let mut reports = Vec::new();
    for path in &arguments.merge {
        let text = fs::read_to_string(path).map_err(|why| named(path, &why))?;
        let report: Report = serde_json::from_str(&text).map_err(|why| {
            named(path, &format!("this is no report as bft simulate --json writes it: {why}"))
        })?;
        reports.push(report);
    }
    if let Some(path) = &arguments.json {
        can_be_written("json", path)?;
    }
    let report = merge(reports)?;
    print(arguments, &report, &report)
}

fn print(
    arguments: &SimulateArguments,
    report: &Report,
    words: &dyn std::fmt::Display,
) -> Result<u8, UsageError> {
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(report)?;
        fs::write(path, text).map_err(|e| UsageError(format!("--json {}: {e}", path.display())))?;
    }
    match arguments.format {
        Format::Text => print!("{words}"),
        Format::Json => {
            let mut out = serde_json::to_value(report)?;
            let commands = report.findings.iter().map(|finding| report.command(finding.seed));
            out["commands"] = json!(commands.collect::<Vec<_>>());
            out["exit_code"] = json!(exit_code(report));
            println!("{}", serde_json::to_string_pretty(&out)?);
        }
    }
    Ok(exit_code(report))
}

fn exit_code(report: &Report) -> u8 {
    let unsafe_ones = report.findings.iter().any(|finding| !finding.property.is_liveness());
    match report.findings.is_empty() {
        true => HOLDS,
        false if unsafe_ones => UNSAFE,
        false => STUCK,
    }
}
