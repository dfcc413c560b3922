//! Dead ends: states in which requests wait, and nothing that can happen there changes anybody.
//!
//! What can happen is all that the bound allows: a message that exists or that a Byzantine replica can send arrives, once
//! more if it has before, a timer runs out, somebody crashes, a client reads. Changed is who believes something else
//! afterwards, were it only a vote more, or who sends what was not sent before.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Step, Trace, stage};
use crate::model::{Adversary, Event, Local, Property, Run, System};
use crate::pbft::{Message, Principal};

/// What is wrong with states of one system.
pub(super) struct Oracle {
    system: Arc<System>,
    adversary: OnceCell<Option<Adversary>>,
}

impl Oracle {
    pub(super) fn of(system: &Arc<System>) -> Self {
        Oracle { system: Arc::clone(system), adversary: OnceCell::new() }
    }

    /// What is wrong with what the participants of a run believe, if something is.
    pub(super) fn violation(&self, run: &Run, property: Property) -> Option<String> {
        if property != Property::NoDeadEnd {
            return run.with_view(|seen| property.violation(seen));
        }
        // Where somebody has panicked nothing can happen, and that is what is wrong there.
        let waits = run.with_view(|seen| seen.unserved().filter(|_| seen.panicked.is_none()))?;
        let messages = self.messages(run)?;
        next(run, &messages).is_none().then_some(waits)
    }

    /// Every message that can be delivered; none where that is more than can be listed.
    fn messages(&self, run: &Run) -> Option<BTreeSet<Message>> {
        let listed = || stage::adversary(&self.system);
        let adversary = self.adversary.get_or_init(listed).as_ref()?;
        let requests = self.system.requests().iter().cloned().map(Message::Request);
        let first = adversary.unconditional_messages().iter().cloned().chain(requests);
        let all = first.chain(stage::offered(adversary, run)).chain(run.sent().iter().cloned());
        Some(all.filter(|message| self.system.is_explored(message)).collect())
    }
}

/// Whether an event changes anybody.
pub(crate) fn changes(run: &Run, who: Principal, event: &Event) -> bool {
    run.tried(who, event).is_ok_and(|(before, taken)| {
        let is_new = |message: &Message| !run.sent().contains(message);
        before != taken.after || taken.sent(run.system()).iter().any(|(_, message)| is_new(message))
    })
}

/// The first of the events that are possible in the last state of a run that changes anybody.
fn next(run: &Run, messages: &BTreeSet<Message>) -> Option<(Principal, Event)> {
    let system = run.system();
    for (who, local) in run.locals() {
        let hears = who.replica().is_none_or(|id| system.hears_requests(id));
        let delivered = messages.iter().filter(|message| hears || !matches!(message, Message::Request(_)));
        let delivered = delivered.cloned().map(Event::Deliver);
        let timeout = local.replica().map(|state| Event::Timeout(state.view()));
        let invoked = matches!(local, Local::Client(_)).then_some(Event::Invoke);
        let others = timeout.into_iter().chain([Event::Crash]).chain(invoked);
        if let Some(event) = delivered.chain(others).find(|event| changes(run, who, event)) {
            return Some((who, event));
        }
    }
    None
}

impl Trace {
    /// The same run, gone on with until nothing that can happen changes anybody: all that exists arrives, until all that
    /// comes of that has arrived too. The run itself where what can be sent is more than can be listed.
    #[must_use]
    pub fn to_the_end(&self) -> Trace {
        let oracle = Oracle::of(&self.system);
        let mut ended = self.clone();
        while let Some(messages) = oracle.messages(&ended.run)
            && let Some((who, event)) = next(&ended.run, &messages)
        {
            let Ok((before, taken)) = ended.run.step(who, &event) else { break };
            ended.steps.push(Step::new(who, event, before, taken));
        }
        ended
    }
}
