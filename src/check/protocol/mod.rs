//! The check of a protocol of one's own: every run within a bound, with every placement of the Byzantine nodes.

mod byzantine;
mod report;
mod run;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::builder::{Check, CheckError, writable};
use super::conclusion::Conclusion;
use super::subject::{IntoSubject, Subject};
use crate::files;
use crate::protocol::Protocol;
use crate::trace::{Form, beside_the_build};

pub use byzantine::{ByzantineNodes, NotByzantine};
pub use report::{CheckedProtocol, Row, Verdict};

/// What is asked of a protocol of one's own beyond the limits of every check.
#[derive(Clone, Debug, Default)]
pub struct AskedOfProtocol {
    pub(super) byzantine: ByzantineNodes,
    pub(super) property: Option<String>,
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

/// The forms in which a story is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Written {
    Json,
    Text,
}

fn form(path: &Path) -> Result<Written, CheckError> {
    match Form::of(&path.to_string_lossy())? {
        Form::Json => Ok(Written::Json),
        Form::Text => Ok(Written::Text),
        _ => Err(CheckError::NoSuchForm(path.to_owned())),
    }
}

impl<P: Protocol> Check<P> {
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
            form(path)?;
        }
        let limits = self.limits()?;
        let rows = run::all(&self.subject, &self.asked, &limits, self.timeout, stop)?;
        let (name, nodes) = (self.subject.name(), self.subject.nodes());
        let bound = run::bound(&*self.subject);
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
    /// `panics`, or the name of an invariant.
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
    /// Writes the story of the shortest run to a file, in the form of its ending: `.json`, which can be read again, or
    /// `.txt`. Without such a run nothing is written.
    ///
    /// # Errors
    /// There is no such form, or no file can be written there.
    pub fn write(&mut self, path: &Path) -> Result<(), CheckError> {
        let form = form(path)?;
        let Some(story) = self.shortest() else { return Ok(()) };
        let content = match form {
            Written::Json => story.to_json()?,
            Written::Text => story.to_text(),
        };
        files::write(path, content).map_err(|error| CheckError::Trace(path.to_owned(), error))?;
        self.written = Some(path.to_owned());
        Ok(())
    }
}
