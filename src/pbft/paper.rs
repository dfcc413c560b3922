//! What the paper's rules say, as functions of any rulebook, which they ask for further rules.
//!
//! They stand apart from [`Rules`], whose default bodies call them, so that they are compiled once and not for every
//! rulebook, and so that one rule of the paper can be had beside others that are not the paper's. What they ask is counted
//! ([`asked`]).

use super::block::{Batch, SignedRequest, signed_by_its_client};
use super::certificate::{Decision, PreparedClaim, StableCheckpoint, StableClaim};
use super::counted::asked;
use super::digest::Digest;
use super::id::{ReplicaId, SeqNum, Timestamp, View};
use super::message::{NewView, Proposal, Reply, StateTransfer, ViewChange};
use super::quorum::{Committee, TallyKey, VoteSet};
use super::replica::Record;
use super::rules::{
    Refusal, Rules, Setting, SignedPart, Standing, check_proposal, is_signed_commit, replica_of,
};

/// [`Rules::check_stable`].
pub(crate) fn check_stable(rules: &dyn Rules, setting: &Setting, claim: &StableClaim) -> Result<(), Refusal> {
    let ask = asked(rules);
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
            && ask.verifies(SignedPart::Checkpoint, setting.keys.verify(checkpoint))
            && ask.counts_vote(Some(&voters), from)
        {
            voters.insert(from);
            count += 1;
        }
    }
    if count < ask.checkpoint_quorum(setting.committee) {
        return Err(Refusal::NoQuorum);
    }
    Ok(())
}

/// [`Rules::check_state`].
pub(crate) fn check_state(
    rules: &dyn Rules,
    setting: &Setting,
    transfer: &StateTransfer,
) -> Result<(), Refusal> {
    let ask = asked(rules);
    ask.check_stable(setting, &transfer.stable)?;
    let StableClaim { seq, state, .. } = transfer.stable;
    if transfer.snapshot.as_ref().is_some_and(|it| it.seq != seq || it.digest() != state) {
        return Err(Refusal::WrongDigest);
    }
    transfer.decided.iter().try_for_each(|decision| ask.check_decision(setting, decision))
}

/// [`Rules::check_decision`].
pub(crate) fn check_decision(
    rules: &dyn Rules,
    setting: &Setting,
    decision: &Decision,
) -> Result<(), Refusal> {
    let ask = asked(rules);
    let (view, commits) = &decision.commits.0;
    let key = ask.commit_key(*view, decision.batch.digest());
    let mut voters = VoteSet::new();
    let mut count = 0;
    for commit in commits.iter() {
        let Ok(from) = replica_of(setting, commit) else { continue };
        if commit.seq == decision.seq
            && ask.commit_key(commit.view, commit.digest) == key
            && is_signed_commit(rules, setting, commit)
            && ask.counts_vote(Some(&voters), from)
        {
            voters.insert(from);
            count += 1;
        }
    }
    if count < ask.commit_quorum(setting.committee) {
        return Err(Refusal::NoQuorum);
    }
    Ok(())
}

/// [`Rules::check_prepared`].
pub(crate) fn check_prepared(
    rules: &dyn Rules,
    setting: &Setting,
    claim: &PreparedClaim,
) -> Result<(), Refusal> {
    let ask = asked(rules);
    let proposal = &claim.proposal;
    check_proposal(rules, setting, proposal)?;
    let (view, committee) = (proposal.view(), setting.committee);
    let key = ask.prepare_key(view, proposal.digest());
    let mut voters = VoteSet::new();
    let mut count = 1;
    for prepare in claim.prepares.0.iter() {
        let Ok(from) = replica_of(setting, prepare) else { continue };
        if prepare.seq == proposal.seq()
            && ask.prepare_key(prepare.view, prepare.digest) == key
            && ask.may_prepare(committee, view, from)
            && ask.verifies(SignedPart::Prepare, setting.keys.verify(prepare))
            && ask.counts_vote(Some(&voters), from)
        {
            voters.insert(from);
            count += 1;
        }
    }
    if count < ask.certificate_quorum(committee) {
        return Err(Refusal::NoQuorum);
    }
    Ok(())
}

/// [`Rules::check_view_change`].
pub(crate) fn check_view_change(
    rules: &dyn Rules,
    setting: &Setting,
    change: &ViewChange,
) -> Result<(), Refusal> {
    let ask = asked(rules);
    ask.check_stable(setting, &change.stable)?;
    let mut last = change.stable.seq;
    for claim in &change.prepared {
        let placed = claim.seq() > last
            && ask.in_window(setting, change.stable.seq, claim.seq())
            && claim.view() < change.new_view;
        if !placed {
            return Err(Refusal::MisplacedCertificate);
        }
        ask.check_prepared(setting, claim)?;
        last = claim.seq();
    }
    Ok(())
}

/// [`Rules::select`].
pub(crate) fn select<'a>(_rules: &dyn Rules, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
    claims.iter().copied().max_by_key(|claim| claim.view())
}

/// [`Rules::new_view_start`].
pub(crate) fn new_view_start(_rules: &dyn Rules, changes: &[&ViewChange]) -> Option<SeqNum> {
    Some(changes.iter().map(|change| change.stable.seq).max().unwrap_or(SeqNum::GENESIS))
}

/// [`Rules::new_view_batches`].
pub(crate) fn new_view_batches(rules: &dyn Rules, changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
    let ask = asked(rules);
    let Some(low) = ask.new_view_start(changes) else { return Vec::new() };
    let claims = || changes.iter().flat_map(|c| &c.prepared);
    let high = claims().map(PreparedClaim::seq).max().unwrap_or(low);
    (low.0..=high.0)
        .skip(1)
        .map(|n| {
            let at_n: Vec<_> = claims().filter(|claim| claim.seq() == SeqNum(n)).collect();
            let batch = ask.select(&at_n).map(|claim| claim.proposal.batch.clone());
            (SeqNum(n), batch.unwrap_or_else(Batch::null))
        })
        .collect()
}

/// [`Rules::sift`].
pub(crate) fn sift<'a>(
    rules: &dyn Rules,
    setting: &Setting,
    changes: &[&'a ViewChange],
) -> Result<Vec<&'a ViewChange>, Refusal> {
    let ask = asked(rules);
    changes.iter().try_for_each(|change| ask.check_view_change(setting, change))?;
    Ok(changes.to_vec())
}

/// [`Rules::follows`].
pub(crate) fn follows(rules: &dyn Rules, new_view: &NewView, changes: &[&ViewChange]) -> bool {
    let ask = asked(rules);
    let due = ask.new_view_batches(changes);
    let due = due.into_iter().map(|(seq, batch)| (new_view.view, seq, batch.digest()));
    new_view.proposals.iter().map(|p| (p.view(), p.seq(), p.digest())).eq(due)
}

/// [`Rules::check_new_view`].
pub(crate) fn check_new_view(
    rules: &dyn Rules,
    setting: &Setting,
    new_view: &NewView,
) -> Result<(), Refusal> {
    let ask = asked(rules);
    let committee = setting.committee;
    let mut senders = VoteSet::new();
    let mut changes = Vec::new();
    for change in &new_view.view_changes.0 {
        let from = replica_of(setting, change)?;
        if ask.justifies(change, new_view.view)
            && ask.verifies(SignedPart::ViewChange, setting.keys.verify(change))
            && ask.counts_vote(Some(&senders), from)
        {
            senders.insert(from);
            changes.push(change.message());
        }
    }
    if changes.len() < ask.view_change_quorum(committee) {
        return Err(Refusal::NoQuorum);
    }
    let changes = ask.sift(setting, &changes)?;
    ask.new_view_start(&changes).ok_or(Refusal::NoStart)?;
    for proposal in &new_view.proposals {
        check_proposal(rules, setting, proposal)?;
    }
    if !ask.follows(new_view, &changes) {
        return Err(Refusal::WrongProposals);
    }
    Ok(())
}

/// [`Rules::join`].
pub(crate) fn join(_rules: &dyn Rules, committee: Committee, views: &[View]) -> Option<View> {
    (views.len() >= committee.weak_quorum()).then(|| views.iter().copied().min())?
}

/// [`Rules::primary`].
pub(crate) fn primary(_rules: &dyn Rules, committee: Committee, view: View) -> ReplicaId {
    ReplicaId((view.0 % u64::from(committee.n())) as u16)
}

/// [`Rules::quorum`].
pub(crate) fn quorum(_rules: &dyn Rules, committee: Committee) -> usize {
    committee.quorum()
}

/// [`Rules::prepare_quorum`].
pub(crate) fn prepare_quorum(rules: &dyn Rules, committee: Committee) -> usize {
    let ask = asked(rules);
    ask.quorum(committee)
}

/// [`Rules::commit_quorum`].
pub(crate) fn commit_quorum(rules: &dyn Rules, committee: Committee) -> usize {
    let ask = asked(rules);
    ask.quorum(committee)
}

/// [`Rules::checkpoint_quorum`].
pub(crate) fn checkpoint_quorum(rules: &dyn Rules, committee: Committee) -> usize {
    let ask = asked(rules);
    ask.quorum(committee)
}

/// [`Rules::view_change_quorum`].
pub(crate) fn view_change_quorum(rules: &dyn Rules, committee: Committee) -> usize {
    let ask = asked(rules);
    ask.quorum(committee)
}

/// [`Rules::verifies`].
pub(crate) fn verifies(_rules: &dyn Rules, _part: SignedPart, genuine: bool) -> bool {
    genuine
}

/// [`Rules::admits_view`].
pub(crate) fn admits_view(_rules: &dyn Rules, standing: Standing, view: View) -> bool {
    standing.active && view == standing.view
}

/// [`Rules::in_window`].
pub(crate) fn in_window(_rules: &dyn Rules, setting: &Setting, low: SeqNum, seq: SeqNum) -> bool {
    seq > low && seq.0 <= low.0.saturating_add(setting.window)
}

/// [`Rules::may_propose`].
pub(crate) fn may_propose(rules: &dyn Rules, committee: Committee, view: View, from: ReplicaId) -> bool {
    let ask = asked(rules);
    from == ask.primary(committee, view)
}

/// [`Rules::digest_matches`].
pub(crate) fn digest_matches(_rules: &dyn Rules, digest: Digest, batch: &Batch) -> bool {
    digest == batch.digest()
}

/// [`Rules::authentic`].
pub(crate) fn authentic(_rules: &dyn Rules, setting: &Setting, request: &SignedRequest) -> bool {
    signed_by_its_client(request) && setting.keys.verify(request)
}

/// [`Rules::authentic_at`].
pub(crate) fn authentic_at(
    rules: &dyn Rules,
    setting: &Setting,
    _at: ReplicaId,
    request: &SignedRequest,
) -> bool {
    let ask = asked(rules);
    ask.authentic(setting, request)
}

/// [`Rules::may_propose_null`].
pub(crate) fn may_propose_null(_rules: &dyn Rules) -> bool {
    false
}

/// [`Rules::accepts_second_proposal`].
pub(crate) fn accepts_second_proposal(_rules: &dyn Rules, _accepted: &Proposal, _second: &Proposal) -> bool {
    false
}

/// [`Rules::may_prepare`].
pub(crate) fn may_prepare(rules: &dyn Rules, committee: Committee, view: View, from: ReplicaId) -> bool {
    let ask = asked(rules);
    from != ask.primary(committee, view)
}

/// [`Rules::counts_vote`].
pub(crate) fn counts_vote(_rules: &dyn Rules, voters: Option<&VoteSet>, from: ReplicaId) -> bool {
    voters.is_none_or(|voters| !voters.contains(from))
}

/// [`Rules::prepare_key`].
pub(crate) fn prepare_key(_rules: &dyn Rules, view: View, digest: Digest) -> TallyKey {
    TallyKey { view: Some(view), digest: Some(digest) }
}

/// [`Rules::commit_key`].
pub(crate) fn commit_key(_rules: &dyn Rules, view: View, digest: Digest) -> TallyKey {
    TallyKey { view: Some(view), digest: Some(digest) }
}

/// [`Rules::prepare_counts_as_commit`].
pub(crate) fn prepare_counts_as_commit(_rules: &dyn Rules) -> bool {
    false
}

/// [`Rules::decides_unprepared`].
pub(crate) fn decides_unprepared(_rules: &dyn Rules) -> bool {
    false
}

/// [`Rules::is_next`].
pub(crate) fn is_next(_rules: &dyn Rules, height: SeqNum, seq: SeqNum) -> bool {
    seq == height.next()
}

/// [`Rules::executes`].
pub(crate) fn executes(_rules: &dyn Rules, last: Option<Timestamp>, timestamp: Timestamp) -> bool {
    last.is_none_or(|last| timestamp > last)
}

/// [`Rules::serves_reads`].
pub(crate) fn serves_reads(_rules: &dyn Rules) -> bool {
    false
}

/// [`Rules::reply_quorum`].
pub(crate) fn reply_quorum(_rules: &dyn Rules, committee: Committee) -> usize {
    committee.weak_quorum()
}

/// [`Rules::read_quorum`].
pub(crate) fn read_quorum(rules: &dyn Rules, committee: Committee) -> usize {
    let ask = asked(rules);
    ask.quorum(committee)
}

/// [`Rules::reply_key`].
pub(crate) fn reply_key(_rules: &dyn Rules, reply: &Reply) -> TallyKey {
    TallyKey { view: None, digest: Some(reply.result.digest()) }
}

/// [`Rules::persists`].
pub(crate) fn persists(_rules: &dyn Rules, _record: &Record) -> bool {
    true
}

/// [`Rules::runs_timer`].
pub(crate) fn runs_timer(_rules: &dyn Rules, _standing: Standing) -> bool {
    true
}

/// [`Rules::restarts_timer`].
pub(crate) fn restarts_timer(_rules: &dyn Rules, _since: SeqNum, _height: SeqNum) -> bool {
    false
}

/// [`Rules::leaves_prepared`].
pub(crate) fn leaves_prepared(_rules: &dyn Rules) -> bool {
    true
}

/// [`Rules::retransmits`].
pub(crate) fn retransmits(_rules: &dyn Rules) -> bool {
    true
}

/// [`Rules::advances`].
pub(crate) fn advances(_rules: &dyn Rules, standing: Standing, view: View) -> bool {
    view > standing.view || (view == standing.view && !standing.active)
}

/// [`Rules::certificate_quorum`].
pub(crate) fn certificate_quorum(rules: &dyn Rules, committee: Committee) -> usize {
    let ask = asked(rules);
    ask.prepare_quorum(committee)
}

/// [`Rules::reports_prepared`].
pub(crate) fn reports_prepared(_rules: &dyn Rules, _claim: &PreparedClaim) -> bool {
    true
}

/// [`Rules::keeps_prepared`].
pub(crate) fn keeps_prepared(_rules: &dyn Rules, _claim: &PreparedClaim) -> bool {
    true
}

/// [`Rules::justifies`].
pub(crate) fn justifies(_rules: &dyn Rules, change: &ViewChange, view: View) -> bool {
    change.new_view == view
}
