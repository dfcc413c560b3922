//! `bft replay`: a trace from a file, made to happen again.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{Format, HOLDS, NOT_EXHAUSTED, STUCK, UNSAFE, UsageError};
use crate::model::Property;
use crate::subject::Catalogue;
use crate::trace::{Form, Trace, TraceFile};

#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// The trace: as bft check --trace writes it, or in the Informal Trace Format
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Leave out every step that the violation does not need
    #[arg(long)]
    shrink: bool,
    /// Write the trace to this file, in the form of its ending: .json, .itf.json (Informal Trace Format), .mmd
    /// (Mermaid), .txt (words), .html (a page to step along), .shiviz or .log (ShiViz)
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &ReplayArguments, catalogue: &Catalogue) -> Result<u8, UsageError> {
    let named = |path: &Path, what: &dyn std::fmt::Display| UsageError(format!("{}: {what}", path.display()));
    let form = arguments.trace.as_ref().map(|path| Form::of(&path.to_string_lossy())).transpose()?;
    let read = super::read_trace(&arguments.file, catalogue)?;
    let violated = violated(&read);
    let trace = match violated {
        Some(property) if arguments.shrink => read.trace.shrunk(property),
        None if arguments.shrink => match read.trace.lasso().map(|stay| stay.property) {
            Some(property) => read.trace.shrunk(property),
            None => read.trace.clone(),
        },
        _ => read.trace.clone(),
    };
    if let (Some(path), Some(form)) = (&arguments.trace, form) {
        let said = read.violates.filter(|_| said_never_to_end(&read));
        let content = trace.written(form, read.subject.name(), violated.or(said))?;
        fs::write(path, content).map_err(|why| named(path, &why))?;
        super::make_steppable(path, &read.subject, violated.or(said), &trace)?;
    }
    match arguments.format {
        Format::Text => print!("{}", as_text(&read, &trace, violated)),
        Format::Json => println!("{}", serde_json::to_string_pretty(&as_json(&read, &trace, violated))?),
    }
    Ok(match violated {
        Some(_) => UNSAFE,
        None if stays(&trace).is_some() => STUCK,
        None if said_never_to_end(&read) => NOT_EXHAUSTED,
        None => HOLDS,
    })
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

fn as_json(read: &TraceFile, trace: &Trace, violated: Option<Property>) -> serde_json::Value {
    json!({
        "rules": read.subject.name(),
        "bound": trace.system().bound(),
        "said_to_violate": read.violates,
        "violates": violated.or(stays(trace)),
        "explanation": violated.and_then(|p| trace.violation(p)),
        "steps": read.trace.steps().len(),
        "left": trace.steps().len(),
    })
}
