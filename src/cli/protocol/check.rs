//! `check`: every run within a bound.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::bound::BoundArguments;
use crate::check::protocol::{CheckedProtocol, Verdict};
use crate::check::{Check, collision_probability};
use crate::cli::limits::{LimitArguments, limit};
use crate::cli::output::{self, answer, answer_json, complain, say_saved};
use crate::cli::progress::{ProgressArguments, Show};
use crate::cli::{
    HOLDS, ReportFormat, UsageError, are_different, can_be_written, exit_code, junit, look, signals, stats,
    with,
};
use crate::files;
use crate::protocol::Protocol;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  check                                          nobody lies, nobody crashes
  check --byzantine 1 --trace x.json             any one node lies; the counterexample in a file
  check --byzantine n0,n3 --property agreement   these two do
  check --crashes 1 --network fifo --losses 1    a crash, and a message that is lost
  check --around x.json --within 3               what is near a run, where all runs are too many
  check --from x.json --property liveness        what can still become of a run
  check --timeout 600 --save x.save              ten minutes of it, to go on later
  check --resume x.save                          go on
  check --format junit > check.xml               for continuous integration

Exit codes:
  0    all that was asked holds, within the bound
  2    the question makes no sense, or the protocol cannot be checked
  10   a property of safety is violated
  11   liveness is violated
  20   a limit or a signal ended it: nothing is known of the rest
  130  a second signal ended the process
A file that cannot be written changes none of them.")]
pub(super) struct CheckArguments {
    #[command(flatten)]
    bound: BoundArguments,
    /// Check this property only: agreement, validity, panics, liveness, or an invariant of the protocol
    #[arg(long, value_name = "NAME")]
    property: Option<String>,
    /// For how many rounds at most the network is unstable, where liveness is asked about; up to 18,446,744,073,709,551,615
    /// [default: 1]
    #[arg(long, value_name = "N")]
    unstable_rounds: Option<u64>,
    /// Look only at what is near the run in this trace: some of its steps, and then --within others
    #[arg(long, value_name = "FILE", requires = "within")]
    around: Option<PathBuf>,
    /// Look only at the runs that begin with the one in this trace; liveness, if it is asked about, from its end on too
    #[arg(long, value_name = "FILE", conflicts_with = "around")]
    from: Option<PathBuf>,
    /// How many steps may be others, up to 4,294,967,295
    #[arg(long, value_name = "N", requires = "around")]
    within: Option<u32>,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    progress: ProgressArguments,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
    /// Write the shortest run that violates a property to this file, in the form of its ending: .json or .itf.json
    /// (Informal Trace Format), which `replay` reads, .mmd (Mermaid), .txt (words), .html (a page), .shiviz or .log (ShiViz)
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write how the search has grown to this file, as CSV: a line for each level of each row, but where whole quorums are
    /// steps [default: to none]
    #[arg(long, value_name = "FILE")]
    stats: Option<PathBuf>,
    /// If a limit or a signal ends the check, write to this file all that it takes to go on with it [default: to none]
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Write it every so many seconds too, from 1 to 1,000,000 [default: when the check ends]
    #[arg(long, value_name = "SECONDS", requires = "save", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    save_every: Option<u32>,
    /// Go on with the check that --save wrote to this file: what it is of stands there; limits, files and how to print are
    /// given anew [default: begin]
    #[arg(long, value_name = "FILE")]
    pub(super) resume: Option<PathBuf>,
}

pub(super) fn run<P: Protocol>(
    protocol: P,
    parameters: Vec<(String, String)>,
    arguments: &CheckArguments,
) -> Result<u8, UsageError> {
    files_differ(arguments)?;
    let check = check(protocol, parameters, arguments)?;
    let LimitArguments { max_states, .. } = arguments.limits;
    let show = Show::new(&arguments.progress, max_states, arguments.limits.timeout()?);
    let mut searched = check.search_watched(&signals::stopped()?, &show)?;
    let mut code = exit_code(searched.checked.conclusion());
    // What is printed for programs says which files could not be written, so that these come first there.
    if arguments.format == ReportFormat::Text {
        code = answer(&look::coloured(&searched.checked.printed(look::screen())), code);
    }
    check.write_files(&mut searched);
    let checked = &searched.checked;
    let failures = failures(checked, arguments);
    code = match arguments.format {
        ReportFormat::Text => code,
        ReportFormat::Json => answer_json(&as_json(checked, &failures)?, code),
        ReportFormat::Junit => answer(&junit::checked_protocol(checked)?, code),
    };
    if arguments.format == ReportFormat::Text {
        match (&arguments.trace, checked.written()) {
            (_, Some(path)) => drop(answer(&format!("\nWritten to {}\n", path.display()), HOLDS)),
            (Some(path), None) if checked.shortest().is_none() => {
                answer(&format!("There is no counterexample: {} was not written.\n", path.display()), HOLDS);
            }
            _ => {}
        }
    }
    if let Some(path) = &arguments.save {
        say_saved(path, checked.saved(), !checked.failures().is_empty(), "check");
    }
    failures.iter().for_each(|failure| complain(failure));
    Ok(code)
}

/// Whether no file is to be written over another.
fn files_differ(arguments: &CheckArguments) -> Result<(), UsageError> {
    let other = [("--save", &arguments.save), ("--resume", &arguments.resume)];
    for (flag, path) in other {
        are_different(&[
            ("--around", arguments.around.as_deref()),
            ("--from", arguments.from.as_deref()),
            ("--trace", arguments.trace.as_deref()),
            ("--stats", arguments.stats.as_deref()),
            (flag, path.as_deref()),
        ])?;
    }
    arguments.stats.as_ref().map_or(Ok(()), |path| can_be_written("stats", path))
}

/// The check that is asked for.
fn check<P: Protocol>(
    protocol: P,
    parameters: Vec<(String, String)>,
    arguments: &CheckArguments,
) -> Result<Check<P>, UsageError> {
    let bound = &arguments.bound;
    let network = bound.network(&protocol)?;
    let given = [("--around", &arguments.around), ("--from", &arguments.from)];
    if let Some((flag, _)) = given.iter().find(|(_, path)| path.is_some() && bound.is_given()) {
        return Err(UsageError(format!(
            "{flag}: the trace says who is Byzantine, what crashes and what becomes of messages; leave out the flags that do"
        )));
    }
    let check = Check::new(protocol);
    let check = with(check, bound.byzantine.clone(), Check::byzantine);
    let check = with(check, bound.crashes, Check::<P>::crashes);
    let check = with(check, network, Check::network);
    let check = with(check, arguments.property.clone(), Check::property);
    let check = with(check, arguments.unstable_rounds, Check::unstable_rounds);
    let check = match (&arguments.around, arguments.within) {
        (Some(path), Some(within)) => check.around(read(path)?, within),
        _ => check,
    };
    let check = match &arguments.from {
        Some(path) => check.beginning_with(read(path)?),
        None => check,
    };
    let check = arguments.limits.given_to(check)?;
    let check = with(check.parameters(parameters), arguments.trace.clone(), Check::trace);
    let check = with(check, arguments.save.clone(), Check::save);
    let check = with(check, arguments.save_every.map(|s| Duration::from_secs(s.into())), Check::save_every);
    Ok(with(check, arguments.resume.clone(), Check::resume))
}

/// Writes what this command writes itself, and says what could not be written.
fn failures(checked: &CheckedProtocol, arguments: &CheckArguments) -> Vec<String> {
    let mut failures = checked.failures().iter().map(ToString::to_string).collect::<Vec<_>>();
    if let Some(path) = &arguments.stats
        && let Err(error) = files::write(path, stats::of_protocol(checked))
    {
        failures.push(format!("--stats {}: {error}", path.display()));
    }
    failures
}

fn read(path: &Path) -> Result<String, UsageError> {
    fs::read_to_string(path).map_err(|why| UsageError(format!("{}: {why}", path.display())))
}

fn as_json(checked: &CheckedProtocol, failures: &[String]) -> serde_json::Result<serde_json::Value> {
    let mut rows = Vec::new();
    for row in checked.rows() {
        let coverage = &row.coverage;
        let mut json = json!({
            "asked": row.asked,
            "adversary": row.adversary,
            "network": row.network,
            "key": row.key,
            "states": coverage.states,
            "transitions": coverage.transitions,
            "depth": coverage.depth,
            "seconds": coverage.elapsed.as_secs_f64(),
            "collision_probability": collision_probability(coverage.states),
        });
        match &row.verdict {
            Verdict::Holds => json["verdict"] = json!("holds"),
            Verdict::Vacuous => json["verdict"] = json!("vacuous"),
            Verdict::NotExhausted(reached) => {
                json["verdict"] = json!("not exhausted");
                json["limit"] = json!(limit(*reached));
                json["why"] = json!(reached.to_string());
            }
            Verdict::Refused(why) => {
                json["verdict"] = json!("no verdict");
                json["why"] = json!(why.to_string());
            }
            Verdict::Violated { steps, story } | Verdict::NotLive { steps, story } => {
                json["verdict"] = json!("violated");
                json["property"] = json!(story.violation.as_ref().map(|violation| &violation.property));
                json["steps"] = json!(steps);
                json["trace"] = serde_json::from_str(&story.to_json()?)?;
            }
        }
        rows.push(json);
    }
    let mut out = output::head("check", exit_code(checked.conclusion()));
    out["protocol"] = json!(checked.name());
    out["nodes"] = json!(checked.nodes());
    out["bound"] = json!(checked.bound().lines().collect::<Vec<_>>());
    out["failures"] = json!(failures);
    out["rows"] = json!(rows);
    Ok(out)
}
