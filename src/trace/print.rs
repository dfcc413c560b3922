//! What everything that prints a run, or what came of many, has in common.

use std::path::{Path, PathBuf};

/// A number with commas between its thousands.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// So many of what is called so, one and many.
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

/// That so many states were, or that one was.
pub(crate) fn were(states: u64) -> String {
    format!("{} {}", count(states, "state", "states"), if states == 1 { "was" } else { "were" })
}

/// The folder `bft` in that of the build, which cargo marks with a tag, or else in that for temporary files.
pub(crate) fn beside_the_build() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let build = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    build.map_or_else(std::env::temp_dir, Path::to_path_buf).join("bft")
}
