//! A run while it is acted out: what everybody believes, and which messages exist by then.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::describe;
use super::message::{Unreadable, parse};
use super::script::{ScriptLine, event, principal};
use super::{ReplayError, Step, Trace};
use crate::model::{
    Adversary, Event, Local, NoStep, Participant, Run, Statements, System, Transition, guarded, participants,
};
use crate::pbft::{Message, Principal};

/// The most messages of one kind that the adversary's alphabet may have where it is searched for one.
const LARGEST_ALPHABET: u64 = 100_000;

/// A run and what exists in it.
pub(super) struct Stage {
    run: Run,
    participants: Vec<Participant>,
    known: Statements,
    adversary: OnceCell<Option<Adversary>>,
}

impl Stage {
    /// Before anything happened.
    pub(super) fn new(system: &Arc<System>) -> Self {
        let mut this = Stage {
            run: Run::new(Arc::clone(system)),
            participants: participants(system),
            known: Statements::of(system, []),
            adversary: OnceCell::new(),
        };
        let locals: Vec<_> = this.run.locals().map(|(who, local)| (who, local.clone())).collect();
        for (who, local) in &locals {
            this.add_status(*who, local);
        }
        this
    }

    /// The run.
    pub(super) fn run(&self) -> &Run {
        &self.run
    }

    fn system(&self) -> &Arc<System> {
        self.run.system()
    }

    /// Makes an event happen, as [`Run::step`].
    pub(super) fn step(&mut self, who: Principal, event: &Event) -> Result<(Local, Transition), NoStep> {
        let (before, taken) = self.run.step(who, event)?;
        for (_, message) in taken.sent(self.run.system()) {
            self.known.learn(&message);
        }
        self.add_status(who, &taken.after);
        Ok((before, taken))
    }

    /// Where replicas tell each other how far they are, they may at any time.
    fn add_status(&mut self, who: Principal, local: &Local) {
        let participant = self.participants.iter().find(|participant| participant.id() == who);
        if let Some(participant) = participant.filter(|_| self.system().is_open())
            && let Ok(Some(status)) = participant.status(local)
        {
            self.known.learn(&status);
        }
    }

    /// The message that really exists and says the same. A Byzantine replica can have signed anything that it does
    /// not have to forge, whether or not a judge's adversary would think of it. Who vouches for a certificate may
    /// differ from where the checker met it.
    pub(super) fn real(&self, message: &Message) -> Option<Message> {
        if let Some(real) = self.run.sent().get(message) {
            return Some(real.clone());
        }
        if self.known.makes(self.system(), message) {
            return self.system().is_explored(message).then(|| message.clone());
        }
        self.offered().into_iter().find(|m| m == message)
    }

    /// The message that a file holds, if it can be delivered now.
    pub(super) fn parse(&self, value: &Value) -> Result<Message, Unreadable> {
        parse(&self.known, self.system(), value)
    }

    /// The first message that exists, or that the adversary can send, of which this is true.
    fn meant(&self, is_meant: impl Fn(&Message) -> bool) -> Option<Message> {
        let requests: Vec<_> = self.system().requests().iter().cloned().map(Message::Request).collect();
        let adversary = self.adversary();
        let first = adversary.map_or(&[][..], Adversary::unconditional_messages);
        let statuses: BTreeSet<_> = self.known.statuses.iter().cloned().map(Message::Status).collect();
        let mut there = requests.iter().chain(first).chain(self.run.sent()).chain(&statuses);
        let message = there.find(|message| is_meant(message)).cloned();
        message.or_else(|| self.offered().into_iter().find(is_meant))
    }

    /// The event that is told, where `means` says whether a message, in words, is meant by what was told.
    pub(super) fn find(
        &self,
        number: usize,
        line: &ScriptLine<'_>,
        means: impl Fn(&str, &str) -> bool,
    ) -> Result<(Principal, Event), ReplayError> {
        let unknown = || ReplayError::NeverSent(number, line.to_string());
        let to = principal(line.to).ok_or_else(unknown)?;
        let event = match line.from {
            Some(from) => {
                let meant = self.meant(|message| {
                    message.signer().to_string() == from
                        && means(&describe(self.system(), message), line.what)
                });
                Event::Deliver(meant.ok_or_else(unknown)?)
            }
            None => event(line.what).ok_or_else(unknown)?,
        };
        Ok((to, event))
    }

    /// What the adversary can send now, where its messages can be listed.
    fn offered(&self) -> Vec<Message> {
        self.adversary().map_or_else(Vec::new, |adversary| offered(adversary, &self.run))
    }

    /// The adversary, where its messages can be listed.
    fn adversary(&self) -> Option<&Adversary> {
        self.adversary.get_or_init(|| adversary(self.system())).as_ref()
    }
}

/// The adversary of a system, where its messages can be listed, and its rulebook can say how.
pub(crate) fn adversary(system: &Arc<System>) -> Option<Adversary> {
    let listed = || guarded(|| Adversary::new(Arc::clone(system))).ok();
    is_listable(system).then(listed).flatten()
}

/// What an adversary can send after a run, where its rulebook can say it.
pub(crate) fn offered(adversary: &Adversary, run: &Run) -> Vec<Message> {
    guarded(|| adversary.messages(run.sent())).unwrap_or_default()
}

/// Whether what the adversary can send is little enough to be listed.
pub(super) fn is_listable(system: &System) -> bool {
    let bound = system.bound();
    let batches = u64::from(bound.scope.requests) + u64::from(bound.scope.reads) + 2;
    let views = bound.byzantine.len() as u64 * bound.scope.views;
    let proposals = views.saturating_mul(bound.scope.slots * batches * batches);
    let contents = views.saturating_mul(batches.saturating_pow(bound.scope.slots as u32));
    proposals.max(contents) <= LARGEST_ALPHABET
}

impl Trace {
    /// Acts a run out on the real participants, where `event` says what is meant by each part of it.
    pub(super) fn enact<T>(
        system: &Arc<System>,
        parts: impl IntoIterator<Item = T>,
        mut event: impl FnMut(&Stage, usize, T) -> Result<(Principal, Event), ReplayError>,
    ) -> Result<Self, ReplayError> {
        let mut stage = Stage::new(system);
        let mut steps = Vec::new();
        for (number, part) in (1..).zip(parts) {
            let (to, event) = event(&stage, number, part)?;
            let (before, taken) = stage
                .step(to, &event)
                .map_err(|why| ReplayError::new(number, to, &format!("{event:?}"), why))?;
            steps.push(Step::new(to, event, before, taken));
        }
        Ok(Trace { system: Arc::clone(system), steps, run: stage.run, lasso: None })
    }
}
