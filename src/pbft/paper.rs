//! What the paper's longer rules say, as functions of any rulebook: they ask it for the shorter ones.
//!
//! They stand apart from [`Rules`], whose default bodies call them, so that they are compiled once and not for every rulebook.

use super::block::Batch;
use super::certificate::{Decision, PreparedClaim, StableCheckpoint, StableClaim};
use super::id::{SeqNum, View};
use super::message::{NewView, StateTransfer, ViewChange};
use super::quorum::{Committee, VoteSet};
use super::rules::{Refusal, Rules, Setting, SignedPart, check_proposal, is_signed_commit, replica_of};

/// [`Rules::check_stable`].
pub(super) fn check_stable(rules: &dyn Rules, setting: &Setting, claim: &StableClaim) -> Result<(), Refusal> {
    let genesis = StableCheckpoint::genesis();
    if claim == genesis.claim() {
        return Ok(());
    }
    let mut voters = VoteSet::new();
    let mut count = 0;
    for checkpoint in claim.checkpoints.0.iter() {
        let Ok(from) = replica_of(setting, checkpoint) else { continue };
        if checkpoint.seq == claim.seq
            && checkpoint.state == claim.state
            && rules.verifies(SignedPart::Checkpoint, setting.keys.verify(checkpoint))
            && rules.counts_vote(Some(&voters), from)
        {
            voters.insert(from);
            count += 1;
        }
    }
    if count < rules.checkpoint_quorum(setting.committee) {
        return Err(Refusal::NoQuorum);
    }
    Ok(())
}

/// [`Rules::check_state`].
pub(super) fn check_state(
    rules: &dyn Rules,
    setting: &Setting,
    transfer: &StateTransfer,
) -> Result<(), Refusal> {
    rules.check_stable(setting, &transfer.stable)?;
    let StableClaim { seq, state, .. } = transfer.stable;
    if transfer.snapshot.as_ref().is_some_and(|it| it.seq != seq || it.digest() != state) {
        return Err(Refusal::WrongDigest);
    }
    transfer.decided.iter().try_for_each(|decision| rules.check_decision(setting, decision))
}

/// [`Rules::check_decision`].
pub(super) fn check_decision(
    rules: &dyn Rules,
    setting: &Setting,
    decision: &Decision,
) -> Result<(), Refusal> {
    let (view, commits) = &decision.commits.0;
    let key = rules.commit_key(*view, decision.batch.digest());
    let mut voters = VoteSet::new();
    let mut count = 0;
    for commit in commits.iter() {
        let Ok(from) = replica_of(setting, commit) else { continue };
        if commit.seq == decision.seq
            && rules.commit_key(commit.view, commit.digest) == key
            && is_signed_commit(rules, setting, commit)
            && rules.counts_vote(Some(&voters), from)
        {
            voters.insert(from);
            count += 1;
        }
    }
    if count < rules.commit_quorum(setting.committee) {
        return Err(Refusal::NoQuorum);
    }
    Ok(())
}

/// [`Rules::check_prepared`].
pub(super) fn check_prepared(
    rules: &dyn Rules,
    setting: &Setting,
    claim: &PreparedClaim,
) -> Result<(), Refusal> {
    let proposal = &claim.proposal;
    check_proposal(rules, setting, proposal)?;
    let (view, committee) = (proposal.view(), setting.committee);
    let key = rules.prepare_key(view, proposal.digest());
    let mut voters = VoteSet::new();
    let mut count = 1;
    for prepare in claim.prepares.0.iter() {
        let Ok(from) = replica_of(setting, prepare) else { continue };
        if prepare.seq == proposal.seq()
            && rules.prepare_key(prepare.view, prepare.digest) == key
            && rules.may_prepare(committee, view, from)
            && rules.verifies(SignedPart::Prepare, setting.keys.verify(prepare))
            && rules.counts_vote(Some(&voters), from)
        {
            voters.insert(from);
            count += 1;
        }
    }
    if count < rules.certificate_quorum(committee) {
        return Err(Refusal::NoQuorum);
    }
    Ok(())
}

/// [`Rules::check_view_change`].
pub(super) fn check_view_change(
    rules: &dyn Rules,
    setting: &Setting,
    change: &ViewChange,
) -> Result<(), Refusal> {
    rules.check_stable(setting, &change.stable)?;
    let mut last = change.stable.seq;
    for claim in &change.prepared {
        let placed = claim.seq() > last
            && rules.in_window(setting, change.stable.seq, claim.seq())
            && claim.view() < change.new_view;
        if !placed {
            return Err(Refusal::MisplacedCertificate);
        }
        rules.check_prepared(setting, claim)?;
        last = claim.seq();
    }
    Ok(())
}

/// [`Rules::select`].
pub(super) fn select<'a>(claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
    claims.iter().copied().max_by_key(|claim| claim.view())
}

/// [`Rules::new_view_start`].
pub(super) fn new_view_start(changes: &[&ViewChange]) -> Option<SeqNum> {
    Some(changes.iter().map(|change| change.stable.seq).max().unwrap_or(SeqNum::GENESIS))
}

/// [`Rules::new_view_batches`].
pub(super) fn new_view_batches(rules: &dyn Rules, changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
    let Some(low) = rules.new_view_start(changes) else { return Vec::new() };
    let claims = || changes.iter().flat_map(|c| &c.prepared);
    let high = claims().map(PreparedClaim::seq).max().unwrap_or(low);
    (low.0 + 1..=high.0)
        .map(|n| {
            let at_n: Vec<_> = claims().filter(|claim| claim.seq() == SeqNum(n)).collect();
            let batch = rules.select(&at_n).map(|claim| claim.proposal.batch.clone());
            (SeqNum(n), batch.unwrap_or_else(Batch::null))
        })
        .collect()
}

/// [`Rules::sift`].
pub(super) fn sift<'a>(
    rules: &dyn Rules,
    setting: &Setting,
    changes: &[&'a ViewChange],
) -> Result<Vec<&'a ViewChange>, Refusal> {
    changes.iter().try_for_each(|change| rules.check_view_change(setting, change))?;
    Ok(changes.to_vec())
}

/// [`Rules::follows`].
pub(super) fn follows(rules: &dyn Rules, new_view: &NewView, changes: &[&ViewChange]) -> bool {
    let due = rules.new_view_batches(changes);
    let due = due.into_iter().map(|(seq, batch)| (new_view.view, seq, batch.digest()));
    new_view.proposals.iter().map(|p| (p.view(), p.seq(), p.digest())).eq(due)
}

/// [`Rules::check_new_view`].
pub(super) fn check_new_view(
    rules: &dyn Rules,
    setting: &Setting,
    new_view: &NewView,
) -> Result<(), Refusal> {
    let committee = setting.committee;
    let mut senders = VoteSet::new();
    let mut changes = Vec::new();
    for change in &new_view.view_changes.0 {
        let from = replica_of(setting, change)?;
        if rules.justifies(change, new_view.view)
            && rules.verifies(SignedPart::ViewChange, setting.keys.verify(change))
            && rules.counts_vote(Some(&senders), from)
        {
            senders.insert(from);
            changes.push(change.message());
        }
    }
    if changes.len() < rules.view_change_quorum(committee) {
        return Err(Refusal::NoQuorum);
    }
    let changes = rules.sift(setting, &changes)?;
    rules.new_view_start(&changes).ok_or(Refusal::NoStart)?;
    for proposal in &new_view.proposals {
        check_proposal(rules, setting, proposal)?;
    }
    if !rules.follows(new_view, &changes) {
        return Err(Refusal::WrongProposals);
    }
    Ok(())
}

/// [`Rules::join`].
pub(super) fn join(committee: Committee, views: &[View]) -> Option<View> {
    (views.len() >= committee.weak_quorum()).then(|| views.iter().copied().min())?
}
