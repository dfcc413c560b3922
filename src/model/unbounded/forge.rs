//! Makes up messages, certificates and states as the protocol has them, whoever would send them.

use std::sync::Arc;

use crate::pbft::{
    Batch, Commit, Decision, KeySet, Message, NewView, PrePrepare, Prepare, PreparedCertificate,
    PreparedClaim, Proposal, Record, Refusal, Replica, ReplicaId, Rules, SeqNum, Setting, StableCheckpoint,
    State, Uncompared, View, ViewChange,
};

/// Everybody's keys, and the rulebook: what it takes to make up messages.
pub(super) struct Maker<'a> {
    pub keys: &'a KeySet,
    pub setting: &'a Setting,
    pub rules: &'static dyn Rules,
}

impl Maker<'_> {
    pub fn primary(&self, view: View) -> ReplicaId {
        self.rules.primary(self.setting.committee, view)
    }

    pub fn proposal(&self, view: View, seq: SeqNum, batch: &Batch) -> Proposal {
        let pre_prepare = PrePrepare { view, seq, digest: batch.digest() };
        let key = &self.keys.replicas[self.primary(view).index()];
        Proposal { pre_prepare: key.sign(pre_prepare), batch: batch.clone() }
    }

    /// A certificate with the vote of every backup.
    pub fn claim(&self, view: View, seq: SeqNum, batch: &Batch) -> PreparedClaim {
        let prepares: Vec<_> = self
            .setting
            .committee
            .replicas()
            .filter(|&id| id != self.primary(view))
            .map(|id| self.keys.replicas[id.index()].sign(Prepare { view, seq, digest: batch.digest() }))
            .collect();
        PreparedClaim { proposal: self.proposal(view, seq, batch), prepares: Uncompared(prepares.into()) }
    }

    pub fn change(&self, new_view: View, prepared: Vec<PreparedClaim>) -> ViewChange {
        ViewChange { new_view, stable: StableCheckpoint::genesis().claim().clone(), prepared }
    }

    /// All that replicas send for a batch in the normal case: the proposal, and everybody's votes.
    pub fn normal_case(&self, view: View, seq: SeqNum, batch: &Batch) -> Vec<Message> {
        let digest = batch.digest();
        let mut all = vec![Message::PrePrepare(self.proposal(view, seq, batch))];
        for key in &self.keys.replicas {
            all.push(Message::Prepare(key.sign(Prepare { view, seq, digest })));
            all.push(Message::Commit(key.sign(Commit { view, seq, digest })));
        }
        all
    }

    /// A NEW-VIEW to which everybody has reported nothing.
    pub fn new_view(&self, view: View) -> Message {
        let keys = &self.keys.replicas;
        let change = self.change(view, Vec::new());
        let changes = keys.iter().map(|key| Arc::new(key.sign(change.clone()))).collect();
        let proposals = self.rules.new_view_batches(&vec![&change; keys.len()]);
        let proposals = proposals.iter().map(|(seq, batch)| self.proposal(view, *seq, batch)).collect();
        let new_view = NewView { view, view_changes: Uncompared(changes), proposals };
        Message::NewView(Arc::new(keys[self.primary(view).index()].sign(new_view)))
    }

    /// The state of a replica that holds these certificates and has decided these batches, in view 0.
    ///
    /// # Errors
    /// The rulebook does not take a full certificate.
    pub fn state(
        &self,
        replica: &Replica,
        decided: &[Option<&Batch>],
        prepared: &[Option<(View, &Batch)>],
    ) -> Result<State, Refusal> {
        let mut records = Vec::new();
        for (seq, (decided, prepared)) in (1..).map(SeqNum).zip(decided.iter().zip(prepared)) {
            if let Some(batch) = decided {
                let commits = Uncompared((View(0), Arc::from([])));
                records.push(Record::Decided(Decision { seq, batch: (*batch).clone(), commits }));
            }
            if let Some((view, batch)) = prepared {
                let claim = self.claim(*view, seq, batch);
                records.push(Record::Prepared(PreparedCertificate::new(self.setting, self.rules, claim)?));
            }
        }
        Ok(replica.recover(&records))
    }
}
