//! Where a command's words go: its answer to standard output, and what else there is to say to standard error. Neither ever
//! ends the process: an exit code says what was found, whoever listens.

use std::io::{self, Write};
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;
use serde_json::{Value, json};

use super::{HOLDS, USAGE, look};
use crate::table::fitted;

/// The version of the form of what is printed as JSON: `src/guide/output.schema.json` describes it. It grows when a field goes
/// or changes its meaning, not when one is added.
pub(super) const SCHEMA: u32 = 1;

/// When words are coloured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Color {
    /// In a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// From now on.
    pub fn apply(self) {
        let choice = match self {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// Prints an answer that ends with this exit code: the exit code that the process is to end with. Who has closed the pipe has
/// read enough. An answer that did not arrive for another reason is no success, and whatever else it says stands.
pub(super) fn answer(text: &str, code: u8) -> u8 {
    match print(text) {
        Ok(()) => code,
        Err(error) => {
            complain(&format!("standard output: {error}"));
            if code == HOLDS { USAGE } else { code }
        }
    }
}

/// The same of an answer for programs.
pub(super) fn answer_json(value: &Value, code: u8) -> u8 {
    answer(&format!("{value:#}\n"), code)
}

fn print(text: &str) -> io::Result<()> {
    let mut out = AutoStream::auto(io::stdout());
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Says what went wrong.
pub(super) fn complain(what: &str) {
    let error = anstyle::AnsiColor::Red.on_default().bold();
    say(&fitted(&format!("{error}error:{error:#} {what}"), look::screen_of_errors()));
}

/// Says something beside the answer. Where it cannot be said, nobody is there to hear that.
pub(super) fn say(what: &str) {
    let _ = writeln!(AutoStream::auto(io::stderr()), "{what}");
}

/// What every answer for programs begins with.
pub(super) fn head(command: &str, exit_code: u8) -> Value {
    json!({
        "schema": SCHEMA,
        "version": env!("CARGO_PKG_VERSION"),
        "command": command,
        "exit_code": exit_code,
    })
}

/// A question that makes no sense, as a program reads it.
pub(super) fn error_as_json(message: &str) -> Value {
    json!({
        "schema": SCHEMA,
        "version": env!("CARGO_PKG_VERSION"),
        "exit_code": USAGE,
        "error": { "kind": "usage", "message": message },
    })
}

/// Whether something was saved where that was asked for, beside the answer. `goes_on` goes on with it.
pub(super) fn say_saved(asked: &Path, saved: Option<&Path>, has_failed: bool, goes_on: &str) {
    let path = asked.display();
    match saved {
        Some(_) => say(&format!("Saved: {goes_on} --resume {path} goes on from here.")),
        None if has_failed => {}
        None if asked.exists() => {
            say(&format!("There is nothing to go on with: {path} is of an earlier moment."))
        }
        None => say(&format!("There is nothing to go on with: {path} was not written.")),
    }
}
