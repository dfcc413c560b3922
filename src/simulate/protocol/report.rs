//! What came of runs that were drawn, as a person reads it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::run::{Ending, Outcome};
use super::{Finding, SimulationError};
use crate::trace::count;

/// How many runs came to what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Runs.
    pub runs: u64,
    /// Their steps, all together.
    pub steps: u64,
    /// Runs in which every honest node came to what it must come to: to a decision, if the protocol does not say.
    pub done: u64,
    /// Runs in which nothing could happen any more before that.
    pub quiet: u64,
    /// Runs that were ended by the number of steps before that.
    pub long: u64,
    /// Runs that violate something.
    pub violating: u64,
}

impl Counts {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.steps += outcome.steps as u64;
        *match outcome.ending {
            Ending::Done => &mut self.done,
            Ending::Quiet => &mut self.quiet,
            Ending::Long => &mut self.long,
            Ending::Violated(_) => &mut self.violating,
        } += 1;
    }
}

/// What came of runs that were drawn. Its `Display` is what `simulate` prints, with the story of the first run that violates
/// something.
#[derive(Debug)]
pub struct Simulated {
    pub(super) protocol: String,
    pub(super) nodes: usize,
    pub(super) seeds: Range<u64>,
    pub(super) counts: Counts,
    pub(super) findings: Vec<Finding>,
    pub(super) elapsed: Duration,
    pub(super) written: Option<PathBuf>,
    pub(super) failure: Option<SimulationError>,
}

impl Simulated {
    /// How many runs came to what.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What the protocol is called.
    pub fn protocol(&self) -> &str {
        &self.protocol
    }

    /// How many nodes it has.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// The seeds that were asked for.
    pub fn seeds(&self) -> Range<u64> {
        self.seeds.clone()
    }

    /// How long it took.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// What of that which was asked was not looked at, if anything: nothing violated in what was says nothing of it.
    pub fn uncovered(&self) -> Option<String> {
        let missing = (self.seeds.end - self.seeds.start).saturating_sub(self.counts.runs);
        let missing = (missing > 0).then(|| {
            format!("{} not made: a limit or a signal ended it", count(missing, "run was", "runs were"))
        });
        let long = (self.counts.long > 0).then(|| {
            format!("{} cut off by the number of steps", count(self.counts.long, "run was", "runs were"))
        });
        missing.or(long)
    }

    /// The runs that violate something, by seed.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The file to which the first of them was written.
    pub fn written(&self) -> Option<&Path> {
        self.written.as_deref()
    }

    /// Why it could not be written, if it could not. What was found stands all the same.
    pub fn failure(&self) -> Option<&SimulationError> {
        self.failure.as_ref()
    }
}

impl fmt::Display for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { runs, steps, done, quiet, long, violating } = self.counts;
        writeln!(f, "Protocol: {}, {} nodes", self.protocol, self.nodes)?;
        writeln!(
            f,
            "{} from seeds {}..{}, {} in {:.2} s",
            count(runs, "run", "runs"),
            self.seeds.start,
            self.seeds.end,
            count(steps, "step", "steps"),
            self.elapsed.as_secs_f64()
        )?;
        writeln!(
            f,
            "In {done} of them all honest nodes get there; in {quiet} nothing can happen any more before that; {long} have no \
             step left before that; {violating} violate something."
        )?;
        match self.findings.first() {
            None => match self.uncovered() {
                Some(what) => {
                    writeln!(f, "Not exhausted: {what}. Nothing is violated in what was looked at.")?
                }
                None => f.write_str("Nothing is violated in these runs. That says nothing of others.\n")?,
            },
            Some(Finding { seed, steps, story }) => {
                let left = story.steps.len() - story.opening;
                writeln!(
                    f,
                    "\nSeed {seed} violates something after {}; {left} of them are enough. Again: simulate --seed {seed} \
                     --runs 1, with the same other flags.\n",
                    count(*steps as u64, "step", "steps"),
                )?;
                f.write_str(&story.to_text())?;
            }
        }
        match &self.written {
            Some(file) => writeln!(f, "\nWritten to {}", file.display()),
            None => Ok(()),
        }
    }
}
