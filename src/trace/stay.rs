//! Runs that go on for ever without what they owe: where they stay, and whether the replicas show it.

use std::sync::Arc;

use serde::Serialize;

use super::Trace;
use crate::model::{Event, Local, Run, System, is_liveness, participants};
use crate::pbft::{Message, Principal};

/// How a run goes on for ever without what it owes: where the network becomes stable, and where it stays.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Stay {
    /// The liveness property that it violates.
    pub property: &'static str,
    /// How many steps come before the network is stable.
    pub stable_after: usize,
    /// How many steps come before those that repeat for ever. Where that is all of them, the run stops.
    pub repeats_after: usize,
    /// What can still happen then, in words.
    pub then: &'static str,
}

impl Stay {
    /// [`Stay::then`] of a run into a state in which nothing can happen.
    pub const DEAD_END: &'static str = "nothing can happen any more";
    /// [`Stay::then`] of a run into a state in which nothing has to happen.
    pub const REST: &'static str =
        "nothing more has to happen: only Byzantine replicas could still do something";
    /// [`Stay::then`] of a run into a loop.
    pub const LOOP: &'static str = "and so on, for ever";
    /// [`Stay::then`] of a run that goes on in the same way with other numbers for its views.
    pub const RISING: &'static str = "and so on, for ever, in higher and higher views";

    /// Whether it is a loop, and not a state in which the run stops.
    pub fn is_loop(&self) -> bool {
        self.then == Stay::LOOP || self.is_rising()
    }

    /// Whether its views go on without end.
    pub fn is_rising(&self) -> bool {
        self.then == Stay::RISING
    }
}

/// Why a run does not stay where it is said to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StayError {
    /// It is about no liveness property.
    #[error("the property is none of liveness")]
    Property,
    /// The steps are not in the order of: stable, then where it stays, then the end.
    #[error("the network is not stable before the run stays, or the run ends before that")]
    Order,
    /// It stops, and is said to go round; or the other way round.
    #[error("a loop has steps that repeat, and where a run stops there are none")]
    Repeats,
    /// What everybody believes after the loop is not what they believed before it.
    #[error("after the steps that are to repeat, the replicas are not where they were before")]
    Open,
    /// A timer runs, so that something happens.
    #[error("when everything has arrived a timer runs")]
    Timer,
    /// It reaches what it is said never to reach.
    #[error("when everything has arrived the goal is reached")]
    Reached,
}

impl Trace {
    /// The same run, which never does what it owes. That is checked on the real participants: where it stops,
    /// everything that must still arrive is delivered to them, and neither may the goal be reached by that nor a
    /// timer run; where it goes round, they must be where they were, or all as many views higher. Whether a loop is fair is not checked here, nor
    /// whether Byzantine replicas can still do something.
    ///
    /// # Errors
    /// Why it does not stay there.
    pub fn staying(self, stay: Stay) -> Result<Self, StayError> {
        if !is_liveness(stay.property) {
            return Err(StayError::Property);
        }
        if stay.stable_after > stay.repeats_after || stay.repeats_after > self.steps.len() {
            return Err(StayError::Order);
        }
        if stay.is_loop() != (stay.repeats_after < self.steps.len()) {
            return Err(StayError::Repeats);
        }
        let mut last = self.run.clone();
        if stay.is_loop() {
            let before = self.run_after(stay.repeats_after);
            let goes_round =
                if stay.is_rising() { rises(&before, &last) } else { controls(&before) == controls(&last) };
            if !goes_round {
                return Err(StayError::Open);
            }
        } else {
            deliver_all(&mut last, &self.run_after(stay.stable_after));
            let runs = self.system.honest().iter().any(|replica| {
                last.locals().any(|(who, local)| {
                    who.replica() == Some(replica.id())
                        && local.replica().is_some_and(|state| replica.timer(state).is_some())
                })
            });
            if runs {
                return Err(StayError::Timer);
            }
        }
        if last.with_seen(|seen| seen.reaches(stay.property)) {
            return Err(StayError::Reached);
        }
        Ok(Trace { lasso: Some(stay), ..self })
    }

    /// The run after so many steps.
    fn run_after(&self, steps: usize) -> Run {
        let mut run = Run::new(Arc::clone(&self.system));
        for step in self.steps.iter().take(steps) {
            let _ = run.step(step.to, &step.event);
        }
        run
    }
}

/// Whether every honest replica is as many views higher than before as the others.
fn rises(before: &Run, after: &Run) -> bool {
    let views = |run: &Run| -> Vec<_> {
        run.locals().filter_map(|(_, local)| local.replica().map(|state| state.view().0)).collect()
    };
    let mut risen = views(before).into_iter().zip(views(after)).map(|(old, new)| new.checked_sub(old));
    let first = risen.next().flatten();
    first > Some(0) && risen.all(|other| other == first)
}

/// What everybody believes, without what could be received again and has had no consequence.
fn controls(run: &Run) -> Vec<Local> {
    let everybody = participants(run.system());
    let control = |(participant, (_, local)): (&crate::model::Participant, (Principal, &Local))| {
        let mut control = participant.control(local);
        control.forget_backoff();
        control
    };
    everybody.iter().zip(run.locals()).map(control).collect()
}

/// Delivers what must arrive: the clients' requests, what honest participants have sent (since `before`, if what
/// was sent until then is lost), and what they send again to who says how far it is.
fn deliver_all(run: &mut Run, before: &Run) {
    let system: Arc<System> = Arc::clone(run.system());
    let everybody = participants(&system);
    let lost = |message: &Message| system.bound().lossy && before.sent().contains(message);
    loop {
        let mut changed = false;
        for to in &everybody {
            let locals: Vec<_> = run.locals().map(|(who, local)| (who, local.clone())).collect();
            let own = locals.iter().find(|(who, _)| *who == to.id()).map(|(_, local)| local);
            let status = own.and_then(|local| to.status(local));
            let requests = system.requests().iter().cloned().map(Message::Request);
            let sent = run.sent().iter().filter(|message| !lost(message)).cloned();
            let mut messages: Vec<_> = requests.chain(sent).collect();
            for (from, (_, local)) in everybody.iter().zip(&locals).filter(|(from, _)| from.id() != to.id()) {
                let answers = status.as_ref().map(|status| from.answers(&system, local, status));
                messages.extend(answers.unwrap_or_default());
            }
            for message in messages {
                let taken = run.step(to.id(), &Event::Deliver(message));
                changed |= taken.is_ok_and(|(before, taken)| before != taken.after);
            }
        }
        if !changed {
            return;
        }
    }
}
