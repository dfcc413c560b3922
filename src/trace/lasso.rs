//! Runs that go on for ever without what they owe: where they stay, and whether the replicas show it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::{ReplayError, StoryEnd, Trace};
use crate::model::{Event, Local, Owed, Participant, Property, Run, System, guarded, participants};
use crate::pbft::{Message, Principal, Refusal, View};

/// What happens, and to whom.
type Events = Vec<(Principal, Event)>;

/// How a run goes on for ever without what it owes: where the network becomes stable, and where it stays.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RunLasso {
    /// The liveness property that it violates.
    pub property: Property,
    /// How many steps come before the network is stable.
    pub stable_after: usize,
    /// How many steps come before those that repeat for ever. Where that is all of them, the run stops.
    pub repeats_after: usize,
    /// What can still happen then, in words.
    pub then: &'static str,
}

impl RunLasso {
    /// [`RunLasso::then`] of a run into a state in which nothing can happen.
    pub(crate) const DEAD_END: &'static str = StoryEnd::DEAD_END;
    /// [`RunLasso::then`] of a run into a state in which nothing has to happen.
    pub(crate) const REST: &'static str =
        "nothing more has to happen: only Byzantine replicas could still do something";
    /// [`RunLasso::then`] of a run into a loop.
    pub const LOOP: &'static str = "and so on, for ever";
    /// [`RunLasso::then`] of a run that goes on in the same way with other numbers for its views.
    pub(crate) const RISING: &'static str = "and so on, for ever, in higher and higher views";

    /// Whether it is a loop, and not a state in which the run stops.
    pub fn is_loop(&self) -> bool {
        self.then == RunLasso::LOOP || self.is_rising()
    }

    /// Whether its views go on without end.
    pub fn is_rising(&self) -> bool {
        self.then == RunLasso::RISING
    }
}

/// Why a run does not stay where it is said to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LassoError {
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

/// Why a run that stays is not shown to be fair. Steps count from 1.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unfair {
    /// Somebody could always act on what honest participants have sent, and never does.
    #[error("what has been sent to {0} lets it act all the time, and it never does")]
    Delivery(Principal),
    /// A timer could always run out, and never does.
    #[error("the timer of {0} can run out all the time, and never does")]
    Timer(Principal),
    /// A timer runs out in a stable network before everything has arrived.
    #[error("step {0}: a timer runs out before what was sent to {1} has arrived, and the network is stable")]
    Early(usize, Principal),
    /// The views rise, and another round cannot be shown to be like this one.
    #[error("the next round, in higher views, is not like this one: {0}")]
    NextRound(String),
}

impl Trace {
    /// The same run, which never does what it owes. That is checked on the real participants: where it stops,
    /// everything that must still arrive is delivered to them, and neither may the goal be reached by that nor a
    /// timer run; where it goes round, they must be where they were, or all as many views higher. Whether it is fair is for
    /// [`Self::fair`] to say; whether Byzantine replicas can still do something is not looked at.
    ///
    /// # Errors
    /// Why it does not stay there.
    pub fn staying(self, lasso: RunLasso) -> Result<Self, LassoError> {
        if !lasso.property.is_liveness() {
            return Err(LassoError::Property);
        }
        if lasso.stable_after > lasso.repeats_after || lasso.repeats_after > self.steps.len() {
            return Err(LassoError::Order);
        }
        if lasso.is_loop() != (lasso.repeats_after < self.steps.len()) {
            return Err(LassoError::Repeats);
        }
        let mut last = self.run.clone();
        if lasso.is_loop() {
            let before = self.run_after(lasso.repeats_after);
            let goes_round =
                if lasso.is_rising() { rises(&before, &last) } else { controls(&before) == controls(&last) };
            if !goes_round {
                return Err(LassoError::Open);
            }
        } else {
            deliver_all(&mut last, &self.run_after(lasso.stable_after));
            if timers(&last).next().is_some() {
                return Err(LassoError::Timer);
            }
        }
        if last.with_view(|seen| seen.reaches(lasso.property)) {
            return Err(LassoError::Reached);
        }
        Ok(Trace { lasso: Some(lasso), ..self })
    }

    /// Checks on the real participants that the run, which [stays](Self::lasso), is fair once the network is stable:
    /// of what is owed to or by somebody in every state in which it stays, some is done there, and a timer runs out only
    /// where nothing else is owed. What is owed is found by delivering all that must arrive to each of them. A step on
    /// what a Byzantine replica has sent, alone or together with others, is owed by nobody. So this may miss that a run is
    /// fair, and never says it of one that is not. A run that does not stay is fair.
    ///
    /// # Errors
    /// What is owed for ever.
    pub fn fair(&self) -> Result<(), Unfair> {
        let Some(lasso) = &self.lasso else { return Ok(()) };
        let everybody = participants(&self.system);
        let mut run = Run::new(Arc::clone(&self.system));
        let mut lost = BTreeSet::new();
        let mut owed: Option<BTreeSet<Owed>> = None;
        let mut paid = BTreeSet::new();
        // Who has received something of a Byzantine replica since it last acted.
        let mut misled = BTreeSet::new();
        for (index, step) in self.steps.iter().enumerate() {
            if index == lasso.stable_after && self.system.bound().scope.lossy {
                lost = run.sent().clone();
            }
            let (repeats, timeout) = (index >= lasso.repeats_after, matches!(step.event, Event::Timeout(_)));
            if repeats || (timeout && index >= lasso.stable_after) {
                let here = owed_in(&run, &everybody, &lost);
                if let Some(Owed::Delivery(who)) = here.first().filter(|_| timeout) {
                    return Err(Unfair::Early(index + 1, *who));
                }
                if repeats {
                    owed = Some(owed.map_or(here.clone(), |owed| &owed & &here));
                }
            }
            let acts = everybody
                .iter()
                .find(|who| who.id() == step.to)
                .is_some_and(|who| control(who, &step.before) != control(who, &step.after));
            if let Event::Deliver(message) = &step.event
                && message.signer().replica().is_some_and(|id| self.system.bound().byzantine.contains(&id))
            {
                misled.insert(step.to);
            }
            match step.event {
                Event::Timeout(_) if repeats => drop(paid.insert(Owed::Timer(step.to))),
                Event::Deliver(_) if repeats && acts && !misled.contains(&step.to) => {
                    paid.insert(Owed::Delivery(step.to));
                }
                _ => {}
            }
            if acts {
                misled.remove(&step.to);
            }
            let _ = run.step(step.to, &step.event);
        }
        let owed = owed.unwrap_or_else(|| {
            if lasso.stable_after == self.steps.len() && self.system.bound().scope.lossy {
                lost = run.sent().clone();
            }
            owed_in(&run, &everybody, &lost)
        });
        match owed.difference(&paid).next() {
            Some(Owed::Delivery(who)) => Err(Unfair::Delivery(*who)),
            Some(Owed::Timer(who)) => Err(Unfair::Timer(*who)),
            _ if lasso.is_rising() => self.rises_alike(lasso).map_err(Unfair::NextRound),
            _ => Ok(()),
        }
    }

    /// Whether the next round, in as many higher views, is like the last one, for some view from which on they count.
    fn rises_alike(&self, lasso: &RunLasso) -> Result<(), String> {
        let before = self.run_after(lasso.repeats_after);
        let lowest =
            |run: &Run| run.locals().filter_map(|(_, local)| local.replica().map(|state| state.view())).min();
        let (Some(first), Some(last)) = (lowest(&before), lowest(&self.run)) else {
            return Err("nobody is honest".to_owned());
        };
        let round = last.0.saturating_sub(first.0);
        let alike = |from| self.goes_round_again(lasso.repeats_after, View(from), round);
        (0..first.0).map(alike).find(Result::is_ok).unwrap_or_else(|| alike(first.0))
    }

    /// Lets the steps after these happen once more in views that are `round` higher, but for those before `from`;
    /// all participants must then be where they are now, but for the numbers.
    pub(crate) fn goes_round_again(
        &self,
        repeats_after: usize,
        from: View,
        round: u64,
    ) -> Result<(), String> {
        let mut again: Events = self.steps.iter().map(|step| (step.to, step.event.clone())).collect();
        again.extend(raised(&self.system, &again[repeats_after..], from, round)?);
        let later = Trace::replayed(&self.system, &mut again, &mut [])?;
        let lower = self.system.renumbering(from, -i64::try_from(round).map_err(|error| error.to_string())?);
        for (who, (now, then)) in participants(&self.system).iter().zip(self.finally().zip(later.finally())) {
            let lowered = who.control(then.1).renamed(&lower);
            if lowered.as_ref() != Some(&who.control(now.1)) {
                return Err(format!("after another round {} is not where it was", who.id()));
            }
        }
        Ok(())
    }

    /// Replays events, without those whose message a model let a replica forget and the replica still has;
    /// `places` count events, and go on to mean the same.
    pub(crate) fn replayed(
        system: &Arc<System>,
        events: &mut Events,
        places: &mut [usize],
    ) -> Result<Trace, String> {
        loop {
            match Trace::replay(system, events) {
                Err(ReplayError::Refused(step, .., Refusal::Duplicate)) => {
                    events.remove(step - 1);
                    places.iter_mut().for_each(|place| *place -= usize::from(*place >= step));
                }
                replayed => return replayed.map_err(|error| error.to_string()),
            }
        }
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
    everybody.iter().zip(run.locals()).map(|(who, (_, local))| control(who, local)).collect()
}

fn control(who: &Participant, local: &Local) -> Local {
    let mut control = who.control(local);
    control.forget_backoff();
    control
}

/// These events in views that are `by` higher, but for those before `from`.
pub(crate) fn raised(
    system: &System,
    events: &[(Principal, Event)],
    from: View,
    by: u64,
) -> Result<Events, String> {
    let renumbering = system.renumbering(from, i64::try_from(by).map_err(|error| error.to_string())?);
    let one = |(who, event): &(Principal, Event)| Some((*who, event.renamed(&renumbering)?));
    events.iter().map(one).collect::<Option<_>>().ok_or_else(|| "there is no such view".to_owned())
}

/// What is owed in a stable network in which these messages were lost: where somebody can act on what must arrive,
/// that; timers only where nobody can.
fn owed_in(run: &Run, everybody: &[Participant], lost: &BTreeSet<Message>) -> BTreeSet<Owed> {
    let mut owed = BTreeSet::new();
    for to in everybody {
        let mut run = run.clone();
        let local = |run: &Run| run.locals().find(|(who, _)| *who == to.id()).map(|(_, local)| local.clone());
        let Some(before) = local(&run) else { continue };
        let messages = must_arrive(&run, everybody, to, |message| lost.contains(message));
        // What comes late may let in what was refused.
        while messages.iter().fold(false, |changed, message| changed | takes(&mut run, to.id(), message)) {}
        if local(&run).is_some_and(|after| control(to, &after) != control(to, &before)) {
            owed.insert(Owed::Delivery(to.id()));
        }
    }
    if owed.is_empty() {
        owed.extend(timers(run).map(Owed::Timer));
    }
    owed
}

/// Whose timers run.
fn timers(run: &Run) -> impl Iterator<Item = Principal> {
    run.locals().filter_map(|(who, local)| {
        let replica = run.system().honest().iter().find(|replica| who.replica() == Some(replica.id()))?;
        let state = local.replica().filter(|_| local.wreck().is_none())?;
        guarded(|| replica.timer(state)).ok().flatten().map(|_| who)
    })
}

/// Delivers a message; whether that changes anything.
fn takes(run: &mut Run, to: Principal, message: &Message) -> bool {
    let taken = run.step(to, &Event::Deliver(message.clone()));
    taken.is_ok_and(|(before, taken)| before != taken.after)
}

/// What must arrive at somebody: the clients' requests, what honest participants have sent and is not lost, and what they
/// send again to who says how far it is.
fn must_arrive(
    run: &Run,
    everybody: &[Participant],
    to: &Participant,
    lost: impl Fn(&Message) -> bool,
) -> Vec<Message> {
    let system = run.system();
    let own = run.locals().find(|(who, _)| *who == to.id()).map(|(_, local)| local);
    let status = own.and_then(|local| to.status(local).ok().flatten());
    let requests = system.requests().iter().cloned().map(Message::Request);
    let sent = run.sent().iter().filter(|message| !lost(message)).cloned();
    let mut messages: Vec<_> = requests.chain(sent).collect();
    for (from, (_, local)) in everybody.iter().zip(run.locals()).filter(|(from, _)| from.id() != to.id()) {
        let answers = status.as_ref().map(|status| from.answers(system, local, status));
        messages.extend(answers.and_then(Result::ok).unwrap_or_default());
    }
    messages
}

/// Delivers what must arrive to everybody, but for what was sent before, if that is lost.
fn deliver_all(run: &mut Run, before: &Run) {
    let everybody = participants(run.system());
    let lossy = run.system().bound().scope.lossy;
    loop {
        let mut changed = false;
        for to in &everybody {
            let lost = |message: &Message| lossy && before.sent().contains(message);
            for message in must_arrive(run, &everybody, to, lost) {
                changed |= takes(run, to.id(), &message);
            }
        }
        if !changed {
            return;
        }
    }
}
