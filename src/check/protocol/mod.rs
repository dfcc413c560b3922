//! The check of a protocol of one's own: every run within a bound, with every placement of the Byzantine nodes.

mod byzantine;
mod liveness;
mod onward;
mod quorums;
mod quorums_told;
mod report;
mod rounds;
mod run;
mod saved;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use self::rounds::{Kept, Known, Ran, Suspended};
use self::run::{Job, Outside, Under};
use super::builder::{Check, CheckError};
use super::conclusion::Conclusion;
use super::limits::{Limits, deadline};
use super::overseer;
use super::save::SaveError;
use super::subject::{IntoSubject, Subject};
use super::watch::{Unwatched, Watch};
use crate::engine::{Bound, SetupError};
use crate::files;
use crate::interrupt::{self, Allowance, Interrupted};
use crate::protocol::{Network, NodeId, Protocol};
use crate::trace::{Form, beside_the_build};

pub use byzantine::{ByzantineNodes, NotByzantine};
#[cfg(feature = "explore")]
pub(crate) use liveness::{check as check_liveness, staying};
#[cfg(feature = "explore")]
pub(crate) use quorums::row_by_quorums;
pub use report::{CheckedProtocol, Row, Verdict};
#[cfg(feature = "explore")]
pub(crate) use run::UNSTABLE_ROUNDS;
#[cfg(feature = "cli")]
pub(crate) use saved::parameters as parameters_of_saved;

/// What is asked of a protocol of one's own beyond the limits of every check.
#[derive(Clone, Debug, Default)]
pub struct AskedOfProtocol {
    pub(super) byzantine: ByzantineNodes,
    pub(super) property: Option<String>,
    pub(super) crashes: Option<u8>,
    pub(super) network: Option<Network>,
    pub(super) unstable_rounds: Option<u64>,
    pub(super) around: Option<(String, u32)>,
    pub(super) begun: Option<String>,
    /// Flags of the protocol's own, for whoever goes on with what was saved.
    pub(super) parameters: Vec<(String, String)>,
}

impl AskedOfProtocol {
    /// For how many rounds the network is unstable.
    fn rounds(&self) -> u64 {
        self.unstable_rounds.unwrap_or(run::UNSTABLE_ROUNDS)
    }

    /// The bound, with these nodes Byzantine.
    fn bound(&self, byzantine: &[NodeId]) -> Bound {
        Bound {
            byzantine: byzantine.to_vec(),
            most_general: false,
            crashes: self.crashes.unwrap_or_default(),
            network: self.network,
        }
    }
}

impl<P: Protocol> Subject for P {
    type Asked = AskedOfProtocol;
    type Byzantine = ByzantineNodes;
    type Question = String;

    fn place(asked: &mut AskedOfProtocol, who: ByzantineNodes) {
        asked.byzantine = who;
    }

    fn ask(asked: &mut AskedOfProtocol, question: String) {
        asked.property = Some(question);
    }
}

impl<P: Protocol> IntoSubject for P {
    type Subject = P;

    fn into_subject(self) -> P {
        self
    }
}

/// What came of a check whose files are not written yet.
pub(crate) struct SearchedProtocol<P: Protocol> {
    pub checked: CheckedProtocol,
    asked: AskedOfProtocol,
    jobs: Vec<Job>,
    /// Of each row what it takes to go on, if a limit ended it.
    unfinished: Vec<Option<Suspended<P>>>,
    /// What ends the writing of it.
    deadline: Option<Instant>,
    stop: Arc<AtomicBool>,
}

/// What is to be run.
enum Begun<P: Protocol> {
    /// Of each job what is known.
    Known(AskedOfProtocol, Vec<Job>, Vec<Kept<P>>),
    /// A limit ended the reading of that.
    Unread(AskedOfProtocol, Vec<Job>, Interrupted),
}

impl<P: Protocol> Check<P> {
    /// How many crashes there may be, all honest nodes together; none unless this is said. It takes a protocol that
    /// [recovers](crate::protocol::Recover).
    pub fn crashes(mut self, crashes: u8) -> Self {
        self.asked.crashes = Some(crashes);
        self
    }

    /// What becomes of messages, if it is not to be what the protocol [says](Protocol::network).
    pub fn network(mut self, network: Network) -> Self {
        self.asked.network = Some(network);
        self
    }

    /// For how many rounds at most the network is unstable where liveness is asked about; one unless this is said, and 0
    /// if it is stable from the start. It takes a protocol that is [fair](crate::protocol::Fair).
    pub fn unstable_rounds(mut self, rounds: u64) -> Self {
        self.asked.unstable_rounds = Some(rounds);
        self
    }

    /// Looks at no more than what is within so many steps of a run: of its steps any number happen, as the trace in this
    /// text tells them, and then so many others at most. Who is Byzantine, how many crashes there may be and what becomes of
    /// messages is what the trace says.
    pub fn around(mut self, trace: impl Into<String>, within: u32) -> Self {
        self.asked.around = Some((trace.into(), within));
        self
    }

    /// Looks at the runs that begin with the one in this text, a trace, and at no others. Who is Byzantine, how many crashes there
    /// may be and what becomes of messages is what the trace says. For liveness, the network becomes stable after these steps,
    /// and the rounds for which it is not are counted from the highest in which somebody is by then.
    pub fn beginning_with(mut self, trace: impl Into<String>) -> Self {
        self.asked.begun = Some(trace.into());
        self
    }

    /// Flags of the protocol's own, each with its value: they are part of what is saved.
    #[cfg(feature = "cli")]
    pub(crate) fn parameters(mut self, parameters: Vec<(String, String)>) -> Self {
        self.asked.parameters = parameters;
        self
    }

    /// Runs the check.
    ///
    /// # Errors
    /// What makes no sense, before anything is run.
    pub fn run(&self) -> Result<CheckedProtocol, CheckError> {
        self.run_until(&Arc::default())
    }

    /// Runs the check. It ends early, not exhausted, when `stop` is set.
    ///
    /// # Errors
    /// What makes no sense, before anything is run.
    pub fn run_until(&self, stop: &Arc<AtomicBool>) -> Result<CheckedProtocol, CheckError> {
        let mut searched = self.search_watched(stop, &Unwatched)?;
        self.write_files(&mut searched);
        Ok(searched.checked)
    }

    /// Runs the check while somebody looks on, and writes no file but what is saved now and then: [`Self::write_files`] does.
    ///
    /// # Errors
    /// What makes no sense, before anything is run; or a file that cannot be read.
    pub(crate) fn search_watched(
        &self,
        stop: &Arc<AtomicBool>,
        watch: &dyn Watch,
    ) -> Result<SearchedProtocol<P>, CheckError> {
        self.can_write()?;
        self.can_be_saved()?;
        let limits = self.limits()?;
        let outside = Outside { stop, deadline: deadline(self.timeout), watch };
        let allowance = self.allowance(&limits, outside.deadline, stop);
        let (protocol, mut failures) = (&self.subject, Vec::new());
        let under = |asked| Under { protocol, asked, limits: &limits, outside: &outside };
        if let Some(rows) = run::given(&under(&self.asked)) {
            let ran = rows?.into_iter().map(Ran::from).collect();
            return Ok(self.searched(self.asked.clone(), Vec::new(), ran, &outside, failures));
        }
        let (asked, jobs, kept) = match self.begun(&allowance)? {
            Begun::Known(asked, jobs, kept) => (asked, jobs, kept),
            Begun::Unread(asked, jobs, why) => {
                let limits = Limits { timeout: self.timeout, ..limits };
                let limit = overseer::limit(why, &limits);
                let row = |job: &Job| job.row(protocol, &asked, Verdict::NotExhausted(limit)).map(Ran::from);
                let ran = jobs.iter().map(row).collect::<Result<_, SetupError>>()?;
                return Ok(self.searched(asked, jobs, ran, &outside, failures));
            }
        };
        let mut keep = |rows: &[Known<'_, P>]| {
            let Some(path) = &self.save else { return };
            match self.saved(path, &allowance, || saved::write(path, &**protocol, &asked, &jobs, rows)) {
                // It is tried once more in the end.
                Ok(()) | Err(SaveError::GivenUp(_)) => {}
                Err(error) if failures.is_empty() => failures.push(error.into()),
                Err(_) => {}
            }
        };
        let ran = under(&asked).all(&jobs, kept, self.save_every, &mut keep)?;
        Ok(self.searched(asked, jobs, ran, &outside, failures))
    }

    fn searched(
        &self,
        asked: AskedOfProtocol,
        jobs: Vec<Job>,
        ran: Vec<Ran<P>>,
        outside: &Outside<'_>,
        failures: Vec<CheckError>,
    ) -> SearchedProtocol<P> {
        let (rows, unfinished) = ran.into_iter().map(|ran| (ran.row, ran.unfinished)).unzip();
        let (name, nodes) = (self.subject.name(), self.subject.nodes());
        let bound = run::bound(&*self.subject, &asked);
        let checked = CheckedProtocol { name, nodes, bound, rows, written: None, saved: None, failures };
        let (deadline, stop) = (outside.deadline, Arc::clone(outside.stop));
        SearchedProtocol { checked, asked, jobs, unfinished, deadline, stop }
    }

    /// What is to be run, and what is known of it.
    fn begun(&self, allowance: &Allowance<'_>) -> Result<Begun<P>, CheckError> {
        let Some(path) = &self.resume else {
            let jobs = run::jobs(&*self.subject, &self.asked)?;
            let kept = jobs.iter().map(|_| Kept::Nothing).collect();
            return Ok(Begun::Known(self.asked.clone(), jobs, kept));
        };
        let resumed = saved::resumed(path, &*self.subject, &self.asked)?;
        let (asked, jobs) = (resumed.asked.clone(), resumed.jobs.clone());
        let read = || interrupt::late(|| resumed.kept(path, &self.subject));
        Ok(match interrupt::overseen(allowance, read) {
            Ok(kept) => Begun::Known(asked, jobs, kept?),
            Err(why) => Begun::Unread(asked, jobs, why),
        })
    }

    /// Whether there is anything of such a check that can be kept.
    fn can_be_saved(&self) -> Result<(), CheckError> {
        if self.save.is_none() && self.resume.is_none() {
            return Ok(());
        }
        match &self.asked {
            AskedOfProtocol { around: Some(_), .. } | AskedOfProtocol { begun: Some(_), .. } => {
                Err(SaveError::OfGivenRun.into())
            }
            _ => Ok(()),
        }
    }

    /// Writes what was asked for: what it takes to go on, if a limit ended something, and the story of the shortest run. What
    /// cannot be written is among the failures then.
    pub(crate) fn write_files(&self, searched: &mut SearchedProtocol<P>) {
        let SearchedProtocol { checked, asked, jobs, unfinished, deadline, stop } = searched;
        if let Some(path) = self.save.as_ref().filter(|_| unfinished.iter().any(Option::is_some)) {
            let rows = checked.rows.iter().zip(unfinished.iter());
            let rows: Vec<_> =
                rows.map(|(row, left)| Known { row: Some(row), unfinished: left.as_ref() }).collect();
            let allowance = Allowance { timeout: self.timeout, deadline: *deadline, max_memory: None, stop };
            match self.saved(path, &allowance, || saved::write(path, &*self.subject, asked, jobs, &rows)) {
                Ok(()) => checked.saved = Some(path.clone()),
                Err(error) => checked.failures.push(error.into()),
            }
        }
        if let Some(path) = &self.trace
            && let Err(error) = checked.write(path)
        {
            checked.failures.push(error);
        }
    }

    /// Runs the check, for a test: everything that is asked holds, and something is decided where there is nothing but
    /// decisions to look at.
    ///
    /// # Panics
    /// Unless it holds: with the table and, where something is violated, with the story of the shortest run, which is
    /// written to a file beside the build.
    #[track_caller]
    pub fn assert_holds(&self) {
        let checked = self.run_for_a_test();
        assert!(checked.conclusion() == Conclusion::Holds, "it does not hold\n\n{checked}");
    }

    /// Runs the check, for a test: this property, which alone is looked at, is violated. It is `agreement`, `validity`,
    /// `panics`, `liveness`, or the name of an invariant.
    ///
    /// # Panics
    /// If it is not, with the table.
    #[track_caller]
    pub fn assert_violates(&self, property: &str) {
        let checked = self.clone().property(property).run_for_a_test();
        let is_violated = checked.shortest().and_then(|story| story.violation.as_ref());
        let is_violated = is_violated.is_some_and(|violation| violation.property == property);
        assert!(is_violated, "it does not violate {property}\n\n{checked}");
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "a test that cannot run its check has failed")]
    fn run_for_a_test(&self) -> CheckedProtocol {
        let mut checked = self.run().unwrap_or_else(|error| panic!("it cannot be checked: {error}"));
        if self.trace.is_none() && checked.shortest().is_some() {
            let folder = beside_the_build();
            let path = folder.join(format!("{}.json", checked.name));
            if fs::create_dir_all(&folder).is_ok() && checked.write(&path).is_err() {
                checked.written = None;
            }
        }
        checked
    }
}

impl CheckedProtocol {
    /// Writes the story of the shortest run to a file, in the form of its ending, as [`Check::trace`] does. Without such a run
    /// nothing is written.
    ///
    /// # Errors
    /// There is no such form, or no file can be written there.
    pub fn write(&mut self, path: &Path) -> Result<(), CheckError> {
        let form = Form::of(&path.to_string_lossy())?;
        let Some(story) = self.shortest() else { return Ok(()) };
        let content = story.written(form)?;
        files::write(path, content).map_err(|error| CheckError::Trace(path.to_owned(), error))?;
        self.written = Some(path.to_owned());
        Ok(())
    }
}
