//! What the command line says besides what the checker itself knows: the release, and the bound.

use std::process::ExitCode;

use bft_check::cli::{Flag, Flags};

use crate::bound::Bound;

/// The flag that says which release is checked.
const RELEASE: &str = "release-under-test";
pub const FIXED: &str = "0.8.2";
pub const FORKS: &str = "0.5.0";

/// The bound that the flags say.
pub fn bound(flags: &Flags<'_>) -> Result<Bound, String> {
    let bound =
        Bound { nodes: flags.get("nodes")?, rounds: flags.get("rounds")?, value_count: flags.get("values")? };
    match (bound.nodes, bound.rounds, bound.value_count) {
        (1..=16, 1..=8, 1..=8) => Ok(bound),
        _ => Err("there must be 1 to 16 nodes, and 1 to 8 rounds and values".to_owned()),
    }
}

/// The release that is named on the command line: it decides which code is run, before anything else is read.
pub fn release(mut arguments: impl Iterator<Item = String>) -> Option<String> {
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

/// The flags of a bound, and of the release that is checked. Unless something else is said 0.5.0 has what it needs to fork, and 0.8.2
/// what can be exhausted: so many rounds and values.
pub fn flags(release: &str, (rounds, values): (u32, u8)) -> Vec<Flag> {
    let (rounds, values) = if release == FORKS { (2, 2) } else { (rounds, values) };
    vec![
        Flag::new(RELEASE, FIXED, "The release that is checked: 0.8.2 or 0.5.0"),
        Flag::new("nodes", 4, "How many validators there are"),
        Flag::new("rounds", rounds, "How many rounds there are"),
        Flag::new("values", values, "How many values may be proposed"),
    ]
}

/// Says that a release is none of those that can be checked.
pub fn unknown(release: &str) -> ExitCode {
    eprintln!("error: --{RELEASE}: there is no release '{release}' here, but {FIXED} and {FORKS}");
    ExitCode::from(2)
}
