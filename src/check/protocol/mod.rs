//! The check of a protocol of one's own: every run within a bound, with every placement of the Byzantine nodes.

mod byzantine;
mod liveness;
mod onward;
mod quorums;
mod report;
mod run;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::builder::{Check, CheckError, writable};
use super::conclusion::Conclusion;
use super::subject::{IntoSubject, Subject};
use crate::engine::Bound;
use crate::files;
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

/// What is asked of a protocol of one's own beyond the limits of every check.
#[derive(Clone, Debug, Default)]
pub struct AskedOfProtocol {
    pub(super) byzantine: ByzantineNodes,
    pub(super) property: Option<String>,
    pub(super) crashes: u8,
    pub(super) network: Option<Network>,
    pub(super) unstable_rounds: Option<u64>,
    pub(super) around: Option<(String, u32)>,
    pub(super) begun: Option<String>,
}

impl AskedOfProtocol {
    /// The bound, with these nodes Byzantine.
    fn bound(&self, byzantine: &[NodeId]) -> Bound {
        let (byzantine, most_general) = (byzantine.to_vec(), false);
        Bound { byzantine, most_general, crashes: self.crashes, network: self.network }
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

impl<P: Protocol> Check<P> {
    /// How many crashes there may be, all honest nodes together; none unless this is said. It takes a protocol that
    /// [recovers](crate::protocol::Recover).
    pub fn crashes(mut self, crashes: u8) -> Self {
        self.asked.crashes = crashes;
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
        if let Some(path) = &self.trace {
            writable("trace", path)?;
            Form::of(&path.to_string_lossy())?;
        }
        let limits = self.limits()?;
        let rows = run::all(&self.subject, &self.asked, &limits, self.timeout, stop)?;
        let (name, nodes) = (self.subject.name(), self.subject.nodes());
        let bound = run::bound(&*self.subject, &self.asked);
        let mut checked = CheckedProtocol { name, nodes, bound, rows, written: None, failure: None };
        if let Some(path) = &self.trace {
            checked.failure = checked.write(path).err();
        }
        Ok(checked)
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
