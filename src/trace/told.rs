//! A run that a person wrote down, in the words of a trace.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::text::in_words;
use super::{ReplayError, Trace, describe};
use crate::model::{Adversary, Event, Run, System};
use crate::pbft::{ClientId, Message, Principal, ReplicaId, View};

impl Trace {
    /// The run that these lines tell, each as a trace prints it, or the beginning of that:
    /// `r0 → r2 PREPARE v0 #1 c0.t1`, `r3 timer of v0`. It is replayed on the real replicas, so that it shows
    /// no more than what they do.
    ///
    /// # Errors
    /// The first line that says nothing that can happen.
    pub fn told(system: &Arc<System>, lines: &[&str]) -> Result<Self, ReplayError> {
        let steps = lines.iter().map(|line| Told::from_line(line).ok_or(line));
        let steps = (1..)
            .zip(steps)
            .map(|(number, step)| step.map_err(|line| ReplayError::NeverSent(number, (*line).to_owned())));
        Self::of_told(system, &steps.collect::<Result<Vec<_>, _>>()?, |whole, said| whole.starts_with(said))
    }

    /// The run that these steps tell, where `means` says whether a message or event, in words, is meant by
    /// what was told.
    pub(super) fn of_told(
        system: &Arc<System>,
        steps: &[Told<'_>],
        means: impl Fn(&str, &str) -> bool,
    ) -> Result<Self, ReplayError> {
        let adversary = Adversary::new(Arc::clone(system));
        let mut run = Run::new(Arc::clone(system));
        let mut events = Vec::new();
        for (number, told) in (1..).zip(steps) {
            let unknown = || ReplayError::NeverSent(number, told.to_string());
            let to = principal(told.to).ok_or_else(unknown)?;
            let event = match told.from {
                Some(from) => {
                    let meant = meant(system, &adversary, run.sent(), |message| {
                        message.signer().to_string() == from && means(&describe(system, message), told.what)
                    });
                    Event::Deliver(meant.ok_or_else(unknown)?)
                }
                None => event(told.what).ok_or_else(unknown)?,
            };
            run.step(to, &event).map_err(|why| ReplayError::new(number, to, told.what, why))?;
            events.push((to, event));
        }
        Trace::replay(system, &events)
    }
}

/// One step as it is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    /// Whose message it is, if it is one.
    pub(super) from: Option<&'a str>,
    /// At whom it happens.
    pub(super) to: &'a str,
    /// The message or the event, in words.
    pub(super) what: &'a str,
}

impl<'a> Told<'a> {
    fn from_line(line: &'a str) -> Option<Self> {
        match line.split_once(" → ") {
            Some((from, rest)) => {
                let (to, what) = rest.split_once(' ')?;
                Some(Told { from: Some(from), to, what })
            }
            None => {
                let (to, what) = line.split_once(' ')?;
                Some(Told { from: None, to, what })
            }
        }
    }
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            Some(from) => write!(f, "{from} → {} {}", self.to, self.what),
            None => write!(f, "{} {}", self.to, self.what),
        }
    }
}

/// Who has this name.
fn principal(name: &str) -> Option<Principal> {
    let replica = |id: &str| id.parse().ok().map(|id| Principal::Replica(ReplicaId(id)));
    let client = |id: &str| id.parse().ok().map(|id| Principal::Client(ClientId(id)));
    name.strip_prefix('r').and_then(replica).or_else(|| name.strip_prefix('c').and_then(client))
}

/// The event without a message that these words, as a trace prints them, begin to tell.
fn event(what: &str) -> Option<Event> {
    if let Some(rest) = what.strip_prefix("timer of v") {
        return Some(Event::Timeout(View(rest.split(' ').next()?.parse().ok()?)));
    }
    [Event::Crash, Event::Invoke]
        .into_iter()
        .find(|event| in_words(event).is_some_and(|w| w.starts_with(what)))
}

/// The first message that exists, or that the adversary can send, of which this is true.
fn meant(
    system: &System,
    adversary: &Adversary,
    sent: &BTreeSet<Message>,
    is_meant: impl Fn(&Message) -> bool,
) -> Option<Message> {
    let requests: Vec<_> = system.requests().iter().cloned().map(Message::Request).collect();
    let mut there = requests.iter().chain(adversary.unconditional_messages()).chain(sent);
    let message = there.find(|message| is_meant(message)).cloned();
    message.or_else(|| adversary.messages(sent).into_iter().find(is_meant))
}
