//! The rules of a drawn rulebook. What a body does by one departure stands in the paper's order, the first that is there
//! wins; the checks leave out each guard by itself.

use bft_check::pbft::{
    Batch, Committee, Decision, Digest, NewView, PreparedClaim, Proposal, Record, Refusal, ReplicaId, Reply,
    Rules, SeqNum, Setting, SignedPart, SignedRequest, StableClaim, Standing, StateTransfer, TallyKey,
    Timestamp, View, ViewChange, VoteSet, signed_by_its_client,
};

use super::departure::Departure as D;
use super::{Drawn, checks, new_view};

impl Rules for Drawn {
    fn primary(&self, committee: Committee, view: View) -> ReplicaId {
        let n = u64::from(committee.n());
        let id = match () {
            () if self.has(D::PrimaryNext) => (view.0 + 1) % n,
            () if self.has(D::PrimaryReversed) => n - 1 - view.0 % n,
            () if self.has(D::PrimaryTwoViews) => view.0 / 2 % n,
            () if self.has(D::PrimaryConstant) => 0,
            () => view.0 % n,
        };
        ReplicaId(id as u16)
    }

    fn quorum(&self, committee: Committee) -> usize {
        let (n, f) = (usize::from(committee.n()), usize::from(committee.f()));
        match () {
            () if self.has(D::QuorumOtherwise) => n - (n - f - 1) / 2,
            () if self.has(D::QuorumTwoThirds) => 2 * f + 1,
            () if self.has(D::QuorumMore) => committee.quorum() + 1,
            () if self.has(D::QuorumLess) => committee.quorum() - 1,
            () if self.has(D::QuorumMajority) => n / 2 + 1,
            () => committee.quorum(),
        }
    }

    fn prepare_quorum(&self, committee: Committee) -> usize {
        let quorum = self.quorum(committee);
        match () {
            () if self.has(D::PrepareQuorumMore) => quorum + 1,
            () if self.has(D::PrepareQuorumLess) => quorum.saturating_sub(1),
            () if self.has(D::PrepareQuorumWeak) => committee.weak_quorum(),
            () if self.has(D::PrepareQuorumAll) => usize::from(committee.n()),
            () => quorum,
        }
    }

    fn commit_quorum(&self, committee: Committee) -> usize {
        let ways = [D::CommitQuorumMore, D::CommitQuorumLess, D::CommitQuorumOne];
        self.threshold(self.quorum(committee), ways)
    }

    fn checkpoint_quorum(&self, committee: Committee) -> usize {
        let ways = [D::CheckpointQuorumMore, D::CheckpointQuorumLess, D::CheckpointQuorumOne];
        self.threshold(self.quorum(committee), ways)
    }

    fn view_change_quorum(&self, committee: Committee) -> usize {
        let ways = [D::ViewChangeQuorumMore, D::ViewChangeQuorumLess, D::ViewChangeQuorumOne];
        self.threshold(self.quorum(committee), ways)
    }

    fn certificate_quorum(&self, committee: Committee) -> usize {
        let ways = [D::CertificateQuorumMore, D::CertificateQuorumLess, D::CertificateQuorumOne];
        self.threshold(self.prepare_quorum(committee), ways)
    }

    fn reply_quorum(&self, committee: Committee) -> usize {
        let weak = committee.weak_quorum();
        match () {
            () if self.has(D::ReplyQuorumMore) => weak + 1,
            () if self.has(D::ReplyQuorumLess) => (weak - 1).max(1),
            () => weak,
        }
    }

    fn read_quorum(&self, committee: Committee) -> usize {
        let quorum = self.quorum(committee);
        match () {
            () if self.has(D::ReadQuorumMore) => quorum + 1,
            () if self.has(D::ReadQuorumLess) => quorum.saturating_sub(1),
            () if self.has(D::ReadQuorumWeak) => committee.weak_quorum(),
            () => quorum,
        }
    }

    fn verifies(&self, part: SignedPart, genuine: bool) -> bool {
        let without = match part {
            SignedPart::PrePrepare => D::VerifiesNoPrePrepare,
            SignedPart::Prepare => D::VerifiesNoPrepare,
            SignedPart::Commit => D::VerifiesNoCommit,
            SignedPart::Checkpoint => D::VerifiesNoCheckpoint,
            SignedPart::ViewChange => D::VerifiesNoViewChange,
            SignedPart::NewView => D::VerifiesNoNewView,
            SignedPart::Status => D::VerifiesNoStatus,
            SignedPart::State => D::VerifiesNoState,
            SignedPart::Reply => D::VerifiesNoReply,
        };
        genuine || self.has(without) || self.has(D::VerifiesNothing)
    }

    fn prepare_counts_as_commit(&self) -> bool {
        self.has(D::PrepareIsCommit)
    }

    fn restarts_timer(&self, since: SeqNum, height: SeqNum) -> bool {
        self.has(D::RestartsAlways) || (self.has(D::RestartsByHeight) && height > since)
    }

    fn advances(&self, standing: Standing, view: View) -> bool {
        let later = view > standing.view;
        let entered = view == standing.view && !standing.active;
        match () {
            () if self.has(D::AdvancesToOther) => view != standing.view || entered,
            () if self.has(D::AdvancesToOwn) => view >= standing.view,
            () if self.has(D::AdvancesAnywhere) => true,
            () if self.has(D::AdvancesByOne) => view == standing.view.next() || entered,
            () => later || entered,
        }
    }

    fn admits_view(&self, Standing { view: own, active }: Standing, view: View) -> bool {
        match () {
            () if self.has(D::AdmitsInactive) => view == own,
            () if self.has(D::AdmitsLower) => active && view <= own,
            () if self.has(D::AdmitsHigher) => active && view >= own,
            () if self.has(D::AdmitsNext) => active && (view == own || view == own.next()),
            () if self.has(D::AdmitsAny) => active,
            () if self.has(D::AdmitsAlways) => true,
            () => active && view == own,
        }
    }

    fn in_window(&self, setting: &Setting, low: SeqNum, seq: SeqNum) -> bool {
        let high = low.0.saturating_add(setting.window);
        let above = seq > low;
        match () {
            () if self.has(D::WindowOtherwise) => {
                seq.0.checked_sub(low.0).is_some_and(|by| by != 0 && by <= setting.window)
            }
            () if self.has(D::WindowFromLow) => seq >= low && seq.0 <= high,
            () if self.has(D::WindowNoLow) => seq.0 <= high,
            () if self.has(D::WindowOneMore) => above && seq.0 <= high.saturating_add(1),
            () if self.has(D::WindowOneLess) => above && seq.0 < high,
            () if self.has(D::WindowNoHigh) => above,
            () if self.has(D::WindowNone) => true,
            () => above && seq.0 <= high,
        }
    }

    fn may_propose(&self, committee: Committee, view: View, from: ReplicaId) -> bool {
        let is_primary = from == self.primary(committee, view);
        let other = match () {
            () if self.has(D::ProposesAnybody) => true,
            () if self.has(D::ProposesNextToo) => from == self.primary(committee, view.next()),
            () if self.has(D::ProposesPreviousToo) => {
                from == self.primary(committee, View(view.0.saturating_sub(1)))
            }
            () if self.has(D::ProposesFirstToo) => from == ReplicaId(0),
            () if self.has(D::ProposesAnybodyInFirst) => view == View(0),
            () => false,
        };
        is_primary || other
    }

    fn digest_matches(&self, digest: Digest, batch: &Batch) -> bool {
        digest == batch.digest()
            || self.has(D::DigestUnchecked)
            || (self.has(D::DigestOfNullUnchecked) && batch.is_null())
            || (self.has(D::DigestOfRequestsUnchecked) && !batch.is_null())
    }

    fn authentic(&self, setting: &Setting, request: &SignedRequest) -> bool {
        let all = self.has(D::AuthenticAlways);
        (all || self.has(D::AuthenticByAnybody) || signed_by_its_client(request))
            && (all || self.has(D::AuthenticUnverified) || setting.keys.verify(request))
    }

    fn authentic_at(&self, setting: &Setting, at: ReplicaId, request: &SignedRequest) -> bool {
        self.authentic(setting, request)
            || self.has(D::AuthenticAtAll)
            || (self.has(D::AuthenticAtFirst) && at == ReplicaId(0))
            || (self.has(D::AuthenticAtEven) && at.0.is_multiple_of(2))
    }

    fn may_propose_null(&self) -> bool {
        self.has(D::ProposesNull)
    }

    fn accepts_second_proposal(&self, accepted: &Proposal, second: &Proposal) -> bool {
        self.has(D::SecondAlways)
            || (self.has(D::SecondOfHigherView) && second.view() > accepted.view())
            || (self.has(D::SecondIfNull) && second.batch.is_null())
            || (self.has(D::SecondOfLowerDigest) && second.digest() < accepted.digest())
    }

    fn may_prepare(&self, committee: Committee, view: View, from: ReplicaId) -> bool {
        let is_backup = from != self.primary(committee, view);
        match () {
            () if self.has(D::PreparesPrimaryToo) => true,
            () if self.has(D::PreparesPrimaryLater) => is_backup || view > View(0),
            () if self.has(D::PreparesNextPrimaryNot) => from != self.primary(committee, view.next()),
            () if self.has(D::PreparesFirstNever) => is_backup && from != self.primary(committee, View(0)),
            () => is_backup,
        }
    }

    fn counts_vote(&self, voters: Option<&VoteSet>, from: ReplicaId) -> bool {
        voters.is_none_or(|voters| {
            !voters.contains(from)
                || self.has(D::CountsRepeated)
                || (self.has(D::CountsRepeatedOfLast) && from == ReplicaId(3))
                || (self.has(D::CountsRepeatedAtFirst) && voters.len() < 2)
        })
    }

    fn prepare_key(&self, view: View, digest: Digest) -> TallyKey {
        let nothing = self.has(D::PrepareKeyNothing);
        TallyKey {
            view: (!nothing && !self.has(D::PrepareKeyNoView)).then_some(view),
            digest: (!nothing && !self.has(D::PrepareKeyNoDigest)).then_some(digest),
        }
    }

    fn commit_key(&self, view: View, digest: Digest) -> TallyKey {
        let nothing = self.has(D::CommitKeyNothing);
        TallyKey {
            view: (!nothing && !self.has(D::CommitKeyNoView)).then_some(view),
            digest: (!nothing && !self.has(D::CommitKeyNoDigest)).then_some(digest),
        }
    }

    fn decides_unprepared(&self) -> bool {
        self.has(D::DecidesUnprepared)
    }

    fn is_next(&self, height: SeqNum, seq: SeqNum) -> bool {
        let next = height.next();
        match () {
            () if self.has(D::NextAny) => true,
            () if self.has(D::NextHigher) => seq >= next,
            () if self.has(D::NextJumpsOne) => seq == next || seq == next.next(),
            () => seq == next,
        }
    }

    fn executes(&self, last: Option<Timestamp>, timestamp: Timestamp) -> bool {
        last.is_none_or(|last| match () {
            () if self.has(D::ExecutesFirst) => false,
            () if self.has(D::ExecutesLastAgain) => timestamp >= last,
            () if self.has(D::ExecutesAlways) => true,
            () => timestamp > last,
        })
    }

    fn serves_reads(&self) -> bool {
        self.has(D::ServesReads)
    }

    fn reply_key(&self, reply: &Reply) -> TallyKey {
        let digest = !self.has(D::ReplyKeyNothing) && !self.has(D::ReplyKeyViewAlone);
        let view = self.has(D::ReplyKeyWithView) || self.has(D::ReplyKeyViewAlone);
        TallyKey { view: view.then_some(reply.view), digest: digest.then(|| reply.result.digest()) }
    }

    fn check_stable(&self, setting: &Setting, claim: &StableClaim) -> Result<(), Refusal> {
        checks::stable(self, setting, claim)
    }

    fn check_state(&self, setting: &Setting, transfer: &StateTransfer) -> Result<(), Refusal> {
        checks::state(self, setting, transfer)
    }

    fn check_decision(&self, setting: &Setting, decision: &Decision) -> Result<(), Refusal> {
        checks::decision(self, setting, decision)
    }

    fn persists(&self, record: &Record) -> bool {
        let without = match record {
            Record::Accepted(_) => D::PersistsNotAccepted,
            Record::Prepared(_) => D::PersistsNotPrepared,
            Record::Decided(_) => D::PersistsNotDecided,
            Record::ViewChange(_) => D::PersistsNotViewChange,
            Record::NewView(_) => D::PersistsNotNewView,
            Record::Stable(_) => D::PersistsNotStable,
            Record::Transferred(..) => D::PersistsNotTransferred,
        };
        !self.has(without) && !self.has(D::PersistsNothing)
    }

    fn runs_timer(&self, standing: Standing) -> bool {
        match () {
            () if self.has(D::TimerNever) => false,
            () if self.has(D::TimerActive) => standing.active,
            () if self.has(D::TimerInactive) => !standing.active,
            () => true,
        }
    }

    fn leaves_prepared(&self) -> bool {
        !self.has(D::LeavesPreparedNever)
    }

    fn retransmits(&self) -> bool {
        !self.has(D::RetransmitsNever)
    }

    fn join(&self, committee: Committee, views: &[View]) -> Option<View> {
        new_view::join(self, committee, views)
    }

    fn reports_prepared(&self, claim: &PreparedClaim) -> bool {
        match () {
            () if self.has(D::ReportsNothing) => false,
            () if self.has(D::ReportsLater) => claim.view() > View(0),
            () if self.has(D::ReportsFirstOnly) => claim.view() == View(0),
            () if self.has(D::ReportsNoNull) => !claim.proposal.batch.is_null(),
            () if self.has(D::ReportsNullOnly) => claim.proposal.batch.is_null(),
            () => true,
        }
    }

    fn keeps_prepared(&self, claim: &PreparedClaim) -> bool {
        match () {
            () if self.has(D::KeepsNothing) => false,
            () if self.has(D::KeepsFirstOnly) => claim.view() == View(0),
            () if self.has(D::KeepsLater) => claim.view() > View(0),
            () if self.has(D::KeepsNoNull) => !claim.proposal.batch.is_null(),
            () => true,
        }
    }

    fn check_prepared(&self, setting: &Setting, claim: &PreparedClaim) -> Result<(), Refusal> {
        checks::prepared(self, setting, claim)
    }

    fn check_view_change(&self, setting: &Setting, change: &ViewChange) -> Result<(), Refusal> {
        checks::view_change(self, setting, change)
    }

    fn justifies(&self, change: &ViewChange, view: View) -> bool {
        change.new_view == view
            || self.has(D::JustifiesAny)
            || (self.has(D::JustifiesLater) && change.new_view > view)
            || (self.has(D::JustifiesEarlier) && change.new_view < view)
    }

    fn select<'a>(&self, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
        new_view::select(self, claims)
    }

    fn new_view_start(&self, changes: &[&ViewChange]) -> Option<SeqNum> {
        new_view::start(self, changes)
    }

    fn new_view_batches(&self, changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
        new_view::batches(self, changes)
    }

    fn sift<'a>(
        &self,
        setting: &Setting,
        changes: &[&'a ViewChange],
    ) -> Result<Vec<&'a ViewChange>, Refusal> {
        new_view::sift(self, setting, changes)
    }

    fn follows(&self, new_view: &NewView, changes: &[&ViewChange]) -> bool {
        new_view::follows(self, new_view, changes)
    }

    fn check_new_view(&self, setting: &Setting, new_view: &NewView) -> Result<(), Refusal> {
        checks::new_view(self, setting, new_view)
    }
}

impl Drawn {
    /// A threshold, or one more, one less, or one.
    fn threshold(&self, due: usize, [more, less, one]: [D; 3]) -> usize {
        match () {
            () if self.has(more) => due + 1,
            () if self.has(less) => due.saturating_sub(1),
            () if self.has(one) => 1,
            () => due,
        }
    }
}
