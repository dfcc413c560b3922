//! The front door: a check of a subject, put together piece by piece.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::limits::{Limits, MOST_THREADS};
#[cfg(feature = "pbft")]
use super::question::PlanError;
use super::save::SaveError;
use super::subject::{IntoSubject, Subject};
use crate::engine::SetupError;
use crate::files;
use crate::interrupt::{self, Allowance};
use crate::memory;
#[cfg(feature = "pbft")]
use crate::subject::Pbft as Usual;
use crate::trace::{Form, ReadStoryError, UnknownForm};

/// What is checked where nothing else is named: without PBFT nothing is.
#[cfg(not(feature = "pbft"))]
type Usual = super::subject::Nothing;

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
///
/// `Check::new` takes a [`Protocol`](crate::protocol::Protocol) of one's own: [there](crate::protocol) is one.
#[must_use = "nothing is checked until it is run"]
pub struct Check<S: Subject = Usual> {
    pub(super) subject: Arc<S>,
    pub(super) asked: S::Asked,
    pub(super) trace: Option<PathBuf>,
    pub(super) threads: Option<usize>,
    max_states: Option<u64>,
    max_memory: Option<u64>,
    pub(super) timeout: Option<Duration>,
    pub(super) save: Option<PathBuf>,
    pub(super) save_every: Option<Duration>,
    pub(super) resume: Option<PathBuf>,
    #[cfg(feature = "distributed")]
    pub(super) peers: Option<super::distributed::Peers>,
}

impl<S: Subject> Clone for Check<S> {
    fn clone(&self) -> Self {
        Check {
            subject: Arc::clone(&self.subject),
            asked: self.asked.clone(),
            trace: self.trace.clone(),
            threads: self.threads,
            max_states: self.max_states,
            max_memory: self.max_memory,
            timeout: self.timeout,
            save: self.save.clone(),
            save_every: self.save_every,
            resume: self.resume.clone(),
            #[cfg(feature = "distributed")]
            peers: self.peers.clone(),
        }
    }
}

impl<S: Subject> fmt::Debug for Check<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("asked", &self.asked)
            .field("threads", &self.threads)
            .field("max_states", &self.max_states)
            .field("max_memory", &self.max_memory)
            .field("timeout", &self.timeout)
            .field("save", &self.save)
            .field("resume", &self.resume)
            .finish_non_exhaustive()
    }
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
    #[cfg(feature = "pbft")]
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The question about a protocol of one's own makes no sense.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Nothing can run on no thread.
    #[error("--threads must be at least 1")]
    NoThreads,
    /// More threads than there is work for on any machine.
    #[error("--threads is at most {MOST_THREADS}; {0} were asked for")]
    TooManyThreads(usize),
    /// No file can be written at a place that was given.
    #[error("--{0} {path}: no file can be written there", path = .1.display())]
    Unwritable(&'static str, PathBuf),
    /// One file would destroy another.
    #[error("--trace and --save or --resume name the same file, {path}: what is written last would destroy the other", path = .0.display())]
    SameFile(PathBuf),
    /// A saved check would be lost.
    #[error(
        "--save {path}: there is such a file already; to go on with what it holds add --resume {path}, or remove it",
        path = .0.display()
    )]
    Exists(PathBuf),
    /// A trace has no form of that ending.
    #[error(transparent)]
    Form(#[from] UnknownForm),
    /// The run around which or from whose end is to be looked is none of this protocol.
    #[error("the run that was given: {0}")]
    Around(#[from] ReadStoryError),
    /// A check cannot be saved, or not go on.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// No threads can be started.
    #[error(transparent)]
    Pool(#[from] rayon::ThreadPoolBuildError),
    /// The processes that share a check do not find each other.
    #[cfg(feature = "distributed")]
    #[error(transparent)]
    Links(#[from] super::distributed::LinkError),
    /// The threads and links of a process that shares a check cannot be had.
    #[cfg(feature = "distributed")]
    #[error("the processes cannot work together: {0}")]
    Processes(io::Error),
    /// What several processes share is kept otherwise.
    #[cfg(feature = "distributed")]
    #[error(
        "--save and --resume are for a check that runs in one process: several keep their shares with --shards"
    )]
    SharedSave,
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

impl<S: Subject> Check<S> {
    /// The default check of a subject.
    pub fn new(subject: impl IntoSubject<Subject = S>) -> Self {
        Check {
            subject: Arc::new(subject.into_subject()),
            asked: S::Asked::default(),
            trace: None,
            threads: None,
            max_states: None,
            max_memory: None,
            timeout: None,
            save: None,
            save_every: None,
            resume: None,
            #[cfg(feature = "distributed")]
            peers: None,
        }
    }

    /// Who is Byzantine: a count, for every placement (of PBFT's replicas, up to symmetry), or ids. Unless this is said it
    /// is f of PBFT's replicas, and nobody of a protocol of one's own.
    pub fn byzantine(mut self, who: impl Into<S::Byzantine>) -> Self {
        S::place(&mut self.asked, who.into());
        self
    }

    /// The one property that is checked: for PBFT also [`Question::Liveness`](super::Question::Liveness) for all of
    /// liveness, for a protocol of one's own by its name.
    pub fn property(mut self, question: impl Into<S::Question>) -> Self {
        S::ask(&mut self.asked, question.into());
        self
    }

    /// How many threads, up to 1,024; as many as there are processors unless this is said.
    pub fn threads(self, threads: usize) -> Self {
        Check { threads: Some(threads), ..self }
    }

    /// Gives up a run at so many distinct states.
    pub fn max_states(self, states: u64) -> Self {
        Check { max_states: Some(states), ..self }
    }

    /// Gives up when the process is about to hold more than so many bytes of memory; unless this is said, more than four
    /// fifths of what the machine has, or of what its control group lets it have.
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

    /// If a limit ends the check, writes to this file all that it takes to go on. Of a protocol of one's own that is not
    /// possible where whole quorums are steps, nor of what is around a run or goes on from its end: it is refused there.
    pub fn save(self, path: impl Into<PathBuf>) -> Self {
        Check { save: Some(path.into()), ..self }
    }

    /// Writes that file every so often too, so that little is lost if the process is.
    pub fn save_every(self, period: Duration) -> Self {
        Check { save_every: Some(period), ..self }
    }

    /// Goes on with the check that [`save`](Check::save) wrote to this file, which must have been the same.
    pub fn resume(self, path: impl Into<PathBuf>) -> Self {
        Check { resume: Some(path.into()), ..self }
    }

    /// Whether files can be written where they are to be: found out now, not after an hour.
    pub(super) fn can_write(&self) -> Result<(), CheckError> {
        for (name, path) in [("trace", &self.trace), ("save", &self.save)] {
            path.as_ref().map(|path| writable(name, path)).transpose()?;
        }
        self.trace.as_ref().map(|path| Form::of(&path.to_string_lossy())).transpose()?;
        if let (Some(trace), Some(other)) = (&self.trace, self.save.as_ref().or(self.resume.as_ref()))
            && files::are_the_same(trace, other)
        {
            return Err(CheckError::SameFile(trace.clone()));
        }
        match &self.save {
            Some(path) if path.exists() && self.resume.as_ref() != Some(path) => {
                Err(CheckError::Exists(path.clone()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn allowance<'a>(
        &self,
        limits: &Limits,
        deadline: Option<Instant>,
        stop: &'a AtomicBool,
    ) -> Allowance<'a> {
        Allowance { timeout: self.timeout, deadline, max_memory: limits.max_memory, stop }
    }

    /// Writes what it takes to go on, as far as there is a moment for it when the time is over.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn saved(
        &self,
        path: &Path,
        allowance: &Allowance<'_>,
        write: impl FnOnce() -> Result<(), SaveError>,
    ) -> Result<(), SaveError> {
        // To write takes no more memory to speak of, and the search has taken what there is.
        let allowance = Allowance { max_memory: None, ..*allowance };
        let written = interrupt::overseen(&allowance.for_the_end(), || interrupt::late(write));
        written.unwrap_or_else(|_| Err(SaveError::GivenUp(path.to_owned())))
    }

    /// The limits of each search.
    pub(super) fn limits(&self) -> Result<Limits, CheckError> {
        let threads = match self.threads {
            Some(0) => return Err(CheckError::NoThreads),
            Some(threads) if threads > MOST_THREADS => return Err(CheckError::TooManyThreads(threads)),
            Some(threads) => threads,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let (max_states, max_memory) = (self.max_states, self.max_memory.or_else(memory::by_default));
        Ok(Limits { max_states, timeout: None, max_memory, threads })
    }
}

/// Whether a file can be written there: found out now, not after an hour.
fn writable(name: &'static str, path: &Path) -> Result<(), CheckError> {
    if !files::folder_of(path).is_dir() || path.is_dir() {
        return Err(CheckError::Unwritable(name, path.to_owned()));
    }
    Ok(())
}
