//! The checks of a drawn rulebook, guard by guard: each can be left out.

use bft_check::pbft::{
    Commit, Decision, Digest, NewView, Prepare, PreparedClaim, Proposal, Refusal, ReplicaId, Rules, Setting,
    Signable, Signed, SignedPart, StableCheckpoint, StableClaim, StateTransfer, TallyKey, ViewChange,
    VoteSet, is_signed_commit, replica_of,
};

use super::Drawn;
use super::departure::Departure as D;

/// Fails with this refusal unless it is fulfilled.
fn require(fulfilled: bool, otherwise: Refusal) -> Result<(), Refusal> {
    if fulfilled { Ok(()) } else { Err(otherwise) }
}

/// Counts votes from different replicas, each of which is looked at by `fits`.
struct Count<'a> {
    rules: &'a Drawn,
    setting: &'a Setting,
    /// What is left out: that a replica signs, that the signature is verified, that nobody counts twice.
    without: [D; 3],
    voters: VoteSet,
    count: usize,
}

impl<'a> Count<'a> {
    fn new(rules: &'a Drawn, setting: &'a Setting, without: [D; 3]) -> Self {
        Count { rules, setting, without, voters: VoteSet::new(), count: 0 }
    }

    /// Looks at a vote; `genuine` says whether it is signed by whom it names.
    fn vote<M: Signable>(
        &mut self,
        vote: &Signed<M>,
        genuine: bool,
        fits: impl FnOnce(ReplicaId) -> bool,
    ) -> bool {
        let [any_signer, unverified, repeated] = self.without;
        let from = match replica_of(self.setting, vote) {
            Ok(from) => from,
            Err(_) if self.rules.has(any_signer) => {
                self.count += 1;
                return true;
            }
            Err(_) => return false,
        };
        let counts = fits(from)
            && (self.rules.has(unverified) || genuine)
            && (self.rules.has(repeated) || self.rules.counts_vote(Some(&self.voters), from));
        if counts {
            self.voters.insert(from);
            self.count += 1;
        }
        counts
    }
}

pub(super) fn stable(rules: &Drawn, setting: &Setting, claim: &StableClaim) -> Result<(), Refusal> {
    let genesis = StableCheckpoint::genesis();
    let is_genesis =
        claim == genesis.claim() || (rules.has(D::StableAnyGenesis) && claim.seq == genesis.seq());
    if is_genesis || rules.has(D::StableUnchecked) {
        return Ok(());
    }
    let mut votes = Count::new(rules, setting, [D::StableAnySigner, D::StableUnverified, D::StableRepeated]);
    for checkpoint in claim.checkpoints.0.iter() {
        let genuine = rules.verifies(SignedPart::Checkpoint, setting.keys.verify(checkpoint));
        votes.vote(checkpoint, genuine, |_| {
            (rules.has(D::StableAnyNumber) || checkpoint.seq == claim.seq)
                && (rules.has(D::StableAnyState) || checkpoint.state == claim.state)
        });
    }
    let due = if rules.has(D::StableOneVote) { 1 } else { rules.checkpoint_quorum(setting.committee) };
    require(votes.count >= due, Refusal::NoQuorum)
}

pub(super) fn state(rules: &Drawn, setting: &Setting, transfer: &StateTransfer) -> Result<(), Refusal> {
    if rules.has(D::StateUnchecked) {
        return Ok(());
    }
    if !rules.has(D::StateStableUnchecked) {
        rules.check_stable(setting, &transfer.stable)?;
    }
    let fits = transfer.snapshot.as_ref().is_none_or(|snapshot| {
        (rules.has(D::StateAnyNumber) || snapshot.seq == transfer.stable.seq)
            && (rules.has(D::StateAnyDigest) || snapshot.digest() == transfer.stable.state)
    });
    require(fits, Refusal::WrongDigest)?;
    let checked = match () {
        () if rules.has(D::StateDecisionsUnchecked) => 0,
        () if rules.has(D::StateFirstDecisionOnly) => 1,
        () => transfer.decided.len(),
    };
    transfer.decided.iter().take(checked).try_for_each(|decision| rules.check_decision(setting, decision))
}

/// What two keys have in common of what is looked at.
fn alike(rules: &Drawn, a: TallyKey, b: TallyKey, any_view: D, any_digest: D) -> bool {
    (rules.has(any_view) || a.view == b.view) && (rules.has(any_digest) || a.digest == b.digest)
}

pub(super) fn decision(rules: &Drawn, setting: &Setting, decision: &Decision) -> Result<(), Refusal> {
    if rules.has(D::DecisionUnchecked) {
        return Ok(());
    }
    let (view, commits) = &decision.commits.0;
    let key = rules.commit_key(*view, decision.batch.digest());
    let mut votes =
        Count::new(rules, setting, [D::DecisionAnySigner, D::DecisionUnverified, D::DecisionRepeated]);
    let fits = |commit: &Signed<Commit>| {
        let own = rules.commit_key(commit.view, commit.digest);
        (rules.has(D::DecisionAnyNumber) || commit.seq == decision.seq)
            && alike(rules, own, key, D::DecisionAnyView, D::DecisionAnyDigest)
    };
    for commit in commits.iter() {
        votes.vote(commit, is_signed_commit(rules, setting, commit), |_| fits(commit));
    }
    let due = if rules.has(D::DecisionOneVote) { 1 } else { rules.commit_quorum(setting.committee) };
    require(votes.count >= due, Refusal::NoQuorum)
}

/// The proposal within a certificate or a new view.
fn proposal(rules: &Drawn, setting: &Setting, proposal: &Proposal, without: [D; 4]) -> Result<(), Refusal> {
    let [any_proposer, any_batch, unverified, any_request] = without;
    let from = replica_of(setting, &proposal.pre_prepare)?;
    let may = rules.has(any_proposer) || rules.may_propose(setting.committee, proposal.view(), from);
    require(may, Refusal::NotPrimary)?;
    let matches = rules.has(any_batch) || rules.digest_matches(proposal.digest(), &proposal.batch);
    require(matches, Refusal::WrongDigest)?;
    let genuine = rules.verifies(SignedPart::PrePrepare, setting.keys.verify(&proposal.pre_prepare));
    let verified = rules.has(unverified) || genuine;
    require(verified, Refusal::BadSignature)?;
    let authentic = || proposal.batch.requests().iter().all(|request| rules.authentic(setting, request));
    require(rules.has(any_request) || authentic(), Refusal::InauthenticRequest)
}

pub(super) fn prepared(rules: &Drawn, setting: &Setting, claim: &PreparedClaim) -> Result<(), Refusal> {
    if rules.has(D::PreparedUnchecked) {
        return Ok(());
    }
    if !rules.has(D::PreparedAnyProposal) {
        let without = [
            D::PreparedAnyProposer,
            D::PreparedAnyBatch,
            D::PreparedProposalUnverified,
            D::PreparedAnyRequest,
        ];
        proposal(rules, setting, &claim.proposal, without)?;
    }
    let (view, committee) = (claim.view(), setting.committee);
    let key = rules.prepare_key(view, claim.digest());
    let mut votes =
        Count::new(rules, setting, [D::PreparedAnySigner, D::PreparedUnverified, D::PreparedRepeated]);
    votes.count = 1;
    let fits = |prepare: &Signed<Prepare>, from: ReplicaId| {
        let own = rules.prepare_key(prepare.view, prepare.digest);
        let lower = rules.has(D::PreparedLowerViews) && prepare.view < view && own.digest == key.digest;
        (rules.has(D::PreparedAnyNumber) || prepare.seq == claim.seq())
            && (lower || alike(rules, own, key, D::PreparedAnyView, D::PreparedAnyDigest))
            && (rules.has(D::PreparedPrimaryToo) || rules.may_prepare(committee, view, from))
    };
    let due = match rules.certificate_quorum(committee) {
        _ if rules.has(D::PreparedNoVotes) => 1,
        _ if rules.has(D::PreparedNullFree) && claim.proposal.batch.is_null() => 1,
        _ if rules.has(D::PreparedFirstViewFree) && view.0 == 0 => 1,
        due if rules.has(D::PreparedOneLess) => due.saturating_sub(1),
        due => due,
    };
    if rules.has(D::PreparedByMajority) && most_named(claim) >= due {
        return Ok(());
    }
    for prepare in claim.prepares.0.iter() {
        let genuine = rules.verifies(SignedPart::Prepare, setting.keys.verify(prepare));
        votes.vote(prepare, genuine, |from| fits(prepare, from));
    }
    require(votes.count >= due, Refusal::NoQuorum)
}

/// How many votes are for the digest that most are for, the proposal's own among them.
fn most_named(claim: &PreparedClaim) -> usize {
    let of = |digest: Digest| claim.prepares.0.iter().filter(|prepare| prepare.digest == digest).count();
    1 + claim.prepares.0.iter().map(|prepare| of(prepare.digest)).max().unwrap_or(0)
}

pub(super) fn view_change(rules: &Drawn, setting: &Setting, change: &ViewChange) -> Result<(), Refusal> {
    if rules.has(D::ChangeUnchecked) {
        return Ok(());
    }
    if !rules.has(D::ChangeStableUnchecked) {
        rules.check_stable(setting, &change.stable)?;
    }
    let (start, count) = (change.stable.seq, change.prepared.len());
    let mut last = start;
    for (place, claim) in change.prepared.iter().enumerate() {
        let earlier = claim.view() < change.new_view
            || rules.has(D::ChangeAnyView)
            || (rules.has(D::ChangeSameView) && claim.view() == change.new_view);
        let placed = (rules.has(D::ChangeAnyOrder) || claim.seq() > last)
            && (rules.has(D::ChangeAnyNumber) || rules.in_window(setting, start, claim.seq()))
            && earlier;
        require(placed, Refusal::MisplacedCertificate)?;
        let skipped = rules.has(D::ChangeCertificatesUnchecked)
            || rules.has(D::ChangeOneIsEnough)
            || (rules.has(D::ChangeFirstOnly) && place > 0)
            || (rules.has(D::ChangeLastOnly) && place + 1 < count);
        if !skipped {
            rules.check_prepared(setting, claim)?;
        }
        last = claim.seq();
    }
    let one = |claim: &PreparedClaim| rules.check_prepared(setting, claim).is_ok();
    let enough = !rules.has(D::ChangeOneIsEnough) || count == 0 || change.prepared.iter().any(one);
    require(enough, Refusal::NoQuorum)
}

pub(super) fn new_view(rules: &Drawn, setting: &Setting, new_view: &NewView) -> Result<(), Refusal> {
    if rules.has(D::NewViewUnchecked) {
        return Ok(());
    }
    let mut votes =
        Count::new(rules, setting, [D::NewViewAnySigner, D::NewViewUnverified, D::NewViewRepeated]);
    let mut changes = Vec::new();
    for change in &new_view.view_changes.0 {
        let justified = rules.has(D::NewViewUnjustified) || rules.justifies(change, new_view.view);
        let stranger = replica_of(setting, change);
        if !rules.has(D::NewViewAnySigner) && !rules.has(D::NewViewSkipsStrangers) {
            stranger?;
        }
        let genuine = rules.verifies(SignedPart::ViewChange, setting.keys.verify(change));
        if votes.vote(change, genuine, |_| justified) {
            changes.push(change.message());
        }
    }
    let due = match rules.view_change_quorum(setting.committee) {
        _ if rules.has(D::NewViewNoQuorum) => 0,
        due if rules.has(D::NewViewOneLess) => due.saturating_sub(1),
        due => due,
    };
    require(changes.len() >= due, Refusal::NoQuorum)?;
    if !rules.has(D::NewViewUnsifted) {
        changes = rules.sift(setting, &changes)?;
    }
    require(!rules.has(D::NewViewCountsSifted) || changes.len() >= due, Refusal::NoQuorum)?;
    let start = rules.new_view_start(&changes);
    require(rules.has(D::NewViewNoStart) || start.is_some(), Refusal::NoStart)?;
    let checked = match () {
        () if rules.has(D::NewViewProposalsUnchecked) => 0,
        () if rules.has(D::NewViewFirstProposalOnly) => 1,
        () => new_view.proposals.len(),
    };
    for due in new_view.proposals.iter().take(checked) {
        bft_check::pbft::check_proposal(rules, setting, due)?;
    }
    let follows = rules.has(D::NewViewFollowsNot) || rules.follows(new_view, &changes);
    require(follows, Refusal::WrongProposals)
}
