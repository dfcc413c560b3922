//! The table of releases: runs the check of each, and prints what came of it as Markdown.
//!
//! `cargo run --manifest-path examples/releases/Cargo.toml` runs all; words behind `--` leave only the releases whose name, such as
//! `raft-0.4.0`, begins with one of them. Every cell but the model and the public reference is out of the answer of a run.
//! `--pictures FOLDER` writes the forks that are found to that folder too: as a trace, in words, as a picture, and as a page.

mod row;
mod subjects;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use row::{HEAD, Row, is_violated};
use subjects::{SUBJECTS, Subject};

/// The forms in which a fork is shown, by the endings of their files: words, a drawing, a page.
const FORMS: [&str; 3] = ["txt", "mmd", "html"];

fn main() -> ExitCode {
    let mut wanted: Vec<_> = std::env::args().skip(1).collect();
    let pictures = match wanted.iter().position(|word| word == "--pictures") {
        Some(at) if at + 1 < wanted.len() => {
            let folder = wanted.remove(at + 1);
            wanted.remove(at);
            Some(PathBuf::from(folder))
        }
        Some(_) => {
            eprintln!("error: --pictures takes a folder");
            return ExitCode::from(2);
        }
        None => None,
    };
    let is_wanted = |subject: &&Subject| {
        let name = name(subject);
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
        match rows(subject, pictures.as_deref()) {
            Ok(rows) => rows.iter().for_each(|row| println!("{row}")),
            Err(why) => {
                eprintln!("error: {} {}: {why}", subject.name, subject.release);
                is_complete = false;
            }
        }
    }
    if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn name(subject: &Subject) -> String {
    format!("{}-{}", subject.name, subject.release)
}

/// Why there are no rows of a release.
#[derive(Debug)]
enum Failure {
    NotStarted(std::io::Error),
    /// What is printed is no answer for programs.
    NoAnswer(serde_json::Error),
    /// A field is missing, or is not as it should be.
    NoField(&'static str),
    /// There is no folder for the pictures.
    NoFolder(std::io::Error),
    /// A fork that was found was not written in this form.
    NoPicture(&'static str),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::NotStarted(why) => write!(f, "cargo was not started: {why}"),
            Failure::NoAnswer(why) => write!(f, "it gave no answer for programs: {why}"),
            Failure::NoField(name) => write!(f, "its answer has no field '{name}' as it should be"),
            Failure::NoFolder(why) => write!(f, "there is no folder for the pictures: {why}"),
            Failure::NoPicture(form) => write!(f, "its fork was not written as .{form}"),
        }
    }
}

/// Builds and looks at a release, and has the fork drawn that is found.
fn rows(subject: &Subject, pictures: Option<&Path>) -> Result<Vec<Row>, Failure> {
    let mut check = program(subject)?;
    check.arg(subject.way.name()).args(subject.adapter).args(subject.arguments).args(["--format", "json"]);
    let Some(folder) = pictures else {
        return Row::all(subject, &answer(&mut check)?);
    };
    std::fs::create_dir_all(folder).map_err(Failure::NoFolder)?;
    let folder = std::path::absolute(folder).map_err(Failure::NoFolder)?;
    let file = |form| folder.join(format!("{}.{form}", name(subject)));
    let answer = answer(check.arg("--trace").arg(file("json")))?;
    // Searched once, and then run again for each form.
    let forms = if is_violated(subject, &answer)? { FORMS.as_slice() } else { &[] };
    for &form in forms {
        let mut replay = program(subject)?;
        let picture = file(form);
        // One of an earlier run would be taken for that of this one.
        let is_gone = std::fs::remove_file(&picture).is_ok() || !picture.exists();
        replay.arg("replay").args(subject.adapter).arg(file("json")).arg("--trace").arg(&picture);
        let ended = replay.stdout(Stdio::null()).status().map_err(Failure::NotStarted)?;
        // A run that violates something ends so, as the check of it does, whether or not it could be drawn.
        let is_drawn = is_gone && ended.code() == Some(10) && picture.is_file();
        is_drawn.then_some(()).ok_or(Failure::NoPicture(form))?;
    }
    Row::all(subject, &answer)
}

/// Runs a check, and takes what it answers for programs.
fn answer(check: &mut Command) -> Result<serde_json::Value, Failure> {
    let output = check.stderr(Stdio::inherit()).output().map_err(Failure::NotStarted)?;
    serde_json::from_slice(&output.stdout).map_err(Failure::NoAnswer)
}

/// The program of a release, which is built first; its own arguments follow.
fn program(subject: &Subject) -> Result<Command, Failure> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| examples.join("../target/examples"), PathBuf::from);
    let target = std::path::absolute(target).map_err(Failure::NotStarted)?;
    let mut command = Command::new("cargo");
    command
        .args(["run", "--release", "--locked", "--quiet", "--manifest-path"])
        .arg(examples.join(subject.package).join("Cargo.toml"))
        .arg("--")
        // The files that arguments name are beside the packages.
        .current_dir(&examples)
        // One folder for all of them, so that what they share is built once.
        .env("CARGO_TARGET_DIR", target);
    Ok(command)
}
