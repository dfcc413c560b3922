//! Runs of a protocol of one's own that are drawn from seeds, past what can be explored exhaustively.

mod drawn;
mod report;
mod run;

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::check::protocol::ByzantineNodes;
use crate::engine::{Bound, Refusal, SetupError};
use crate::files;
use crate::interrupt::{self, Allowance};
use crate::memory::{self, MOST_THREADS};
use crate::protocol::{Network, NodeId, Protocol};
use crate::trace::{Form, ReadStoryError, Story, UnknownForm, beside_the_build};

pub use report::{Counts, Simulated};
use run::{Ending, Outcome};

/// Steps of a run unless it is said how many.
const STEPS: usize = 1_000;

/// Runs of a protocol of one's own that are drawn from seeds: no Byzantine nodes, 100 runs of at most 1,000 steps, unless
/// something else is said.
///
/// In each run another kind of bad network is drawn: which messages are slow, whether some arrive twice, whether it falls
/// into parts that change, how hasty timers are. After some steps the network is stable: all arrives, in the order in which
/// it was sent, and timers run out only where nothing else is left to happen.
///
/// ```
/// # use bft_check::protocol::{Effects, Input, NodeId, Protocol, Slot};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     type Node = ();
/// #     type Message = char;
/// #     type Event = ();
/// #     type Value = char;
/// #     fn nodes(&self) -> usize { 2 }
/// #     fn init(&self, id: NodeId, effects: &mut Effects<Self>) {
/// #         if id == NodeId(0) { effects.broadcast('a'); effects.decide(Slot(0), 'a'); }
/// #     }
/// #     fn step(&self, _: &mut (), input: Input<Self>, effects: &mut Effects<Self>) {
/// #         if let Input::Message { message, .. } = input { effects.decide(Slot(0), message); }
/// #     }
/// # }
/// use bft_check::simulate::protocol::Simulation;
///
/// Simulation::new(Echo).seeds(0..20).steps(200).assert_no_violation();
/// let simulated = Simulation::new(Echo).run()?;
/// assert_eq!(simulated.counts().done, 100);
/// # Ok::<(), bft_check::simulate::protocol::SimulationError>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is run until it is asked to"]
pub struct Simulation<P: Protocol> {
    protocol: Arc<P>,
    byzantine: ByzantineNodes,
    crashes: u8,
    network: Option<Network>,
    property: Option<String>,
    steps: usize,
    seeds: Range<u64>,
    keeps_going: bool,
    threads: Option<usize>,
    timeout: Option<Duration>,
    trace: Option<PathBuf>,
}

/// Why nothing was run, or what came of it could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// The question makes no sense.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The code cannot be checked: the seed of the run that showed it, and why.
    #[error("seed {0}: {1}")]
    Refused(u64, Refusal),
    /// There is no seed to run.
    #[error("--runs must be at least 1")]
    NoRuns,
    /// Nothing can run on no thread.
    #[error("--threads must be at least 1")]
    NoThreads,
    /// More threads than there is work for on any machine.
    #[error("--threads is at most {MOST_THREADS}; {0} were asked for")]
    TooManyThreads(usize),
    /// A violating run does not happen again.
    #[error("a run that violated something does not happen again: {0}")]
    Replay(#[from] ReadStoryError),
    /// No file can be written at a place that was given.
    #[error("--trace {path}: no file can be written there", path = .0.display())]
    Unwritable(PathBuf),
    /// A trace has no form of that ending.
    #[error(transparent)]
    Form(#[from] UnknownForm),
    /// A trace cannot be put into words.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A trace cannot be written.
    #[error("--trace {path}: {1}", path = .0.display())]
    Trace(PathBuf, io::Error),
}

/// How far runs that happen have come; read by whoever shows it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Runs that have come to their end.
    pub runs: AtomicU64,
    /// Steps of these.
    pub steps: AtomicU64,
}

/// A seed, and what came of its run.
type Ran = (u64, Result<Outcome, SimulationError>);

/// A run that violates something: its seed, how long it was, and what of it the violation needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The seed.
    pub seed: u64,
    /// The steps of the run up to the violation.
    pub steps: usize,
    /// The run, shrunk; one that gets nowhere as it was.
    pub story: Story,
}

impl<P: Protocol> Simulation<P> {
    /// The default runs of a protocol.
    pub fn new(protocol: P) -> Self {
        Simulation {
            protocol: Arc::new(protocol),
            byzantine: ByzantineNodes::default(),
            crashes: 0,
            network: None,
            property: None,
            steps: STEPS,
            seeds: 0..100,
            keeps_going: false,
            threads: None,
            timeout: None,
            trace: None,
        }
    }

    /// Who is Byzantine: a count, of which each run draws who, or ids. They are twins, or say
    /// what the protocol's alphabet has if it [wants](crate::protocol::Layers::adversary) that, or are silent from some time on.
    pub fn byzantine(self, who: impl Into<ByzantineNodes>) -> Self {
        Simulation { byzantine: who.into(), ..self }
    }

    /// How many crashes there may be in a run.
    pub fn crashes(self, crashes: u8) -> Self {
        Simulation { crashes, ..self }
    }

    /// What becomes of messages, if it is not to be what the protocol [says](Protocol::network).
    pub fn network(self, network: Network) -> Self {
        Simulation { network: Some(network), ..self }
    }

    /// The one property that is looked at: `agreement`, `validity`, `panics`, `liveness`, or the name of an invariant.
    pub fn property(self, property: impl Into<String>) -> Self {
        Simulation { property: Some(property.into()), ..self }
    }

    /// The seeds, a run each.
    pub fn seeds(self, seeds: Range<u64>) -> Self {
        Simulation { seeds, ..self }
    }

    /// How many steps a run has at most.
    pub fn steps(self, steps: usize) -> Self {
        Simulation { steps, ..self }
    }

    /// Goes on after the first run that violates something.
    pub fn keep_going(self) -> Self {
        Simulation { keeps_going: true, ..self }
    }

    /// How many threads; as many as there are processors unless this is said.
    pub fn threads(self, threads: usize) -> Self {
        Simulation { threads: Some(threads), ..self }
    }

    /// Ends the runs after so long.
    pub fn timeout(self, timeout: Duration) -> Self {
        Simulation { timeout: Some(timeout), ..self }
    }

    /// Writes the first run that violates something to this file, in the form of its ending.
    pub fn trace(self, path: impl Into<PathBuf>) -> Self {
        Simulation { trace: Some(path.into()), ..self }
    }

    /// Draws the runs and lets them happen.
    ///
    /// # Errors
    /// What makes no sense, before anything is run; or the code cannot be checked.
    pub fn run(&self) -> Result<Simulated, SimulationError> {
        self.run_until(&AtomicBool::new(false))
    }

    /// Runs the simulation. It ends early when `stop` is set: what has not come to its end by then does not count.
    ///
    /// # Errors
    /// What makes no sense, before anything is run; or the code cannot be checked.
    pub fn run_until(&self, stop: &AtomicBool) -> Result<Simulated, SimulationError> {
        self.run_watched(stop, &Progress::default())
    }

    /// Draws the runs and lets them happen, until `stop` is set. `progress` says meanwhile how far they are.
    ///
    /// # Errors
    /// What makes no sense, before anything is run; or the code cannot be checked.
    pub(crate) fn run_watched(
        &self,
        stop: &AtomicBool,
        progress: &Progress,
    ) -> Result<Simulated, SimulationError> {
        if self.seeds.is_empty() {
            return Err(SimulationError::NoRuns);
        }
        if let Some(path) = &self.trace {
            Form::of(&path.to_string_lossy())?;
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if !folder.is_dir() || path.is_dir() {
                return Err(SimulationError::Unwritable(path.clone()));
            }
        }
        let threads = match self.threads {
            Some(0) => return Err(SimulationError::NoThreads),
            Some(threads) if threads > MOST_THREADS => return Err(SimulationError::TooManyThreads(threads)),
            Some(threads) => threads,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let begun = Instant::now();
        let deadline = self.timeout.and_then(|timeout| begun.checked_add(timeout));
        let max_memory = memory::by_default();
        let allowance = Allowance { timeout: self.timeout, deadline, max_memory, stop };
        let is_over = || deadline.is_some_and(|deadline| Instant::now() >= deadline) || stop.load(Relaxed);
        let ran = interrupt::overseen(&allowance, || self.let_happen(threads, &is_over, progress));
        // Each run ends by itself where it is interrupted.
        let mut ran = ran.unwrap_or_default();
        // What is left as it is when there is no time any more is a violation all the same.
        let shrunk = interrupt::overseen(&allowance, || interrupt::late(|| self.shrink(&mut ran)));
        shrunk.unwrap_or(Ok(()))?;
        let mut simulated = self.reported(ran, begun)?;
        self.write_file(&mut simulated);
        Ok(simulated)
    }

    /// Writes the first violating run, if a file was asked for. That it cannot be written is the failure then: what was found
    /// stands.
    fn write_file(&self, simulated: &mut Simulated) {
        let (Some(path), Some(finding)) = (&self.trace, simulated.findings.first()) else { return };
        let write = || -> Result<(), SimulationError> {
            let content = finding.story.written(Form::of(&path.to_string_lossy())?)?;
            files::write(path, content).map_err(|why| SimulationError::Trace(path.clone(), why))
        };
        match write() {
            Ok(()) => simulated.written = Some(path.clone()),
            Err(why) => simulated.failure = Some(why),
        }
    }

    /// Runs them, for a test.
    ///
    /// # Panics
    /// If one violates something: with its story, which is written to a file beside the build.
    #[track_caller]
    #[expect(clippy::panic, reason = "a test that cannot run has failed")]
    pub fn assert_no_violation(&self) {
        let simulated = self.run().unwrap_or_else(|error| panic!("it cannot be simulated: {error}"));
        if let Some(finding) = simulated.findings.first() {
            let path = beside_the_build().join(format!("{}-{}.json", self.protocol.name(), finding.seed));
            let written = finding.story.to_json().ok().is_some_and(|json| fs::write(&path, json).is_ok());
            let whereto = if written { format!("\nWritten to {}", path.display()) } else { String::new() };
            panic!("something is violated\n\n{simulated}{whereto}");
        }
    }

    /// Lets the runs happen, until all have or it is interrupted; if one violates something, those up to it.
    /// What came of them is in the order of their seeds.
    fn let_happen(
        &self,
        threads: usize,
        is_over: &(dyn Fn() -> bool + Sync),
        progress: &Progress,
    ) -> Vec<Ran> {
        let has_alphabet = self.protocol.layers().adversary.is_some();
        let placements = self.byzantine.fitting(self.protocol.nodes(), has_alphabet);
        let (next, last) = (AtomicU64::new(self.seeds.start), AtomicU64::new(self.seeds.end));
        let done = Mutex::new(Vec::new());
        let over = interrupt::current();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let _over = interrupt::enter(over.clone());
                    loop {
                        let seed = next.fetch_add(1, Relaxed);
                        if seed >= last.load(Relaxed) || interrupt::is_set() || is_over() {
                            break;
                        }
                        let one = interrupt::caught(|| self.one(seed, &placements));
                        let Ok(outcome) = one else { break };
                        progress.runs.fetch_add(1, Relaxed);
                        let steps = outcome.as_ref().map_or(0, |outcome| outcome.steps);
                        progress.steps.fetch_add(steps as u64, Relaxed);
                        let is_last = match &outcome {
                            Ok(outcome) => outcome.is_finding() && !self.keeps_going,
                            Err(_) => true,
                        };
                        if is_last {
                            last.fetch_min(seed + 1, Relaxed);
                        }
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((seed, outcome));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.retain(|(seed, _)| *seed < last.load(Relaxed));
        done.sort_by_key(|(seed, _)| *seed);
        done
    }

    fn one(&self, seed: u64, placements: &[Vec<NodeId>]) -> Result<Outcome, SimulationError> {
        let mut drawn = drawn::Drawn::new(seed, self.steps);
        let byzantine = drawn.placement(placements);
        let bound = Bound { byzantine, most_general: false, crashes: self.crashes, network: self.network };
        let bound = bound.against(&*self.protocol);
        let outcome = run::run(&self.protocol, &bound, self.property.as_deref(), drawn, seed)?;
        // Where nothing new was sent when all arrived once more, something may still be owed.
        if let Ending::Violated(story) = &outcome.ending
            && story.end.is_some()
            && !story.stays(Arc::clone(&self.protocol))?
        {
            return Ok(Outcome { ending: Ending::Quiet, ..outcome });
        }
        Ok(outcome)
    }

    /// Leaves out of the runs that violate something what the violation does not need.
    fn shrink(&self, ran: &mut [Ran]) -> Result<(), SimulationError> {
        for (_, outcome) in ran {
            if let Ok(Outcome { ending: Ending::Violated(story), .. }) = outcome
                && !interrupt::is_set()
            {
                **story = story.shrunk(Arc::clone(&self.protocol))?;
            }
        }
        Ok(())
    }

    /// What came of all runs that have come to their end, by seed.
    fn reported(&self, ran: Vec<Ran>, begun: Instant) -> Result<Simulated, SimulationError> {
        let mut counts = Counts::default();
        let mut findings = Vec::new();
        for (seed, outcome) in ran {
            let outcome = outcome?;
            counts.add(&outcome);
            if let Ending::Violated(story) = outcome.ending {
                findings.push(Finding { seed, steps: outcome.steps, story: *story });
            }
        }
        let (protocol, nodes) = (self.protocol.name(), self.protocol.nodes());
        let (seeds, elapsed) = (self.seeds.clone(), begun.elapsed());
        Ok(Simulated { protocol, nodes, seeds, counts, findings, elapsed, written: None, failure: None })
    }
}
