//! The command line: one file a subcommand.
//!
//! Exit codes: 0 holds, 1 a row of the kill matrix came out otherwise than it must, 2 the question makes no sense, 10 a
//! safety property is violated, 11 a liveness property is, 20 a limit ended the run before the bound was exhausted.

mod bugs;
mod check;
mod explore;
mod limits;
mod protocol;
mod replay;
mod rules;
mod scope;
mod simulate;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::model::{Property, unanswered};
use crate::subject::{Catalogue, Pbft};
use crate::trace::{Form, Trace, TraceFile};

pub use protocol::run_protocol;

/// Nothing was found wrong, and everything within the bound was looked at.
pub const HOLDS: u8 = 0;
/// A row of the kill matrix came out otherwise than it must: the checker is wrong, or the corpus.
pub const UNEXPECTED: u8 = 1;
/// The question makes no sense, or cannot be answered here.
pub const USAGE: u8 = 2;
/// A safety property is violated.
pub const UNSAFE: u8 = 10;
/// A liveness property is violated, and no safety property.
pub const STUCK: u8 = 11;
/// A limit ended the run.
pub const NOT_EXHAUSTED: u8 = 20;

/// Finds out whether a Byzantine-fault-tolerant consensus protocol is right.
#[derive(Debug, Parser)]
#[command(name = "bft", version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the protocol under the exhaustive model checker
    Check(Box<check::CheckArguments>),
    /// List the rulebooks that --rules takes
    Rules(rules::RulesArguments),
    /// List the corpus of known faults; with --check, find each of them
    Bugs(bugs::BugsArguments),
    /// Make the run in a trace file happen again, and say where it ends
    Replay(replay::ReplayArguments),
    /// Run the protocol on a bad network with Byzantine replicas, drawn from seeds; up to 100 replicas
    Simulate(Box<simulate::SimulateArguments>),
    /// Browse the runs of the protocol, and counterexamples, in a web browser
    Explore(explore::ExploreArguments),
}

/// How results are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// What is wrong with a question.
#[derive(Debug)]
struct UsageError(String);

impl<E: std::error::Error> From<E> for UsageError {
    fn from(error: E) -> Self {
        UsageError(error.to_string())
    }
}

/// Runs the command that the process was given, on these subjects beside the rulebooks of the corpus: the whole `main` of a
/// command line for rulebooks of one's own. The first of them is what is checked where `--rules` names none.
///
/// ```no_run
/// use bft_check::pbft::{Committee, Rules};
/// use bft_check::subject::Pbft;
///
/// #[derive(Debug)]
/// struct FewCommits;
///
/// impl Rules for FewCommits {
///     fn commit_quorum(&self, committee: Committee) -> usize {
///         committee.quorum() - 1
///     }
/// }
///
/// fn main() -> std::process::ExitCode {
///     bft_check::cli::run([Pbft::with(&FewCommits).departing("a decision takes 2f COMMITs")])
/// }
/// ```
pub fn run(subjects: impl IntoIterator<Item = Pbft>) -> ExitCode {
    let command = Arguments::parse().command;
    let result = unanswered(|| {
        let catalogue = Catalogue::of(subjects).and(crate::bugs::catalogue())?;
        match command {
            Command::Check(arguments) => check::run(&arguments, &catalogue),
            Command::Rules(arguments) => rules::run(&arguments, &catalogue),
            Command::Bugs(arguments) => bugs::run(&arguments),
            Command::Replay(arguments) => replay::run(&arguments, &catalogue),
            Command::Simulate(arguments) => simulate::run(&arguments, &catalogue),
            Command::Explore(arguments) => explore::run(&arguments, &catalogue),
        }
    });
    let panicked = |panicked| Err(UsageError(format!("the rulebook panicked: {panicked}")));
    match result.unwrap_or_else(panicked) {
        Ok(code) => ExitCode::from(code),
        Err(UsageError(what)) => {
            eprintln!("error: {what}");
            ExitCode::from(USAGE)
        }
    }
}

/// The trace in a file, made to happen again.
fn read_trace(path: &Path, catalogue: &Catalogue) -> Result<TraceFile, UsageError> {
    let named = |what: &dyn std::fmt::Display| UsageError(format!("{}: {what}", path.display()));
    let bytes = fs::read(path).map_err(|why| named(&why))?;
    TraceFile::read(bytes, catalogue).map_err(|why| named(&why))
}

/// Writes a trace once more where it was written as a page: with what lets one step along it.
fn make_steppable(
    path: &Path,
    subject: &Pbft,
    violates: Option<Property>,
    trace: &Trace,
) -> Result<(), UsageError> {
    if Form::of(&path.to_string_lossy())? != Form::Html {
        return Ok(());
    }
    let file = TraceFile { subject: subject.clone(), violates, trace: trace.clone() };
    let named = |why: std::io::Error| UsageError(format!("{}: {why}", path.display()));
    fs::write(path, crate::explore::to_html(&file)).map_err(named)
}

/// The subject of that name, or the first if none is given, or what there is instead.
fn subject(catalogue: &Catalogue, name: &Option<String>) -> Result<Pbft, UsageError> {
    let found = match name {
        Some(name) => catalogue.find(name),
        None => catalogue.iter().next(),
    };
    found.cloned().ok_or_else(|| unknown(name.as_deref().unwrap_or_default(), catalogue))
}

fn unknown(name: &str, catalogue: &Catalogue) -> UsageError {
    let names: Vec<_> = catalogue.iter().map(Pbft::name).collect();
    UsageError(format!("there is no rulebook '{name}'; there are {}", names.join(", ")))
}

/// A time limit.
fn seconds(seconds: f64) -> Result<Duration, UsageError> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| UsageError(format!("--timeout {seconds}: give a number of seconds, 0 or more")))
}

/// A front door with what was given, if something was.
fn with<D, T>(door: D, given: Option<T>, set: fn(D, T) -> D) -> D {
    match given {
        Some(given) => set(door, given),
        None => door,
    }
}
