//! Retransmission: what a replica misses that was cut off or has recovered.
//!
//! The paper assumes that messages which are sent again and again arrive. Here a replica says from time to
//! time how far it is, and whoever is further sends it what it lacks: nothing is stored for that which
//! the protocol does not hold anyway.

use std::sync::Arc;

use super::{Effect, Replica, State};
use crate::pbft::id::ReplicaId;
use crate::pbft::message::{Checkpoint, Commit, Message, Prepare, Status};
use crate::pbft::rules::{Refusal, SignedPart, replica_of};
use crate::pbft::signature::{Principal, Signed};

impl Replica {
    pub(super) fn status(&self, state: &State) -> Message {
        Message::Status(self.key.sign(Status {
            view: state.view,
            active: state.active,
            stable: state.stable.seq(),
            height: state.chain.height(),
        }))
    }

    /// Says how far this replica is, and gives the primary the requests that wait here.
    pub(super) fn retransmit(&self, state: &State, out: &mut Vec<Effect>) {
        if !self.rules.retransmits() {
            return;
        }
        out.push(Effect::Broadcast(self.status(state)));
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
        self.check_signature(SignedPart::Status, status)
    }

    /// Sends a replica what it misses, as far as this one has it.
    pub(super) fn send_again(&self, state: &State, status: &Signed<Status>, out: &mut Vec<Effect>) {
        let Some(from) = status.signer().replica() else { return };
        let mut send = |message| out.push(Effect::Send(from, message));
        if let Some(transfer) = self.news_for(state, status) {
            send(Message::State(transfer));
        }
        self.checkpoints_after(state, status).for_each(&mut send);

        let (mine, theirs) = ((state.view, state.active), (status.view, status.active));
        let new_view = state.new_view().filter(|new_view| (new_view.view, true) > theirs);
        if let Some(new_view) = new_view {
            send(Message::NewView(Arc::clone(new_view)));
        }
        if mine >= theirs {
            if let Some(change) = state.view_changes.get(&self.id) {
                send(Message::ViewChange(Arc::clone(change)));
            }
            self.votes_after(state, status, from).into_iter().for_each(send);
        }
    }

    /// This replica's CHECKPOINTs that are not known to be stable.
    fn checkpoints_after(&self, state: &State, status: &Status) -> impl Iterator<Item = Message> {
        let known = status.stable.max(state.stable.seq());
        state.snapshots.iter().filter(move |&(&seq, _)| seq > known).map(|(&seq, snapshot)| {
            Message::Checkpoint(self.key.sign(Checkpoint { seq, state: snapshot.digest() }))
        })
    }

    /// This replica's messages of its view for what is not decided, as far as it knows.
    fn votes_after(&self, state: &State, status: &Status, to: ReplicaId) -> Vec<Message> {
        let mut out = Vec::new();
        for (seq, slot) in state.log.after(status.height).filter(|(_, slot)| slot.decision.is_none()) {
            let Some(proposal) = slot.proposal() else { continue };
            let (view, digest) = (proposal.view(), proposal.digest());
            if proposal.pre_prepare.signer() != Principal::Replica(to) {
                out.push(Message::PrePrepare(proposal.clone()));
            }
            if !self.is_primary(view) {
                out.push(Message::Prepare(self.key.sign(Prepare { view, seq, digest })));
            }
            if slot.is_prepared() {
                out.push(Message::Commit(self.key.sign(Commit { view, seq, digest })));
            }
        }
        out
    }
}
