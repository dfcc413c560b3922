//! The command line of a protocol of one's own.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use serde_json::json;

use super::check::exit_code;
use super::limits::LimitArguments;
use super::output::{self, answer, answer_json, complain};
use super::{Format, HOLDS, UNSAFE, UsageError, ended, numbers, refused_arguments, signals, with};
use crate::check::protocol::{ByzantineNodes, CheckedProtocol, Verdict};
use crate::check::{Check, collision_probability};
use crate::protocol::Protocol;
use crate::trace::StoryFile;

#[derive(Debug, Parser)]
#[command(about = "Finds out whether this protocol is right", version)]
struct ProtocolArguments {
    #[command(subcommand)]
    command: ProtocolCommand,
}

#[derive(Debug, Subcommand)]
enum ProtocolCommand {
    /// Run the protocol under the exhaustive model checker
    Check(CheckArguments),
    /// Make the run in a trace file happen again, and say where it ends
    Replay(ReplayArguments),
}

#[derive(Debug, clap::Args)]
struct CheckArguments {
    /// Which nodes are Byzantine: a count, for every placement, or a list as in n0,n2 [default: none]
    #[arg(long, value_name = "COUNT|IDS")]
    byzantine: Option<ByzantineNodes>,
    /// Check this property only: agreement, validity, panics, or an invariant of the protocol
    #[arg(long, value_name = "NAME")]
    property: Option<String>,
    #[command(flatten)]
    limits: LimitArguments,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write the shortest run that violates a property to this file: .json, which `replay` reads, or .txt
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct ReplayArguments {
    /// The trace, as `check --trace` writes it
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs the command that the process was given on a protocol of one's own: the whole `main` of its command line, with
/// `check` and `replay`. Exit codes are those of `bft`.
///
/// ```no_run
/// use bft_check::protocol::{Effects, Input, NodeId, Protocol};
///
/// struct Mine;
///
/// impl Protocol for Mine {
///     type Node = ();
///     type Message = ();
///     type Event = ();
///     type Value = ();
///
///     fn nodes(&self) -> usize {
///         4
///     }
///
///     fn init(&self, _: NodeId, _: &mut Effects<Self>) {}
///
///     fn step(&self, _: &mut (), _: Input<Self>, _: &mut Effects<Self>) {}
/// }
///
/// fn main() -> std::process::ExitCode {
///     bft_check::cli::run_protocol(Mine)
/// }
/// ```
pub fn run_protocol<P: Protocol>(protocol: P) -> ExitCode {
    // Names are borrowed for ever, and there is one.
    let command = ProtocolArguments::command().name(&*protocol.name().leak());
    let arguments =
        command.try_get_matches().and_then(|matches| ProtocolArguments::from_arg_matches(&matches));
    let arguments = match arguments {
        Ok(arguments) => arguments,
        Err(error) => return refused_arguments(&error),
    };
    let result = match arguments.command {
        ProtocolCommand::Check(arguments) => check(protocol, &arguments),
        ProtocolCommand::Replay(arguments) => replay(protocol, &arguments),
    };
    ended(result)
}

fn check<P: Protocol>(protocol: P, arguments: &CheckArguments) -> Result<u8, UsageError> {
    let check = Check::new(protocol);
    let check = with(check, arguments.byzantine.clone(), Check::byzantine);
    let check = with(check, arguments.property.clone(), Check::property);
    let check = arguments.limits.given_to(check)?;
    let check = with(check, arguments.trace.clone(), Check::trace);
    let checked = check.run_until(&signals::stopped()?)?;
    let mut code = exit_code(checked.conclusion());
    code = match arguments.format {
        Format::Text => answer(&checked.to_string(), code),
        Format::Json => answer_json(&as_json(&checked)?, code),
    };
    if let (Some(path), None, Format::Text) = (&arguments.trace, checked.shortest(), arguments.format) {
        answer(&format!("There is no counterexample: {} was not written.\n", path.display()), HOLDS);
    }
    if let Some(error) = checked.failure() {
        complain(&error.to_string());
    }
    Ok(code)
}

fn as_json(checked: &CheckedProtocol) -> serde_json::Result<serde_json::Value> {
    let mut rows = Vec::new();
    for row in checked.rows() {
        let coverage = &row.coverage;
        let mut json = json!({
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
            Verdict::NotExhausted(limit) => {
                json["verdict"] = json!("not exhausted");
                json["limit"] = json!(numbers::limit(*limit));
                json["why"] = json!(limit.to_string());
            }
            Verdict::Refused(why) => {
                json["verdict"] = json!("no verdict");
                json["why"] = json!(why.to_string());
            }
            Verdict::Violated { steps, story } => {
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
    out["failures"] = json!(checked.failure().map(ToString::to_string).into_iter().collect::<Vec<_>>());
    out["rows"] = json!(rows);
    Ok(out)
}

fn replay<P: Protocol>(protocol: P, arguments: &ReplayArguments) -> Result<u8, UsageError> {
    let named = |what: &dyn std::fmt::Display| UsageError(format!("{}: {what}", arguments.file.display()));
    let text = fs::read_to_string(&arguments.file).map_err(|why| named(&why))?;
    let (file, story) = StoryFile::replay(&text, Arc::new(protocol)).map_err(|why| named(&why))?;
    let mut out = format!("Protocol: {}\n\n{}", story.protocol, story.to_text());
    match (&file.violates, &story.violation) {
        (Some(said), Some(violation)) if *said == violation.property => {}
        (Some(said), _) => {
            out.push_str(&format!("\nThe file says that it violates {said}; here it does not.\n"));
        }
        (None, None) => out.push_str("\nNothing is violated in the last state.\n"),
        (None, Some(_)) => {}
    }
    Ok(answer(&out, if story.violation.is_some() { UNSAFE } else { HOLDS }))
}
