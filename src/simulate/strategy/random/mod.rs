//! Anything: the alphabet of the judges' adversary, sampled.
//!
//! The exhaustive judges offer every such message; here one is drawn at a time, and its proofs by the same grammar
//! (`proofs.rs`). In half of the runs the
//! parts that a single rule refuses are drawn again or left out, so that a rulebook with a hole soon gets the messages
//! that fit the hole. In the other half no single rule is asked: only a replica, run as a whole, says what it refuses.

mod proofs;

use std::iter::repeat_n;
use std::sync::Arc;

use self::proofs::{claim, decision, stable};
use super::super::rng::Rng;
use super::{ByzantineNode, Outgoing, Strategy, StrategyContext};
use crate::pbft::{
    Batch, Checkpoint, Commit, Digest, Message, NewView, Outcome, PrePrepare, Prepare, Principal, Proposal,
    Reply, SeqNum, Signable, Signed, Snapshot, StateTransfer, Timestamp, Uncompared, View, ViewChange,
    check_proposal,
};

/// Lets a part of what the protocol says through, and says things of its own.
#[derive(Debug)]
pub(super) struct Random {
    /// How many of a thousand messages of the protocol go out.
    honest: u64,
    /// How many it sends of its own when it acts.
    eager: u64,
    /// Whether it asks single rules before it says something.
    asks: Asks,
}

/// Whether single rules are asked.
#[derive(Clone, Copy, Debug)]
struct Asks(bool);

impl Asks {
    /// Whether something is said: whatever it is, or only if the rule accepts it.
    fn accept(self, rule: impl FnOnce() -> bool) -> bool {
        !self.0 || rule()
    }
}

impl Random {
    pub fn new(rng: &mut Rng) -> Self {
        let honest = rng.pick(&[0, 500, 900, 1000]).copied().unwrap_or(500);
        let eager = rng.pick(&[1, 3, 8]).copied().unwrap_or(3);
        let asks = Asks(rng.chance(500));
        Random { honest, eager, asks }
    }
}

/// Signed by itself; where no single rule is asked, now and then in the name of another, with a signature that does not verify.
fn signed<M: Signable>(
    context: &mut StrategyContext<'_>,
    me: &ByzantineNode,
    message: M,
    asks: Asks,
) -> Signed<M> {
    if !asks.0 && context.rng.chance(100) {
        let others: Vec<_> = context.replicas().collect();
        if let Some(&other) = context.rng.pick(&others) {
            return Signed::forged(other, message);
        }
    }
    me.key().sign(message)
}

/// A view that is talked of, or the next ones.
fn view(context: &mut StrategyContext<'_>) -> View {
    let top = context.knowledge.view.0;
    View(match context.rng.below(8) {
        0 => top + 1,
        1 => top.saturating_sub(1),
        2 => context.rng.between(0, top + 1),
        _ => top,
    })
}

/// A sequence number that is talked of, or the next one.
fn seq(context: &mut StrategyContext<'_>) -> SeqNum {
    let top = context.knowledge.proposals.last_key_value().map_or(0, |(seq, _)| seq.0);
    match context.rng.below(6) {
        0 => SeqNum(top + 1),
        1 => SeqNum(context.rng.between(1, top + 1)),
        _ => SeqNum(top.max(1)),
    }
}

fn batch(context: &mut StrategyContext<'_>) -> Batch {
    match context.rng.below(12) {
        0 => Batch::null(),
        1 => Batch::new([context.system.forged().clone()]),
        2..=6 => {
            let batches: Vec<_> = context.knowledge.batches.iter().cloned().collect();
            context.rng.pick(&batches).cloned().unwrap_or_else(Batch::null)
        }
        _ => {
            let requests: Vec<_> = context.knowledge.requests.iter().cloned().collect();
            context.rng.pick(&requests).map_or_else(Batch::null, |request| Batch::new([request.clone()]))
        }
    }
}

/// What votes can be for: a proposal that exists, or a place and a batch.
fn ballot(context: &mut StrategyContext<'_>) -> (View, SeqNum, Digest) {
    let proposals: Vec<_> = context.knowledge.proposals.values().rev().take(3).flatten().collect();
    let known = context.rng.pick(&proposals).map(|p| (p.view(), p.seq(), p.digest()));
    match known {
        Some((_, seq, digest)) if context.rng.chance(150) => (view(context), seq, digest),
        Some(known) if context.rng.chance(850) => known,
        _ => (view(context), seq(context), batch(context).digest()),
    }
}

fn proposal(context: &mut StrategyContext<'_>, me: &ByzantineNode, asks: Asks) -> Option<Proposal> {
    let (view, seq, batch) = (view(context), seq(context), batch(context));
    let digest = if context.rng.chance(100) { self::batch(context).digest() } else { batch.digest() };
    let pre_prepare = signed(context, me, PrePrepare { view, seq, digest }, asks);
    let proposal = Proposal { pre_prepare, batch };
    let rules = context.system.rules();
    let setting = context.system.setting();
    let fits = asks.accept(|| {
        check_proposal(rules, setting, &proposal).is_ok()
            && (!proposal.batch.is_null() || rules.may_propose_null())
    });
    fits.then_some(proposal)
}

fn view_change(
    context: &mut StrategyContext<'_>,
    me: &ByzantineNode,
    new_view: View,
    asks: Asks,
) -> Option<ViewChange> {
    let stable = stable(context, asks);
    let top = context.knowledge.proposals.last_key_value().map_or(stable.seq, |(seq, _)| *seq);
    let mut prepared = Vec::new();
    for seq in (stable.seq.0 + 1..=top.0).take(16).map(SeqNum) {
        if context.rng.chance(600) {
            let claim = claim(context, me, seq, asks);
            prepared.extend(claim.filter(|claim| asks.accept(|| claim.view() < new_view)));
        }
    }
    let change = ViewChange { new_view, stable, prepared };
    let (rules, setting) = (context.system.rules(), context.system.setting());
    asks.accept(|| rules.check_view_change(setting, &change).is_ok()).then_some(change)
}

fn new_view(context: &mut StrategyContext<'_>, me: &ByzantineNode, asks: Asks) -> Option<NewView> {
    let view = view(context);
    if !asks.accept(|| view != View(0) && context.leads(me.id(), view)) {
        return None;
    }
    let rules = context.system.rules();
    let quorum = rules.view_change_quorum(context.system.setting().committee);
    // Of each sender one of those that it has sent; of Byzantine ones, what they might have.
    let mut changes = Vec::new();
    let by_sender: Vec<Vec<_>> = context
        .knowledge
        .view_changes
        .values()
        .flatten()
        .map(|(_, of_one)| {
            of_one.iter().filter(|change| asks.accept(|| rules.justifies(change, view))).cloned().collect()
        })
        .collect();
    for of_one in by_sender {
        changes.extend(context.rng.pick(&of_one).cloned());
    }
    for key in context.system.byzantine() {
        if let Some(change) = view_change(context, me, view, asks) {
            changes.retain(|other| other.signer() != key.owner());
            changes.push(Arc::new(key.sign(change)));
        }
    }
    context.rng.shuffle(&mut changes);
    match context.rng.below(10) {
        0 => changes.clear(),
        1 => {
            let one = changes.first().cloned();
            changes = one.into_iter().flat_map(|one| repeat_n(one, quorum)).collect();
        }
        _ => changes.truncate(quorum),
    }
    changes.sort_by_key(|change| change.signer());
    let contents: Vec<_> = changes.iter().map(|change| change.message()).collect();
    let mut batches = rules.new_view_batches(&contents);
    match context.rng.below(6) {
        0 => batches.clear(),
        1 => {
            let next = batches.last().map_or(SeqNum(1), |(seq, _)| seq.next());
            batches.push((next, batch(context)));
        }
        2 => {
            let index = context.rng.below(batches.len() as u64) as usize;
            let other = batch(context);
            if let Some(place) = batches.get_mut(index) {
                place.1 = other;
            }
        }
        _ => {}
    }
    let proposals = batches.into_iter().map(|(seq, batch)| Proposal {
        pre_prepare: me.key().sign(PrePrepare { view, seq, digest: batch.digest() }),
        batch,
    });
    let new_view = NewView { view, proposals: proposals.collect(), view_changes: Uncompared(changes) };
    asks.accept(|| rules.check_new_view(context.system.setting(), &new_view).is_ok()).then_some(new_view)
}

fn state(context: &mut StrategyContext<'_>, asks: Asks) -> Option<StateTransfer> {
    let stable = stable(context, asks);
    let (rules, setting) = (context.system.rules(), context.system.setting());
    let real = context.knowledge.snapshots.get(&stable.seq).cloned();
    let forged = Snapshot { seq: stable.seq, head: Digest::ZERO, clients: Default::default() };
    let snapshot = match context.rng.below(3) {
        0 => Some(Arc::new(forged)),
        1 => None,
        _ => real,
    };
    let mut decided = Vec::new();
    if context.rng.chance(500) {
        let (seq, batch) = (seq(context), batch(context));
        decided.push(decision(context, seq, batch, asks));
    }
    let transfer = StateTransfer { stable, snapshot, decided };
    asks.accept(|| rules.check_state(setting, &transfer).is_ok()).then_some(transfer)
}

/// A reply that was true for somebody, or never was.
fn reply(context: &mut StrategyContext<'_>) -> Option<Reply> {
    let requests: Vec<_> = context.knowledge.requests.iter().map(|request| request.id()).collect();
    let id = *context.rng.pick(&requests)?;
    let height = seq(context);
    let result = Outcome::Appended { seq: height, position: 0, parent: Digest::ZERO };
    let (timestamp, client) = (Timestamp(id.timestamp.0), id.client);
    Some(Reply { view: context.knowledge.view, timestamp, client, result })
}

/// Some message, if one can be made.
fn message(context: &mut StrategyContext<'_>, me: &ByzantineNode, asks: Asks) -> Option<Message> {
    let key = me.key();
    Some(match context.rng.below(14) {
        0..=2 => Message::PrePrepare(proposal(context, me, asks)?),
        3 | 4 => {
            let (view, seq, digest) = ballot(context);
            let committee = context.system.setting().committee;
            if !asks.accept(|| context.system.rules().may_prepare(committee, view, me.id())) {
                return None;
            }
            Message::Prepare(signed(context, me, Prepare { view, seq, digest }, asks))
        }
        5 | 6 => {
            let (view, seq, digest) = ballot(context);
            Message::Commit(signed(context, me, Commit { view, seq, digest }, asks))
        }
        7 => {
            let announced: Vec<_> =
                context.knowledge.checkpoints.values().flatten().map(|c| *c.message()).collect();
            let checkpoint = *context.rng.pick(&announced)?;
            let state = if context.rng.chance(300) { Digest::ZERO } else { checkpoint.state };
            Message::Checkpoint(signed(context, me, Checkpoint { state, ..checkpoint }, asks))
        }
        8 | 9 => {
            let view = view(context);
            Message::ViewChange(Arc::new(key.sign(view_change(context, me, view, asks)?)))
        }
        10 | 11 => Message::NewView(Arc::new(key.sign(new_view(context, me, asks)?))),
        12 => Message::State(Arc::new(key.sign(state(context, asks)?))),
        _ => match context.rng.below(4) {
            0 => Message::Request(context.system.forged().clone()),
            _ => Message::Reply(key.sign(reply(context)?)),
        },
    })
}

impl Strategy for Random {
    fn speak(
        &mut self,
        context: &mut StrategyContext<'_>,
        _: &ByzantineNode,
        _: usize,
        to: Principal,
        message: &Message,
        out: &mut Vec<Outgoing>,
    ) {
        if context.rng.chance(self.honest) {
            out.push(Outgoing::now(to, message.clone()));
        }
    }

    fn act(&mut self, context: &mut StrategyContext<'_>, me: &ByzantineNode, out: &mut Vec<Outgoing>) {
        for _ in 0..self.eager {
            let Some(message) = message(context, me, self.asks) else { continue };
            if let Message::Reply(reply) = &message {
                out.push(Outgoing::now(Principal::Client(reply.client), message));
                continue;
            }
            // To some, and not to others; some messages to all.
            let share = context.rng.pick(&[300, 500, 1000]).copied().unwrap_or(500);
            for to in context.replicas() {
                if context.rng.chance(share) {
                    out.push(Outgoing::now(to, message.clone()));
                }
            }
        }
    }
}
