//! `bft check`: the exhaustive check.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::limits::LimitArguments;
use super::output::{answer, answer_json, complain, say_saved};
use super::processes::ProcessArguments;
use super::progress::{ProgressArguments, Show};
use super::scope::ScopeArguments;
use super::{
    HOLDS, ReportFormat, UsageError, are_different, can_be_written, exit_code, junit, look, make_steppable,
    numbers, signals, stats, subject, with,
};
use crate::check::{Check, Checked, JudgeKind, Progress, Question, Searched, rules_of_saved};
use crate::files;
use crate::model::{Byzantine, Property, Reductions};
use crate::subject::Catalogue;
use crate::trace::TraceFile;

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum JudgeArgument {
    /// Every delivery of a message is a step
    Message,
    /// Whole guards at a time: far fewer states, the same verdicts
    Guards,
    #[value(hide = true)]
    Absorbed,
    /// View by view: any number of views, every placement of the Byzantine replicas at once
    Unbounded,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  bft check                                          the default check, with every judge
  bft check --rules weak-prepare --trace x.json      a broken rulebook; its counterexample in a file
  bft check --judge unbounded --requests 1           any number of views
  bft check --views 3 --timeout 600 --save x.save    ten minutes of a larger bound, to go on later
  bft check --resume x.save                          go on
  bft check --format junit > bft.xml                 for continuous integration

Exit codes:
  0    all that was asked holds, within the bound
  2    the question makes no sense, or a judge has no verdict
  10   a safety property is violated
  11   a liveness property is violated
  20   a limit or a signal ended it: nothing is known of the rest
  130  a second signal ended the process
A file that cannot be written changes none of them.")]
pub(super) struct CheckArguments {
    #[command(flatten)]
    scope: ScopeArguments,
    /// Which replicas are Byzantine: a count, for every placement, or a list as in r0,r2 [default: f]
    #[arg(long, value_name = "COUNT|IDS")]
    byzantine: Option<Byzantine>,
    /// Which judge explores [default: guards; where nothing but rules is given, each judge]
    #[arg(long, value_enum)]
    judge: Option<JudgeArgument>,
    /// Which states are left out because others stand for them: 'all', 'none', or of silent, ample, maximal, counting,
    /// quotient, summaries, subsumed and symmetry those that are named [default: all for judge unbounded, none for judge
    /// guards, which has silent and either quotient or symmetry; judge message has none]
    #[arg(long, value_name = "NAMES")]
    reduce: Option<Reductions>,
    /// Which rulebook the replicas follow; `bft rules` lists them [default: the first of these]
    #[arg(long, value_name = "NAME")]
    rules: Option<String>,
    /// Check this property only [default: all that the judge looks at]
    #[arg(long, value_name = "NAME")]
    property: Option<Question>,
    #[command(flatten)]
    processes: ProcessArguments,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    progress: ProgressArguments,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
    /// Write the counterexample to this file, in the form of its ending: .json, .itf.json (Informal Trace
    /// Format), .mmd (Mermaid), .txt (words), .html (a page to step along), .shiviz or .log (ShiViz) [default: to none]
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Check the runs that go on from the end of this trace, with judge guards or liveness; the trace says the rules and the bound
    /// [default: begin at the start]
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["rules", "judge", "byzantine", "reduce", "save", "save_every", "resume", "stats", "ScopeArguments", "ProcessArguments"]
    )]
    from: Option<PathBuf>,
    /// Write how the search has grown to this file, as CSV: a line for each level of each row [default: to none]
    #[arg(long, value_name = "FILE")]
    stats: Option<PathBuf>,
    /// If a limit or a signal ends the check, write to this file all that it takes to go on with it [default: to none]
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Write it every so many seconds too, from 1 to 1,000,000 [default: when the check ends]
    #[arg(long, value_name = "SECONDS", requires = "save", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    save_every: Option<u32>,
    /// Go on with the check that --save wrote to this file: what it is of stands there; limits, files and how to print are
    /// given anew [default: begin]
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
}

pub(super) fn run(arguments: &CheckArguments, catalogue: &Catalogue) -> Result<u8, UsageError> {
    are_different(&[
        ("--trace", arguments.trace.as_deref()),
        ("--stats", arguments.stats.as_deref()),
        ("--save", arguments.save.as_deref()),
    ])?;
    are_different(&[
        ("--trace", arguments.trace.as_deref()),
        ("--stats", arguments.stats.as_deref()),
        ("--resume", arguments.resume.as_deref()),
    ])?;
    are_different(&[("--trace", arguments.trace.as_deref()), ("--from", arguments.from.as_deref())])?;
    if let Some(path) = &arguments.stats {
        can_be_written("stats", path)?;
    }
    arguments.processes.refused()?;
    let read = arguments.from.as_ref().map(|path| super::read_trace(path, catalogue)).transpose()?;
    let (check, mut searched) = match &read {
        Some(read) => {
            let (check, property) = asked_from(read, arguments)?;
            let progress = Progress { stop: signals::stopped()?, ..Progress::default() };
            let searched = check.search_from(&read.trace, property, &progress)?;
            (check, searched)
        }
        None => {
            let check = check(arguments, catalogue)?;
            let show =
                Show::new(&arguments.progress, arguments.limits.max_states, arguments.limits.timeout()?);
            search(check, arguments, &show)?
        }
    };
    if !arguments.processes.answers() {
        answer("Process 0 says what came of it.\n", HOLDS);
        return Ok(exit_code(searched.checked.conclusion()));
    }
    // What is printed for programs says which files could not be written, so that these come first there.
    if arguments.format != ReportFormat::Text {
        check.write_files(&mut searched);
        let failures = said(&searched.checked, arguments);
        let code = exit_code(searched.checked.conclusion());
        failures.iter().for_each(|failure| complain(failure));
        saved_in_words(&searched.checked, arguments);
        return Ok(match arguments.format {
            ReportFormat::Junit => answer(&junit::checked(&searched.checked)?, code),
            _ => answer_json(&numbers::checked(&searched.checked, &failures)?, code),
        });
    }
    if let (Some(path), Some(read)) = (&arguments.from, &read) {
        let steps = read.trace.steps().len();
        let is_live =
            searched.checked.outcomes().iter().any(|outcome| outcome.job.judge == JudgeKind::Liveness);
        let but = if is_live { "; views that change for ever are not looked for from there" } else { "" };
        answer(&format!("From the end of {}, after {steps} steps{but}:\n\n", path.display()), HOLDS);
    }
    let text = look::coloured(&searched.checked.printed(look::screen()));
    let code = answer(&text, exit_code(searched.checked.conclusion()));
    check.write_files(&mut searched);
    said(&searched.checked, arguments).iter().for_each(|failure| complain(failure));
    files_in_words(&searched.checked, arguments);
    Ok(code)
}

/// Runs a check, in this process or in several.
#[cfg(feature = "distributed")]
fn search(check: Check, arguments: &CheckArguments, show: &Show) -> Result<(Check, Searched), UsageError> {
    let (check, group) = arguments.processes.given_to(check, arguments.limits.memory())?;
    let searched = check.search_watched(&signals::stopped()?, show);
    if let Some(mut group) = group {
        match &searched {
            Ok(searched) if searched.is_lost() => {}
            Ok(_) => group.end(),
            Err(_) => group.complaints(),
        }
    }
    Ok((check, searched?))
}

/// Runs a check.
#[cfg(not(feature = "distributed"))]
fn search(check: Check, _: &CheckArguments, show: &Show) -> Result<(Check, Searched), UsageError> {
    let searched = check.search_watched(&signals::stopped()?, show)?;
    Ok((check, searched))
}

/// Writes what this command writes itself, and says what could not be written.
fn said(checked: &Checked, arguments: &CheckArguments) -> Vec<String> {
    let mut failures: Vec<_> = checked.failures().iter().map(ToString::to_string).collect();
    if let Some((path, (property, _, trace))) = checked.written().zip(checked.shortest()) {
        failures.extend(make_steppable(path, checked.subject(), Some(property), trace).err());
    }
    if let Some(path) = &arguments.stats
        && let Err(error) = files::write(path, stats::of_pbft(checked))
    {
        failures.push(format!("--stats {}: {error}", path.display()));
    }
    failures
}

/// Which files were written, for people.
fn files_in_words(checked: &Checked, arguments: &CheckArguments) {
    if let Some(path) = checked.written() {
        answer(&format!("\nWritten to {}\n", path.display()), HOLDS);
    }
    if let (Some(path), None) = (&arguments.trace, checked.shortest()) {
        answer(&format!("There is no counterexample: {} was not written.\n", path.display()), HOLDS);
    }
    saved_in_words(checked, arguments);
}

/// Whether something was saved, beside the answer.
fn saved_in_words(checked: &Checked, arguments: &CheckArguments) {
    if let Some(path) = &arguments.save {
        say_saved(path, checked.saved(), !checked.failures().is_empty(), "bft check");
    }
}

/// What is asked of the runs that go on from the end of a trace.
fn asked_from(read: &TraceFile, arguments: &CheckArguments) -> Result<(Check, Option<Property>), UsageError> {
    let property = match arguments.property {
        Some(Question::Liveness) => {
            let why = "--from: of liveness one property is asked from the middle of a run: --property executed or answered";
            return Err(UsageError(why.to_owned()));
        }
        Some(Question::Only(property)) => Some(property),
        None => read.subject.property(),
    };
    let check = arguments.limits.given_to(Check::new(read.subject.clone()))?;
    Ok((with(check, arguments.trace.clone(), Check::trace), property))
}

/// The check that is asked for.
fn check(arguments: &CheckArguments, catalogue: &Catalogue) -> Result<Check, UsageError> {
    let judge = match arguments.judge {
        Some(JudgeArgument::Absorbed) => {
            return Err(UsageError("--judge absorbed: that judge is called guards now".to_owned()));
        }
        Some(JudgeArgument::Message) => Some(JudgeKind::Message),
        Some(JudgeArgument::Guards) => Some(JudgeKind::Guards),
        Some(JudgeArgument::Unbounded) => Some(JudgeKind::Unbounded),
        None => None,
    };
    // What a saved check is of stands in its file.
    let saved = arguments.resume.as_ref().filter(|_| arguments.rules.is_none());
    let rules = saved.map(|path| rules_of_saved(path)).transpose()?.or(arguments.rules.clone());
    let check = arguments.scope.given_to(Check::new(subject(catalogue, &rules)?));
    let check = with(check, arguments.byzantine.clone(), Check::byzantine);
    let check = with(check, judge, Check::judge);
    let check = with(check, arguments.reduce, Check::reductions);
    let check = with(check, arguments.property, Check::property);
    let check = arguments.limits.given_to(check)?;
    let check = with(check, arguments.trace.clone(), Check::trace);
    let check = with(check, arguments.save.clone(), Check::save);
    let check = with(check, arguments.save_every.map(|s| Duration::from_secs(s.into())), Check::save_every);
    Ok(with(check, arguments.resume.clone(), Check::resume))
}
