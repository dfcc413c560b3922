//! Certificates: quorums of signed messages.
//!
//! On the wire a certificate is a *claim*, which anybody can write down. It becomes a certificate
//! only where the rulebook has found a quorum in it; outside the protocol's own code the certificate
//! types have no other constructor.

use std::fmt;
use std::sync::{Arc, LazyLock};

use super::block::Batch;
use super::digest::Digest;
use super::id::{SeqNum, View};
use super::message::{Checkpoint, Commit, Prepare, Proposal, StateTransfer};
use super::quorum::{Tally, Votes};
use super::rename::{Rename, Renaming};
use super::rules::{Refusal, Rules, Setting};
use super::signature::Signed;
use super::snapshot::Snapshot;
use super::uncompared::Uncompared;

/// 'This batch prepared': a pre-prepare and the prepares that are said to support it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PreparedClaim {
    /// The proposal.
    pub proposal: Proposal,
    /// The prepares.
    pub prepares: Uncompared<Arc<[Signed<Prepare>]>>,
}

impl PreparedClaim {
    /// The view in which it is said to have prepared.
    pub fn view(&self) -> View {
        self.proposal.view()
    }

    /// The sequence number.
    pub fn seq(&self) -> SeqNum {
        self.proposal.seq()
    }

    /// The digest of the batch.
    pub fn digest(&self) -> Digest {
        self.proposal.digest()
    }
}

impl fmt::Debug for PreparedClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} {} {})", self.view(), self.seq(), self.proposal.batch)
    }
}

/// A prepared certificate: the predicate *prepared(m, v, n, i)* of OSDI'99 §4.2, with its proof.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PreparedCertificate(PreparedClaim);

impl PreparedCertificate {
    /// The certificate, if the rulebook finds a quorum behind the claim.
    ///
    /// # Errors
    /// What the rulebook refuses.
    pub fn new(setting: &Setting, rules: &dyn Rules, claim: PreparedClaim) -> Result<Self, Refusal> {
        rules.check_prepared(setting, &claim)?;
        Ok(PreparedCertificate(claim))
    }

    /// The certificate for the replica's own, already verified, votes, which leave the tally; none
    /// without a quorum.
    pub(super) fn take(
        setting: &Setting,
        rules: &dyn Rules,
        proposal: &Proposal,
        tally: &mut Tally<Prepare>,
    ) -> Option<Self> {
        let key = rules.prepare_key(proposal.view(), proposal.digest());
        (tally.count(&key) + 1 >= rules.prepare_quorum(setting.committee)).then(|| {
            let prepares = tally.take(&key).map_or_else(|| Arc::from([]), |v| Arc::from(v.into_signed()));
            PreparedCertificate(PreparedClaim { proposal: proposal.clone(), prepares: Uncompared(prepares) })
        })
    }

    /// What it certifies, in the form in which it is sent.
    pub fn claim(&self) -> &PreparedClaim {
        &self.0
    }

    /// The view in which the batch prepared.
    pub fn view(&self) -> View {
        self.0.view()
    }

    /// The sequence number.
    pub fn seq(&self) -> SeqNum {
        self.0.seq()
    }

    /// The digest of the batch.
    pub fn digest(&self) -> Digest {
        self.0.digest()
    }
}

impl Rename for PreparedCertificate {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        self.0.renamed(by).map(PreparedCertificate)
    }
}

impl Rename for StableCheckpoint {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        self.0.renamed(by).map(StableCheckpoint)
    }
}

/// A commit certificate: the quorum behind *committed-local(m, v, n, i)* of OSDI'99 §4.2.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CommitCertificate {
    view: View,
    seq: SeqNum,
    digest: Digest,
    commits: Uncompared<Arc<[Signed<Commit>]>>,
}

impl CommitCertificate {
    /// The certificate for the replica's own, already verified, votes, which leave the tally; none
    /// without a quorum.
    pub(super) fn take(
        setting: &Setting,
        rules: &dyn Rules,
        proposal: &Proposal,
        tally: &mut Tally<Commit>,
    ) -> Option<Self> {
        let (view, seq, digest) = (proposal.view(), proposal.seq(), proposal.digest());
        let key = rules.commit_key(view, digest);
        if tally.count(&key) < rules.commit_quorum(setting.committee) {
            return None;
        }
        let commits = Uncompared(Arc::from(tally.take(&key)?.into_signed()));
        Some(CommitCertificate { view, seq, digest, commits })
    }

    /// The view in which the quorum voted.
    pub fn view(&self) -> View {
        self.view
    }

    /// The sequence number that is decided.
    pub fn seq(&self) -> SeqNum {
        self.seq
    }

    /// The digest of the batch.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What it certifies, with the batch, in the form in which it is sent.
    pub(super) fn decision(&self, batch: Batch) -> Decision {
        Decision { seq: self.seq, batch, commits: Uncompared((self.view, Arc::clone(&self.commits.0))) }
    }

    /// The votes.
    pub fn commits(&self) -> &[Signed<Commit>] {
        &self.commits.0
    }
}

/// A batch that is decided, with the proof: what a replica tells another which has missed it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decision {
    /// The sequence number.
    pub seq: SeqNum,
    /// The batch.
    pub batch: Batch,
    /// The view in which it was decided, and the commits: which ones they are does not matter.
    pub commits: Uncompared<(View, Arc<[Signed<Commit>]>)>,
}

impl Decision {
    /// The certificate, of a decision that [`Rules::check_state`] has let through.
    pub(super) fn verified(&self) -> CommitCertificate {
        let (view, commits) = &self.commits.0;
        let commits = Uncompared(Arc::clone(commits));
        CommitCertificate { view: *view, seq: self.seq, digest: self.batch.digest(), commits }
    }
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} {})", self.seq, self.batch)
    }
}

/// 'This checkpoint is stable': n, d and the CHECKPOINT messages that are said to support it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StableClaim {
    /// The checkpoint's sequence number.
    pub seq: SeqNum,
    /// The digest of the state.
    pub state: Digest,
    /// The CHECKPOINT messages.
    pub checkpoints: Uncompared<Arc<[Signed<Checkpoint>]>>,
}

/// A stable checkpoint with its proof (OSDI'99 §4.3). The genesis checkpoint needs none.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct StableCheckpoint(StableClaim);

impl StableCheckpoint {
    /// The checkpoint that everybody starts from.
    pub fn genesis() -> Self {
        static GENESIS: LazyLock<StableCheckpoint> = LazyLock::new(|| {
            StableCheckpoint(StableClaim {
                seq: SeqNum::GENESIS,
                state: Snapshot::genesis().digest(),
                checkpoints: Uncompared(Arc::from([])),
            })
        });
        GENESIS.clone()
    }

    /// The stable checkpoint, if the rulebook finds a quorum behind the claim.
    ///
    /// # Errors
    /// What the rulebook refuses.
    pub fn new(setting: &Setting, rules: &dyn Rules, claim: StableClaim) -> Result<Self, Refusal> {
        rules.check_stable(setting, &claim)?;
        Ok(StableCheckpoint(claim))
    }

    /// The stable checkpoint of a state that [`Rules::check_state`] has let through.
    pub(super) fn verified(transfer: &StateTransfer) -> Self {
        StableCheckpoint(transfer.stable.clone())
    }

    pub(super) fn from_votes(
        setting: &Setting,
        rules: &dyn Rules,
        seq: SeqNum,
        state: Digest,
        votes: &Votes<Checkpoint>,
    ) -> Option<Self> {
        (votes.count() >= rules.checkpoint_quorum(setting.committee)).then(|| {
            StableCheckpoint(StableClaim { seq, state, checkpoints: Uncompared(Arc::from(votes.signed())) })
        })
    }

    /// What it certifies, in the form in which it is sent.
    pub fn claim(&self) -> &StableClaim {
        &self.0
    }

    /// The low watermark that it sets.
    pub fn seq(&self) -> SeqNum {
        self.0.seq
    }
}
