//! Execution in order, exactly once (OSDI'99 §4.1, §4.2).

use smallvec::SmallVec;

use super::{Effect, Replica, State};
use crate::pbft::id::SeqNum;
use crate::pbft::message::{Outcome, Reply};

impl Replica {
    /// Executes the batch at `seq`, which has just been decided, and those after it, as far as the
    /// order allows.
    pub(super) fn execute_from(&self, state: &mut State, mut seq: SeqNum, out: &mut Vec<Effect>) {
        let mut progress = false;
        while self.execute(state, seq, out) {
            progress = true;
            self.take_checkpoint(state, seq, out);
            seq = seq.next();
        }
        if progress && state.active && self.is_primary(state.view) {
            self.propose(state, out);
        }
    }

    fn execute(&self, state: &mut State, seq: SeqNum, out: &mut Vec<Effect>) -> bool {
        let height = state.chain.height();
        let Some(slot) = state.log.get_mut(seq) else { return false };
        if slot.executed || !self.rules.is_next(height, seq) {
            return false;
        }
        let Some(batch) = slot.committed.clone() else { return false };
        slot.executed = true;

        let before = state.chain.head();
        let mut executed = SmallVec::with_capacity(batch.requests().len());
        for request in batch.requests() {
            let id = request.id();
            state.pending.remove(&id);
            if !self.rules.executes(state.clients.get(&id.client).copied(), id.timestamp) {
                continue;
            }
            state.clients.insert(id.client, id.timestamp);
            let reply = Reply {
                view: state.view,
                timestamp: id.timestamp,
                client: id.client,
                result: Outcome { seq, position: executed.len() as u32, state: before },
            };
            out.push(Effect::Reply(self.key.sign(reply)));
            executed.push(id);
        }
        if !executed.is_empty() {
            state.doublings = 0;
            // What can never be executed any more is not waited for.
            let clients = &state.clients;
            state.pending.retain(|waiting, _| {
                self.rules.executes(clients.get(&waiting.client).copied(), waiting.timestamp)
            });
        }
        out.push(Effect::Executed(state.chain.append(batch, executed)));
        true
    }
}
