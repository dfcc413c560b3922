//! A story in a file, and made to happen again from one.
//!
//! A file names the protocol and who is Byzantine, and tells each step in words. Reading it means to let every step happen
//! again to the protocol's code: a file cannot claim anything.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::Story;
use crate::engine::{Bound, Graph, Happening, Kind, Refusal, SetupError};
use crate::protocol::{NodeId, Protocol};

/// The version of the form.
const VERSION: u64 = 1;

/// A story as it stands in a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoryFile {
    version: u64,
    protocol: String,
    #[serde(flatten)]
    bound: Bound,
    /// The property that it is said to violate.
    pub violates: Option<String>,
    /// The steps after the prelude.
    steps: Vec<StepRecord>,
}

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
        let steps = self.steps.iter().skip(self.opening).cloned();
        let file = StoryFile {
            version: VERSION,
            protocol: self.protocol.clone(),
            bound: self.bound.clone(),
            violates: self.violation.as_ref().map(|violation| violation.property.clone()),
            steps: steps
                .map(|Happening { kind, at, from, words, nth, .. }| StepRecord { kind, at, from, words, nth })
                .collect(),
        };
        serde_json::to_string_pretty(&file)
    }
}

impl StoryFile {
    /// Reads a file and lets all of it happen again to the protocol's code. What the story then says is wrong with the last
    /// state was found out anew.
    ///
    /// # Errors
    /// It is no story of that protocol, or a step cannot happen.
    pub fn replay<P: Protocol>(text: &str, protocol: Arc<P>) -> Result<(Self, Story), ReadStoryError> {
        let file: StoryFile = serde_json::from_str(text)?;
        if file.version != VERSION {
            return Err(ReadStoryError::Version(file.version));
        }
        if file.protocol != protocol.name() {
            return Err(ReadStoryError::Protocol(file.protocol, protocol.name()));
        }
        let graph = Graph::new(protocol, &file.bound, None, Arc::new(AtomicBool::new(false)))?;
        if let Some(refusal) = graph.refusal() {
            return Err(refusal.into());
        }
        let mut state = graph.start().clone();
        let mut path = Vec::new();
        for (number, record) in file.steps.iter().enumerate() {
            let choices = graph.choices(&state);
            let found = choices.iter().filter(|(_, choice)| record.means(choice)).nth(record.nth);
            let Some(&(step, _)) = found else {
                let there: Vec<_> = choices.iter().map(|(_, choice)| choice.words.as_str()).collect();
                let there = format!(
                    "there is {}",
                    if there.is_empty() { "nothing".to_owned() } else { there.join("; ") }
                );
                return Err(ReadStoryError::Step(
                    number + 1,
                    format!("'{}' at {}", record.words, record.at),
                    there,
                ));
            };
            state = graph.next(&state, step)?;
            path.push(step);
        }
        let story = Story::of(&graph, &path)?;
        Ok((file, story))
    }
}

impl StepRecord {
    fn means(&self, choice: &Happening) -> bool {
        (self.kind, &self.at, self.from, &self.words) == (choice.kind, &choice.at, choice.from, &choice.words)
    }
}
