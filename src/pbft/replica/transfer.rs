//! State transfer: a replica that lags behind a stable checkpoint takes over the state (OSDI'99 §4.3).

use std::sync::Arc;

use super::{Effect, Record, Replica, State};
use crate::pbft::block::Chain;
use crate::pbft::certificate::StableCheckpoint;
use crate::pbft::id::SeqNum;
use crate::pbft::message::StateTransfer;
use crate::pbft::rules::{Refusal, replica_of};
use crate::pbft::signature::Signed;
use crate::pbft::snapshot::Snapshot;

impl Replica {
    /// The state at this replica's stable checkpoint, to be sent; none at genesis, which everybody has.
    pub(super) fn transferable(&self, state: &State) -> Option<Arc<Signed<StateTransfer>>> {
        let snapshot = Arc::clone(state.snapshots.get(&state.stable.seq())?);
        let stable = state.stable.claim().clone();
        Some(Arc::new(self.key.sign(StateTransfer { stable, snapshot })))
    }

    pub(super) fn check_state(&self, state: &State, transfer: &Signed<StateTransfer>) -> Result<(), Refusal> {
        let from = replica_of(&self.setting, transfer)?;
        if from == self.id {
            return Err(Refusal::Own);
        }
        if transfer.snapshot.seq <= state.chain.height() {
            return Err(Refusal::NotAhead);
        }
        self.check_signature(transfer)?;
        self.rules.check_state(&self.setting, transfer)
    }

    /// Takes over a state that has passed all guards, and goes on executing from there.
    pub(super) fn take_over(
        &self,
        state: &mut State,
        transfer: &Signed<StateTransfer>,
        out: &mut Vec<Effect>,
    ) {
        let claim = transfer.stable.clone();
        let Ok(stable) = StableCheckpoint::new(&self.setting, self.rules, claim) else { return };
        let snapshot = Arc::clone(&transfer.snapshot);
        let seq = snapshot.seq;
        self.persist(Record::Transferred(stable.clone(), Arc::clone(&snapshot)), out);
        self.replace_state(state, &stable, snapshot);
        out.push(Effect::Transferred(seq));
        out.push(Effect::Stable(stable));
        self.go_on_after(state, seq, out);
    }

    /// Puts a snapshot in the place of what was executed here.
    pub(super) fn replace_state(
        &self,
        state: &mut State,
        stable: &StableCheckpoint,
        snapshot: Arc<Snapshot>,
    ) {
        state.chain = Chain::from_checkpoint(snapshot.seq, snapshot.head);
        state.clients.clone_from(&snapshot.clients);
        state.snapshots.insert(snapshot.seq, snapshot);
        self.discard_below(state, stable);
        self.forget_executed(state);
    }

    /// What was decided above the new state can be executed, and the primary can go on.
    pub(super) fn go_on_after(&self, state: &mut State, seq: SeqNum, out: &mut Vec<Effect>) {
        self.execute_from(state, seq.next(), out);
        if state.active && self.is_primary(state.view) {
            self.propose(state, out);
        }
    }
}
