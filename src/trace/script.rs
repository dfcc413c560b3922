//! A run that a person wrote down, in the words of a trace.

use std::fmt;
use std::sync::Arc;

use super::text::in_words;
use super::{ReplayError, Trace};
use crate::model::{Event, System};
use crate::pbft::{ClientId, Principal, ReplicaId, View};

impl Trace {
    /// The run that these lines tell, each as a trace prints it, or the beginning of that:
    /// `r0 → r2 PREPARE v0 #1 c0.t1`, `r3 timer of v0`. It is replayed on the real replicas, so that it shows
    /// no more than what they do.
    ///
    /// # Errors
    /// The first line that says nothing that can happen.
    pub fn scripted(system: &Arc<System>, lines: &[&str]) -> Result<Self, ReplayError> {
        let steps = lines.iter().map(|line| ScriptLine::from_line(line).ok_or(line));
        let steps = (1..)
            .zip(steps)
            .map(|(number, step)| step.map_err(|line| ReplayError::NeverSent(number, (*line).to_owned())));
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        Trace::enact(system, &steps, |stage, number, line| {
            stage.find(number, line, |whole, said| whole.starts_with(said))
        })
    }
}

/// One step in words.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScriptLine<'a> {
    /// Whose message it is, if it is one.
    pub(super) from: Option<&'a str>,
    /// At whom it happens.
    pub(super) to: &'a str,
    /// The message or the event, in words.
    pub(super) what: &'a str,
}

impl<'a> ScriptLine<'a> {
    fn from_line(line: &'a str) -> Option<Self> {
        match line.split_once(" → ") {
            Some((from, rest)) => {
                let (to, what) = rest.split_once(' ')?;
                Some(ScriptLine { from: Some(from), to, what })
            }
            None => {
                let (to, what) = line.split_once(' ')?;
                Some(ScriptLine { from: None, to, what })
            }
        }
    }
}

impl fmt::Display for ScriptLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            Some(from) => write!(f, "{from} → {} {}", self.to, self.what),
            None => write!(f, "{} {}", self.to, self.what),
        }
    }
}

/// Who has this name.
pub(crate) fn principal(name: &str) -> Option<Principal> {
    let replica = |id: &str| id.parse().ok().map(|id| Principal::Replica(ReplicaId(id)));
    let client = |id: &str| id.parse().ok().map(|id| Principal::Client(ClientId(id)));
    let found = name.strip_prefix('r').and_then(replica).or_else(|| name.strip_prefix('c').and_then(client));
    // Not r01 or r+1.
    found.filter(|found| found.to_string() == name)
}

/// The event without a message that these words, as a trace prints them, begin to tell.
pub(super) fn event(what: &str) -> Option<Event> {
    if let Some(rest) = what.strip_prefix("timer of v") {
        return Some(Event::Timeout(View(rest.split(' ').next()?.parse().ok()?)));
    }
    [Event::Crash, Event::Invoke, Event::Resend]
        .into_iter()
        .find(|event| in_words(event).is_some_and(|w| w.starts_with(what)))
}
