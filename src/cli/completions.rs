//! `bft completions` and `bft man`: what a shell and a reader of manuals need.

use clap::{Args, Command};
use clap_complete::Shell;

use super::{HOLDS, UsageError, output};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  bft completions bash > ~/.local/share/bash-completion/completions/bft
  bft completions zsh > ~/.zfunc/_bft
  bft completions fish > ~/.config/fish/completions/bft.fish")]
pub(super) struct CompletionsArguments {
    /// For which shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  bft man | man -l -                      read it
  bft man check > bft-check.1             the page of one command")]
pub(super) struct ManArguments {
    /// Of which command [default: of the program]
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

pub(super) fn run(arguments: &CompletionsArguments, mut command: Command) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "bft", &mut script);
    output::answer(&String::from_utf8_lossy(&script), HOLDS)
}

pub(super) fn man(arguments: &ManArguments, mut command: Command) -> Result<u8, UsageError> {
    command.build();
    let page = match &arguments.command {
        None => command,
        Some(name) => {
            let found = command.find_subcommand(name).cloned();
            let found = found
                .ok_or_else(|| UsageError(format!("there is no command '{name}'; bft --help lists them")))?;
            let whole = format!("bft-{name}");
            found.name(whole.clone()).bin_name(whole.replacen('-', " ", 1))
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    Ok(output::answer(&String::from_utf8_lossy(&text), HOLDS))
}
