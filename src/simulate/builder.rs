//! The front door of simulation: a campaign on a subject, put together piece by piece.

use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::campaign::{Campaign, Limits, Progress, Report, campaign};
use super::reduce::{Reduced, reduced};
use super::run::run;
use super::scheduler::SchedulerKind;
use super::settings::{Settings, SettingsError};
use super::strategy_kind::StrategyKind;
use super::violating_run::ViolatingRun;
use crate::files;
use crate::interrupt::{self, Allowance};
use crate::memory::{self, MOST_THREADS};
use crate::model::{Byzantine, Load, Property, Scope, Store};
use crate::subject::Pbft;
use crate::trace::{Form, ReplayError, Trace, UnknownForm, beside_the_build};

/// Runs of a subject that are drawn from seeds. Whatever is not said is chosen: four replicas, one of them Byzantine, 100
/// runs.
///
/// ```
/// use bft_check::simulate::Simulation;
/// use bft_check::subject::Pbft;
///
/// Simulation::new(Pbft::paper()).replicas(7).seeds(0..3).assert_no_violation();
/// ```
///
/// Each flag of `bft simulate` is a setter:
///
/// ```
/// use std::time::Duration;
///
/// use bft_check::model::Property;
/// use bft_check::simulate::{SchedulerKind, Simulation, StrategyKind};
/// use bft_check::subject::Pbft;
///
/// let simulated = Simulation::new(Pbft::paper())
///     .replicas(4)
///     .faults(1)
///     .byzantine([3])
///     .strategy(StrategyKind::Equivocate)
///     .scheduler(SchedulerKind::Pct)
///     .depth(3)
///     .clients(2)
///     .requests(2)
///     .batch(2)
///     .in_flight(2)
///     .checkpoint(2)
///     .window(4)
///     .crashes(1)
///     .lossy_store()
///     .drop(10)
///     .duplicate(10)
///     .partitions(1)
///     .stable_at(200)
///     .steps(10_000)
///     .seeds(0..2)
///     .property(Property::Agreement)
///     .keep_going()
///     .threads(1)
///     .timeout(Duration::from_secs(60))
///     .run()?;
/// assert_eq!(simulated.report().seeds, [(0, 2)]);
/// # Ok::<(), bft_check::simulate::SimulationError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is run until it is asked to"]
pub struct Simulation {
    subject: Pbft,
    replicas: u16,
    faults: Option<u16>,
    byzantine: Option<Byzantine>,
    scope: Scope,
    load: Load,
    window: Option<u64>,
    steps: Option<u64>,
    settings: Settings,
    seeds: Range<u64>,
    keeps_going: bool,
    threads: Option<usize>,
    timeout: Option<Duration>,
    max_memory: Option<u64>,
    trace: Option<PathBuf>,
}

/// Why nothing was run, or what came of it could not be written.
///
/// ```
/// use bft_check::simulate::{Simulation, SimulationError};
/// use bft_check::subject::Pbft;
///
/// let none = Simulation::new(Pbft::paper()).seeds(0..0);
/// assert!(matches!(none.run(), Err(SimulationError::NoRuns)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// The settings make no sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is no seed to run.
    #[error("--runs must be at least 1")]
    NoRuns,
    /// Nothing can run on no thread.
    #[error("--threads must be at least 1")]
    NoThreads,
    /// More threads than there is work for on any machine.
    #[error("--threads is at most {MOST_THREADS}; {0} were asked for")]
    TooManyThreads(usize),
    /// No file can be written at a place that was given.
    #[error("--trace {path}: no file can be written there", path = .0.display())]
    Unwritable(PathBuf),
    /// A trace has no form of that ending.
    #[error(transparent)]
    Form(#[from] UnknownForm),
    /// A violating run does not happen again.
    #[error("a run that violated something does not happen again; please report this: {0}")]
    Replay(#[from] ReplayError),
    /// A trace cannot be put into words.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A trace cannot be written.
    #[error("--trace {path}: {1}", path = .0.display())]
    Trace(PathBuf, io::Error),
}

/// What came of simulated runs. Its `Display` is what `bft simulate` prints, with the story of the first violating run.
///
/// ```
/// # use bft_check::pbft::{Committee, Rules};
/// # #[derive(Debug)]
/// # struct Majority;
/// # impl Rules for Majority {
/// #     fn quorum(&self, committee: Committee) -> usize {
/// #         usize::from(committee.n()) / 2 + 1
/// #     }
/// # }
/// use bft_check::model::Property;
/// use bft_check::simulate::{Progress, Simulation, StrategyKind};
/// use bft_check::subject::Pbft;
///
/// let file = std::env::temp_dir().join(format!("run-{}.json", std::process::id()));
/// let simulation = Simulation::new(Pbft::with(&Majority))
///     .replicas(5)
///     .strategy(StrategyKind::Equivocate)
///     .property(Property::Agreement)
///     .trace(&file);
///
/// let progress = Progress::default();
/// let mut simulated = simulation.run_watched(&progress)?;
/// assert_eq!(simulated.report().findings.len(), 1);
/// assert!(simulated.first().is_some_and(|(property, _)| property == Property::Agreement));
/// assert!(file.exists() && simulated.failure().is_none());
///
/// let words = file.with_extension("txt");
/// simulated.write(&words)?;
/// assert!(std::fs::read_to_string(&words)?.contains("Violated: agreement"));
/// # std::fs::remove_file(&file)?;
/// # std::fs::remove_file(&words)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Simulated {
    report: Report,
    first: Option<ViolatingRun>,
    failure: Option<SimulationError>,
}

/// Setters of one part of the settings each, named after it.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty => $($place:ident).+;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(mut self, $name: $type) -> Self {
                self.$($place).+ = $name.into();
                self
            }
        )*
    };
}

impl Simulation {
    /// The default campaign of a subject.
    pub fn new(subject: impl Into<Pbft>) -> Self {
        let subject = subject.into();
        let settings = Settings::new(subject.name(), Scope::DEFAULT.replicas);
        Simulation {
            subject,
            replicas: settings.scope.replicas,
            faults: None,
            byzantine: None,
            scope: settings.scope,
            load: Load::default(),
            window: None,
            steps: None,
            settings,
            seeds: 0..100,
            keeps_going: false,
            threads: None,
            timeout: None,
            max_memory: None,
            trace: None,
        }
    }

    settings! {
        /// n: the number of replicas, up to 100.
        replicas: u16 => replicas;
        /// f: the number of Byzantine replicas that the thresholds tolerate; as many as n allows unless this is said.
        faults: u16 => faults;
        /// What Byzantine replicas do.
        strategy: StrategyKind => settings.strategy;
        /// Who is next, of all that could be.
        scheduler: SchedulerKind => settings.scheduler;
        /// d of PCT: how many orderings a fault may hang on.
        depth: u32 => settings.depth;
        /// The one property that is checked.
        property: Property => settings.property;
        /// The seeds that are run.
        seeds: Range<u64> => seeds;
        /// After so many steps a run is cut off.
        steps: u64 => steps;
        /// How many clients there are.
        clients: u32 => scope.requests;
        /// How many requests each client sends, one after the other.
        requests: u32 => load.operations;
        /// The most requests in a batch.
        batch: u32 => load.batch;
        /// The most batches that a primary has proposed and not executed.
        in_flight: u32 => load.in_flight;
        /// K: a checkpoint at every multiple of it.
        checkpoint: u64 => scope.checkpoint;
        /// L: how far the high watermark lies above the low one; twice K unless this is said.
        window: u64 => window;
        /// How often honest replicas crash and recover at most, all together.
        crashes: u32 => scope.crashes;
        /// How many of a thousand messages are lost until the network is stable; each seed draws it unless this is said.
        drop: u32 => settings.drop;
        /// How many of a thousand are delivered twice until then.
        duplicate: u32 => settings.duplicate;
        /// How often the network parts until then.
        partitions: u32 => settings.partitions;
        /// When the network becomes stable, in ticks of virtual time.
        stable_at: u64 => settings.stable_at;
        /// How many runs happen at the same time; as many as there are processors unless this is said.
        threads: usize => threads;
        /// Gives up after so long.
        timeout: Duration => timeout;
        /// Gives up when the process holds more than so many bytes of memory; unless this is said, more than four fifths of what
        /// the machine has, or of what its control group lets it have.
        max_memory: u64 => max_memory;
    }

    /// Which replicas are Byzantine: a count, drawn by each seed, or ids; f unless this is said.
    pub fn byzantine(self, who: impl Into<Byzantine>) -> Self {
        Simulation { byzantine: Some(who.into()), ..self }
    }

    /// Lets a crash lose what the last step wrote to storage.
    pub fn lossy_store(mut self) -> Self {
        self.scope.store = Store::LosesLast;
        self
    }

    /// Goes on after a violation, and counts them.
    pub fn keep_going(self) -> Self {
        Simulation { keeps_going: true, ..self }
    }

    /// Writes the first violating run to this file, shrunk, in the form of its ending.
    pub fn trace(self, path: impl Into<PathBuf>) -> Self {
        Simulation { trace: Some(path.into()), ..self }
    }

    /// What runs are drawn from.
    fn settings(&self) -> Settings {
        let base = Settings::new(self.subject.name(), self.replicas);
        let faults = self.faults.unwrap_or(base.scope.faults);
        let window = self.window.or(self.scope.checkpoint.map(|interval| interval.saturating_mul(2)));
        let scope = Scope { replicas: self.replicas, faults, window, load: Some(self.load), ..self.scope };
        let (byzantine, placed) = match &self.byzantine {
            None => (faults, None),
            Some(Byzantine::Count(count)) => (*count, None),
            Some(Byzantine::Ids(ids)) => (ids.len() as u16, Some(ids.clone())),
        };
        let steps = self.steps.unwrap_or(base.steps);
        Settings { scope, byzantine, placed, steps, ..self.settings.clone() }
    }

    /// Runs the campaign.
    ///
    /// # Errors
    /// What makes no sense, before anything is run; or a violating run that does not happen again.
    pub fn run(&self) -> Result<Simulated, SimulationError> {
        self.run_watched(&Progress::default())
    }

    /// Runs the campaign while somebody looks at how far it is, who may end it early.
    ///
    /// # Errors
    /// What makes no sense, before anything is run; or a violating run that does not happen again.
    pub fn run_watched(&self, progress: &Progress) -> Result<Simulated, SimulationError> {
        let mut simulated = self.simulate_watched(progress)?;
        self.write_file(&mut simulated);
        Ok(simulated)
    }

    /// Runs the campaign while somebody looks on, and writes no file: [`Self::write_file`] does.
    ///
    /// # Errors
    /// What makes no sense, before anything is run; or a violating run that does not happen again.
    pub(crate) fn simulate_watched(&self, progress: &Progress) -> Result<Simulated, SimulationError> {
        let settings = self.settings();
        settings.validate()?;
        if self.seeds.is_empty() {
            return Err(SimulationError::NoRuns);
        }
        let threads = match self.threads {
            Some(0) => return Err(SimulationError::NoThreads),
            Some(threads) if threads > MOST_THREADS => return Err(SimulationError::TooManyThreads(threads)),
            Some(threads) => threads,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        if let Some(path) = &self.trace {
            if !files::folder_of(path).is_dir() || path.is_dir() {
                return Err(SimulationError::Unwritable(path.clone()));
            }
            Form::of(&path.to_string_lossy())?;
        }
        let deadline = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let max_memory = self.max_memory.or_else(memory::by_default);
        let Range { start: from, end: to } = self.seeds;
        let (rules, keeps_going) = (self.subject.rules(), self.keeps_going);
        let what = Campaign { rules, settings, from, to, keeps_going };
        let report = campaign(&what, &Limits { threads, deadline, max_memory }, progress)?;
        let allowance = Allowance { timeout: self.timeout, deadline, max_memory, stop: &progress.stop };
        let first = interrupt::overseen(&allowance, || interrupt::late(|| self.violating_run(&report)));
        // Who has not even a moment left for the run is told its seed.
        let first = first.unwrap_or(Ok(None))?;
        Ok(Simulated { report, first, failure: None })
    }

    /// Writes the first violating run, if a file was asked for. That it cannot be written is the failure then.
    pub(crate) fn write_file(&self, simulated: &mut Simulated) {
        if let Some(path) = &self.trace {
            simulated.failure = simulated.write(path).err();
        }
    }

    /// The first violating run, drawn again, and shrunk as far as there is a moment for it.
    fn violating_run(&self, report: &Report) -> Result<Option<ViolatingRun>, SimulationError> {
        let Some(finding) = report.findings.first() else { return Ok(None) };
        let outcome = run(self.subject.rules(), &report.settings, finding.seed, true, None)?;
        let (events, property) = (outcome.happened(), finding.property);
        // What never happens needs all that did.
        if !Property::SAFETY.contains(&property) {
            let trace = interrupt::undisturbed(|| Trace::replay(&outcome.system, &events))?;
            return Ok(Some(ViolatingRun {
                trace,
                property,
                shrunk_from: None,
                is_least: false,
                file: None,
            }));
        }
        let Reduced { trace, from, is_least } = reduced(&outcome.system, &events, property)?;
        Ok(Some(ViolatingRun { trace, property, shrunk_from: Some(from), is_least, file: None }))
    }

    /// Runs the campaign, for a test: no run violates anything, and none is cut off.
    ///
    /// # Panics
    /// If one does, with the story of the first, which is written to a file beside the build.
    #[track_caller]
    pub fn assert_no_violation(&self) {
        let simulated = self.run_for_a_test();
        let report = simulated.report();
        let is_whole = report.uncovered().is_none();
        assert!(report.findings.is_empty() && is_whole, "not every run is clean\n\n{simulated}");
    }

    /// Runs the campaign, for a test: some run violates this property, which alone is looked at.
    ///
    /// # Panics
    /// If none does, with what came of them.
    #[track_caller]
    pub fn assert_violates(&self, property: Property) {
        let simulated = self.clone().property(property).run_for_a_test();
        assert!(!simulated.report().findings.is_empty(), "no run violates {property}\n\n{simulated}");
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "a test that cannot run has failed")]
    fn run_for_a_test(&self) -> Simulated {
        let mut simulated = self.run().unwrap_or_else(|error| panic!("it cannot be simulated: {error}"));
        if self.trace.is_none() && simulated.first.is_some() {
            let folder = beside_the_build();
            let seed = simulated.report.findings.first().map_or(0, |finding| finding.seed);
            let path = folder.join(format!("{}-{seed}.json", self.subject.name()));
            // The story is told all the same.
            let _ = fs::create_dir_all(&folder).map_err(|error| SimulationError::Trace(folder, error));
            let _ = simulated.write(&path);
        }
        simulated
    }
}

impl Simulated {
    /// What came of the runs, in numbers.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The first violating run, shrunk where that is possible, and the property that it violates.
    pub fn first(&self) -> Option<(Property, &Trace)> {
        self.first.as_ref().map(|run| (run.property, &run.trace))
    }

    /// The file of the trace, if it could not be written. What was found stands all the same.
    pub fn failure(&self) -> Option<&SimulationError> {
        self.failure.as_ref()
    }

    /// Writes the first violating run to a file, in the form of its ending.
    ///
    /// # Errors
    /// There is no such form, or no file can be written there.
    pub fn write(&mut self, path: &Path) -> Result<(), SimulationError> {
        let Some(run) = &mut self.first else { return Ok(()) };
        let form = Form::of(&path.to_string_lossy())?;
        let content = run.trace.written(form, &self.report.settings.rules, Some(run.property))?;
        files::write(path, content).map_err(|error| SimulationError::Trace(path.to_owned(), error))?;
        run.file = Some(path.to_owned());
        Ok(())
    }
}

impl Simulated {
    /// The file to which the first violating run was written.
    #[cfg(feature = "cli")]
    pub(crate) fn written(&self) -> Option<&Path> {
        self.first.as_ref().and_then(|run| run.file.as_deref())
    }
}

impl fmt::Display for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.report)?;
        match &self.first {
            Some(run) => write!(f, "\n{run}"),
            None if self.report.findings.is_empty() => Ok(()),
            None => f.write_str("\nThere was no time left to tell the run.\n"),
        }
    }
}
