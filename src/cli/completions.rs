//! `completions` and `man`: what a shell and a reader of manuals need.

use clap::{Args, Command};
use clap_complete::Shell;

use super::{HOLDS, UsageError, output};

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// For which shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// Of which command [default: of the program]
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

/// The script for a shell of a command that is called as the program is.
pub(super) fn run(arguments: &CompletionsArguments, mut command: Command) -> u8 {
    let (name, mut script) = (command.get_name().to_owned(), Vec::new());
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    output::answer(&String::from_utf8_lossy(&script), HOLDS)
}

/// The page of a command that is called as the program is.
pub(super) fn man(arguments: &ManArguments, mut command: Command) -> Result<u8, UsageError> {
    command.build();
    let program = command.get_name().to_owned();
    let page = match &arguments.command {
        None => command,
        Some(name) => {
            let found = command.find_subcommand(name).cloned();
            let found = found.ok_or_else(|| {
                UsageError(format!("there is no command '{name}'; {program} --help lists them"))
            })?;
            found.name(format!("{program}-{name}")).bin_name(format!("{program} {name}"))
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    Ok(output::answer(&String::from_utf8_lossy(&text), HOLDS))
}
