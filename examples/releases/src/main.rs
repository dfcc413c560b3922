//! The table of releases: runs the check of each, and prints what came of it as Markdown.
//!
//! `cargo run --manifest-path examples/releases/Cargo.toml` runs all; words behind `--` leave only the releases whose name, such as
//! `raft-0.4.0`, begins with one of them. Every cell but the model and the public reference is out of the answer of a run.

mod row;
mod subjects;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use row::{HEAD, Row};
use subjects::{SUBJECTS, Subject};

fn main() -> ExitCode {
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    let is_wanted = |subject: &&Subject| {
        let name = format!("{}-{}", subject.name, subject.release);
        wanted.is_empty() || wanted.iter().any(|word| name.starts_with(word))
    };
    let chosen: Vec<_> = SUBJECTS.iter().filter(is_wanted).collect();
    if chosen.is_empty() {
        eprintln!("error: no release is called {}", wanted.join(" or "));
        return ExitCode::from(2);
    }
    println!("{HEAD}");
    let mut is_complete = true;
    for subject in chosen {
        eprintln!("{} {} …", subject.name, subject.release);
        match rows(subject) {
            Ok(rows) => rows.iter().for_each(|row| println!("{row}")),
            Err(why) => {
                eprintln!("error: {} {}: {why}", subject.name, subject.release);
                is_complete = false;
            }
        }
    }
    if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Why there are no rows of a release.
#[derive(Debug)]
enum Failure {
    NotStarted(std::io::Error),
    /// What is printed is no answer for programs.
    NoAnswer(serde_json::Error),
    /// A field is missing, or is not as it should be.
    NoField(&'static str),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::NotStarted(why) => write!(f, "cargo was not started: {why}"),
            Failure::NoAnswer(why) => write!(f, "it gave no answer for programs: {why}"),
            Failure::NoField(name) => write!(f, "its answer has no field '{name}' as it should be"),
        }
    }
}

/// Builds and runs the check of a release.
fn rows(subject: &Subject) -> Result<Vec<Row>, Failure> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| examples.join("../target/examples"), PathBuf::from);
    let target = std::path::absolute(target).map_err(Failure::NotStarted)?;
    let output = Command::new("cargo")
        .args(["run", "--release", "--locked", "--quiet", "--manifest-path"])
        .arg(examples.join(subject.package).join("Cargo.toml"))
        .arg("--")
        .args(subject.arguments)
        .args(["--format", "json"])
        // The files that arguments name are beside the packages.
        .current_dir(&examples)
        // One folder for all of them, so that what they share is built once.
        .env("CARGO_TARGET_DIR", target)
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::NotStarted)?;
    let answer = serde_json::from_slice(&output.stdout).map_err(Failure::NoAnswer)?;
    Row::all(subject, &answer)
}
