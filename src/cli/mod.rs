//! The command line: one file a subcommand.
//!
//! Exit codes: 0 holds, 1 a row of the kill matrix came out otherwise than it must, 2 the question makes no sense, 10 a
//! safety property is violated, 11 a liveness property is, 20 not all that was asked was looked at.

mod address;
#[cfg(feature = "pbft")]
mod bugs;
#[cfg(feature = "pbft")]
mod check;
mod completions;
#[cfg(feature = "pbft")]
mod explore;
mod flags;
mod junit;
mod limits;
mod look;
#[cfg(feature = "pbft")]
mod numbers;
mod output;
#[cfg(feature = "pbft")]
mod processes;
mod progress;
mod protocol;
#[cfg(feature = "pbft")]
mod replay;
#[cfg(feature = "pbft")]
mod rules;
#[cfg(feature = "pbft")]
mod scope;
mod signals;
#[cfg(feature = "pbft")]
mod simulate;
mod stats;

use std::ffi::OsString;
#[cfg(feature = "pbft")]
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
#[cfg(feature = "pbft")]
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

#[cfg(feature = "pbft")]
use self::output::Color;
use crate::check::Conclusion;
use crate::files;
#[cfg(feature = "pbft")]
use crate::model::{Property, unanswered};
#[cfg(feature = "pbft")]
use crate::subject::{Catalogue, Pbft};
use crate::table::fitted;
#[cfg(feature = "pbft")]
use crate::trace::{Form, Trace, TraceFile};

pub use flags::{Flag, Flags};
pub use protocol::{run_protocol, run_protocol_with};

/// Nothing was found wrong, and everything that was asked was looked at.
pub const HOLDS: u8 = 0;
/// A row of the kill matrix came out otherwise than it must: the checker is wrong, or the corpus.
pub const UNEXPECTED: u8 = 1;
/// The question makes no sense, or cannot be answered here.
pub const USAGE: u8 = 2;
/// A safety property is violated.
pub const UNSAFE: u8 = 10;
/// A liveness property is violated, and no safety property.
pub const STUCK: u8 = 11;
/// A limit ended the run, or not all that was asked was run.
pub const NOT_EXHAUSTED: u8 = 20;

/// Finds out whether a Byzantine-fault-tolerant consensus protocol is right.
#[cfg(feature = "pbft")]
#[derive(Debug, Parser)]
#[command(
    name = "bft",
    version,
    about,
    propagate_version = true,
    disable_help_subcommand = true,
    after_long_help = "\
Examples:
  bft check                                       the default check of the paper's protocol
  bft check --rules weak-prepare --trace x.json   a broken rulebook, and its counterexample in a file
  bft replay x.json                               that run once more, in words
  bft simulate --replicas 7 --runs 1000           a thousand runs on a bad network

Exit codes:
  0    everything that was asked was looked at, and holds
  1    bugs --check: a fault was not found, or a control is not clean
  2    the question makes no sense, or has no verdict
  10   a safety property is violated
  11   a liveness property is violated
  20   not everything that was asked was looked at: a limit, or a signal
  130  a second signal ended the process"
)]
struct Arguments {
    /// When to colour words
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", global = true)]
    color: Color,
    #[command(subcommand)]
    command: Command,
}

#[cfg(feature = "pbft")]
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
    /// Print what lets a shell complete commands and flags
    #[command(after_long_help = "\
Examples:
  bft completions bash > ~/.local/share/bash-completion/completions/bft
  bft completions zsh > ~/.zfunc/_bft
  bft completions fish > ~/.config/fish/completions/bft.fish")]
    Completions(completions::CompletionsArguments),
    /// Print the manual page
    #[command(after_long_help = "\
Examples:
  bft man | man -l -                      read it
  bft man check > bft-check.1             the page of one command")]
    Man(completions::ManArguments),
}

/// How results are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// How results of runs are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum ReportFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// For continuous integration, as JUnit's XML
    Junit,
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
#[cfg(feature = "pbft")]
pub fn run(subjects: impl IntoIterator<Item = Pbft>) -> ExitCode {
    let parsed =
        Arguments::command().try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches));
    let Arguments { color, command } = match parsed {
        Ok(arguments) => arguments,
        Err(error) => return refused_arguments(&error),
    };
    color.apply();
    let result = unanswered(|| {
        let catalogue = Catalogue::of(subjects).and(crate::bugs::catalogue())?;
        match command {
            Command::Check(arguments) => check::run(&arguments, &catalogue),
            Command::Rules(arguments) => rules::run(&arguments, &catalogue),
            Command::Bugs(arguments) => bugs::run(&arguments),
            Command::Replay(arguments) => replay::run(&arguments, &catalogue),
            Command::Simulate(arguments) => simulate::run(&arguments, &catalogue),
            Command::Explore(arguments) => explore::run(&arguments, &catalogue),
            Command::Completions(arguments) => Ok(completions::run(&arguments, Arguments::command())),
            Command::Man(arguments) => completions::man(&arguments, Arguments::command()),
        }
    });
    let panicked = |panicked| Err(UsageError(format!("the rulebook panicked: {panicked}")));
    ended(result.unwrap_or_else(panicked))
}

/// How the process ends.
fn ended(result: Result<u8, UsageError>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(UsageError(what)) => {
            if asks_for_json() {
                output::answer_json(&output::error_as_json(&what), USAGE);
            }
            output::complain(&what);
            ExitCode::from(USAGE)
        }
    }
}

/// How the process ends on arguments that do not read, or ask for help.
fn refused_arguments(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && asks_for_json() {
        let text = error.render().to_string();
        let text = text.trim().strip_prefix("error: ").unwrap_or(text.trim());
        return ended(Err(UsageError(text.to_owned())));
    }
    let code = u8::try_from(error.exit_code()).unwrap_or(USAGE);
    if error.use_stderr() {
        let text = error.render().ansi().to_string();
        output::say(&fitted(text.trim_end(), look::screen_of_errors()));
        return ExitCode::from(code);
    }
    ExitCode::from(output::answer(&fitted(&error.render().ansi().to_string(), look::screen()), code))
}

/// Whether the answer is for a program: asked of the words themselves, since they need not read otherwise.
fn asks_for_json() -> bool {
    let words: Vec<OsString> = std::env::args_os().collect();
    let is_pair = |pair: &[OsString]| pair[0] == "--format" && pair[1] == "json";
    words.windows(2).any(is_pair) || words.iter().any(|word| word == "--format=json")
}

/// The trace in a file, made to happen again.
#[cfg(feature = "pbft")]
fn read_trace(path: &Path, catalogue: &Catalogue) -> Result<TraceFile, UsageError> {
    let named = |what: &dyn std::fmt::Display| UsageError(format!("{}: {what}", path.display()));
    let bytes = fs::read(path).map_err(|why| named(&why))?;
    TraceFile::read(bytes, catalogue).map_err(|why| named(&why))
}

/// Writes a trace once more where it was written as a page: with what lets one step along it.
///
/// # Errors
/// Why it could not be written.
#[cfg(feature = "pbft")]
fn make_steppable(
    path: &Path,
    subject: &Pbft,
    violates: Option<Property>,
    trace: &Trace,
) -> Result<(), String> {
    if Form::of(&path.to_string_lossy()) != Ok(Form::Html) {
        return Ok(());
    }
    let file = TraceFile { subject: subject.clone(), violates, trace: trace.clone() };
    let named = |why: std::io::Error| format!("--trace {}: {why}", path.display());
    files::write(path, crate::explore::to_html(&file)).map_err(named)
}

/// The subject of that name, or the first if none is given, or what there is instead.
#[cfg(feature = "pbft")]
fn subject(catalogue: &Catalogue, name: &Option<String>) -> Result<Pbft, UsageError> {
    let found = match name {
        Some(name) => catalogue.find(name),
        None => catalogue.iter().next(),
    };
    found.cloned().ok_or_else(|| unknown(name.as_deref().unwrap_or_default(), catalogue))
}

/// That there is no such rulebook, with the one that may have been meant, or all that there are.
#[cfg(feature = "pbft")]
fn unknown(name: &str, catalogue: &Catalogue) -> UsageError {
    /// How alike two names are of which one may stand for the other, from 0 to 1.
    const ALIKE: f64 = 0.85;
    let plain = |name: &str| name.to_lowercase().replace(['-', '_', ' '], "");
    let given = plain(name);
    let alike = |subject: &&Pbft| strsim::jaro_winkler(&plain(subject.name()), &given);
    let nearest = catalogue.iter().max_by(|a, b| alike(a).total_cmp(&alike(b)));
    UsageError(match nearest.filter(|subject| alike(subject) >= ALIKE) {
        Some(meant) => {
            format!("there is no rulebook '{name}'; did you mean '{}'? bft rules lists all", meant.name())
        }
        None => {
            let names: Vec<_> = catalogue.iter().map(Pbft::name).collect();
            format!("there is no rulebook '{name}'; there are {}", names.join(", "))
        }
    })
}

/// A time limit: up to some thirty years.
fn seconds(seconds: f64) -> Result<Duration, UsageError> {
    const MOST: f64 = 1e9;
    Some(seconds)
        .filter(|seconds| *seconds <= MOST)
        .and_then(|it| Duration::try_from_secs_f64(it).ok())
        .ok_or_else(|| {
            UsageError(format!("--timeout {seconds}: give a number of seconds, from 0 to 1,000,000,000"))
        })
}

/// Whether these files, each with its flag, are different ones: none may be written over another.
fn are_different(files: &[(&str, Option<&Path>)]) -> Result<(), UsageError> {
    for (place, (name, path)) in files.iter().enumerate() {
        for (other, before) in &files[..place] {
            if let (Some(path), Some(before)) = (path, before)
                && files::are_the_same(path, before)
            {
                return Err(UsageError(format!(
                    "{other} and {name} name the same file, {}: what is written last would destroy the other",
                    path.display()
                )));
            }
        }
    }
    Ok(())
}

/// Whether a file can be written there: found out now, not after an hour.
fn can_be_written(name: &str, path: &Path) -> Result<(), UsageError> {
    if files::folder_of(path).is_dir() && !path.is_dir() {
        return Ok(());
    }
    Err(UsageError(format!("--{name} {}: no file can be written there", path.display())))
}

/// A front door with what was given, if something was.
fn with<D, T>(door: D, given: Option<T>, set: fn(D, T) -> D) -> D {
    match given {
        Some(given) => set(door, given),
        None => door,
    }
}

/// The exit code of a whole check.
fn exit_code(conclusion: Conclusion) -> u8 {
    match conclusion {
        Conclusion::Holds | Conclusion::Vacuous => HOLDS,
        Conclusion::Unsafe => UNSAFE,
        Conclusion::NotLive => STUCK,
        Conclusion::NoVerdict => USAGE,
        Conclusion::NotExhausted => NOT_EXHAUSTED,
    }
}
