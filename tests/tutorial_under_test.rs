//! The example `tutorial` under another name: Cargo tells the tests of a package's programs where they are, and not of its examples.

use std::process::ExitCode;

#[path = "../examples/tutorial.rs"]
mod program;

fn main() -> ExitCode {
    program::main()
}
