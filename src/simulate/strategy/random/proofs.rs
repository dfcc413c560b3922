//! The proofs in what a Byzantine replica makes up: certificates, stable checkpoints, decisions. Their votes are put together by
//! the grammar of the judges' adversary ([`Ballots`]).

use super::{Asks, batch, proposal, view};
use crate::model::{Ballots, Tried, Vote, Wanted, quorum};
use crate::pbft::{
    Batch, Checkpoint, Commit, Decision, Digest, Prepare, PreparedClaim, Principal, SeqNum, Signed,
    StableCheckpoint, StableClaim, Uncompared, View,
};
use crate::simulate::strategy::{ByzantineNode, StrategyContext};

/// A proof of a statement from the votes that exist and those that Byzantine replicas can give: the first that the rule accepts,
/// and whether there is one; or, where no rule is asked, any.
fn proof<V: Vote, T: Clone>(
    context: &mut StrategyContext<'_>,
    (vote, threshold): (V, usize),
    existing: impl IntoIterator<Item = Signed<V>>,
    make: impl Fn(Vec<Signed<V>>) -> T,
    (asks, accepts): (Asks, impl Fn(&T) -> bool),
) -> (T, bool) {
    let keys = context.system.byzantine();
    let honest: Vec<Principal> =
        context.replicas().filter(|&id| keys.iter().all(|key| key.owner() != id)).collect();
    let mut votes: Vec<_> = existing.into_iter().collect();
    for own in keys.iter().map(|key| key.sign(vote)) {
        if !votes.contains(&own) {
            votes.push(own);
        }
    }
    let ballots = Ballots::new(votes, &honest);
    let repeated = context.system.setting().committee.quorum();
    let wanted = Wanted { vote, threshold, repeated, any_fields: true };
    if asks.0 {
        return ballots.best(&mut Tried::default(), 0, &wanted, make, accepts);
    }
    let below = |bound: usize| context.rng.below(bound as u64) as usize;
    (make(ballots.any(&wanted, below)), true)
}

/// A certificate for a proposal that exists, that the Byzantine replica makes up, or that stands over another body.
pub(super) fn claim(
    context: &mut StrategyContext<'_>,
    me: &ByzantineNode,
    seq: SeqNum,
    asks: Asks,
) -> Option<PreparedClaim> {
    let mut proposals = context.knowledge.proposals.get(&seq).cloned().unwrap_or_default();
    proposals.extend(proposal(context, me, asks).filter(|proposal| proposal.seq() == seq));
    let mut proposal = context.rng.pick(&proposals)?.clone();
    if !asks.0 && context.rng.chance(50) {
        proposal.batch = batch(context);
    }
    let (rules, setting) = (context.system.rules(), context.system.setting());
    let (view, digest) = (proposal.view(), proposal.digest());
    let threshold = quorum(rules, |rules, of| rules.certificate_quorum(of), setting.committee);
    let existing = context.knowledge.prepares.get(&seq).cloned().unwrap_or_default();
    let (claim, accepted) = proof(
        context,
        (Prepare { view, seq, digest }, threshold.saturating_sub(1)),
        existing,
        |votes| PreparedClaim { proposal: proposal.clone(), prepares: Uncompared(votes.into()) },
        (asks, |claim: &PreparedClaim| rules.check_prepared(setting, claim).is_ok()),
    );
    accepted.then_some(claim)
}

/// A checkpoint that is said to be stable: one that was shown, one that votes exist for, one of a state that nobody is in, or of
/// a state that somebody was in after another number.
pub(super) fn stable(context: &mut StrategyContext<'_>, asks: Asks) -> StableClaim {
    let genesis = StableCheckpoint::genesis().claim().clone();
    let mut claims: Vec<_> = context.knowledge.stable.values().cloned().chain([genesis.clone()]).collect();
    let (rules, setting) = (context.system.rules(), context.system.setting());
    let threshold = quorum(rules, |rules, of| rules.checkpoint_quorum(of), setting.committee);
    let voted: Vec<_> = context
        .knowledge
        .checkpoints
        .iter()
        .rev()
        .take(2)
        .map(|(&seq, votes)| (seq, votes.clone()))
        .collect();
    for (seq, votes) in voted {
        let Some(state) = votes.first().map(|vote| vote.state) else { continue };
        let moved = SeqNum(context.rng.between(1, seq.0.saturating_add(1)));
        for (seq, state) in [(seq, state), (seq, Digest::ZERO), (moved, state)] {
            let (claim, accepted) = proof(
                context,
                (Checkpoint { seq, state }, threshold),
                votes.iter().cloned(),
                |votes| StableClaim { seq, state, checkpoints: Uncompared(votes.into()) },
                (asks, |claim: &StableClaim| rules.check_stable(setting, claim).is_ok()),
            );
            claims.extend(accepted.then_some(claim));
        }
    }
    let latest = claims.iter().max_by_key(|claim| claim.seq).cloned();
    let any = context.rng.pick(&claims).cloned();
    (if context.rng.chance(600) { latest } else { any }).unwrap_or(genesis)
}

/// A decision of a batch: in the view of most votes for it, or in any.
pub(super) fn decision(context: &mut StrategyContext<'_>, seq: SeqNum, batch: Batch, asks: Asks) -> Decision {
    let digest = batch.digest();
    let existing = context.knowledge.commits.get(&seq).cloned().unwrap_or_default();
    let mut views: Vec<View> =
        existing.iter().filter(|vote| vote.digest == digest).map(|vote| vote.view).collect();
    views.push(view(context));
    let view = context.rng.pick(&views).copied().unwrap_or_default();
    let (rules, setting) = (context.system.rules(), context.system.setting());
    let threshold = quorum(rules, |rules, of| rules.commit_quorum(of), setting.committee);
    let (decision, _) = proof(
        context,
        (Commit { view, seq, digest }, threshold),
        existing,
        |votes| Decision { seq, batch: batch.clone(), commits: Uncompared((view, votes.into())) },
        (asks, |decision: &Decision| rules.check_decision(setting, decision).is_ok()),
    );
    decision
}
