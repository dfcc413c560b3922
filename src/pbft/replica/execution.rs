//! Execution in order, exactly once (OSDI'99 §4.1, §4.2).

use std::sync::Arc;

use smallvec::SmallVec;

use super::{Effect, Replica, State};
use crate::pbft::block::{RequestId, SignedRequest};
use crate::pbft::id::{SeqNum, View};
use crate::pbft::message::{Outcome, Reply};
use crate::pbft::rules::Refusal;
use crate::pbft::snapshot::LastReply;

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
        if progress {
            self.propose(state, out);
        }
    }

    fn execute(&self, state: &mut State, seq: SeqNum, out: &mut Vec<Effect>) -> bool {
        let height = state.chain.height();
        let Some(slot) = state.log.get_mut(seq) else { return false };
        if slot.executed || !self.rules.is_next(height, seq) {
            return false;
        }
        let Some(batch) = slot.committed().cloned() else { return false };
        slot.executed = true;

        let parent = state.chain.head();
        let mut executed = SmallVec::with_capacity(batch.requests().len());
        for request in batch.requests() {
            let id = request.id();
            state.pending.remove(&id);
            if !self.rules.executes(state.last_timestamp(id.client), id.timestamp) {
                continue;
            }
            let result = Outcome::Appended { seq, position: executed.len() as u32, parent };
            Arc::make_mut(&mut state.clients)
                .insert(id.client, LastReply { timestamp: id.timestamp, result });
            out.push(self.reply(state.view, id, result));
            executed.push(id);
        }
        if !executed.is_empty() {
            state.doublings = 0;
            self.forget_executed(state);
        }
        out.push(Effect::Executed(state.chain.append(batch, executed)));
        true
    }

    /// Waits no longer for what can never be executed any more.
    pub(super) fn forget_executed(&self, state: &mut State) {
        let clients = &state.clients;
        state.pending.retain(|waiting, _| {
            let last = clients.get(&waiting.client).map(|last| last.timestamp);
            self.rules.executes(last, waiting.timestamp)
        });
    }

    pub(super) fn reply(&self, view: View, id: RequestId, result: Outcome) -> Effect {
        Effect::Reply(self.key.sign(Reply { view, timestamp: id.timestamp, client: id.client, result }))
    }

    pub(super) fn check_read(&self, request: &SignedRequest) -> Result<(), Refusal> {
        if !self.rules.serves_reads() {
            return Err(Refusal::ReadsAreOrdered);
        }
        if !self.rules.authentic(&self.setting, request) {
            return Err(Refusal::InauthenticRequest);
        }
        Ok(())
    }

    /// Answers from what has been executed, all of which is committed (OSDI'99 §5.1.3).
    pub(super) fn answer_read(&self, state: &State, request: &SignedRequest, out: &mut Vec<Effect>) {
        let result = Outcome::Read { height: state.chain.height(), head: state.chain.head() };
        out.push(self.reply(state.view, request.id(), result));
    }
}
