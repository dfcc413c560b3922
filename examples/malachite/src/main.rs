//! Malachite's driver under the checker: `cargo run --release -- check`, with `--release-under-test 0.5.0` for the release
//! that forks.

#![allow(clippy::duplicate_mod, reason = "one adapter is compiled for each release")]

mod bound;
mod flags;
mod message;
mod release_0_5;
mod release_0_8;

use std::process::ExitCode;

use bft_check::cli::run_protocol_with;

use flags::{FIXED, FORKS, bound, flags, release, unknown};

fn main() -> ExitCode {
    let (name, flags) = ("malachite", flags());
    match release(std::env::args()).as_deref() {
        None | Some(FIXED) => {
            run_protocol_with(name, &flags, |flags| Ok(release_0_8::adapter::Malachite(bound(flags)?)))
        }
        Some(FORKS) => {
            run_protocol_with(name, &flags, |flags| Ok(release_0_5::adapter::Malachite(bound(flags)?)))
        }
        Some(other) => unknown(other),
    }
}
