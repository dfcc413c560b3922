//! `bft simulate`: runs drawn from seeds, past what can be explored exhaustively.

use std::fmt::Write as _;
use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::check::stopped_by_ctrl_c;
use super::{Format, HOLDS, STUCK, UNSAFE, UsageError, seconds, subject};
use crate::check::{self, thousands};
use crate::model::{Byzantine, Load, Property, Store};
use crate::simulate::{
    Campaign, Finding, Limits, Progress, Report, SchedulerKind, Settings, StrategyKind, campaign, merge,
    reduced, run as run_seed,
};
use crate::subject::Catalogue;
use crate::trace::{Form, Trace};

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
    /// Write the violating run to this file, shrunk: JSON, or by its ending ITF (.itf.json), Mermaid (.mmd) or text
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

/// A violating run, told.
struct Told {
    text: String,
    file: Option<PathBuf>,
}

pub(super) fn run(arguments: &SimulateArguments, catalogue: &Catalogue) -> Result<u8, UsageError> {
    if !arguments.merge.is_empty() {
        return merged(arguments);
    }
    let settings = settings(arguments, catalogue)?;
    let Seeds(from, to) = match arguments.seeds {
        Some(seeds) => seeds,
        None if arguments.runs == 0 => return Err(UsageError("--runs must be at least 1".to_owned())),
        None => {
            let to = arguments.seed.checked_add(arguments.runs);
            let what = || {
                UsageError(format!(
                    "--seed {} and --runs {}: no seed is so large",
                    arguments.seed, arguments.runs
                ))
            };
            Seeds(arguments.seed, to.ok_or_else(what)?)
        }
    };
    let threads = match arguments.threads {
        Some(0) => return Err(UsageError("--threads must be at least 1".to_owned())),
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let timeout = arguments.timeout.map(seconds).transpose()?;
    for (name, path) in [("trace", &arguments.trace), ("json", &arguments.json)] {
        if let Some(path) = path {
            can_be_written(name, path)?;
        }
    }
    // Found out now, not after the campaign.
    arguments.trace.as_ref().map(|path| Form::of(&path.to_string_lossy())).transpose()?;
    let stop = stopped_by_ctrl_c()?;
    let progress = Progress { stop: Arc::clone(&stop), ..Progress::default() };
    let limits = Limits { threads, deadline: check::deadline(timeout) };
    let what = Campaign { settings, from, to, keeps_going: arguments.keep_going };
    let report = watched(to - from, &progress, || campaign(&what, &limits, &progress))?;
    let told = match report.findings.first() {
        Some(finding) => Some(told(arguments, &report, finding)?),
        None => None,
    };
    print(arguments, &report, told.as_ref())
}

fn can_be_written(name: &str, path: &Path) -> Result<(), UsageError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() && !path.is_dir() {
        return Ok(());
    }
    Err(UsageError(format!("--{name} {}: no file can be written there", path.display())))
}

fn settings(arguments: &SimulateArguments, catalogue: &Catalogue) -> Result<Settings, UsageError> {
    let subject = subject(catalogue, &arguments.rules)?;
    let base = Settings::new(subject.name(), arguments.replicas);
    let scope = crate::model::Scope {
        faults: arguments.faults.unwrap_or(base.scope.faults),
        requests: arguments.clients,
        checkpoint: Some(arguments.checkpoint),
        window: Some(arguments.window.unwrap_or(arguments.checkpoint.saturating_mul(2))),
        crashes: arguments.crashes,
        store: if arguments.lossy_store { Store::LosesLast } else { Store::Keeps },
        load: Some(Load {
            operations: arguments.requests,
            batch: arguments.batch,
            in_flight: arguments.in_flight,
        }),
        ..base.scope
    };
    let (byzantine, placed) = match &arguments.byzantine {
        None => (scope.faults, None),
        Some(Byzantine::Count(count)) => (*count, None),
        Some(Byzantine::Ids(ids)) => (ids.len() as u16, Some(ids.clone())),
    };
    let settings = Settings {
        scope,
        byzantine,
        placed,
        strategy: arguments.strategy,
        scheduler: arguments.scheduler,
        depth: arguments.depth,
        drop: arguments.drop,
        duplicate: arguments.duplicate,
        partitions: arguments.partitions,
        stable_at: arguments.stable_at,
        steps: arguments.steps.unwrap_or(base.steps),
        property: arguments.property,
        ..base
    };
    settings.validate()?;
    Ok(settings)
}

/// The arguments that draw a seed again, as far as they are not what they are without.
fn command(settings: &Settings, seed: u64) -> String {
    let base = Settings::new(&settings.rules, settings.scope.replicas);
    let (scope, load) = (settings.scope, settings.scope.load.unwrap_or_default());
    let mut out = format!("bft simulate --seed {seed} --runs 1 --rules {}", settings.rules);
    let mut add = |differs: bool, name: &str, value: &dyn std::fmt::Display| {
        if differs {
            let _ = write!(out, " --{name} {value}");
        }
    };
    add(true, "replicas", &scope.replicas);
    add(scope.faults != base.scope.faults, "faults", &scope.faults);
    let ids = settings.placed.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(",");
    add(settings.placed.is_some(), "byzantine", &ids);
    add(settings.placed.is_none() && settings.byzantine != scope.faults, "byzantine", &settings.byzantine);
    add(true, "strategy", &settings.strategy);
    add(true, "scheduler", &settings.scheduler);
    add(settings.depth != base.depth, "depth", &settings.depth);
    add(scope.requests != base.scope.requests, "clients", &scope.requests);
    add(load.operations != Load::default().operations, "requests", &load.operations);
    add(load.batch != Load::default().batch, "batch", &load.batch);
    add(load.in_flight != Load::default().in_flight, "in-flight", &load.in_flight);
    let interval = scope.checkpoint.unwrap_or(128);
    add(scope.checkpoint != base.scope.checkpoint, "checkpoint", &interval);
    let window = scope.window.unwrap_or(2 * interval);
    add(window != 2 * interval, "window", &window);
    add(scope.crashes != base.scope.crashes, "crashes", &scope.crashes);
    add(settings.steps != base.steps, "steps", &settings.steps);
    for (name, value) in
        [("drop", settings.drop), ("duplicate", settings.duplicate), ("partitions", settings.partitions)]
    {
        add(value.is_some(), name, &value.unwrap_or(0));
    }
    add(settings.stable_at.is_some(), "stable-at", &settings.stable_at.unwrap_or(0));
    if let Some(property) = settings.property {
        add(true, "property", &property);
    }
    if scope.store == Store::LosesLast {
        out.push_str(" --lossy-store");
    }
    out
}

/// Draws a violating run again, shrinks it and writes it.
fn told(arguments: &SimulateArguments, report: &Report, finding: &Finding) -> Result<Told, UsageError> {
    let settings = &report.settings;
    let outcome = run_seed(settings, finding.seed, true, None)?;
    let events = outcome.happened();
    let property = finding.property;
    let (trace, left_out) = if !Property::SAFETY.contains(&property) {
        // What never happens needs all that did.
        (Trace::replay(&outcome.system, &events)?, 0)
    } else {
        let small = reduced(&outcome.system, &events, property)?;
        (small.trace, small.from)
    };
    let path = arguments.trace.clone().or_else(|| {
        let name = format!("bft-simulate-{}-{}.json", settings.rules, finding.seed);
        (!arguments.no_trace).then(|| PathBuf::from(name))
    });
    if let Some(path) = &path {
        let content = trace.written(Form::of(&path.to_string_lossy())?, &settings.rules, Some(property))?;
        fs::write(path, content).map_err(|e| UsageError(format!("--trace {}: {e}", path.display())))?;
    }
    let mut text = String::new();
    if left_out > 0 {
        let _ = writeln!(
            text,
            "The run, {} steps, shrunk to {}, none of which can be left out:\n",
            thousands(left_out as u64),
            trace.steps().len()
        );
        text.push_str(&trace.to_text(Some(property)));
    } else {
        let whole = trace.to_text(Some(property));
        let lines: Vec<_> = whole.lines().collect();
        let end = lines.iter().rposition(|line| *line == "In the end").unwrap_or(0);
        let _ = writeln!(text, "The run took {} steps.", thousands(trace.steps().len() as u64));
        for line in &lines[end..] {
            let _ = writeln!(text, "{line}");
        }
    }
    Ok(Told { text, file: path })
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
    print(arguments, &report, None)
}

fn print(arguments: &SimulateArguments, report: &Report, told: Option<&Told>) -> Result<u8, UsageError> {
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(report)?;
        fs::write(path, text).map_err(|e| UsageError(format!("--json {}: {e}", path.display())))?;
    }
    match arguments.format {
        Format::Text => print!("{}", text(report, told)),
        Format::Json => {
            let mut out = serde_json::to_value(report)?;
            let commands = report.findings.iter().map(|finding| command(&report.settings, finding.seed));
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

fn text(report: &Report, told: Option<&Told>) -> String {
    let (settings, counts) = (&report.settings, &report.counts);
    let who = match &settings.placed {
        Some(ids) => ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        None => format!("any {}", settings.byzantine),
    };
    let seeds: Vec<_> = report.seeds.iter().map(|(from, to)| format!("{from}..{to}")).collect();
    let mut out = format!(
        "Rules: {}\n{}; Byzantine: {who}, {}; scheduler: {}; seeds {}\n\n",
        settings.rules,
        settings.scope,
        settings.strategy,
        settings.scheduler,
        seeds.join(", ")
    );
    let runs = report.runs();
    let _ = writeln!(
        out,
        "{} runs, {} steps, {} messages delivered and {} lost, {} sent by Byzantine replicas, in {:.1} s\n\
         {} requests answered, {} blocks, {} new views entered, {} checkpoints stable, {} states taken over, {} crashes",
        thousands(runs),
        thousands(counts.steps),
        thousands(counts.delivered),
        thousands(counts.lost),
        thousands(counts.byzantine),
        report.seconds,
        thousands(counts.answered),
        thousands(counts.blocks),
        thousands(counts.view_changes),
        thousands(counts.checkpoints),
        thousands(counts.transfers),
        thousands(counts.crashes),
    );
    if report.cut_off > 0 {
        let _ = writeln!(
            out,
            "{} of them were cut off by --steps {}: whether they come to anything is not known.",
            thousands(report.cut_off),
            settings.steps
        );
    }
    if let Some(what) = &report.stopped {
        let _ = writeln!(out, "Not all seeds were run: {what} ended it.");
    }
    if settings.byzantine > settings.scope.faults {
        out.push_str("More replicas are Byzantine than f: the protocol promises nothing there.\n");
    }
    let Some(first) = report.findings.first() else {
        let _ = writeln!(
            out,
            "No violation in {} runs. That says nothing of other runs: only bft check is exhaustive.",
            thousands(runs)
        );
        return out;
    };
    let _ = writeln!(out, "\nVIOLATED in {} of {} runs.", report.findings.len(), thousands(runs));
    for finding in report.findings.iter().take(10) {
        let _ = writeln!(out, "  seed {}: {}, after {} steps", finding.seed, finding.property, finding.steps);
    }
    let _ = writeln!(
        out,
        "Seed {}: {}\nTo see it again:\n  {}",
        first.seed,
        first.what,
        command(settings, first.seed)
    );
    if let Some(told) = told {
        let _ = write!(out, "\n{}", told.text);
        if let Some(file) = &told.file {
            let _ = writeln!(out, "\nWritten to {0}; to read it again: bft replay {0}", file.display());
        }
    }
    out
}
