//! The view-change timer (OSDI'99 §4.4): when it runs, and for which request.
//!
//! It runs for *one* of the requests that wait, and goes on until that one is executed, whatever else is executed
//! meanwhile: a primary that serves everybody but one client is suspected for that client's sake. Then it
//! starts again for a request of the next client that waits, in the order of their numbers and round again:
//! so every client's turn comes, however many requests the others have.

use super::{Replica, Slot, State};
use crate::pbft::block::RequestId;
use crate::pbft::id::{SeqNum, View};

/// A running view-change timer (OSDI'99 §4.4). Two timers that differ are two timers: when this
/// value changes, the old one is void and a new one starts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Timer {
    /// The view that is given up when the timer runs out.
    pub view: View,
    /// The request that is waited for. None where the replica waits for nothing in particular: it has left a view with
    /// others and knows of no request. Then whatever is executed will do.
    pub awaits: Option<RequestId>,
    /// What was executed when it started.
    pub since: SeqNum,
    /// It runs for the base period times two to this power: one doubling for each view change between the last
    /// time that a request was executed and the start of the timer.
    pub doublings: u32,
}

impl Replica {
    /// The timer that runs in this state (OSDI'99 §4.4): an active backup's while it waits for a
    /// request to be executed; in a view change, once a quorum has left the old view, until the new
    /// view begins.
    pub fn timer(&self, state: &State) -> Option<Timer> {
        let waits = if state.active {
            !self.is_primary(state.view) && (!state.pending.is_empty() || state.awaits_execution())
        } else {
            self.leavers(state) >= self.rules.view_change_quorum(self.setting.committee)
        };
        let runs = waits && self.rules.runs_timer(state.standing()) && self.may_leave(state);
        runs.then(|| self.running_timer(state))
    }

    /// The timer that has run so far, if it goes on; otherwise the one that starts.
    fn running_timer(&self, state: &State) -> Timer {
        let (last, height) = (state.timer.0, state.chain.height());
        let still_waits = |id: RequestId| {
            let waits = state.pending.contains_key(&id) || state.accepted_requests().any(|other| other == id);
            waits && self.rules.executes(state.last_timestamp(id.client), id.timestamp)
        };
        let goes_on = |timer: &Timer| {
            timer.view == state.view
                && !self.rules.restarts_timer(timer.since, height)
                && timer.awaits.map_or(timer.since == height, still_waits)
        };
        last.filter(goes_on).unwrap_or_else(|| {
            let before = last.and_then(|timer| timer.awaits);
            let awaits = before.filter(|&id| still_waits(id)).or_else(|| self.next_awaited(state, before));
            Timer { view: state.view, awaits, since: height, doublings: state.doublings }
        })
    }

    /// Whose turn it is after that request: the first waiting one of the next client.
    fn next_awaited(&self, state: &State, last: Option<RequestId>) -> Option<RequestId> {
        let due = |id: &RequestId| self.rules.executes(state.last_timestamp(id.client), id.timestamp);
        let had_its_turn = |id: &RequestId| last.is_some_and(|last| id.client <= last.client);
        let waiting = state.pending.keys().copied().chain(state.accepted_requests()).filter(due);
        waiting.min_by_key(|id| (had_its_turn(id), id.client, id.timestamp))
    }
}

impl State {
    /// The requests in accepted proposals that are not executed yet.
    fn accepted_requests(&self) -> impl Iterator<Item = RequestId> {
        let accepted = self.log.after(self.chain.height()).filter_map(|(_, slot)| slot.proposal());
        accepted.flat_map(|proposal| proposal.batch.requests()).map(|request| request.id())
    }

    fn awaits_execution(&self) -> bool {
        let holds_requests = |slot: &Slot| slot.proposal().is_some_and(|p| !p.batch.is_null());
        self.log.after(self.chain.height()).any(|(_, slot)| holds_requests(slot))
    }
}
