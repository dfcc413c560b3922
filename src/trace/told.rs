//! A run that a person wrote down, in the words of a trace.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{ReplayError, Trace, describe};
use crate::model::{Adversary, Event, Run, System};
use crate::pbft::{Message, Principal, ReplicaId, View};

impl Trace {
    /// The run that these lines tell, each as a trace prints it, or the beginning of that:
    /// `r0 → r2 PREPARE v0 #1 c0.t1`, `r3 timer of v0`. It is replayed on the real replicas, so that it shows
    /// no more than what they do.
    ///
    /// # Errors
    /// The first line that says nothing that can happen.
    pub fn told(system: &Arc<System>, lines: &[&str]) -> Result<Self, ReplayError> {
        let adversary = Adversary::new(Arc::clone(system));
        let mut run = Run::new(Arc::clone(system));
        let mut events = Vec::new();
        for (number, line) in (1..).zip(lines) {
            let unknown = || ReplayError::NeverSent(number, (*line).to_owned());
            let (to, event) = event(system, &adversary, run.sent(), line).ok_or_else(unknown)?;
            run.step(to, &event).map_err(|why| ReplayError::new(number, to, line, why))?;
            events.push((to, event));
        }
        Trace::replay(system, &events)
    }
}

/// What a line says.
fn event(
    system: &System,
    adversary: &Adversary,
    sent: &BTreeSet<Message>,
    line: &str,
) -> Option<(Principal, Event)> {
    let replica =
        |name: &str| name.strip_prefix('r')?.parse().ok().map(|id| Principal::Replica(ReplicaId(id)));
    let Some((from, rest)) = line.split_once(" → ") else {
        let (to, view) = line.split_once(" timer of v")?;
        return Some((replica(to)?, Event::Timeout(View(view.parse().ok()?))));
    };
    let (to, what) = rest.split_once(' ')?;
    let is_meant = |message: &&Message| {
        message.signer().to_string() == from && describe(system, message).starts_with(what)
    };
    let requests: Vec<_> = system.requests().iter().cloned().map(Message::Request).collect();
    let there = requests.iter().chain(adversary.unconditional_messages()).chain(sent);
    let message = there.clone().find(is_meant).cloned();
    let message = message.or_else(|| adversary.messages(sent).iter().find(is_meant).cloned())?;
    Some((replica(to)?, Event::Deliver(message)))
}
