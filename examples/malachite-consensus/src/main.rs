//! Malachite's core-consensus under the checker: `cargo run --release -- check`, with `--release-under-test 0.5.0` for the release
//! that forks.

#![allow(clippy::duplicate_mod, reason = "one adapter is compiled for each release")]

mod bound;
#[path = "../../malachite/src/message.rs"]
mod message;
mod release_0_5;
mod release_0_8;

use std::process::ExitCode;

use bft_check::cli::{Flag, Flags, run_protocol_with};

use bound::Bound;

/// The flag that says which release is checked.
const RELEASE: &str = "release-under-test";
const FIXED: &str = "0.8.2";
const FORKS: &str = "0.5.0";

/// The bound that the flags say.
fn bound(flags: &Flags<'_>) -> Result<Bound, String> {
    let bound =
        Bound { nodes: flags.get("nodes")?, rounds: flags.get("rounds")?, value_count: flags.get("values")? };
    match (bound.nodes, bound.rounds, bound.value_count) {
        (1..=16, 1..=8, 1..=8) => Ok(bound),
        _ => Err("there must be 1 to 16 nodes, and 1 to 8 rounds and values".to_owned()),
    }
}

/// The release that is named on the command line: it decides which code is run, before anything else is read.
fn release(mut arguments: impl Iterator<Item = String>) -> Option<String> {
    let named = format!("--{RELEASE}");
    while let Some(argument) = arguments.next() {
        if argument == named {
            return arguments.next();
        }
        if let Some(release) = argument.strip_prefix(&named).and_then(|rest| rest.strip_prefix('=')) {
            return Some(release.to_owned());
        }
    }
    None
}

fn main() -> ExitCode {
    let name = "malachite-consensus";
    let flags = [
        Flag::new(RELEASE, FIXED, "The release that is checked: 0.8.2 or 0.5.0"),
        Flag::new("nodes", 4, "How many validators there are"),
        Flag::new("rounds", 2, "How many rounds there are"),
        Flag::new("values", 2, "How many values may be proposed"),
        Flag::new(
            "log",
            false,
            "Whether a validator comes up from its log after a crash, as in --log true --crashes 1; nobody lies then",
        ),
    ];
    match release(std::env::args()).as_deref() {
        None | Some(FIXED) => run_protocol_with(name, &flags, |flags| {
            Ok(release_0_8::adapter::Consensus { bound: bound(flags)?, has_crashes: flags.get("log")? })
        }),
        Some(FORKS) => run_protocol_with(name, &flags, |flags| {
            Ok(release_0_5::adapter::Consensus { bound: bound(flags)?, has_crashes: flags.get("log")? })
        }),
        Some(other) => {
            eprintln!("error: --{RELEASE}: there is no release '{other}' here, but {FIXED} and {FORKS}");
            ExitCode::from(2)
        }
    }
}
