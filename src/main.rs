//! The `bft` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    bft_check::cli::run([])
}
