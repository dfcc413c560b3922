//! Checkpoints and garbage collection (OSDI'99 §4.3).

use std::ops::Bound;
use std::sync::Arc;

use super::{Effect, Record, Replica, State};
use crate::pbft::certificate::StableCheckpoint;
use crate::pbft::digest::Digest;
use crate::pbft::id::{ReplicaId, SeqNum};
use crate::pbft::message::{Checkpoint, Message};
use crate::pbft::quorum::{TallyKey, Votes};
use crate::pbft::rules::{Refusal, SignedPart, replica_of};
use crate::pbft::signature::Signed;

impl Replica {
    /// After executing `seq`: announces the state if a checkpoint is due there.
    pub(super) fn take_checkpoint(&self, state: &mut State, seq: SeqNum, out: &mut Vec<Effect>) {
        if !self.is_checkpoint(seq) {
            return;
        }
        let snapshot = state.snapshot();
        let checkpoint = self.key.sign(Checkpoint { seq, state: snapshot.digest() });
        Arc::make_mut(&mut state.snapshots).insert(seq, Arc::new(snapshot));
        out.push(Effect::Broadcast(Message::Checkpoint(checkpoint.clone())));
        self.count_checkpoint(state, checkpoint, out);
    }

    pub(super) fn check_checkpoint(
        &self,
        state: &State,
        checkpoint: &Signed<Checkpoint>,
    ) -> Result<(), Refusal> {
        let from = replica_of(&self.setting, checkpoint)?;
        if from == self.id {
            return Err(Refusal::Own);
        }
        if !self.is_checkpoint(checkpoint.seq) {
            return Err(Refusal::NoCheckpointThere);
        }
        // Above the high watermark too: that is how a replica learns that it lags behind.
        if checkpoint.seq <= state.log.low() {
            return Err(Refusal::OutsideWindow);
        }
        // Of each replica one beyond the window is kept, the latest: memory is bounded.
        let later = (Bound::Excluded(checkpoint.seq), Bound::Unbounded);
        if self.is_beyond_window(state, checkpoint.seq)
            && state.checkpoints.range(later).any(|(_, tally)| tally.has_vote_of(from))
        {
            return Err(Refusal::OutsideWindow);
        }
        if let Some(tally) = state.checkpoints.get(&checkpoint.seq) {
            let key = key(checkpoint.state);
            if !self.rules.counts_vote(tally.get(&key).map(Votes::voters), from) {
                return Err(Refusal::Duplicate);
            }
            if tally.digests_of(&key, from) > 0 {
                return Err(Refusal::TooManyVotes);
            }
        }
        self.check_signature(SignedPart::Checkpoint, checkpoint)
    }

    pub(super) fn apply_checkpoint(
        &self,
        state: &mut State,
        checkpoint: &Signed<Checkpoint>,
        out: &mut Vec<Effect>,
    ) {
        self.count_checkpoint(state, checkpoint.clone(), out);
        self.propose(state, out);
    }

    fn count_checkpoint(&self, state: &mut State, checkpoint: Signed<Checkpoint>, out: &mut Vec<Effect>) {
        let Some(from) = checkpoint.signer().replica() else { return };
        let (seq, digest) = (checkpoint.seq, checkpoint.state);
        if self.is_beyond_window(state, seq) {
            self.forget_beyond_window(state, from);
        }
        let tally = state.checkpoints.entry(seq).or_default();
        tally.add(key(digest), from, checkpoint);
        let stable = tally
            .get(&key(digest))
            .and_then(|votes| StableCheckpoint::from_votes(&self.setting, self.rules, seq, digest, votes));
        if let Some(stable) = stable {
            self.make_stable(state, stable, out);
        }
    }

    /// Whether a checkpoint lies above the high watermark: this replica then lags behind.
    fn is_beyond_window(&self, state: &State, seq: SeqNum) -> bool {
        !self.rules.in_window(&self.setting, state.log.low(), seq)
    }

    /// Forgets the CHECKPOINTs of a replica above the high watermark: a later one comes in their place.
    fn forget_beyond_window(&self, state: &mut State, from: ReplicaId) {
        let low = state.log.low();
        for (&seq, tally) in &mut state.checkpoints {
            if !self.rules.in_window(&self.setting, low, seq) {
                tally.retain_voters(|voter| voter != from);
            }
        }
        state.checkpoints.retain(|_, tally| !tally.is_empty());
    }

    /// Moves the low watermark to a stable checkpoint and discards what lies below it. A replica that has not
    /// executed so far does so too: what it held there is settled without it. It asks the others for the state.
    pub(super) fn make_stable(&self, state: &mut State, stable: StableCheckpoint, out: &mut Vec<Effect>) {
        let seq = stable.seq();
        if seq <= state.stable.seq() {
            return;
        }
        self.persist(Record::Stable(stable.clone()), out);
        self.discard_below(state, &stable);
        out.push(Effect::Stable(stable));
        if state.chain.height() < seq {
            out.push(Effect::Behind(seq));
            out.push(Effect::Broadcast(self.status(state)));
        }
    }

    /// Discards what a stable checkpoint makes superfluous (OSDI'99 §4.3).
    pub(super) fn discard_below(&self, state: &mut State, stable: &StableCheckpoint) {
        let seq = stable.seq();
        state.log.advance(seq);
        state.checkpoints.retain(|&n, _| n > seq);
        Arc::make_mut(&mut state.snapshots).retain(|&n, _| n >= seq);
        state.chain.truncate_below(seq);
        state.stable = stable.clone();
    }

    fn is_checkpoint(&self, seq: SeqNum) -> bool {
        seq.0.is_multiple_of(self.setting.checkpoint_interval)
    }
}

fn key(state: Digest) -> TallyKey {
    TallyKey { view: None, digest: Some(state) }
}
