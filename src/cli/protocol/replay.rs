//! `replay`: a run from a file, made to happen again.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::cli::output::{answer, complain};
use crate::cli::progress::{ProgressArguments, with_shrinking};
use crate::cli::{HOLDS, STUCK, UNSAFE, UsageError, are_different, can_be_written, look, signals};
use crate::files;
use crate::protocol::Protocol;
use crate::table::fitted;
use crate::trace::{Form, StoryFile};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  replay x.json                                  the run once more, in words
  replay x.json --shrink --trace y.mmd           without what the violation does not need, as a diagram

Exit codes:
  0    the run violates nothing
  2    the file cannot be read, or the run does not happen
  10   it violates a property of safety
  11   it gets nowhere
A signal ends --shrink with what is left by then; a second one ends the process with 130.")]
pub(super) struct ReplayArguments {
    /// The trace, as `check --trace` writes it, or in the Informal Trace Format
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Leave out every step that the violation does not need
    #[arg(long)]
    shrink: bool,
    /// Write the trace to this file, in the form of its ending: .json, .itf.json (Informal Trace Format), .mmd (Mermaid),
    /// .txt (words), .html (a page), .shiviz or .log (ShiViz)
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    #[command(flatten)]
    progress: ProgressArguments,
}

pub(super) fn run<P: Protocol>(protocol: P, arguments: &ReplayArguments) -> Result<u8, UsageError> {
    let named = |what: &dyn std::fmt::Display| UsageError(format!("{}: {what}", arguments.file.display()));
    are_different(&[
        ("the trace that is read", Some(&arguments.file)),
        ("--trace", arguments.trace.as_deref()),
    ])?;
    if let Some(path) = &arguments.trace {
        can_be_written("trace", path)?;
    }
    let form = arguments.trace.as_ref().map(|path| Form::of(&path.to_string_lossy())).transpose()?;
    let text = fs::read_to_string(&arguments.file).map_err(|why| named(&why))?;
    let protocol = Arc::new(protocol);
    let (file, read) = StoryFile::replay(&text, Arc::clone(&protocol)).map_err(|why| named(&why))?;
    let story = match arguments.shrink {
        true => {
            let stop = signals::stopped()?;
            let shrink = || signals::until_stopped(&stop, || read.shrunk(protocol));
            let shrunk = with_shrinking(&arguments.progress, read.steps.len(), shrink);
            shrunk.unwrap_or_else(|| Ok(read.clone())).map_err(|why| named(&why))?
        }
        false => read.clone(),
    };
    let mut out = format!("Protocol: {}\n\n{}", story.protocol, story.to_text());
    let left_out = read.steps.len() - story.steps.len();
    if left_out > 0 {
        out.push_str(&format!("\n{left_out} of {} steps were left out.\n", read.steps.len() - read.opening));
    }
    match (&file.violates, &story.violation) {
        (Some(said), Some(violation)) if *said == violation.property => {}
        (Some(said), _) => {
            out.push_str(&format!("\nThe file says that it violates {said}; here it does not.\n"));
        }
        (None, None) => out.push_str("\nNothing is violated in the last state.\n"),
        (None, Some(_)) => {}
    }
    let code = match (&story.violation, &story.end) {
        (Some(_), None) => UNSAFE,
        (Some(_), Some(_)) => STUCK,
        (None, _) => HOLDS,
    };
    let code = answer(&look::coloured(&fitted(&out, look::screen())), code);
    if let (Some(path), Some(form)) = (&arguments.trace, form)
        && let Err(why) = files::write(path, story.written(form)?)
    {
        complain(&format!("--trace {}: {why}", path.display()));
    }
    Ok(code)
}
