//! What the protocol says, changed a little: the small-scope mutations of ByzzFuzz (Winter et al., OOPSLA'23).
//!
//! A number becomes a neighbouring one, a digest another that is in use, a list loses or keeps one element. What
//! comes out is close to a valid message, where a missing check shows; it is signed again, by its own signer.

use std::sync::Arc;

use super::super::rng::Rng;
use super::{ByzantineNode, Outgoing, Strategy, StrategyContext};
use crate::pbft::{
    Batch, Checkpoint, Commit, Digest, Message, NewView, Outcome, PrePrepare, Prepare, Principal, Proposal,
    Reply, SeqNum, Signed, StableCheckpoint, StateTransfer, Status, Uncompared, View, ViewChange,
};

/// Changes some messages, each for one receiver, and holds others back.
#[derive(Debug)]
pub(super) struct Mutate {
    /// How many of a thousand are changed, and held back.
    changes: u64,
    holds_back: u64,
}

impl Mutate {
    pub fn new(rng: &mut Rng) -> Self {
        let changes = rng.pick(&[50, 200, 500]).copied().unwrap_or(200);
        let holds_back = rng.pick(&[0, 100, 300]).copied().unwrap_or(0);
        Mutate { changes, holds_back }
    }
}

fn near_view(rng: &mut Rng, view: View) -> View {
    View(if rng.chance(500) { view.0 + 1 } else { view.0.saturating_sub(1) })
}

fn near_seq(rng: &mut Rng, seq: SeqNum) -> SeqNum {
    SeqNum(if rng.chance(500) { seq.0 + 1 } else { seq.0.saturating_sub(1) })
}

fn some_batch(context: &mut StrategyContext<'_>) -> Batch {
    if context.rng.chance(100) {
        return Batch::null();
    }
    if context.rng.chance(100) {
        return Batch::new([context.system.forged().clone()]);
    }
    let batches: Vec<_> = context.knowledge.batches.iter().cloned().collect();
    let requests = context.knowledge.requests.iter().map(|request| Batch::new([request.clone()]));
    let all: Vec<_> = requests.chain(batches).collect();
    context.rng.pick(&all).cloned().unwrap_or_else(Batch::null)
}

/// A digest in use at a place, or any.
fn some_digest(context: &mut StrategyContext<'_>, seq: SeqNum) -> Digest {
    let here: Vec<_> =
        context.knowledge.proposals.get(&seq).into_iter().flatten().map(Proposal::digest).collect();
    match context.rng.pick(&here) {
        Some(digest) if context.rng.chance(700) => *digest,
        _ => some_batch(context).digest(),
    }
}

fn ballot(
    context: &mut StrategyContext<'_>,
    view: View,
    seq: SeqNum,
    digest: Digest,
) -> (View, SeqNum, Digest) {
    match context.rng.below(4) {
        0 => (near_view(context.rng, view), seq, digest),
        1 => (view, near_seq(context.rng, seq), digest),
        _ => (view, seq, some_digest(context, seq)),
    }
}

fn proposal(context: &mut StrategyContext<'_>, me: &ByzantineNode, told: &Proposal) -> Proposal {
    let (mut view, mut seq, mut digest) = (told.view(), told.seq(), told.digest());
    let mut batch = told.batch.clone();
    match context.rng.below(6) {
        0 => view = near_view(context.rng, view),
        1 => seq = near_seq(context.rng, seq),
        2 => digest = some_digest(context, seq),
        3 => batch = some_batch(context),
        _ => {
            batch = some_batch(context);
            digest = batch.digest();
        }
    }
    Proposal { pre_prepare: me.key().sign(PrePrepare { view, seq, digest }), batch }
}

fn view_change(context: &mut StrategyContext<'_>, told: &ViewChange) -> ViewChange {
    let mut change = told.clone();
    let index = context.rng.below(change.prepared.len() as u64) as usize;
    match context.rng.below(6) {
        0 => change.new_view = near_view(context.rng, change.new_view),
        1 => change.prepared.clear(),
        2 if index < change.prepared.len() => {
            change.prepared.remove(index);
        }
        3 if index < change.prepared.len() => change.prepared[index].prepares = Uncompared(Arc::from([])),
        4 => change.stable = StableCheckpoint::genesis().claim().clone(),
        _ => {
            // Something that was proposed is said to have prepared, on nothing or on the votes for it.
            let proposals: Vec<_> = context.knowledge.proposals.values().flatten().cloned().collect();
            if let Some(proposal) = context.rng.pick(&proposals) {
                let votes = context
                    .knowledge
                    .prepares
                    .get(&proposal.seq())
                    .into_iter()
                    .flatten()
                    .filter(|vote| (vote.view, vote.digest) == (proposal.view(), proposal.digest()));
                let votes: Vec<Signed<Prepare>> =
                    if context.rng.chance(500) { votes.cloned().collect() } else { Vec::new() };
                let claim = crate::pbft::PreparedClaim {
                    proposal: proposal.clone(),
                    prepares: Uncompared(Arc::from(votes)),
                };
                change.prepared.retain(|other| other.seq() != claim.seq());
                change.prepared.push(claim);
                change.prepared.sort_by_key(crate::pbft::PreparedClaim::seq);
            }
        }
    }
    change
}

fn new_view(context: &mut StrategyContext<'_>, me: &ByzantineNode, told: &NewView) -> NewView {
    let mut new_view = told.clone();
    let index = context.rng.below(new_view.proposals.len() as u64) as usize;
    match context.rng.below(5) {
        0 => new_view.proposals.clear(),
        1 if index < new_view.proposals.len() => {
            let (seq, batch) = (new_view.proposals[index].seq(), some_batch(context));
            let pre_prepare = PrePrepare { view: new_view.view, seq, digest: batch.digest() };
            new_view.proposals[index] = Proposal { pre_prepare: me.key().sign(pre_prepare), batch };
        }
        2 => {
            new_view.view_changes.0.pop();
        }
        3 => {
            // Another VIEW-CHANGE of somebody, or one of its own that claims nothing.
            let nothing = ViewChange {
                new_view: new_view.view,
                stable: StableCheckpoint::genesis().claim().clone(),
                prepared: Vec::new(),
            };
            let mine = Arc::new(me.key().sign(nothing));
            new_view.view_changes.0.retain(|change| change.signer() != mine.signer());
            new_view.view_changes.0.push(mine);
        }
        _ => {
            let seq = new_view.proposals.last().map_or(SeqNum(1), |last| last.seq().next());
            let batch = some_batch(context);
            let pre_prepare = PrePrepare { view: new_view.view, seq, digest: batch.digest() };
            new_view.proposals.push(Proposal { pre_prepare: me.key().sign(pre_prepare), batch });
        }
    }
    new_view
}

fn state(context: &mut StrategyContext<'_>, told: &StateTransfer) -> StateTransfer {
    let mut transfer = told.clone();
    match context.rng.below(4) {
        0 => transfer.decided.clear(),
        1 => transfer.snapshot = None,
        2 => {
            if let Some(snapshot) = &transfer.snapshot {
                let forged = crate::pbft::Snapshot { head: Digest::ZERO, ..(**snapshot).clone() };
                transfer.snapshot = Some(Arc::new(forged));
            }
        }
        _ => {
            let batch = some_batch(context);
            if let Some(decision) = transfer.decided.last_mut() {
                decision.batch = batch;
            }
        }
    }
    transfer
}

/// The message with one thing changed.
fn mutated(context: &mut StrategyContext<'_>, me: &ByzantineNode, message: &Message) -> Message {
    let key = me.key();
    match message {
        Message::PrePrepare(m) => Message::PrePrepare(proposal(context, me, m)),
        Message::Prepare(m) => {
            let (view, seq, digest) = ballot(context, m.view, m.seq, m.digest);
            Message::Prepare(key.sign(Prepare { view, seq, digest }))
        }
        Message::Commit(m) => {
            let (view, seq, digest) = ballot(context, m.view, m.seq, m.digest);
            Message::Commit(key.sign(Commit { view, seq, digest }))
        }
        Message::Checkpoint(m) => {
            let interval = context.system.setting().checkpoint_interval;
            let changed = match context.rng.below(2) {
                0 => Checkpoint { state: Digest::ZERO, ..*m.message() },
                _ => Checkpoint { seq: SeqNum(m.seq.0 + interval), ..*m.message() },
            };
            Message::Checkpoint(key.sign(changed))
        }
        Message::ViewChange(m) => Message::ViewChange(Arc::new(key.sign(view_change(context, m)))),
        Message::NewView(m) => Message::NewView(Arc::new(key.sign(new_view(context, me, m)))),
        Message::Reply(m) => {
            let result = match m.result {
                Outcome::Appended { seq, position, .. } => {
                    Outcome::Appended { seq, position, parent: Digest::ZERO }
                }
                Outcome::Read { height, .. } => Outcome::Read { height, head: Digest::ZERO },
            };
            Message::Reply(key.sign(Reply { result, ..*m.message() }))
        }
        Message::Status(m) => {
            let changed = match context.rng.below(3) {
                0 => Status { view: near_view(context.rng, m.view), ..*m.message() },
                1 => Status { height: near_seq(context.rng, m.height), ..*m.message() },
                _ => Status { stable: SeqNum::GENESIS, ..*m.message() },
            };
            Message::Status(key.sign(changed))
        }
        Message::State(m) => Message::State(Arc::new(key.sign(state(context, m)))),
        Message::Request(_) | Message::Read(_) => message.clone(),
    }
}

impl Strategy for Mutate {
    fn speak(
        &mut self,
        context: &mut StrategyContext<'_>,
        me: &ByzantineNode,
        _: usize,
        to: Principal,
        message: &Message,
        out: &mut Vec<Outgoing>,
    ) {
        if context.rng.chance(self.holds_back) {
            return;
        }
        let own = message.signer() == Principal::Replica(me.id());
        if own && context.rng.chance(self.changes) {
            let changed = mutated(context, me, message);
            out.push(Outgoing::now(to, changed));
            // The real one too, some time.
            if context.rng.chance(300) {
                out.push(Outgoing::now(to, message.clone()));
            }
        } else {
            out.push(Outgoing::now(to, message.clone()));
        }
    }
}
