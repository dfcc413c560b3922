//! Retransmission: what a replica misses that was cut off or has recovered.
//!
//! The paper assumes that messages which are sent again and again arrive. Here a replica says from time to
//! time how far it is, and whoever is further sends it what it lacks: nothing is stored for that which
//! the protocol does not hold anyway.

use super::{Effect, Replica, State};
use crate::pbft::id::ReplicaId;
use crate::pbft::message::{Checkpoint, Commit, Message, Prepare, Status};
use crate::pbft::rules::{Refusal, replica_of};
use crate::pbft::signature::Signed;

impl Replica {
    pub(super) fn status(&self, state: &State) -> Message {
        Message::Status(self.key.sign(Status {
            view: state.view,
            active: state.active,
            stable: state.stable.seq(),
            height: state.chain.height(),
        }))
    }

    /// Says how far this replica is, and repeats what the others may be waiting for.
    pub(super) fn retransmit(&self, state: &State, out: &mut Vec<Effect>) {
        out.push(Effect::Broadcast(self.status(state)));
        if let Some(change) = state.view_changes.get(&self.id) {
            out.push(Effect::Broadcast(Message::ViewChange(change.clone())));
        }
        if state.active && !self.is_primary(state.view) {
            let primary = self.rules.primary(self.setting.committee, state.view);
            let waiting = state.pending.values().take(self.setting.max_batch);
            out.extend(waiting.map(|request| Effect::Send(primary, Message::Request(request.clone()))));
        }
    }

    pub(super) fn check_status(&self, status: &Signed<Status>) -> Result<(), Refusal> {
        let from = replica_of(&self.setting, status)?;
        if from == self.id {
            return Err(Refusal::Own);
        }
        self.check_signature(status)
    }

    /// Sends a replica what it misses, as far as this one has it.
    pub(super) fn send_again(&self, state: &State, status: &Signed<Status>, out: &mut Vec<Effect>) {
        let Some(from) = status.signer().replica() else { return };
        let mut send = |message| out.push(Effect::Send(from, message));
        if status.height < state.stable.seq() {
            if let Some(transfer) = self.transferable(state) {
                send(Message::State(transfer));
            }
        } else {
            self.checkpoints_after(state, status).for_each(&mut send);
        }
        let mine = (state.view, state.active);
        if mine > (status.view, status.active) {
            if let Some(new_view) = state.new_view.0.as_ref().filter(|new_view| new_view.view >= status.view)
            {
                send(Message::NewView(new_view.clone()));
            }
            if let Some(change) = state.view_changes.get(&self.id) {
                send(Message::ViewChange(change.clone()));
            }
        } else if mine == (status.view, status.active) {
            if let Some(change) = state.view_changes.get(&self.id) {
                send(Message::ViewChange(change.clone()));
            }
        }
        if state.active && status.view <= state.view {
            self.votes_after(state, status, from).into_iter().for_each(send);
        }
    }

    /// This replica's CHECKPOINTs above another's stable checkpoint.
    fn checkpoints_after(&self, state: &State, status: &Status) -> impl Iterator<Item = Message> {
        let stable = status.stable;
        state.snapshots.iter().filter(move |&(&seq, _)| seq > stable).map(|(&seq, snapshot)| {
            Message::Checkpoint(self.key.sign(Checkpoint { seq, state: snapshot.digest() }))
        })
    }

    /// This replica's messages of its view above what the other has executed.
    fn votes_after(&self, state: &State, status: &Status, to: ReplicaId) -> Vec<Message> {
        let primary = self.rules.primary(self.setting.committee, state.view);
        let mut out = Vec::new();
        for (seq, slot) in state.log.after(status.height) {
            let Some(proposal) = slot.proposal() else { continue };
            let (view, digest) = (proposal.view(), proposal.digest());
            if to != primary && proposal.pre_prepare.signer().replica() != Some(to) {
                out.push(Message::PrePrepare(proposal.clone()));
            }
            if self.id != primary {
                out.push(Message::Prepare(self.key.sign(Prepare { view, seq, digest })));
            }
            if slot.is_prepared() {
                out.push(Message::Commit(self.key.sign(Commit { view, seq, digest })));
            }
        }
        out
    }
}
