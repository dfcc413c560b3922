//! Malachite's driver under the checker: `cargo run --release -- check`, with `--release-under-test 0.5.0` for the release
//! that forks.

#![allow(clippy::duplicate_mod, reason = "one adapter is compiled for each release")]

mod bound;
mod flags;
mod message;
mod release_0_5;
mod release_0_8;

use std::process::ExitCode;

use bft_check::cli::{Flag, Flags, run_protocol_with};
use bft_check::protocol::NodeId;

use bound::Bound;
use flags::{FIXED, FORKS, bound, flags, release, unknown};

const NOBODY: &str = "nobody";

fn main() -> ExitCode {
    let release = release(std::env::args()).unwrap_or_else(|| FIXED.to_owned());
    let (name, mut flags) = ("malachite", flags(&release, (1, 2)));
    flags.extend([
        Flag::new(
            "liveness",
            false,
            "Whether everybody must decide once the network is stable, message by message",
        ),
        Flag::new("silent", NOBODY, "Which validator never does anything, as n3"),
    ]);
    match release.as_str() {
        FIXED => run_protocol_with(name, &flags, |flags| {
            let (bound, asks_liveness, silent) = asked(flags)?;
            Ok(release_0_8::adapter::Malachite { bound, asks_liveness, silent })
        }),
        FORKS => run_protocol_with(name, &flags, |flags| {
            let (bound, asks_liveness, silent) = asked(flags)?;
            Ok(release_0_5::adapter::Malachite { bound, asks_liveness, silent })
        }),
        other => unknown(other),
    }
}

/// The bound, whether everybody must decide, and who never does anything.
fn asked(flags: &Flags<'_>) -> Result<(Bound, bool, Option<NodeId>), String> {
    let bound = bound(flags)?;
    let silent = match flags.get::<String>("silent")?.as_str() {
        NOBODY => None,
        node => Some(node.parse().map_err(|error| format!("--silent: {error}"))?),
    };
    match silent.filter(|silent: &NodeId| silent.0 >= bound.nodes) {
        Some(silent) => Err(format!("--silent: there is no {silent} among {} nodes", bound.nodes)),
        None => Ok((bound, flags.get("liveness")?, silent)),
    }
}
