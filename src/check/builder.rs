//! The front door: a check of a subject, put together piece by piece.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::job::JudgeKind;
use super::limits::{Limits, deadline};
use super::question::{PlanError, Question};
use super::report::{Checked, Conclusion};
use super::save::{self, Kept, SaveError};
use super::schedule::{Schedule, Unwatched, Watch};
use super::sizes::Sizes;
use crate::model::{Byzantine, Property, Reductions};
use crate::subject::Pbft;
use crate::trace::{Form, UnknownForm, beside_the_build};

/// An exhaustive check of a subject. Whatever is not said is chosen: without more than a subject it is the default check,
/// with every judge.
///
/// ```
/// use bft_check::check::Check;
/// use bft_check::model::Property;
/// use bft_check::pbft::{Committee, Rules};
/// use bft_check::subject::Pbft;
///
/// /// A decision takes one vote less than a quorum.
/// #[derive(Debug)]
/// struct FewCommits;
///
/// impl Rules for FewCommits {
///     fn commit_quorum(&self, committee: Committee) -> usize {
///         committee.quorum() - 1
///     }
/// }
///
/// Check::new(Pbft::paper()).views(1).requests(1).assert_holds();
/// Check::new(Pbft::with(&FewCommits)).views(2).assert_violates(Property::Agreement);
/// ```
///
/// Each flag of `bft check` is a setter:
///
/// ```
/// use std::time::Duration;
///
/// use bft_check::check::{Check, JudgeKind, Question};
/// use bft_check::model::Reductions;
/// use bft_check::subject::Pbft;
///
/// let large = Check::new(Pbft::paper())
///     .replicas(4)
///     .faults(1)
///     .byzantine(1)
///     .views(2)
///     .slots(2)
///     .requests(2)
///     .reads(1)
///     .clients()
///     .checkpoint(1)
///     .window(2)
///     .crashes(1)
///     .lossy_store()
///     .judge(JudgeKind::Guards)
///     .reductions(Reductions::NONE);
/// // A run for each placement of the Byzantine replica, up to symmetry.
/// assert_eq!(large.plan()?.jobs.len(), 3);
///
/// let live = Check::new(Pbft::paper())
///     .property(Question::Liveness)
///     .lossy()
///     .threads(2)
///     .max_states(1_000_000)
///     .max_memory(4 << 30)
///     .timeout(Duration::from_secs(600));
/// assert!(live.plan()?.jobs.iter().all(|job| job.judge == JudgeKind::Liveness));
/// # Ok::<(), bft_check::check::PlanError>(())
/// ```
///
/// A check that a limit ends can go on later:
///
/// ```
/// # use bft_check::check::{Check, Conclusion};
/// # use bft_check::subject::Pbft;
/// let file = std::env::temp_dir().join(format!("check-{}", std::process::id()));
/// let check = Check::new(Pbft::paper()).views(1).requests(1).byzantine([1]);
///
/// let begun = check.clone().max_states(10).save(&file).run()?;
/// assert_eq!(begun.conclusion(), Conclusion::NotExhausted);
/// assert_eq!(begun.saved(), Some(&*file));
///
/// let done = check.resume(&file).run()?;
/// assert_eq!(done.conclusion(), Conclusion::Holds);
/// # std::fs::remove_file(&file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is checked until it is run"]
pub struct Check {
    pub(super) subject: Pbft,
    pub(super) sizes: Sizes,
    pub(super) byzantine: Option<Byzantine>,
    pub(super) judge: Option<JudgeKind>,
    pub(super) reductions: Option<Reductions>,
    pub(super) question: Option<Question>,
    pub(super) save: Option<PathBuf>,
    resume: Option<PathBuf>,
    trace: Option<PathBuf>,
    threads: Option<usize>,
    max_states: Option<u64>,
    max_memory: Option<u64>,
    timeout: Option<Duration>,
}

/// Why a check was not run, or what came of it could not be written.
///
/// ```
/// use bft_check::check::{Check, CheckError, PlanError};
/// use bft_check::model::Property;
/// use bft_check::subject::Pbft;
///
/// let check = Check::new(Pbft::paper()).views(1).requests(1);
/// assert!(matches!(check.clone().threads(0).run(), Err(CheckError::NoThreads)));
///
/// let about_clients = check.property(Property::Linearizable);
/// assert!(matches!(about_clients.run(), Err(CheckError::Plan(PlanError::NoClients(_)))));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The question makes no sense.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Nothing can run on no thread.
    #[error("--threads must be at least 1")]
    NoThreads,
    /// No file can be written at a place that was given.
    #[error("--{0} {path}: no file can be written there", path = .1.display())]
    Unwritable(&'static str, PathBuf),
    /// A saved check would be lost.
    #[error(
        "--save {path}: there is such a file already; to go on with what it holds add --resume {path}, or remove it",
        path = .0.display()
    )]
    Exists(PathBuf),
    /// A trace has no form of that ending.
    #[error(transparent)]
    Form(#[from] UnknownForm),
    /// A check cannot be saved, or not go on.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// No threads can be started.
    #[error(transparent)]
    Pool(#[from] rayon::ThreadPoolBuildError),
    /// A trace cannot be put into words.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A trace cannot be written.
    #[error("--trace {path}: {1}", path = .0.display())]
    Trace(PathBuf, io::Error),
    /// Whoever looked on did not let a job run.
    #[error("a job was not run by whoever watches it")]
    NotRun,
}

/// Setters of one size each, named after it.
macro_rules! sizes {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(mut self, $name: $type) -> Self {
                self.sizes.$name = Some($name);
                self
            }
        )*
    };
}

impl Check {
    /// The default check of a subject.
    pub fn new(subject: impl Into<Pbft>) -> Self {
        Check {
            subject: subject.into(),
            sizes: Sizes::default(),
            byzantine: None,
            judge: None,
            reductions: None,
            question: None,
            save: None,
            resume: None,
            trace: None,
            threads: None,
            max_states: None,
            max_memory: None,
            timeout: None,
        }
    }

    sizes! {
        /// n: the number of replicas. As many may be faulty as it allows, unless [`faults`](Check::faults) says more.
        replicas: u16;
        /// f: the number of Byzantine replicas that the thresholds tolerate.
        faults: u16;
        /// How many views, from view 0 on; for liveness, before the network is stable.
        views: u64;
        /// How many sequence numbers.
        slots: u64;
        /// How many requests, each of a client of its own.
        requests: u32;
        /// K: a checkpoint at every multiple of it.
        checkpoint: u64;
        /// L: how far the high watermark lies above the low one.
        window: u64;
        /// How often honest replicas crash and recover, all together.
        crashes: u32;
        /// How many requests that only read, each of a further client.
        reads: u32;
    }

    /// Lets a crash lose what the last step wrote to storage.
    pub fn lossy_store(mut self) -> Self {
        self.sizes.lossy_store = true;
        self
    }

    /// Lets clients take part: they wait for replies, and what they believe is checked.
    pub fn clients(mut self) -> Self {
        self.sizes.clients = true;
        self
    }

    /// For liveness: loses what has had no consequence when the network becomes stable.
    pub fn lossy(mut self) -> Self {
        self.sizes.lossy = true;
        self
    }

    /// Which replicas are Byzantine: a count, for every placement up to symmetry, or ids; f unless this is said.
    pub fn byzantine(self, who: impl Into<Byzantine>) -> Self {
        Check { byzantine: Some(who.into()), ..self }
    }

    /// The one judge that explores.
    pub fn judge(self, judge: JudgeKind) -> Self {
        Check { judge: Some(judge), ..self }
    }

    /// Which states are left out because others stand for them.
    pub fn reductions(self, reductions: Reductions) -> Self {
        Check { reductions: Some(reductions), ..self }
    }

    /// The one property that is checked, or [`Question::Liveness`] for all of liveness.
    pub fn property(self, question: impl Into<Question>) -> Self {
        Check { question: Some(question.into()), ..self }
    }

    /// How many threads; as many as there are processors unless this is said.
    pub fn threads(self, threads: usize) -> Self {
        Check { threads: Some(threads), ..self }
    }

    /// Gives up a run at so many distinct states.
    pub fn max_states(self, states: u64) -> Self {
        Check { max_states: Some(states), ..self }
    }

    /// Gives up when the process is about to hold more than so many bytes of memory.
    pub fn max_memory(self, bytes: u64) -> Self {
        Check { max_memory: Some(bytes), ..self }
    }

    /// Gives up after so long, all runs together.
    pub fn timeout(self, timeout: Duration) -> Self {
        Check { timeout: Some(timeout), ..self }
    }

    /// Writes the shortest counterexample to this file, in the form of its ending: `.json`, `.itf.json` (Informal Trace
    /// Format), `.mmd` (Mermaid), `.txt` (words), `.shiviz` or `.log` (ShiViz).
    pub fn trace(self, path: impl Into<PathBuf>) -> Self {
        Check { trace: Some(path.into()), ..self }
    }

    /// If a limit ends the check, writes to this file all that it takes to go on.
    pub fn save(self, path: impl Into<PathBuf>) -> Self {
        Check { save: Some(path.into()), ..self }
    }

    /// Goes on with the check that [`save`](Check::save) wrote to this file, which must have been the same.
    pub fn resume(self, path: impl Into<PathBuf>) -> Self {
        Check { resume: Some(path.into()), ..self }
    }

    /// Runs the check.
    ///
    /// # Errors
    /// What makes no sense, before anything is run; or a file that cannot be read or written.
    pub fn run(&self) -> Result<Checked, CheckError> {
        self.run_watched(&Arc::default(), &Unwatched)
    }

    /// Runs the check while somebody looks on. It ends early, not exhausted, when `stop` is set.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// use bft_check::check::{Check, Conclusion, Job, Progress, Watch};
    /// use bft_check::subject::Pbft;
    ///
    /// struct Counting(AtomicUsize);
    ///
    /// impl Watch for Counting {
    ///     fn watch(&self, job: &Job, progress: &Progress, work: &mut (dyn FnMut() + Send)) {
    ///         self.0.fetch_add(1, Ordering::Relaxed);
    ///         work();
    ///     }
    /// }
    ///
    /// let counting = Counting(AtomicUsize::new(0));
    /// let check = Check::new(Pbft::paper()).views(1).requests(1).byzantine(0);
    /// let checked = check.run_watched(&Arc::default(), &counting)?;
    /// assert_eq!(checked.conclusion(), Conclusion::Holds);
    /// assert_eq!(checked.outcomes().len(), counting.0.into_inner());
    /// # Ok::<(), bft_check::check::CheckError>(())
    /// ```
    ///
    /// # Errors
    /// What makes no sense, before anything is run; or a file that cannot be read or written.
    pub fn run_watched(&self, stop: &Arc<AtomicBool>, watch: &dyn Watch) -> Result<Checked, CheckError> {
        let threads = match self.threads {
            Some(0) => return Err(CheckError::NoThreads),
            Some(threads) => threads,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        self.can_write()?;
        let plan = self.plan()?;
        let kept = match &self.resume {
            Some(path) => save::read(path, &self.subject, plan.property, &plan.jobs)?,
            None => plan.jobs.iter().map(|_| Kept::Nothing).collect(),
        };
        let schedule = Schedule {
            rules: self.subject.rules(),
            limits: Limits {
                max_states: self.max_states,
                timeout: None,
                max_memory: self.max_memory,
                threads,
            },
            deadline: deadline(self.timeout),
            stop: Arc::clone(stop),
            watch,
        };
        let rows = schedule.run(&plan, kept)?;
        let (mut saved, mut failures) = (None, Vec::new());
        if let Some(path) = self.save.as_ref().filter(|_| rows.iter().any(|(_, left)| left.is_some())) {
            match save::write(path, &self.subject, plan.property, &rows) {
                Ok(()) => saved = Some(path.clone()),
                Err(error) => failures.push(error.into()),
            }
        }
        let outcomes = rows.into_iter().map(|(outcome, _)| outcome).collect();
        let mut checked = Checked { subject: self.subject.clone(), outcomes, saved, written: None, failures };
        if let Some(path) = self.trace.as_ref().filter(|_| checked.shortest().is_some())
            && let Err(error) = checked.write(path)
        {
            checked.failures.push(error);
        }
        Ok(checked)
    }

    /// Whether files can be written where they are to be: found out now, not after an hour.
    fn can_write(&self) -> Result<(), CheckError> {
        for (name, path) in [("trace", &self.trace), ("save", &self.save)] {
            let Some(path) = path else { continue };
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if !folder.is_dir() || path.is_dir() {
                return Err(CheckError::Unwritable(name, path.clone()));
            }
        }
        self.trace.as_ref().map(|path| Form::of(&path.to_string_lossy())).transpose()?;
        match &self.save {
            Some(path) if path.exists() && self.resume.as_ref() != Some(path) => {
                Err(CheckError::Exists(path.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Runs the check, for a test: everything that is asked holds, and is exercised.
    ///
    /// # Panics
    /// Unless it holds: with the table and, where something is violated, with the story of the shortest run, which is
    /// written to a file beside the build.
    #[track_caller]
    pub fn assert_holds(&self) {
        let checked = self.run_for_a_test();
        assert!(checked.conclusion() == Conclusion::Holds, "it does not hold\n\n{checked}");
    }

    /// Runs the check, for a test: this property, which alone is looked at, is violated.
    ///
    /// # Panics
    /// If it is not, with the table.
    #[track_caller]
    pub fn assert_violates(&self, property: Property) {
        let checked = self.clone().property(property).run_for_a_test();
        let found = checked.shortest().map(|(found, ..)| found);
        assert!(found == Some(property), "it does not violate {property}\n\n{checked}");
    }

    /// Runs it, and writes a counterexample where a test finds it: beside the build, unless a file was named.
    #[track_caller]
    #[expect(clippy::panic, reason = "a test that cannot run its check has failed")]
    fn run_for_a_test(&self) -> Checked {
        let mut checked = self.run().unwrap_or_else(|error| panic!("it cannot be checked: {error}"));
        if self.trace.is_none() && checked.shortest().is_some() {
            let folder = beside_the_build();
            let path = folder.join(format!("{}.json", self.subject.name()));
            if fs::create_dir_all(&folder).is_ok() && checked.write(&path).is_err() {
                checked.written = None;
            }
        }
        checked
    }
}
