//! The command line of a protocol of one's own.

mod bound;
mod check;
mod explore;
mod replay;
mod simulate;

use std::path::Path;
use std::process::ExitCode;

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::completions::{self, CompletionsArguments, ManArguments};
use super::flags::{Flag, Flags, with_flags};
use super::output::Color;
use super::{UsageError, ended, refused_arguments};
use crate::check::protocol::parameters_of_saved;
use crate::protocol::Protocol;

#[derive(Debug, Parser)]
#[command(
    about = "Finds out whether this protocol is right",
    version,
    after_long_help = "\
Exit codes:
  0    everything that was asked was looked at, and holds
  2    the question makes no sense, or has no verdict
  10   a property of safety is violated
  11   liveness is violated
  20   not everything that was asked was looked at: a limit, or a signal
  130  a second signal ended the process"
)]
struct ProtocolArguments {
    /// When to colour words
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", global = true)]
    color: Color,
    #[command(subcommand)]
    command: ProtocolCommand,
}

#[derive(Debug, Subcommand)]
enum ProtocolCommand {
    /// Run the protocol under the exhaustive model checker
    Check(check::CheckArguments),
    /// Let runs happen that are drawn from seeds, past what can be explored exhaustively
    Simulate(simulate::SimulateArguments),
    /// Make the run in a trace file happen again, and say where it ends
    Replay(replay::ReplayArguments),
    /// Step along the runs of the protocol, and its counterexample, in a web browser
    Explore(explore::ExploreArguments),
    /// Print what lets a shell complete commands and flags
    #[command(after_long_help = "\
Examples, of a program that is called mine:
  mine completions bash > ~/.local/share/bash-completion/completions/mine
  mine completions zsh > ~/.zfunc/_mine
  mine completions fish > ~/.config/fish/completions/mine.fish")]
    Completions(CompletionsArguments),
    /// Print the manual page
    #[command(after_long_help = "\
Examples, of a program that is called mine:
  mine man | man -l -                     read it
  mine man check > mine-check.1           the page of one command")]
    Man(ManArguments),
}

/// Runs the command that the process was given on a protocol of one's own: the whole `main` of its command line, with
/// `check`, `simulate`, `replay`, `explore`, which opens [the page](crate::explore::protocol), `completions` and `man`. Exit codes
/// are those of `bft`.
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
    let name = protocol.name();
    run_named(name, &[], |_| Ok(protocol))
}

/// Runs the command that the process was given on a protocol with bounds of its own, which are flags of every command. All else is
/// as [`run_protocol`] says.
///
/// ```no_run
/// # use bft_check::protocol::{Effects, Input, NodeId, Protocol};
/// use bft_check::cli::{Flag, run_protocol_with};
///
/// struct Mine {
///     nodes: usize,
///     rounds: u32,
/// }
/// # impl Protocol for Mine {
/// #     type Node = ();
/// #     type Message = ();
/// #     type Event = ();
/// #     type Value = ();
/// #     fn nodes(&self) -> usize { self.nodes }
/// #     fn init(&self, _: NodeId, _: &mut Effects<Self>) {}
/// #     fn step(&self, _: &mut (), _: Input<Self>, _: &mut Effects<Self>) {}
/// # }
///
/// fn main() -> std::process::ExitCode {
///     let flags = [Flag::new("nodes", 4, "How many nodes there are"), Flag::new("rounds", 2, "Rounds before it ends")];
///     run_protocol_with("mine", &flags, |flags| {
///         Ok(Mine { nodes: flags.get("nodes")?, rounds: flags.get("rounds")? })
///     })
/// }
/// ```
pub fn run_protocol_with<P: Protocol>(
    name: &str,
    flags: &[Flag],
    build: impl FnOnce(&Flags<'_>) -> Result<P, String>,
) -> ExitCode {
    run_named(name.to_owned(), flags, build)
}

fn run_named<P: Protocol>(
    name: String,
    flags: &[Flag],
    build: impl FnOnce(&Flags<'_>) -> Result<P, String>,
) -> ExitCode {
    let command = match command(name, flags) {
        Ok(command) => command,
        Err(why) => return ended(Err(UsageError(why))),
    };
    let matches = command.clone().try_get_matches();
    let read = matches.and_then(|matches| Ok((ProtocolArguments::from_arg_matches(&matches)?, matches)));
    match read {
        Ok((ProtocolArguments { color, command: asked }, matches)) => {
            color.apply();
            ended(run_command(asked, command, &matches, flags, build))
        }
        Err(error) => refused_arguments(&error),
    }
}

/// The command under the name of the program, which need not be that of the protocol.
fn as_called(command: Command) -> Command {
    let called = std::env::args_os().next();
    let program = called.as_ref().and_then(|path| Path::new(path).file_name()?.to_str());
    match program {
        Some(program) => command.name(program.to_owned()),
        None => command,
    }
}

fn command(name: String, flags: &[Flag]) -> Result<Command, String> {
    // Names are borrowed for ever, and there is one.
    let command = ProtocolArguments::command().name(&*name.leak());
    with_flags(command, flags)
}

fn run_command<P: Protocol>(
    asked: ProtocolCommand,
    command: Command,
    matches: &ArgMatches,
    flags: &[Flag],
    build: impl FnOnce(&Flags<'_>) -> Result<P, String>,
) -> Result<u8, UsageError> {
    let own = matches.subcommand().map_or(matches, |(_, own)| own);
    let saved = saved_flags(&asked, flags)?;
    let given = Flags::of(own).or_else(&saved);
    let protocol = || build(&given).map_err(UsageError);
    match asked {
        ProtocolCommand::Check(arguments) => check::run(protocol()?, given.all(flags), &arguments),
        ProtocolCommand::Simulate(arguments) => simulate::run(protocol()?, &arguments),
        ProtocolCommand::Replay(arguments) => replay::run(protocol()?, &arguments),
        ProtocolCommand::Explore(arguments) => explore::run(protocol()?, &given.all(flags), &arguments),
        ProtocolCommand::Completions(arguments) => Ok(completions::run(&arguments, as_called(command))),
        ProtocolCommand::Man(arguments) => completions::man(&arguments, as_called(command)),
    }
}

/// The flags of the protocol with which a check was saved that is to go on.
fn saved_flags(command: &ProtocolCommand, flags: &[Flag]) -> Result<Vec<(String, String)>, UsageError> {
    let ProtocolCommand::Check(check::CheckArguments { resume: Some(path), .. }) = command else {
        return Ok(Vec::new());
    };
    let saved = parameters_of_saved(path)?;
    for (name, value) in &saved {
        let flag = flags.iter().find(|flag| flag.is_called(name));
        flag.map_or(Ok(()), |flag| flag.takes(value))
            .map_err(|why| UsageError(format!("{}: --{name} {value}: {why}", path.display())))?;
    }
    Ok(saved)
}
