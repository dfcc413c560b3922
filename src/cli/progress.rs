//! How far a run is: a bar for each job where somebody looks on, or a line now and then where nobody does.

use std::io::IsTerminal as _;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::say;
use crate::check::{Level, Progress, Watch};
use crate::interrupt::End;
use crate::trace::{count, thousands};

#[derive(Clone, Debug, Args)]
pub(super) struct ProgressArguments {
    /// Where standard error is no terminal, say there how far it is, a line every so many seconds, from 1 to 86400
    /// [default: nothing; without a number every 10]
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "10",
        value_parser = clap::value_parser!(u32).range(1..=86_400)
    )]
    progress: Option<u32>,
}

impl ProgressArguments {
    /// How often there is a line, if there are lines at all.
    pub fn every(&self) -> Option<Duration> {
        let lines = self.progress.filter(|_| !std::io::stderr().is_terminal());
        lines.map(|seconds| Duration::from_secs(seconds.into()))
    }
}

/// Shows something again and again while work is done.
pub(super) fn while_working<R>(
    every: Duration,
    mut show: impl FnMut() + Send,
    work: impl FnOnce() -> R,
) -> R {
    let is_done = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        let shows = scope.spawn(|| {
            let mut next = Instant::now() + every;
            while !is_done.load(Relaxed) {
                let now = Instant::now();
                if now >= next {
                    show();
                    next = now + every;
                }
                thread::park_timeout(next.saturating_duration_since(now));
            }
        });
        let _end = End(&is_done, shows.thread().clone());
        work()
    })
}

/// Does work and shows how far it is, in a line of words: at the end of a terminal, or now and then if that was asked for.
pub(super) fn with_line<R>(
    arguments: &ProgressArguments,
    line: impl Fn() -> String + Send + Sync,
    work: impl FnOnce() -> R,
) -> R {
    if std::io::stderr().is_terminal() {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}  {elapsed}") {
            bar.set_style(style);
        }
        let tick = || {
            bar.set_message(line());
            bar.tick();
        };
        let result = while_working(Duration::from_millis(100), tick, work);
        bar.finish_and_clear();
        return result;
    }
    match arguments.every() {
        Some(every) => while_working(every, || say(&line()), work),
        None => work(),
    }
}

/// Does work that makes a run of so many steps shorter, and shows for how long.
pub(super) fn with_shrinking<R>(arguments: &ProgressArguments, steps: usize, work: impl FnOnce() -> R) -> R {
    let (start, steps) = (Instant::now(), count(steps as u64, "step", "steps"));
    with_line(arguments, || format!("shrinking {steps}, for {:.0} s", start.elapsed().as_secs_f64()), work)
}

/// How many runs have come to their end, and how many steps they had.
pub(super) struct Runs {
    pub runs: u64,
    pub steps: u64,
}

/// Does work that is so many runs, and shows how far it is: as a bar, or in a line now and then if that was asked for.
pub(super) fn with_runs<R>(
    arguments: &ProgressArguments,
    all: u64,
    done: impl Fn() -> Runs + Send + Sync,
    work: impl FnOnce() -> R,
) -> R {
    let steps = |steps| count(steps, "step", "steps");
    if !std::io::stderr().is_terminal() {
        let start = Instant::now();
        let line = || {
            let (Runs { runs, steps: taken }, elapsed) = (done(), start.elapsed().as_secs_f64());
            let left = (all.saturating_sub(runs)) as f64 * elapsed / runs.max(1) as f64;
            let left = if runs == 0 { String::new() } else { format!("  about {} to go", in_words(left)) };
            say(&format!("{} of {}  {}{left}", thousands(runs), count(all, "run", "runs"), steps(taken)));
        };
        return match arguments.every() {
            Some(every) => while_working(every, line, work),
            None => work(),
        };
    }
    let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::stderr());
    let style = "{spinner} {bar:30} {pos}/{len} runs  {msg}  {elapsed}, {eta} to go";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    let tick = || {
        let Runs { runs, steps: taken } = done();
        bar.set_position(runs);
        bar.set_message(steps(taken));
    };
    let result = while_working(Duration::from_millis(100), tick, work);
    bar.finish_and_clear();
    result
}

/// Shows the jobs of a check.
pub(super) struct Show {
    bars: MultiProgress,
    every: Option<Duration>,
    start: Instant,
    max_states: Option<u64>,
    timeout: Option<Duration>,
}

impl Show {
    pub fn new(arguments: &ProgressArguments, max_states: Option<u64>, timeout: Option<Duration>) -> Self {
        let bars = MultiProgress::with_draw_target(if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        Show { bars, every: arguments.every(), start: Instant::now(), max_states, timeout }
    }

    /// How far a job is that has run for so long.
    fn message(&self, progress: &Progress, elapsed: Duration) -> String {
        let states = progress.states.load(Relaxed);
        if states == 0 {
            let walked = progress.walked.load(Relaxed);
            return match walked {
                0 => format!("no states yet, after {}", in_words(elapsed.as_secs_f64())),
                _ => format!("{} of walks before the search", count(walked, "step", "steps")),
            };
        }
        let rate = states as f64 / elapsed.as_secs_f64().max(1e-3);
        let mut out = format!(
            "{}  {} states/s  frontier {}  depth {}",
            count(states, "state", "states"),
            thousands(rate as u64),
            thousands(progress.frontier.load(Relaxed)),
            progress.depth.load(Relaxed),
        );
        let limits = [
            self.max_states.map(|most| most.saturating_sub(states) as f64 / rate),
            self.timeout.map(|timeout| timeout.saturating_sub(self.start.elapsed()).as_secs_f64()),
            left(&progress.levels(), states, progress.frontier.load(Relaxed), rate),
        ];
        if let Some(left) = limits.into_iter().flatten().min_by(f64::total_cmp) {
            out.push_str(&format!("  about {} to go", in_words(left)));
        }
        out
    }
}

/// Seconds as a person says them.
pub(super) fn in_words(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3600.0),
    }
}

/// How many seconds a search still takes in which so many states were met, so many of them are still to be expanded and so many
/// are met in a second: where its levels get smaller, they are taken to go on doing so at the rate of the last two.
fn left(levels: &[Level], states: u64, frontier: u64, rate: f64) -> Option<f64> {
    let [.., before, last] = levels else { return None };
    if last.frontier == 0 || last.frontier >= before.frontier {
        return None;
    }
    let ratio = last.frontier as f64 / before.frontier as f64;
    let expanded = states.saturating_sub(frontier).max(1) as f64;
    // Rates are of states that are met; what takes the time is to expand them.
    let expanded_in_a_second = rate * expanded / states.max(1) as f64;
    Some((frontier as f64 + last.frontier as f64 * ratio / (1.0 - ratio)) / expanded_in_a_second)
}

impl Watch for Show {
    fn watch(&self, whose: &str, progress: &Progress, work: &mut dyn FnMut()) {
        let start = Instant::now();
        if self.bars.is_hidden() {
            return match self.every {
                None => work(),
                Some(every) => {
                    let line = || say(&format!("{whose}: {}", self.message(progress, start.elapsed())));
                    while_working(every, line, work)
                }
            };
        }
        let bar = self.bars.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}  {wide_msg}  {elapsed}") {
            bar.set_style(style);
        }
        bar.set_prefix(whose.to_owned());
        let tick = || {
            bar.set_message(self.message(progress, start.elapsed()));
            bar.tick();
        };
        while_working(Duration::from_millis(100), tick, work);
        bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_once_the_levels_get_smaller() {
        let level = |frontier| Level {
            level: 0,
            states: 0,
            frontier,
            transitions: 0,
            elapsed: Duration::ZERO,
            bytes: 0,
        };
        assert_eq!(left(&[level(10), level(20)], 100, 20, 10.0), None);
        assert_eq!(left(&[level(20)], 100, 20, 10.0), None);
        // 20 are to be expanded, and 20 more follow on them: half of each level, then half of that, and so on.
        let seconds = left(&[level(40), level(20)], 100, 20, 10.0).expect("they get smaller");
        assert!((seconds - 40.0 / 8.0).abs() < 1e-9, "{seconds}");
        assert_eq!(
            (in_words(12.4), in_words(600.0), in_words(7200.0)),
            ("12 s".into(), "10 min".into(), "2 h".into())
        );
    }
}
