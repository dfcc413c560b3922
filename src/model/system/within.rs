//! What happens in a system: all that its bound does not leave out.

use super::System;
use super::kind::{Deeds, Kind};
use crate::model::event::EventRef;
use crate::pbft::{Input, Message, ReplicaId, SignedRequest, State, View};

impl System {
    /// The views that replicas may move to, and the one that Byzantine replicas may ask for besides.
    pub(in crate::model) fn targets(&self) -> impl Iterator<Item = View> + Clone {
        let only = match self.kind {
            Kind::OfLastView(last) => Some(last),
            Kind::Bounded | Kind::Open(_) | Kind::Simulated(_) => None,
        };
        let all = (1..self.bound.scope.views).map(View);
        all.filter(move |view| only.is_none_or(|only| only == *view)).chain(self.far_view())
    }

    /// Where liveness is asked for, the first view beyond the bound. It stands for all that are so far away: nobody honest
    /// has come near, so that it only matters that they are higher than all others. Whoever moves there leaves the
    /// bound, whichever of them it is.
    pub(in crate::model) fn far_view(&self) -> Option<View> {
        let asks = matches!(self.kind, Kind::Open(Deeds::All)) && !self.byzantine.is_empty();
        asks.then_some(View(self.bound.scope.views))
    }

    /// Whether a message is of the bound: no sequence number lies beyond its slots. That a primary's
    /// proposal for a later one arrives late is a behaviour like any other.
    pub fn is_explored(&self, message: &Message) -> bool {
        self.is_simulated()
            || !matches!(message, Message::PrePrepare(p) if p.seq().0 > self.bound.scope.slots)
    }

    /// Whether a checkpoint is taken within the bound.
    pub fn has_checkpoints(&self) -> bool {
        self.is_simulated() || self.setting.checkpoint_interval <= self.bound.scope.slots
    }

    /// Whether replicas send each other what they have decided: where there are checkpoints, by which one
    /// can lag behind, and where a system is to go on for ever.
    pub(crate) fn exchanges_states(&self) -> bool {
        self.is_open() || self.has_checkpoints()
    }

    /// Whether an honest replica's timer may fire in this view.
    pub(crate) fn may_time_out(&self, view: View) -> bool {
        self.is_open() || view.0 + 1 < self.bound.scope.views
    }

    /// Whether a request reaches a replica before a primary proposes it. In a bound of one view only
    /// who may propose needs it: a waiting request makes a backup's timer run, and none fires there.
    pub fn hears_requests(&self, id: ReplicaId) -> bool {
        let proposes = |view| self.rules.may_propose(self.setting.committee, view, id);
        match self.kind {
            Kind::OfLastView(last) => proposes(last),
            Kind::Bounded => self.bound.scope.views != 1 || proposes(View(0)),
            Kind::Open(_) | Kind::Simulated(_) => true,
        }
    }

    /// What happens as a replica takes it, if it happens within the bound.
    pub(crate) fn as_input<'a>(&self, state: &State, stimulus: EventRef<'a>) -> Option<Input<'a>> {
        match stimulus {
            EventRef::Deliver(Message::Request(request)) if self.is_idle_repetition(state, request) => None,
            EventRef::Deliver(message) => Some(Input::Deliver(message)),
            EventRef::Timeout if self.may_time_out(state.view()) => Some(Input::Timeout),
            EventRef::Resend if self.is_simulated() => Some(Input::Retransmit),
            EventRef::Timeout | EventRef::Crash | EventRef::Invoke | EventRef::Resend => None,
        }
    }

    /// Whether a request was executed and would only bring the reply again, for which nobody waits where
    /// clients take no part.
    fn is_idle_repetition(&self, state: &State, request: &SignedRequest) -> bool {
        let last = state.last_reply(request.client).map(|last| last.timestamp);
        self.clients.is_empty() && last.is_some() && !self.rules.executes(last, request.timestamp)
    }
}
