//! What exists, signature by signature: what an adversary that cannot forge has to build from.
//!
//! The exhaustive judges enumerate what Byzantine replicas can send. In a simulated run, and where a file holds one,
//! that is too much to enumerate, and it is enough to ask of one message whether they can make it: a Byzantine
//! replica signs what it likes, and all that somebody else is said to have signed must have been sent before, alone or
//! inside another message, with the very proofs that stand in it.

use std::hash::Hash;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::system::System;
use crate::pbft::{
    Batch, Checkpoint, Commit, Decision, Message, NewView, PrePrepare, Prepare, PreparedClaim, Proposal,
    Reply, Signed, SignedRequest, StableClaim, StateTransfer, Status, ViewChange,
};

/// The signed statements in the messages that were sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statements {
    pub(crate) requests: FxHashSet<SignedRequest>,
    pub(crate) pre_prepares: FxHashSet<Signed<PrePrepare>>,
    pub(crate) prepares: FxHashSet<Signed<Prepare>>,
    pub(crate) commits: FxHashSet<Signed<Commit>>,
    pub(crate) checkpoints: FxHashSet<Signed<Checkpoint>>,
    pub(crate) view_changes: FxHashSet<Arc<Signed<ViewChange>>>,
    pub(crate) new_views: FxHashSet<Arc<Signed<NewView>>>,
    pub(crate) replies: FxHashSet<Signed<Reply>>,
    pub(crate) statuses: FxHashSet<Signed<Status>>,
    pub(crate) states: FxHashSet<Arc<Signed<StateTransfer>>>,
}

/// A statement that somebody has signed, or that nobody has; of one that holds proofs, they must be the same.
macro_rules! holds {
    ($system:expr, $signed:expr, $known:expr) => {
        is_byzantine($system, $signed) || $known.contains($signed)
    };
    ($system:expr, $signed:expr, $known:expr, $same:expr) => {
        is_byzantine($system, $signed)
            || $known.get($signed).is_some_and(|own| Arc::ptr_eq(own, $signed) || $same(own, $signed))
    };
}

impl Statements {
    /// What exists once these messages were sent.
    pub fn of<'a>(system: &System, sent: impl IntoIterator<Item = &'a Message>) -> Self {
        let mut known =
            Statements { requests: system.requests().iter().cloned().collect(), ..Statements::default() };
        sent.into_iter().for_each(|message| known.learn(message));
        known
    }

    /// Adds what a message that was sent holds.
    pub fn learn(&mut self, message: &Message) {
        match message {
            Message::Request(m) | Message::Read(m) => insert(&mut self.requests, m),
            Message::PrePrepare(m) => self.learn_proposal(m),
            Message::Prepare(m) => insert(&mut self.prepares, m),
            Message::Commit(m) => insert(&mut self.commits, m),
            Message::Checkpoint(m) => insert(&mut self.checkpoints, m),
            Message::ViewChange(m) => self.learn_view_change(m),
            Message::NewView(m) => {
                insert(&mut self.new_views, m);
                m.view_changes.0.iter().for_each(|change| self.learn_view_change(change));
                m.proposals.iter().for_each(|proposal| self.learn_proposal(proposal));
            }
            Message::Reply(m) => insert(&mut self.replies, m),
            Message::Status(m) => insert(&mut self.statuses, m),
            Message::State(m) => {
                insert(&mut self.states, m);
                m.stable.checkpoints.0.iter().for_each(|vote| insert(&mut self.checkpoints, vote));
                for decision in &m.decided {
                    decision.commits.0.1.iter().for_each(|vote| insert(&mut self.commits, vote));
                    self.learn_batch(&decision.batch);
                }
            }
        }
    }

    fn learn_batch(&mut self, batch: &Batch) {
        batch.requests().iter().for_each(|request| insert(&mut self.requests, request));
    }

    fn learn_proposal(&mut self, proposal: &Proposal) {
        insert(&mut self.pre_prepares, &proposal.pre_prepare);
        self.learn_batch(&proposal.batch);
    }

    fn learn_view_change(&mut self, change: &Arc<Signed<ViewChange>>) {
        insert(&mut self.view_changes, change);
        change.stable.checkpoints.0.iter().for_each(|vote| insert(&mut self.checkpoints, vote));
        for claim in &change.prepared {
            self.learn_proposal(&claim.proposal);
            claim.prepares.0.iter().for_each(|vote| insert(&mut self.prepares, vote));
        }
    }

    /// Whether Byzantine replicas can send this, given what exists.
    pub fn makes(&self, system: &System, message: &Message) -> bool {
        match message {
            Message::Request(m) | Message::Read(m) => self.has_request(system, m),
            Message::PrePrepare(m) => self.has_proposal(system, m),
            Message::Prepare(m) => holds!(system, m, self.prepares),
            Message::Commit(m) => holds!(system, m, self.commits),
            Message::Checkpoint(m) => holds!(system, m, self.checkpoints),
            Message::ViewChange(m) => self.has_view_change(system, m),
            Message::NewView(m) => {
                (holds!(system, m, self.new_views, same_new_view))
                    && m.view_changes.0.iter().all(|change| self.has_view_change(system, change))
                    && m.proposals.iter().all(|proposal| self.has_proposal(system, proposal))
            }
            Message::Reply(m) => holds!(system, m, self.replies),
            Message::Status(m) => holds!(system, m, self.statuses),
            Message::State(m) => {
                (holds!(system, m, self.states, same_state))
                    && self.has_stable(system, &m.stable)
                    && m.decided.iter().all(|decision| self.has_decision(system, decision))
            }
        }
    }

    fn has_request(&self, system: &System, request: &SignedRequest) -> bool {
        holds!(system, request, self.requests)
    }

    fn has_batch(&self, system: &System, batch: &Batch) -> bool {
        batch.requests().iter().all(|request| self.has_request(system, request))
    }

    fn has_proposal(&self, system: &System, proposal: &Proposal) -> bool {
        (holds!(system, &proposal.pre_prepare, self.pre_prepares)) && self.has_batch(system, &proposal.batch)
    }

    fn has_stable(&self, system: &System, stable: &StableClaim) -> bool {
        stable.checkpoints.0.iter().all(|vote| holds!(system, vote, self.checkpoints))
    }

    fn has_claim(&self, system: &System, claim: &PreparedClaim) -> bool {
        self.has_proposal(system, &claim.proposal)
            && claim.prepares.0.iter().all(|vote| holds!(system, vote, self.prepares))
    }

    fn has_view_change(&self, system: &System, change: &Arc<Signed<ViewChange>>) -> bool {
        (holds!(system, change, self.view_changes, same_view_change))
            && self.has_stable(system, &change.stable)
            && change.prepared.iter().all(|claim| self.has_claim(system, claim))
    }

    fn has_decision(&self, system: &System, decision: &Decision) -> bool {
        self.has_batch(system, &decision.batch)
            && decision.commits.0.1.iter().all(|vote| holds!(system, vote, self.commits))
    }
}

fn insert<T: Clone + Eq + Hash>(set: &mut FxHashSet<T>, value: &T) {
    if !set.contains(value) {
        set.insert(value.clone());
    }
}

// Messages compare by what they say, whoever vouches for it; what was signed is compared to the last proof.

fn same_view_change(a: &ViewChange, b: &ViewChange) -> bool {
    let of = |change: &ViewChange| {
        change.prepared.iter().map(|claim| claim.prepares.0.clone()).collect::<Vec<_>>()
    };
    a == b && a.stable.checkpoints.0 == b.stable.checkpoints.0 && of(a) == of(b)
}

fn same_new_view(a: &NewView, b: &NewView) -> bool {
    let (ours, theirs) = (&a.view_changes.0, &b.view_changes.0);
    a == b
        && ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(own, other)| own == other && same_view_change(own, other))
}

fn same_state(a: &StateTransfer, b: &StateTransfer) -> bool {
    let of = |state: &StateTransfer| state.decided.iter().map(|d| d.commits.0.clone()).collect::<Vec<_>>();
    a == b && a.stable.checkpoints.0 == b.stable.checkpoints.0 && of(a) == of(b)
}

/// Whether Byzantine replicas can have written it: under their own names, or with a forged signature. Where nobody is
/// Byzantine nobody forges.
fn is_byzantine<M>(system: &System, signed: &Signed<M>) -> bool {
    let byzantine = &system.bound().byzantine;
    (signed.is_forged() && !byzantine.is_empty())
        || signed.signer().replica().is_some_and(|id| byzantine.contains(&id))
}
