//! A story in a file, and made to happen again from one.
//!
//! A file names the protocol and who is Byzantine, and tells each step in words. Reading it means to let every step happen
//! again to the protocol's code: a file cannot claim anything.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::{Story, StoryEnd};
use crate::engine::{Bound, Graph, Happening, Kind, Refusal, SetupError, Step};
use crate::protocol::{NodeId, Protocol};

/// The version of the form.
const VERSION: u64 = 1;

/// So many of the steps that can happen are named where one cannot.
const MOST_NAMED: usize = 6;

/// A story as it stands in a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoryFile {
    version: u64,
    protocol: String,
    #[serde(flatten)]
    bound: Bound,
    /// The property that it is said to violate.
    pub violates: Option<String>,
    /// How it goes on for ever, if it does not get where it must get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<StoryEnd>,
    /// The steps after the prelude.
    steps: Vec<StepRecord>,
}

/// What a file says, the graph of its protocol and bound, and its steps there.
type Followed<P> = (StoryFile, Graph<P>, Vec<Step>);

/// A step as it stands in a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct StepRecord {
    kind: Kind,
    at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<NodeId>,
    words: String,
    /// Which of those that read alike, if it is not the first.
    #[serde(default, skip_serializing_if = "is_first")]
    nth: usize,
}

fn is_first(nth: &usize) -> bool {
    *nth == 0
}

/// Why a file is no story of a protocol.
#[derive(Debug, thiserror::Error)]
pub enum ReadStoryError {
    /// It is no JSON, or of another form.
    #[error("this is no trace as check --trace writes it: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of another version of the form.
    #[error("the trace is of version {0} of its form, and this program reads version {VERSION}")]
    Version(u64),
    /// It is of another protocol.
    #[error("the trace is of the protocol '{0}', and this is '{1}'")]
    Protocol(String, String),
    /// Who it says is Byzantine cannot be.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A step cannot happen.
    #[error("step {0}: {1} cannot happen then: {2}")]
    Step(usize, String, String),
    /// The code cannot be checked.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Story {
    /// The story for a file.
    ///
    /// # Errors
    /// It cannot be put into JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&self.file())
    }

    /// Whether it goes on for ever as it says; of a story that does not say so, no.
    ///
    /// # Errors
    /// The run is none of this protocol.
    pub(crate) fn stays<P: Protocol>(&self, protocol: Arc<P>) -> Result<bool, ReadStoryError> {
        self.end.as_ref().map_or(Ok(false), |end| self.file().stays(protocol, end))
    }

    /// What stands in a file of it.
    pub(super) fn file(&self) -> StoryFile {
        let steps = self.steps.iter().skip(self.opening).cloned();
        StoryFile {
            version: VERSION,
            protocol: self.protocol.clone(),
            bound: self.bound.clone(),
            end: self.end.clone(),
            violates: self.violation.as_ref().map(|violation| violation.property.clone()),
            steps: steps
                .map(|Happening { kind, at, from, words, nth, .. }| StepRecord { kind, at, from, words, nth })
                .collect(),
        }
    }
}

impl StoryFile {
    /// Who was Byzantine, how many crashes there could be, and what became of messages.
    #[cfg(feature = "explore")]
    pub(crate) fn bound(&self) -> &Bound {
        &self.bound
    }

    /// How it goes on for ever, if it is said to.
    #[cfg(feature = "explore")]
    pub(crate) fn end(&self) -> Option<&StoryEnd> {
        self.end.as_ref()
    }

    /// Reads a file and lets all of it happen again to the protocol's code. What the story then says is wrong with the last
    /// state was found out anew.
    ///
    /// # Errors
    /// It is no story of that protocol, or a step cannot happen.
    pub fn replay<P: Protocol>(text: &str, protocol: Arc<P>) -> Result<(Self, Story), ReadStoryError> {
        let (file, graph, path) = StoryFile::followed(text, Arc::clone(&protocol), None, Arc::default())?;
        let story = match &file.end {
            Some(end) if file.stays(protocol, end)? => Story::never(&graph, &path, end.clone())?,
            _ => Story::of(&graph, &path)?,
        };
        Ok((file, story))
    }

    /// Whether the run goes on for ever as the file says.
    fn stays<P: Protocol>(&self, protocol: Arc<P>, end: &StoryEnd) -> Result<bool, ReadStoryError> {
        let graph = Graph::fair(protocol, &self.bound, Arc::default())?;
        Ok(graph.stays(&self.path_in(&graph)?, end.repeats_after)?)
    }

    /// The steps of a file, and the graph in which they are steps; of its properties all are looked at, or the one that is asked.
    pub(crate) fn followed<P: Protocol>(
        text: &str,
        protocol: Arc<P>,
        asked: Option<&str>,
        stop: Arc<AtomicBool>,
    ) -> Result<Followed<P>, ReadStoryError> {
        let mut value: serde_json::Value = serde_json::from_str(text)?;
        // In the Informal Trace Format it stands among the format's own fields.
        if let Some(story) = value.pointer_mut("/#meta/story") {
            value = story.take();
        }
        let file: StoryFile = serde_json::from_value(value)?;
        if file.version != VERSION {
            return Err(ReadStoryError::Version(file.version));
        }
        if file.protocol != protocol.name() {
            return Err(ReadStoryError::Protocol(file.protocol, protocol.name()));
        }
        let graph = Graph::of_one_run(protocol, &file.bound, asked, stop)?;
        if let Some(refusal) = graph.refusal() {
            return Err(refusal.into());
        }
        let path = file.path_in(&graph)?;
        Ok((file, graph, path))
    }

    /// The steps of a file, as a graph has them.
    pub(super) fn path_in<P: Protocol>(&self, graph: &Graph<P>) -> Result<Vec<Step>, ReadStoryError> {
        let mut state = graph.start().clone();
        let mut path = Vec::new();
        for (number, record) in self.steps.iter().enumerate() {
            let choices = graph.choices(&state);
            let found = choices.iter().filter(|(_, choice)| record.means(choice)).nth(record.nth);
            let Some(&(step, _)) = found else {
                let there = choices.iter().map(|(_, choice)| choice).collect();
                let what = format!("'{}' at {}", record.words, record.at);
                return Err(ReadStoryError::Step(number + 1, what, record.instead(there)));
            };
            state = graph.next(&state, step)?;
            path.push(step);
        }
        Ok(path)
    }
}

impl StepRecord {
    /// What can happen instead of this: what is like it first, and no more than can be read. A Byzantine node says thousands of things.
    fn instead(&self, mut there: Vec<&Happening>) -> String {
        let likeness = |choice: &Happening| {
            let same = [self.at == choice.at, self.kind == choice.kind, self.from == choice.from];
            same.into_iter().filter(|is_same| *is_same).count()
        };
        there.sort_by_key(|choice| Reverse(likeness(choice)));
        let named =
            there.iter().take(MOST_NAMED).map(|choice| format!("'{}' at {}", choice.words, choice.at));
        match (named.collect::<Vec<_>>().join("; "), there.len().saturating_sub(MOST_NAMED)) {
            (named, _) if named.is_empty() => "there is nothing".to_owned(),
            (named, 0) => format!("there is {named}"),
            (named, more) => format!("there is {named}; and {more} more"),
        }
    }

    fn means(&self, choice: &Happening) -> bool {
        (self.kind, &self.at, self.from, &self.words) == (choice.kind, &choice.at, choice.from, &choice.words)
    }
}
