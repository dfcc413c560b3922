//! The honest participants, run event by event.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::history::History;
use super::participant::{Event, Local, Participant, Transition, participants};
use super::property::{GlobalView, first_history};
use super::system::System;
use crate::pbft::{Message, Principal, Refusal};

/// A run of a system: what everybody believes after the events so far.
#[derive(Clone, Debug)]
pub struct Run {
    system: Arc<System>,
    participants: Vec<Participant>,
    locals: Vec<Local>,
    history: Option<History>,
    sent: BTreeSet<Message>,
}

/// Why an event does not happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoStep {
    /// There is no such honest participant.
    NotHonest,
    /// It cannot happen here, or would change nothing.
    Impossible,
    /// A guard refuses it.
    Refused(Refusal),
}

impl Run {
    /// Before anything happened.
    pub fn new(system: Arc<System>) -> Self {
        let participants = participants(&system);
        let locals = participants.iter().map(|participant| participant.init(&system)).collect();
        let history = first_history(&system, &participants);
        Run { system, participants, locals, history, sent: BTreeSet::new() }
    }

    /// The system.
    pub(crate) fn system(&self) -> &Arc<System> {
        &self.system
    }

    /// The participants with what they believe.
    pub fn locals(&self) -> impl Iterator<Item = (Principal, &Local)> {
        self.participants.iter().map(Participant::id).zip(&self.locals)
    }

    /// What the honest participants have sent.
    pub fn sent(&self) -> &BTreeSet<Message> {
        &self.sent
    }

    /// What clients asked and were told, if that is kept.
    pub(crate) fn history(&self) -> Option<&History> {
        self.history.as_ref()
    }

    /// Makes an event happen to a participant; what it believed before, and what came of it.
    ///
    /// # Errors
    /// Why it does not happen; nothing has changed then.
    pub fn step(&mut self, who: Principal, event: &Event) -> Result<(Local, Transition), NoStep> {
        let (before, taken) = self.tried(who, event)?;
        if let (Principal::Client(client), Some(history)) = (who, &mut self.history)
            && let (Some(old), Some(new)) = (before.client(), taken.after.client())
        {
            *history = history.after(client, old, new);
        }
        self.sent.extend(taken.sent(&self.system).into_iter().map(|(_, message)| message));
        if let Some(index) = self.participants.iter().position(|participant| participant.id() == who) {
            self.locals[index] = taken.after.clone();
        }
        Ok((before, taken))
    }

    /// What an event would make of a participant; what that believes now, and what would come of it.
    ///
    /// # Errors
    /// Why it does not happen.
    pub(crate) fn tried(&self, who: Principal, event: &Event) -> Result<(Local, Transition), NoStep> {
        let index = self.participants.iter().position(|p| p.id() == who).ok_or(NoStep::NotHonest)?;
        let participant = &self.participants[index];
        let before = self.locals[index].clone();
        let stimulus = event.as_stimulus(&before).ok_or(NoStep::Impossible)?;
        let spent = self.locals.iter().map(Local::crashes).sum::<u32>() >= self.system.bound().scope.crashes;
        if *event == Event::Crash && spent {
            return Err(NoStep::Impossible);
        }
        let refusal = || participant.refusal(&self.system, &before, stimulus);
        let Some(taken) = participant.step(&self.system, &before, stimulus) else {
            return Err(refusal().map_or(NoStep::Impossible, NoStep::Refused));
        };
        Ok((before, taken))
    }

    /// Calls `see` with what everybody believes.
    pub fn with_view<R>(&self, see: impl FnOnce(&GlobalView<'_>) -> R) -> R {
        GlobalView::with(&self.system, self.locals.iter(), self.history.as_ref(), see)
    }
}
