//! `bft check`: the exhaustive check.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::limits::LimitArguments;
use super::scope::ScopeArguments;
use super::{Format, HOLDS, NOT_EXHAUSTED, STUCK, UNSAFE, USAGE, UsageError, make_steppable, subject, with};
use crate::check::{
    Check, Checked, Conclusion, Job, JudgeKind, Progress, Question, Verdict, Watch, collision_probability,
};
use crate::model::{Byzantine, Reductions};
use crate::subject::Catalogue;
use crate::trace::thousands;

/// The exit code of who was interrupted and did not wait, as shells give it.
const INTERRUPTED: i32 = 130;

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
pub(super) struct CheckArguments {
    #[command(flatten)]
    scope: ScopeArguments,
    /// Which replicas are Byzantine: a count, for every placement, or a list as in r0,r2 [default: f]
    #[arg(long, value_name = "COUNT|IDS")]
    byzantine: Option<Byzantine>,
    /// Which judge explores [default: guards]
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
    /// Check this property only
    #[arg(long, value_name = "NAME")]
    property: Option<Question>,
    #[command(flatten)]
    limits: LimitArguments,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write the counterexample to this file, in the form of its ending: .json, .itf.json (Informal Trace
    /// Format), .mmd (Mermaid), .txt (words), .html (a page to step along), .shiviz or .log (ShiViz)
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Check the runs that go on from the end of this trace, with judge guards; the trace says the rules and the bound
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["rules", "judge", "byzantine", "reduce", "save", "resume", "ScopeArguments"]
    )]
    from: Option<PathBuf>,
    /// If a limit or Ctrl-C ends the check, write to this file all that it takes to go on with it
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Go on with the check that --save wrote to this file: give the same arguments again
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
}

pub(super) fn run(arguments: &CheckArguments, catalogue: &Catalogue) -> Result<u8, UsageError> {
    if let Some(path) = &arguments.from {
        return go_on(path, arguments, catalogue);
    }
    let check = check(arguments, catalogue)?;
    let checked = check.run_watched(&stopped_by_ctrl_c()?, &Bars::new())?;
    if let Some(path) = &arguments.save {
        match checked.saved() {
            Some(path) => {
                eprintln!("Saved: the same command with --resume {} goes on from here.", path.display())
            }
            None if checked.failures().is_empty() => {
                eprintln!("There is nothing to go on with: {} was not written.", path.display())
            }
            None => {}
        }
    }
    if let Some((path, (property, _, trace))) = checked.file().zip(checked.shortest()) {
        make_steppable(path, checked.subject(), Some(property), trace)?;
    }
    match arguments.format {
        Format::Text => print!("{checked}"),
        Format::Json => println!("{}", serde_json::to_string_pretty(&as_json(&checked)?)?),
    }
    if let (Some(path), None, Format::Text) = (&arguments.trace, checked.shortest(), arguments.format) {
        println!("There is no counterexample: {} was not written.", path.display());
    }
    match checked.failures() {
        [] => Ok(exit_code(checked.conclusion())),
        [error, ..] => Err(UsageError(error.to_string())),
    }
}

/// Checks the runs that go on from the end of a trace.
fn go_on(path: &Path, arguments: &CheckArguments, catalogue: &Catalogue) -> Result<u8, UsageError> {
    let read = super::read_trace(path, catalogue)?;
    let property = match arguments.property {
        Some(Question::Liveness) => {
            return Err(UsageError("--from: liveness is not checked from the middle of a run".to_owned()));
        }
        Some(Question::Only(property)) => Some(property),
        None => read.subject.property(),
    };
    let check = arguments.limits.given_to(Check::new(read.subject.clone()))?;
    let check = with(check, arguments.trace.clone(), Check::trace);
    let progress = Progress { stop: stopped_by_ctrl_c()?, ..Progress::default() };
    let checked = check.run_from(&read.trace, property, &progress)?;
    if let Some((path, (property, _, trace))) = checked.file().zip(checked.shortest()) {
        make_steppable(path, checked.subject(), Some(property), trace)?;
    }
    match arguments.format {
        Format::Text => {
            println!("From the end of {}, after {} steps:\n", path.display(), read.trace.steps().len());
            print!("{checked}");
        }
        Format::Json => println!("{}", serde_json::to_string_pretty(&as_json(&checked)?)?),
    }
    match checked.failures() {
        [] => Ok(exit_code(checked.conclusion())),
        [error, ..] => Err(UsageError(error.to_string())),
    }
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
    let check = arguments.scope.given_to(Check::new(subject(catalogue, &arguments.rules)?));
    let check = with(check, arguments.byzantine.clone(), Check::byzantine);
    let check = with(check, judge, Check::judge);
    let check = with(check, arguments.reduce, Check::reductions);
    let check = with(check, arguments.property, Check::property);
    let check = arguments.limits.given_to(check)?;
    let check = with(check, arguments.trace.clone(), Check::trace);
    let check = with(check, arguments.save.clone(), Check::save);
    Ok(with(check, arguments.resume.clone(), Check::resume))
}

/// Set once Ctrl-C is pressed: the searches end then, and say what they covered. Pressed again, it ends the process.
pub(super) fn stopped_by_ctrl_c() -> Result<Arc<AtomicBool>, UsageError> {
    let stop = Arc::new(AtomicBool::new(false));
    let pressed = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if pressed.swap(true, Relaxed) {
            std::process::exit(INTERRUPTED);
        }
    })?;
    Ok(stop)
}

/// A progress bar for each job that runs, where a person looks on.
struct Bars(MultiProgress);

impl Bars {
    fn new() -> Self {
        Bars(MultiProgress::with_draw_target(if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        }))
    }
}

impl Watch for Bars {
    fn watch(&self, job: &Job, progress: &Progress, work: &mut (dyn FnMut() + Send)) {
        if self.0.is_hidden() {
            return work();
        }
        let bar = self.0.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}  {msg}  {elapsed}") {
            bar.set_style(style);
        }
        bar.set_prefix(format!("{} {}", job.judge, job.whose()));
        let start = Instant::now();
        let result = std::thread::scope(|scope| {
            let worker = scope.spawn(work);
            while !worker.is_finished() {
                let states = progress.states.load(Relaxed);
                bar.set_message(format!(
                    "{} states  {} states/s  frontier {}  depth {}",
                    thousands(states),
                    thousands((states as f64 / start.elapsed().as_secs_f64().max(1e-3)) as u64),
                    thousands(progress.frontier.load(Relaxed)),
                    progress.depth.load(Relaxed),
                ));
                bar.tick();
                std::thread::sleep(Duration::from_millis(100));
            }
            worker.join()
        });
        bar.finish_and_clear();
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    }
}

pub(super) fn exit_code(conclusion: Conclusion) -> u8 {
    match conclusion {
        Conclusion::Holds | Conclusion::Vacuous => HOLDS,
        Conclusion::Unsafe => UNSAFE,
        Conclusion::NotLive => STUCK,
        Conclusion::NoVerdict => USAGE,
        Conclusion::NotExhausted => NOT_EXHAUSTED,
    }
}

fn as_json(checked: &Checked) -> serde_json::Result<serde_json::Value> {
    let rows: Result<Vec<_>, serde_json::Error> = checked
        .outcomes()
        .iter()
        .map(|outcome| {
            let coverage = &outcome.coverage;
            let mut row = json!({
                "judge": outcome.job.judge,
                "bound": outcome.job.bound,
                "states": coverage.states,
                "transitions": coverage.transitions,
                "depth": coverage.depth,
                "seconds": coverage.elapsed.as_secs_f64(),
                "collision_probability": collision_probability(coverage.states),
                "unreached": outcome.unreached,
                "covers": outcome.job.covers(),
                "within_views": outcome.within_views,
                "rules": outcome.rules,
            });
            match &outcome.verdict {
                Verdict::Holds => row["verdict"] = json!("holds"),
                Verdict::Vacuous => row["verdict"] = json!("vacuous"),
                Verdict::NotExhausted(limit) => {
                    row["verdict"] = json!("not exhausted");
                    row["limit"] = json!(limit.to_string());
                }
                Verdict::Refused(why) => {
                    row["verdict"] = json!("no verdict");
                    row["why"] = json!(why);
                }
                Verdict::Violated { property, steps, trace } => {
                    row["verdict"] = json!("violated");
                    row["property"] = json!(property);
                    row["steps"] = json!(steps);
                    row["trace"] =
                        serde_json::from_str(&trace.to_json(checked.subject().name(), Some(*property))?)?;
                }
            }
            Ok(row)
        })
        .collect();
    Ok(
        json!({ "rules": checked.subject().name(), "exit_code": exit_code(checked.conclusion()), "rows": rows? }),
    )
}
