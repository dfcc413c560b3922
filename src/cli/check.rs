//! `bft check`: the exhaustive check.

use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::scope::ScopeArguments;
use super::{Format, HOLDS, NOT_EXHAUSTED, STUCK, UNSAFE, USAGE, UsageError, rulebook};
use crate::bugs::Rulebook;
use crate::check::save::{self, Kept, Unfinished};
use crate::check::{self, Job, JudgeKind, Limit, Limits, Outcome, Plan, Progress, Question, Verdict, Wanted};
use crate::model::{Bound, Byzantine, Property, Reductions, Scope};
use crate::pbft::RuleCount;
use crate::trace::{Form, Trace};

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
    /// Which rulebook the replicas follow; `bft rules` lists them
    #[arg(long, value_name = "NAME", default_value = "castro99")]
    rules: String,
    /// Check this property only
    #[arg(long, value_name = "NAME")]
    property: Option<Question>,
    /// Threads to use [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Give up a run at so many distinct states
    #[arg(long, value_name = "N")]
    max_states: Option<u64>,
    /// Give up after so many seconds in all
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Give up when the process is about to hold more than so many MiB of memory
    #[arg(long, value_name = "MIB")]
    memory: Option<u64>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write the counterexample to this file, in the form of its ending: .json, .itf.json (Informal Trace
    /// Format), .mmd (Mermaid), .txt (words), .shiviz or .log (ShiViz)
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// If a limit or Ctrl-C ends the check, write to this file all that it takes to go on with it
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Go on with the check that --save wrote to this file: give the same arguments again
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
}

pub(super) fn run(arguments: &CheckArguments) -> Result<u8, UsageError> {
    if arguments.judge == Some(JudgeArgument::Absorbed) {
        return Err(UsageError("--judge absorbed: that judge is called guards now".to_owned()));
    }
    let rulebook = rulebook(&arguments.rules)?;
    let timeout =
        match arguments.timeout {
            None => None,
            Some(seconds) => Some(Duration::try_from_secs_f64(seconds).map_err(|_| {
                UsageError(format!("--timeout {seconds}: give a number of seconds, 0 or more"))
            })?),
        };
    let threads = match arguments.threads {
        Some(0) => return Err(UsageError("--threads must be at least 1".to_owned())),
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    for (name, path) in [("trace", &arguments.trace), ("save", &arguments.save)] {
        let Some(path) = path else { continue };
        // Found out now, not after an hour.
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() || path.is_dir() {
            return Err(UsageError(format!("--{name} {}: no file can be written there", path.display())));
        }
    }
    arguments.trace.as_ref().map(|path| Form::of(&path.to_string_lossy())).transpose()?;
    if let Some(path) = &arguments.save
        && path.exists()
        && arguments.resume.as_ref() != Some(path)
    {
        return Err(UsageError(format!(
            "--save {0}: there is such a file already; to go on with what it holds add --resume {0}, or remove it",
            path.display()
        )));
    }
    let Plan { jobs, property } = check::plan(&wanted(arguments), rulebook)?;
    let max_memory = arguments.memory.map(|mib| mib.saturating_mul(1 << 20));
    let limits = Limits { max_states: arguments.max_states, timeout: None, max_memory, threads };
    let kept = match &arguments.resume {
        Some(path) => save::read(path, rulebook, property, &jobs)?,
        None => jobs.iter().map(|_| Kept::Nothing).collect(),
    };
    let rows = run_all(&jobs, kept, rulebook, property, &limits, check::deadline(timeout))?;
    let saved = keep(arguments, rulebook, property, &rows);
    let outcomes: Vec<Outcome> = rows.into_iter().map(|(outcome, _)| outcome).collect();
    let code = report(arguments, rulebook, &outcomes)?;
    saved.map(|()| code)
}

/// Saves what a limit ended, if that was asked for.
fn keep(
    arguments: &CheckArguments,
    rulebook: &Rulebook,
    property: Option<Property>,
    rows: &[(Outcome, Option<Unfinished>)],
) -> Result<(), UsageError> {
    let Some(path) = &arguments.save else { return Ok(()) };
    if rows.iter().all(|(_, unfinished)| unfinished.is_none()) {
        eprintln!("There is nothing to go on with: {} was not written.", path.display());
        return Ok(());
    }
    save::write(path, rulebook, property, rows)?;
    eprintln!("Saved: the same command with --resume {} goes on from here.", path.display());
    Ok(())
}

/// What is wanted, as it was given.
fn wanted(arguments: &CheckArguments) -> Wanted<impl Fn(Scope) -> Scope + '_> {
    Wanted {
        scope: |base| arguments.scope.applied_to(base),
        restricts: arguments.scope.restricts(),
        sets_views: arguments.scope.sets_views(),
        byzantine: arguments.byzantine.clone(),
        judge: arguments.judge.map(|judge| match judge {
            JudgeArgument::Message => JudgeKind::Message,
            JudgeArgument::Guards | JudgeArgument::Absorbed => JudgeKind::Guards,
            JudgeArgument::Unbounded => JudgeKind::Unbounded,
        }),
        reductions: arguments.reduce,
        question: arguments.property,
        saves: arguments.save.is_some(),
    }
}

/// Runs all jobs: side by side those that run on one thread, liveness first as it takes longest, then those of judge *message*,
/// each on all threads.
fn run_all(
    jobs: &[Job],
    kept: Vec<Kept>,
    rulebook: &Rulebook,
    property: Option<Property>,
    limits: &Limits,
    deadline: Option<Instant>,
) -> Result<Vec<(Outcome, Option<Unfinished>)>, UsageError> {
    let bars = MultiProgress::with_draw_target(if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    });
    let pool = rayon::ThreadPoolBuilder::new().num_threads(limits.threads).build()?;
    let stop = stopped_by_ctrl_c()?;
    let kept = Mutex::new(kept.into_iter().map(Some).collect::<Vec<_>>());
    let one = |i: usize| {
        let job = &jobs[i];
        let from = match kept.lock().unwrap_or_else(PoisonError::into_inner)[i].take() {
            Some(Kept::Done(outcome)) => return Ok((outcome, None)),
            Some(Kept::Unfinished(unfinished)) => Some(unfinished),
            Some(Kept::Nothing) | None => None,
        };
        let progress = Progress { stop: Arc::clone(&stop), ..Progress::default() };
        let run = || check::run_on(job, rulebook.rules, property, limits, deadline, &progress, from);
        watched(&bars, job, &progress, || pool.install(run))
    };
    let (alone, mut together): (Vec<_>, Vec<_>) =
        (0..jobs.len()).partition(|&i| jobs[i].judge == JudgeKind::Message);
    together.sort_by_key(|&i| jobs[i].judge != JudgeKind::Liveness);
    let results = Mutex::new((0..jobs.len()).map(|_| None).collect::<Vec<_>>());
    let keep = |i: usize, result| {
        results.lock().unwrap_or_else(PoisonError::into_inner)[i] = Some(result);
    };
    let queue = Mutex::new(together.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..limits.threads {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(i) = next else { break };
                    keep(i, one(i));
                }
            });
        }
    });
    for i in alone {
        keep(i, one(i));
    }
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let rows: Result<Vec<_>, _> = results.into_iter().flatten().collect();
    Ok(rows?)
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

/// Shows a progress bar while the work is done.
fn watched<R: Send>(
    bars: &MultiProgress,
    job: &Job,
    progress: &Progress,
    work: impl FnOnce() -> R + Send,
) -> R {
    if bars.is_hidden() {
        return work();
    }
    let bar = bars.add(ProgressBar::new_spinner());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}  {msg}  {elapsed}") {
        bar.set_style(style);
    }
    bar.set_prefix(format!("{} {}", job.judge, whose(job)));
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
    match result {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

pub(super) fn who(bound: &Bound) -> String {
    match &bound.byzantine[..] {
        [] => "nobody".to_owned(),
        ids => ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    }
}

/// Who is Byzantine in a job.
fn whose(job: &Job) -> String {
    match (job.judge, job.bound.byzantine.len()) {
        (JudgeKind::Unbounded, count) if count > 0 => format!("any {count}"),
        _ => who(&job.bound),
    }
}

pub(super) fn thousands(n: u64) -> String {
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

fn verdict(outcome: &Outcome) -> String {
    match &outcome.verdict {
        Verdict::Holds => "holds".to_owned(),
        Verdict::Vacuous => "holds, but see below".to_owned(),
        Verdict::Violated { property, steps, .. } => format!("VIOLATED: {property}, in {steps} steps"),
        Verdict::NotExhausted(limit) => format!("not exhausted ({})", limited(*limit)),
        Verdict::Refused(_) => "no verdict".to_owned(),
    }
}

fn limited(limit: Limit) -> String {
    match limit {
        Limit::States(n) => format!("stopped at {} states", thousands(n)),
        Limit::Time(_) => "stopped by the timeout".to_owned(),
        Limit::Memory(bytes) => format!("stopped at {} MiB of memory", thousands(bytes >> 20)),
        Limit::Stopped => "stopped by Ctrl-C".to_owned(),
        Limit::Bound => "it went on beyond the views or sequence numbers of the bound".to_owned(),
    }
}

fn exit_code(outcomes: &[Outcome]) -> u8 {
    let any = |is: fn(&Verdict) -> bool| outcomes.iter().any(|outcome| is(&outcome.verdict));
    if any(|v| matches!(v, Verdict::Violated { property, .. } if !property.is_liveness())) {
        UNSAFE
    } else if any(|v| matches!(v, Verdict::Violated { .. })) {
        STUCK
    } else if any(|v| matches!(v, Verdict::Refused(_))) {
        USAGE
    } else if any(|v| matches!(v, Verdict::NotExhausted(_))) {
        NOT_EXHAUSTED
    } else {
        HOLDS
    }
}

/// The shortest counterexample of all rows, by judge steps.
fn shortest(outcomes: &[Outcome]) -> Option<(Property, usize, &Trace)> {
    outcomes
        .iter()
        .filter_map(|outcome| match &outcome.verdict {
            Verdict::Violated { property, steps, trace } => Some((*property, *steps, &**trace)),
            _ => None,
        })
        .min_by_key(|&(property, steps, _)| (property.is_liveness(), steps))
}

fn report(arguments: &CheckArguments, rulebook: &Rulebook, outcomes: &[Outcome]) -> Result<u8, UsageError> {
    let found = shortest(outcomes);
    if let (Some(path), Some((property, _, trace))) = (&arguments.trace, found) {
        let form = Form::of(&path.to_string_lossy())?;
        let content = trace.written(form, rulebook.name, Some(property))?;
        fs::write(path, content).map_err(|e| UsageError(format!("--trace {}: {e}", path.display())))?;
    }
    match arguments.format {
        Format::Text => print!("{}", text(rulebook, outcomes, arguments.trace.as_deref())),
        Format::Json => println!("{}", serde_json::to_string_pretty(&as_json(rulebook, outcomes)?)?),
    }
    Ok(exit_code(outcomes))
}

fn text(rulebook: &Rulebook, outcomes: &[Outcome], file: Option<&Path>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "judge",
        "Byzantine",
        "bound",
        "states",
        "transitions",
        "depth",
        "time",
        "states/s",
        "verdict",
    ]);
    for outcome in outcomes {
        let coverage = &outcome.coverage;
        let seconds = coverage.elapsed.as_secs_f64();
        table.add_row([
            outcome.job.judge.to_string(),
            whose(&outcome.job),
            outcome.job.covers(),
            thousands(coverage.states),
            thousands(coverage.transitions),
            coverage.depth.to_string(),
            format!("{seconds:.2} s"),
            thousands((coverage.states as f64 / seconds.max(1e-6)) as u64),
            verdict(outcome),
        ]);
    }
    for column in table.column_iter_mut().skip(3).take(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut out = match rulebook.breaks {
        None => format!("Rules: {}\n\n", rulebook.name),
        Some(what) => format!("Rules: {} ({what})\n\n", rulebook.name),
    };
    out.push_str(&table.trim_fmt());
    out.push_str("\n\n");
    for outcome in outcomes {
        let row = format!("{}, Byzantine {}", outcome.job.judge, whose(&outcome.job));
        if let Verdict::Refused(why) = &outcome.verdict {
            out.push_str(&format!("No verdict ({row}): {why}.\n"));
        }
        for good in &outcome.unreached {
            out.push_str(&format!("Beware ({row}): in no run is it true that {good}.\n"));
        }
    }
    if outcomes.iter().any(|o| o.job.bound.byzantine.len() > usize::from(o.job.bound.faults)) {
        out.push_str("More replicas are Byzantine than f: the protocol promises nothing there.\n");
    }
    if outcomes.iter().any(|o| o.job.judge == JudgeKind::Liveness) {
        out.push_str(
            "Liveness: the views of its bound may begin before the network is stable, and f more after it. From \
             then on all that honest replicas have sent arrives, and their timers run out only when nothing more \
             does. Byzantine replicas may ask for any view; one beyond the bound stands for all. Views that change for \
             ever are looked for among some runs alone, with Byzantine replicas that do the same in every view.\n",
        );
    }
    let within: u64 = outcomes.iter().filter_map(|outcome| outcome.within_views).sum();
    if within > 0 {
        out.push_str(&format!(
            "Unbounded: a state is what is left when every honest replica has left a view, a step one whole view; \
             {} states were visited within views.\n",
            thousands(within)
        ));
    }
    out.push_str(&unexercised(rulebook, outcomes));
    out.push_str(&summary(outcomes));
    if let Some((property, steps, trace)) = shortest(outcomes) {
        out.push_str(&format!(
            "\nThe shortest counterexample, {steps} steps of the judge, {} deliveries:\n\n",
            trace.steps().len()
        ));
        out.push_str(&trace.to_text(Some(property)));
        if let Some(file) = file {
            out.push_str(&format!("\nWritten to {}\n", file.display()));
        }
    } else if let Some(file) = file {
        out.push_str(&format!("There is no counterexample: {} was not written.\n", file.display()));
    }
    out
}

/// Of which rules what holds says nothing, and of which little: those that the rulebook overrides first. Where something is
/// violated, nobody asks.
fn unexercised(rulebook: &Rulebook, outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    let clean: Vec<_> = outcomes.iter().filter(|outcome| outcome.verdict.is_clean()).collect();
    if clean.is_empty() || shortest(outcomes).is_some() {
        return out;
    }
    let Some(counts) = clean.iter().map(|outcome| outcome.rules.as_deref()).collect::<Option<Vec<_>>>()
    else {
        return "How often each rule was asked is not known of a run that was gone on with.\n".to_owned();
    };
    let sums = sums(&counts);
    let names = |wanted: fn(&RuleCount) -> bool, own: bool| -> Vec<String> {
        let is_own = |count: &&RuleCount| rulebook.overrides.contains(&count.rule.as_str()) == own;
        sums.iter()
            .filter(is_own)
            .filter(|count| wanted(count))
            .map(|count| format!("`{}`", count.rule))
            .collect()
    };
    for (own, whose) in [(true, ", which this rulebook overrides"), (false, "")] {
        let (never, accepting) = (names(|count| count.asked == 0, own), names(RuleCount::never_refuses, own));
        if !never.is_empty() {
            let them = if never.len() == 1 { "it was" } else { "they were" };
            out.push_str(&format!(
                "What holds says nothing of {}{whose}: {them} never asked.\n",
                never.join(", ")
            ));
        }
        if !accepting.is_empty() {
            let them = if accepting.len() == 1 { "it" } else { "they" };
            out.push_str(&format!(
                "What holds says little of {}{whose}: {them} never refused anything.\n",
                accepting.join(", ")
            ));
        }
    }
    out
}

/// What was counted in several runs, together.
fn sums(runs: &[&[RuleCount]]) -> Vec<RuleCount> {
    let mut sums: Vec<RuleCount> = Vec::new();
    for count in runs.iter().copied().flatten() {
        match sums.iter_mut().find(|sum| sum.rule == count.rule) {
            Some(sum) => {
                sum.asked += count.asked;
                sum.accepted += count.accepted;
                sum.refused += count.refused;
            }
            None => sums.push(count.clone()),
        }
    }
    sums
}

/// A chance with one digit, rounded up.
fn at_most(chance: f64) -> String {
    let unit = 10f64.powf(chance.log10().floor());
    format!("{:.0e}", (chance / unit).ceil() * unit)
}

fn summary(outcomes: &[Outcome]) -> String {
    let states: u64 = outcomes.iter().map(|outcome| outcome.coverage.states).sum();
    let largest = outcomes.iter().map(|outcome| outcome.coverage.states).max().unwrap_or(0);
    match exit_code(outcomes) {
        HOLDS => format!(
            "Holds within these bounds, and says nothing beyond them: all {} states were visited; \
             the chance that a hash collision hid one is below {} in each row.\n",
            thousands(states),
            at_most(check::collision_probability(largest).max(1e-30)),
        ),
        UNSAFE | STUCK => "Violated.\n".to_owned(),
        NOT_EXHAUSTED => format!(
            "Not exhausted: {} states were visited, none of them violates a property, and nothing is \
             known of the others.\n",
            thousands(states)
        ),
        _ => String::new(),
    }
}

fn as_json(rulebook: &Rulebook, outcomes: &[Outcome]) -> serde_json::Result<serde_json::Value> {
    let rows: Result<Vec<_>, serde_json::Error> = outcomes
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
                "collision_probability": check::collision_probability(coverage.states),
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
                    row["limit"] = json!(limited(*limit));
                }
                Verdict::Refused(why) => {
                    row["verdict"] = json!("no verdict");
                    row["why"] = json!(why);
                }
                Verdict::Violated { property, steps, trace } => {
                    row["verdict"] = json!("violated");
                    row["property"] = json!(property);
                    row["steps"] = json!(steps);
                    row["trace"] = serde_json::from_str(&trace.to_json(rulebook.name, Some(*property))?)?;
                }
            }
            Ok(row)
        })
        .collect();
    Ok(json!({ "rules": rulebook.name, "exit_code": exit_code(outcomes), "rows": rows? }))
}

#[cfg(test)]
mod tests {
    use super::at_most;

    #[test]
    fn a_chance_is_never_said_to_be_smaller_than_it_is() {
        assert_eq!(at_most(1.33e-25), "2e-25");
        assert_eq!(at_most(9.7e-20), "1e-19");
        for chance in [1e-30, 3.147e-19, 6.3e-17, 5e-3] {
            let said: f64 = at_most(chance).parse().expect("it is a number");
            assert!(said >= chance * (1.0 - 1e-9) && said < 2.0 * chance, "{chance} as {said}");
        }
    }
}
