//! `bft replay`: a trace from a file, made to happen again.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::output::{answer, answer_json, complain, head};
use super::progress::{ProgressArguments, with_shrinking};
use super::{
    Format, HOLDS, NOT_EXHAUSTED, STUCK, UNSAFE, UsageError, are_different, look, make_steppable, signals,
};
use crate::files;
use crate::model::Property;
use crate::subject::Catalogue;
use crate::table::fitted;
use crate::trace::{Form, Trace, TraceFile};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  bft replay x.json                      the run, step by step, and where it ends
  bft replay x.json --shrink             the same without what the violation does not need
  bft replay x.json --trace x.itf.json   the same in another form

Exit codes:
  0    every step happens, and nothing is violated in the end
  2    the file cannot be read, or a step cannot happen
  10   a safety property is violated in the end
  11   the run never does what it owes
  20   the file says that something never happens, which the run does not show
A signal ends --shrink with what is left by then; a second one ends the process with 130.")]
pub(super) struct ReplayArguments {
    /// The trace: as bft check --trace writes it, or in the Informal Trace Format
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Leave out every step that the violation does not need
    #[arg(long)]
    shrink: bool,
    /// Write the trace to this file, in the form of its ending: .json, .itf.json (Informal Trace Format), .mmd
    /// (Mermaid), .txt (words), .html (a page to step along), .shiviz or .log (ShiViz) [default: to none]
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    #[command(flatten)]
    progress: ProgressArguments,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &ReplayArguments, catalogue: &Catalogue) -> Result<u8, UsageError> {
    are_different(&[
        ("the trace that is read", Some(&arguments.file)),
        ("--trace", arguments.trace.as_deref()),
    ])?;
    if let Some(path) =
        arguments.trace.as_ref().filter(|path| !files::folder_of(path).is_dir() || path.is_dir())
    {
        return Err(UsageError(format!("--trace {}: no file can be written there", path.display())));
    }
    let form = arguments.trace.as_ref().map(|path| Form::of(&path.to_string_lossy())).transpose()?;
    let read = super::read_trace(&arguments.file, catalogue)?;
    let violated = violated(&read);
    let shrunk_for = violated.or(read.trace.lasso().map(|stay| stay.property));
    let trace = match shrunk_for.filter(|_| arguments.shrink) {
        Some(property) => shrunk(&read.trace, property, arguments)?,
        None => read.trace.clone(),
    };
    let code = match violated {
        Some(_) => UNSAFE,
        None if stays(&trace).is_some() => STUCK,
        None if said_never_to_end(&read) => NOT_EXHAUSTED,
        None => HOLDS,
    };
    let code = match arguments.format {
        Format::Text => {
            let text = fitted(&as_text(&read, &trace, violated), look::screen());
            answer(&look::coloured(&text), code)
        }
        Format::Json => answer_json(&as_json(&read, &trace, violated, code), code),
    };
    if let (Some(path), Some(form)) = (&arguments.trace, form) {
        let said = read.violates.filter(|_| said_never_to_end(&read));
        let content = trace.written(form, read.subject.name(), violated.or(said))?;
        if let Err(why) = files::write(path, content) {
            complain(&format!("--trace {}: {why}", path.display()));
        } else if let Err(why) = make_steppable(path, &read.subject, violated.or(said), &trace) {
            complain(&why);
        }
    }
    Ok(code)
}

/// The run without the steps that the violation does not need, found while somebody may look on.
fn shrunk(trace: &Trace, property: Property, arguments: &ReplayArguments) -> Result<Trace, UsageError> {
    let stop = signals::stopped()?;
    let shrink = || signals::until_stopped(&stop, || trace.shrunk(property));
    Ok(with_shrinking(&arguments.progress, trace.steps().len(), shrink).unwrap_or_else(|| trace.clone()))
}

/// The property that the run violates in its last state: the one that the file names, if it does, else the first.
pub(super) fn violated(read: &TraceFile) -> Option<Property> {
    let all = read.violates.into_iter().chain(Property::SAFETY);
    all.into_iter().find(|&property| read.trace.violation(property).is_some())
}

/// The liveness property that the run violates for all that the replicas show: where it stops, nothing that must
/// still happen leads on; where it goes round, what must happen does, and does not help.
fn stays(trace: &Trace) -> Option<Property> {
    trace.lasso().filter(|stay| !stay.is_loop() || trace.fair().is_ok()).map(|stay| stay.property)
}

/// Whether the file says that something never happens, which no last state shows.
fn said_never_to_end(read: &TraceFile) -> bool {
    read.violates.is_some_and(Property::is_liveness)
}

fn as_text(read: &TraceFile, trace: &Trace, violated: Option<Property>) -> String {
    let mut out = format!("Rules: {}\n\n{}", read.subject.name(), trace.to_text(violated));
    let left_out = read.trace.steps().len() - trace.steps().len();
    if left_out > 0 {
        out.push_str(&format!("{left_out} of {} steps were left out.\n", read.trace.steps().len()));
    }
    match (read.violates, violated) {
        (Some(_), None) if stays(trace).is_some() => {}
        (Some(said), None) if said_never_to_end(read) => {
            let why = trace.fair().err().map(|why| format!(" ({why})")).unwrap_or_default();
            out.push_str(&format!(
                "Each of its steps happens. That {said} is never reached on a fair run, they do not show{why}: ask bft check \
                 --property {said}.\n"
            ));
        }
        (Some(said), None) => {
            out.push_str(&format!("The file says that it violates {said}; here it violates nothing.\n"));
        }
        (Some(said), Some(property)) if said != property => {
            out.push_str(&format!("The file says that it violates {said}; here it does not.\n"));
        }
        (None, None) => out.push_str("Nothing is violated in the last state.\n"),
        _ => {}
    }
    out
}

fn as_json(read: &TraceFile, trace: &Trace, violated: Option<Property>, code: u8) -> serde_json::Value {
    let mut out = head("replay", code);
    out["rules"] = json!(read.subject.name());
    out["bound"] = json!(trace.system().bound());
    out["said_to_violate"] = json!(read.violates);
    out["violates"] = json!(violated.or(stays(trace)));
    out["explanation"] = json!(violated.and_then(|p| trace.violation(p)));
    out["steps"] = json!(read.trace.steps().len());
    out["left"] = json!(trace.steps().len());
    out
}
