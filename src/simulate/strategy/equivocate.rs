//! Different things to different replicas: two proposals for one place, and votes for both.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::rng::Rng;
use super::{ByzantineNode, Outgoing, Strategy, StrategyContext};
use crate::model::System;
use crate::pbft::{
    Batch, Commit, Digest, Message, NewView, PrePrepare, Prepare, Principal, Proposal, ReplicaId, SeqNum,
    SigningKey, Uncompared, View, ViewChange,
};

/// As primary proposes one batch to one side and another to the other; all of them together vote for what each
/// side was told.
#[derive(Debug)]
pub(super) struct Equivocate {
    keys: Vec<SigningKey>,
    salt: u64,
    /// What the other side was told, by place.
    other: BTreeMap<(View, SeqNum), Batch>,
    /// The new view that the other side was told, by view.
    divided: BTreeMap<View, Arc<crate::pbft::Signed<NewView>>>,
}

impl Equivocate {
    pub fn new(system: &System, rng: &mut Rng) -> Self {
        let keys = system.byzantine().to_vec();
        Equivocate { keys, salt: rng.below(u64::MAX), other: BTreeMap::new(), divided: BTreeMap::new() }
    }

    /// Whether a replica is on the other side in a view.
    fn is_other(&self, to: Principal, view: View) -> bool {
        let place = to.replica().map_or(63, |id| u64::from(id.0)) + 7 * view.0;
        (self.salt >> (place % 64)) & 1 == 1
    }

    /// The votes of all Byzantine replicas for a batch, but for the primary's PREPARE.
    fn votes(
        &self,
        to: Principal,
        view: View,
        seq: SeqNum,
        digest: Digest,
        primary: ReplicaId,
        out: &mut Vec<Outgoing>,
    ) {
        for key in &self.keys {
            if key.owner() != Principal::Replica(primary) {
                out.push(Outgoing::now(to, Message::Prepare(key.sign(Prepare { view, seq, digest }))));
            }
            out.push(Outgoing::now(to, Message::Commit(key.sign(Commit { view, seq, digest }))));
        }
    }

    fn propose(
        &mut self,
        context: &mut StrategyContext<'_>,
        me: &ByzantineNode,
        to: Principal,
        told: &Proposal,
        out: &mut Vec<Outgoing>,
    ) {
        let place = (told.view(), told.seq());
        if !self.other.contains_key(&place)
            && let Some(batch) = context.knowledge.another(&told.batch)
        {
            self.other.insert(place, batch);
            while self.other.len() > 64 {
                self.other.pop_first();
            }
        }
        let other = self.other.get(&place).filter(|_| self.is_other(to, told.view())).cloned();
        let proposal = match other {
            Some(batch) => {
                let pre_prepare = PrePrepare { view: told.view(), seq: told.seq(), digest: batch.digest() };
                Proposal { pre_prepare: me.key().sign(pre_prepare), batch }
            }
            None => told.clone(),
        };
        let digest = proposal.digest();
        out.push(Outgoing::now(to, Message::PrePrepare(proposal)));
        self.votes(to, told.view(), told.seq(), digest, me.id(), out);
    }

    /// A new view on another quorum of view changes, for the other side.
    fn divide(
        &mut self,
        context: &mut StrategyContext<'_>,
        me: &ByzantineNode,
        view: View,
    ) -> Option<Message> {
        if let Some(known) = self.divided.get(&view) {
            return Some(Message::NewView(Arc::clone(known)));
        }
        let rules = context.system.rules();
        let quorum = rules.view_change_quorum(context.system.setting().committee);
        let mut changes: Vec<_> =
            context.knowledge.view_changes.get(&view)?.values().flatten().cloned().collect();
        // Those that claim least first, and of each sender one.
        changes.sort_by_key(|change| (change.prepared.len(), change.signer()));
        let mut senders = Vec::new();
        changes.retain(|change| {
            let new = !senders.contains(&change.signer());
            senders.push(change.signer());
            new
        });
        changes.truncate(quorum);
        let contents: Vec<&ViewChange> = changes.iter().map(|change| change.message()).collect();
        let proposals = rules.new_view_batches(&contents).into_iter().map(|(seq, batch)| Proposal {
            pre_prepare: me.key().sign(PrePrepare { view, seq, digest: batch.digest() }),
            batch,
        });
        let proposals = proposals.collect();
        changes.sort_by_key(|change| change.signer());
        let new_view = NewView { view, view_changes: Uncompared(changes), proposals };
        let new_view = Arc::new(me.key().sign(new_view));
        self.divided.insert(view, Arc::clone(&new_view));
        Some(Message::NewView(new_view))
    }
}

impl Strategy for Equivocate {
    fn speak(
        &mut self,
        context: &mut StrategyContext<'_>,
        me: &ByzantineNode,
        _: usize,
        to: Principal,
        message: &Message,
        out: &mut Vec<Outgoing>,
    ) {
        match message {
            Message::PrePrepare(told) if told.pre_prepare.signer() == Principal::Replica(me.id()) => {
                self.propose(context, me, to, told, out);
            }
            Message::Prepare(vote) if self.is_other(to, vote.view) => {
                if !self.other.contains_key(&(vote.view, vote.seq)) {
                    out.push(Outgoing::now(to, message.clone()));
                }
            }
            Message::Commit(vote) if self.is_other(to, vote.view) => {
                if !self.other.contains_key(&(vote.view, vote.seq)) {
                    out.push(Outgoing::now(to, message.clone()));
                }
            }
            Message::ViewChange(change) if self.is_other(to, change.new_view) => {
                let nothing = ViewChange { prepared: Vec::new(), ..change.message().clone() };
                out.push(Outgoing::now(to, Message::ViewChange(Arc::new(me.key().sign(nothing)))));
            }
            Message::NewView(new_view)
                if new_view.signer() == Principal::Replica(me.id()) && self.is_other(to, new_view.view) =>
            {
                let other = self.divide(context, me, new_view.view);
                out.push(Outgoing::now(to, other.unwrap_or_else(|| message.clone())));
            }
            _ => out.push(Outgoing::now(to, message.clone())),
        }
    }
}
