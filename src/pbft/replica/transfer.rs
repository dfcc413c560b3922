//! State transfer: a replica that lags behind takes over the state at a stable checkpoint (OSDI'99 §4.3), and
//! what was decided since.

use std::sync::Arc;

use super::{Effect, Record, Replica, State};
use crate::pbft::block::Chain;
use crate::pbft::certificate::{Decision, StableCheckpoint};
use crate::pbft::message::{StateTransfer, Status};
use crate::pbft::rules::{Refusal, SignedPart, replica_of};
use crate::pbft::signature::Signed;
use crate::pbft::snapshot::Snapshot;

impl Replica {
    /// What this replica knows to be stable or decided, and another does not.
    pub(super) fn news_for(&self, state: &State, status: &Status) -> Option<Arc<Signed<StateTransfer>>> {
        let decided: Vec<_> =
            state.log.after(status.height).filter_map(|(_, slot)| slot.decision.clone()).collect();
        let known = status.stable.min(status.height);
        if decided.is_empty() && state.stable.seq() <= known {
            return None;
        }
        let snapshot = state.snapshots.get(&state.stable.seq()).map(Arc::clone);
        let stable = state.stable.claim().clone();
        Some(Arc::new(self.key.sign(StateTransfer { stable, snapshot, decided })))
    }

    pub(super) fn check_state(&self, state: &State, transfer: &Signed<StateTransfer>) -> Result<(), Refusal> {
        let from = replica_of(&self.setting, transfer)?;
        if from == self.id {
            return Err(Refusal::Own);
        }
        let is_news = |decision| self.can_learn(state, decision);
        let proves = transfer.stable.seq > state.stable.seq();
        if !proves && ahead(state, transfer).is_none() && !transfer.decided.iter().any(is_news) {
            return Err(Refusal::NotAhead);
        }
        self.check_signature(SignedPart::State, transfer)?;
        self.rules.check_state(&self.setting, transfer)
    }

    /// Takes over what has passed all guards, the rulebook's among them, and goes on from there.
    pub(super) fn catch_up(
        &self,
        state: &mut State,
        transfer: &Signed<StateTransfer>,
        out: &mut Vec<Effect>,
    ) {
        let stable = StableCheckpoint::verified(transfer);
        match ahead(state, transfer) {
            Some(snapshot) => self.take_over(state, stable, snapshot, out),
            None => self.make_stable(state, stable, out),
        }
        for decision in &transfer.decided {
            self.learn(state, decision, out);
        }
        self.execute_from(state, state.chain.height().next(), out);
        self.propose(state, out);
    }

    fn take_over(
        &self,
        state: &mut State,
        stable: StableCheckpoint,
        snapshot: &Arc<Snapshot>,
        out: &mut Vec<Effect>,
    ) {
        self.persist(Record::Transferred(stable.clone(), Arc::clone(snapshot)), out);
        self.replace_state(state, &stable, Arc::clone(snapshot));
        out.push(Effect::Transferred(snapshot.seq));
        out.push(Effect::Stable(stable));
    }

    /// Puts a snapshot in the place of what was executed here.
    pub(super) fn replace_state(
        &self,
        state: &mut State,
        stable: &StableCheckpoint,
        snapshot: Arc<Snapshot>,
    ) {
        state.chain = Chain::from_checkpoint(snapshot.seq, snapshot.head);
        state.clients = Arc::new(snapshot.clients.clone());
        Arc::make_mut(&mut state.snapshots).insert(snapshot.seq, snapshot);
        self.discard_below(state, stable);
        self.forget_executed(state);
    }

    /// Whether a decision lies between the watermarks and is not known yet.
    fn can_learn(&self, state: &State, decision: &Decision) -> bool {
        let seq = decision.seq;
        self.rules.in_window(&self.setting, state.log.low(), seq) && state.committed(seq).is_none()
    }

    /// Records a decision that others have reached.
    fn learn(&self, state: &mut State, decision: &Decision, out: &mut Vec<Effect>) {
        if !self.can_learn(state, decision) {
            return;
        }
        self.persist(Record::Decided(decision.clone()), out);
        state.log.slot(decision.seq).decide(decision.clone());
        out.push(Effect::Committed(decision.verified()));
    }
}

/// The state that is sent, if it is of use: it lies above what was executed, and not below the low watermark.
fn ahead<'a>(state: &State, transfer: &'a StateTransfer) -> Option<&'a Arc<Snapshot>> {
    let is_current = transfer.stable.seq >= state.stable.seq();
    transfer.snapshot.as_ref().filter(|snapshot| is_current && snapshot.seq > state.chain.height())
}
