//! Anything that the rulebook might accept: the alphabet of the judges' adversary, sampled.
//!
//! The exhaustive judges offer every such message; here one is drawn at a time, from the same kinds. As there, what
//! the rulebook refuses in whatever state is left out, so that a rulebook with a hole gets the messages that fit
//! the hole.

use std::iter::repeat_n;
use std::sync::Arc;

use super::super::rng::Rng;
use super::{Mask, Posting, Scene, Strategy};
use crate::pbft::{
    Batch, Checkpoint, Commit, Decision, Digest, Message, NewView, Outcome, PrePrepare, Prepare,
    PreparedClaim, Principal, Proof, Proposal, Reply, SeqNum, Signed, Snapshot, StableCheckpoint,
    StableClaim, StateTransfer, Timestamp, View, ViewChange, check_proposal,
};

/// Lets a part of what the protocol says through, and says things of its own.
#[derive(Debug)]
pub(super) struct Random {
    /// How many of a thousand messages of the protocol go out.
    honest: u64,
    /// How many it sends of its own when it acts.
    eager: u64,
}

impl Random {
    pub fn new(rng: &mut Rng) -> Self {
        let honest = rng.pick(&[0, 500, 900, 1000]).copied().unwrap_or(500);
        let eager = rng.pick(&[1, 3, 8]).copied().unwrap_or(3);
        Random { honest, eager }
    }
}

/// A view that is talked of, or the next ones.
fn view(scene: &mut Scene<'_>) -> View {
    let top = scene.lore.view.0;
    View(match scene.rng.below(8) {
        0 => top + 1,
        1 => top.saturating_sub(1),
        2 => scene.rng.between(0, top + 1),
        _ => top,
    })
}

/// A sequence number that is talked of, or the next one.
fn seq(scene: &mut Scene<'_>) -> SeqNum {
    let top = scene.lore.proposals.last_key_value().map_or(0, |(seq, _)| seq.0);
    match scene.rng.below(6) {
        0 => SeqNum(top + 1),
        1 => SeqNum(scene.rng.between(1, top + 1)),
        _ => SeqNum(top.max(1)),
    }
}

fn batch(scene: &mut Scene<'_>) -> Batch {
    match scene.rng.below(12) {
        0 => Batch::null(),
        1 => Batch::new([scene.system.forged().clone()]),
        2..=6 => {
            let batches: Vec<_> = scene.lore.batches.iter().cloned().collect();
            scene.rng.pick(&batches).cloned().unwrap_or_else(Batch::null)
        }
        _ => {
            let requests: Vec<_> = scene.lore.requests.iter().cloned().collect();
            scene.rng.pick(&requests).map_or_else(Batch::null, |request| Batch::new([request.clone()]))
        }
    }
}

/// What votes can be for: a proposal that exists, or a place and a batch.
fn ballot(scene: &mut Scene<'_>) -> (View, SeqNum, Digest) {
    let proposals: Vec<_> = scene.lore.proposals.values().rev().take(3).flatten().collect();
    let known = scene.rng.pick(&proposals).map(|p| (p.view(), p.seq(), p.digest()));
    match known {
        Some((_, seq, digest)) if scene.rng.chance(150) => (view(scene), seq, digest),
        Some(known) if scene.rng.chance(850) => known,
        _ => (view(scene), seq(scene), batch(scene).digest()),
    }
}

fn proposal(scene: &mut Scene<'_>, me: &Mask) -> Option<Proposal> {
    let (view, seq, batch) = (view(scene), seq(scene), batch(scene));
    let digest = if scene.rng.chance(100) { self::batch(scene).digest() } else { batch.digest() };
    let proposal = Proposal { pre_prepare: me.key().sign(PrePrepare { view, seq, digest }), batch };
    let rules = scene.system.rules();
    let fits = check_proposal(rules, scene.system.setting(), &proposal).is_ok()
        && (!proposal.batch.is_null() || rules.may_propose_null());
    fits.then_some(proposal)
}

/// A certificate that the rulebook accepts for a proposal: from the most fitting votes to none at all.
fn claim(scene: &mut Scene<'_>, me: &Mask, seq: SeqNum) -> Option<PreparedClaim> {
    let mut proposals = scene.lore.proposals.get(&seq).cloned().unwrap_or_default();
    proposals.extend(proposal(scene, me).filter(|proposal| proposal.seq() == seq));
    let proposal = scene.rng.pick(&proposals)?.clone();
    let (rules, setting) = (scene.system.rules(), scene.system.setting());
    let mut votes = scene.lore.prepares.get(&seq).cloned().unwrap_or_default();
    // Byzantine replicas add their own.
    let (view, digest) = (proposal.view(), proposal.digest());
    for key in scene.system.byzantine() {
        let vote = key.sign(Prepare { view, seq, digest });
        if !votes.contains(&vote) {
            votes.push(vote);
        }
    }
    let matching = |vote: &&Signed<Prepare>| (vote.view, vote.digest) == (view, digest);
    let kinds: [Vec<Signed<Prepare>>; 5] = [
        votes.iter().filter(matching).cloned().collect(),
        votes.iter().filter(|vote| vote.view == view).cloned().collect(),
        votes.clone(),
        repeat_n(votes.iter().filter(matching).cloned(), setting.committee.quorum()).flatten().collect(),
        Vec::new(),
    ];
    kinds.into_iter().find_map(|votes| {
        let claim = PreparedClaim { proposal: proposal.clone(), prepares: Proof(Arc::from(votes)) };
        rules.check_prepared(setting, &claim).is_ok().then_some(claim)
    })
}

/// A checkpoint that can be shown to be stable.
fn stable(scene: &mut Scene<'_>) -> StableClaim {
    let genesis = StableCheckpoint::genesis().claim().clone();
    let mut claims: Vec<_> = scene.lore.stable.values().cloned().chain([genesis.clone()]).collect();
    let (rules, setting) = (scene.system.rules(), scene.system.setting());
    for (&seq, votes) in scene.lore.checkpoints.iter().rev().take(2) {
        let Some(state) = votes.first().map(|vote| vote.state) else { continue };
        let states = [state, Digest::ZERO];
        for state in states {
            let mut votes: Vec<_> = votes.iter().filter(|vote| vote.state == state).cloned().collect();
            votes.extend(scene.system.byzantine().iter().map(|key| key.sign(Checkpoint { seq, state })));
            let claim = StableClaim { seq, state, checkpoints: Proof(votes.into()) };
            if rules.check_stable(setting, &claim).is_ok() {
                claims.push(claim);
            }
        }
    }
    let latest = claims.iter().max_by_key(|claim| claim.seq).cloned();
    let any = scene.rng.pick(&claims).cloned();
    (if scene.rng.chance(600) { latest } else { any }).unwrap_or(genesis)
}

fn view_change(scene: &mut Scene<'_>, me: &Mask, new_view: View) -> Option<ViewChange> {
    let stable = stable(scene);
    let top = scene.lore.proposals.last_key_value().map_or(stable.seq, |(seq, _)| *seq);
    let mut prepared = Vec::new();
    for seq in (stable.seq.0 + 1..=top.0).take(16).map(SeqNum) {
        if scene.rng.chance(600) {
            prepared.extend(claim(scene, me, seq).filter(|claim| claim.view() < new_view));
        }
    }
    let change = ViewChange { new_view, stable, prepared };
    let accepted = scene.system.rules().check_view_change(scene.system.setting(), &change).is_ok();
    accepted.then_some(change)
}

fn new_view(scene: &mut Scene<'_>, me: &Mask) -> Option<NewView> {
    let view = view(scene);
    if view == View(0) || !scene.leads(me.id(), view) {
        return None;
    }
    let rules = scene.system.rules();
    let quorum = rules.view_change_quorum(scene.system.setting().committee);
    // Of each sender one of those that it has sent; of Byzantine ones, what they might have.
    let mut changes = Vec::new();
    let by_sender: Vec<Vec<_>> = scene
        .lore
        .view_changes
        .values()
        .flatten()
        .map(|(_, of_one)| of_one.iter().filter(|change| rules.justifies(change, view)).cloned().collect())
        .collect();
    for of_one in by_sender {
        changes.extend(scene.rng.pick(&of_one).cloned());
    }
    for key in scene.system.byzantine() {
        if let Some(change) = view_change(scene, me, view) {
            changes.retain(|other| other.signer() != key.owner());
            changes.push(Arc::new(key.sign(change)));
        }
    }
    scene.rng.shuffle(&mut changes);
    match scene.rng.below(10) {
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
    match scene.rng.below(6) {
        0 => batches.clear(),
        1 => {
            let next = batches.last().map_or(SeqNum(1), |(seq, _)| seq.next());
            batches.push((next, batch(scene)));
        }
        2 => {
            let index = scene.rng.below(batches.len() as u64) as usize;
            let other = batch(scene);
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
    let new_view = NewView { view, proposals: proposals.collect(), view_changes: Proof(changes) };
    rules.check_new_view(scene.system.setting(), &new_view).is_ok().then_some(new_view)
}

fn state(scene: &mut Scene<'_>) -> Option<StateTransfer> {
    let stable = stable(scene);
    let (rules, setting) = (scene.system.rules(), scene.system.setting());
    let real = scene.lore.snapshots.get(&stable.seq).cloned();
    let forged = Snapshot { seq: stable.seq, head: Digest::ZERO, clients: Default::default() };
    let snapshot = match scene.rng.below(3) {
        0 => Some(Arc::new(forged)),
        1 => None,
        _ => real,
    };
    let mut decided = Vec::new();
    if scene.rng.chance(500) {
        let (seq, batch) = (seq(scene), batch(scene));
        let digest = batch.digest();
        let of = scene.lore.commits.get(&seq).into_iter().flatten().filter(|vote| vote.digest == digest);
        let commits: Vec<_> = of.cloned().collect();
        let view = commits.first().map_or(View(0), |vote| vote.view);
        let commits = Arc::from(commits.into_iter().filter(|vote| vote.view == view).collect::<Vec<_>>());
        decided.push(Decision { seq, batch, commits: Proof((view, commits)) });
    }
    let transfer = StateTransfer { stable, snapshot, decided };
    rules.check_state(setting, &transfer).is_ok().then_some(transfer)
}

/// A reply that was true for somebody, or never was.
fn reply(scene: &mut Scene<'_>) -> Option<Reply> {
    let requests: Vec<_> = scene.lore.requests.iter().map(|request| request.id()).collect();
    let id = *scene.rng.pick(&requests)?;
    let height = seq(scene);
    let result = Outcome::Appended { seq: height, position: 0, parent: Digest::ZERO };
    let (timestamp, client) = (Timestamp(id.timestamp.0), id.client);
    Some(Reply { view: scene.lore.view, timestamp, client, result })
}

/// Some message, if it is of any use.
fn message(scene: &mut Scene<'_>, me: &Mask) -> Option<Message> {
    let key = me.key();
    Some(match scene.rng.below(14) {
        0..=2 => Message::PrePrepare(proposal(scene, me)?),
        3 | 4 => {
            let (view, seq, digest) = ballot(scene);
            let committee = scene.system.setting().committee;
            if !scene.system.rules().may_prepare(committee, view, me.id()) {
                return None;
            }
            Message::Prepare(key.sign(Prepare { view, seq, digest }))
        }
        5 | 6 => {
            let (view, seq, digest) = ballot(scene);
            Message::Commit(key.sign(Commit { view, seq, digest }))
        }
        7 => {
            let announced: Vec<_> = scene.lore.checkpoints.values().flatten().map(|c| *c.message()).collect();
            let checkpoint = *scene.rng.pick(&announced)?;
            let state = if scene.rng.chance(300) { Digest::ZERO } else { checkpoint.state };
            Message::Checkpoint(key.sign(Checkpoint { state, ..checkpoint }))
        }
        8 | 9 => {
            let view = view(scene);
            Message::ViewChange(Arc::new(key.sign(view_change(scene, me, view)?)))
        }
        10 | 11 => Message::NewView(Arc::new(key.sign(new_view(scene, me)?))),
        12 => Message::State(Arc::new(key.sign(state(scene)?))),
        _ => match scene.rng.below(4) {
            0 => Message::Request(scene.system.forged().clone()),
            _ => Message::Reply(key.sign(reply(scene)?)),
        },
    })
}

impl Strategy for Random {
    fn speak(
        &mut self,
        scene: &mut Scene<'_>,
        _: &Mask,
        _: usize,
        to: Principal,
        message: &Message,
        out: &mut Vec<Posting>,
    ) {
        if scene.rng.chance(self.honest) {
            out.push(Posting::now(to, message.clone()));
        }
    }

    fn act(&mut self, scene: &mut Scene<'_>, me: &Mask, out: &mut Vec<Posting>) {
        for _ in 0..self.eager {
            let Some(message) = message(scene, me) else { continue };
            if let Message::Reply(reply) = &message {
                out.push(Posting::now(Principal::Client(reply.client), message));
                continue;
            }
            // To some, and not to others; some messages to all.
            let share = scene.rng.pick(&[300, 500, 1000]).copied().unwrap_or(500);
            for to in scene.replicas() {
                if scene.rng.chance(share) {
                    out.push(Posting::now(to, message.clone()));
                }
            }
        }
    }
}
