//! Malachite's core-consensus under the checker: `cargo run --release -- check`, with `--release-under-test 0.5.0` for the release
//! that forks.

#![allow(clippy::duplicate_mod, reason = "one adapter is compiled for each release")]

mod bound;
#[path = "../../malachite/src/flags.rs"]
mod flags;
#[path = "../../malachite/src/message.rs"]
mod message;
mod release_0_5;
mod release_0_8;

use std::process::ExitCode;

use bft_check::cli::{Flag, run_protocol_with};

use flags::{FIXED, FORKS, bound, flags, release, unknown};

fn main() -> ExitCode {
    let name = "malachite-consensus";
    let release = release(std::env::args()).unwrap_or_else(|| FIXED.to_owned());
    let mut flags = flags(&release, (1, 1));
    flags.push(Flag::new(
        "log",
        false,
        "Whether a validator comes up from its log after a crash, as in --log true --crashes 1; nobody lies then",
    ));
    match release.as_str() {
        FIXED => run_protocol_with(name, &flags, |flags| {
            Ok(release_0_8::adapter::Consensus { bound: bound(flags)?, has_crashes: flags.get("log")? })
        }),
        FORKS => run_protocol_with(name, &flags, |flags| {
            Ok(release_0_5::adapter::Consensus { bound: bound(flags)?, has_crashes: flags.get("log")? })
        }),
        other => unknown(other),
    }
}
