//! The rulebook: every guard and every choice that the paper makes, one method each.
//!
//! The default bodies *are* the protocol of Castro and Liskov (OSDI'99). A broken protocol is a type
//! that overrides one of them; the replica's code does not know which rulebook it follows, and holds
//! no switch of its own.

use std::fmt;

use super::block::{Batch, SignedRequest};
use super::certificate::{Decision, PreparedClaim, StableClaim};
use super::counted::asked;
use super::digest::Digest;
use super::id::{ReplicaId, SeqNum, Timestamp, View};
use super::message::{Commit, NewView, Proposal, Reply, StateTransfer, ViewChange};
use super::paper;
use super::quorum::{Committee, TallyKey, VoteSet};
use super::replica::Record;
use super::signature::{Keyring, Signed};

/// What is fixed for a whole system: everything a rule may need besides a replica's state.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The replicas.
    pub committee: Committee,
    /// Their public keys and the clients'.
    pub keys: Keyring,
    /// L: how far the high watermark lies above the low one, in sequence numbers (OSDI'99 §4.2).
    pub window: u64,
    /// K: a checkpoint is taken at every multiple of this sequence number (OSDI'99 §4.3).
    pub checkpoint_interval: u64,
    /// The most requests in a batch.
    pub max_batch: usize,
    /// The most sequence numbers that a primary has assigned and not yet executed.
    pub max_in_flight: u64,
    /// The most requests that wait at a replica; those above are refused, and retransmitted by
    /// their clients.
    pub max_pending: usize,
}

impl Setting {
    /// The setting that the paper suggests: K = 128, L = 2K, 16 batches in flight.
    pub fn new(committee: Committee, keys: Keyring) -> Self {
        Setting {
            committee,
            keys,
            window: 256,
            checkpoint_interval: 128,
            max_batch: 64,
            max_in_flight: 16,
            max_pending: 4096,
        }
    }
}

/// Where a replica stands: its view, and whether it takes part in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The replica's view.
    pub view: View,
    /// False from sending VIEW-CHANGE for that view until its NEW-VIEW.
    pub active: bool,
}

/// What a replica signs, where its signature is looked at; a client's request is [`Rules::authentic`]'s matter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignedPart {
    /// A PRE-PREPARE: as it arrives, in a prepared certificate, in a NEW-VIEW.
    PrePrepare,
    /// A PREPARE: as it arrives, and in a prepared certificate.
    Prepare,
    /// A COMMIT: as it arrives, and as the proof of a decision.
    Commit,
    /// A CHECKPOINT: as it arrives, and as the proof of a stable checkpoint.
    Checkpoint,
    /// A VIEW-CHANGE: as it arrives, and in a NEW-VIEW.
    ViewChange,
    /// A NEW-VIEW.
    NewView,
    /// What a replica says of how far it is.
    Status,
    /// A state that is handed over.
    State,
    /// A reply, at a client.
    Reply,
}

/// Why a replica does nothing with an input: one variant for each guard that can refuse.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The signature is not the named signer's.
    #[error("the signature is not the named signer's")]
    BadSignature,
    /// Signed by a client where a replica is needed, or by nobody of this committee.
    #[error("it is not signed by a replica of this committee")]
    NotAReplica,
    /// A replica's own message came back to it.
    #[error("it is the replica's own message")]
    Own,
    /// The message is for another view, or the replica is changing its view.
    #[error("it is not for the view that the replica is active in")]
    OtherView,
    /// The sequence number is not between the watermarks.
    #[error("its sequence number is not between the watermarks")]
    OutsideWindow,
    /// The sender is not the primary of that view.
    #[error("its sender is not the primary of that view")]
    NotPrimary,
    /// The primary of a view does not send prepares in it.
    #[error("the primary of a view sends no prepare in it")]
    PrimaryPrepares,
    /// The digest is not that of the batch, or of the state.
    #[error("its digest is not that of what it carries")]
    WrongDigest,
    /// A request in it was not signed by its client.
    #[error("a request was not signed by its client")]
    InauthenticRequest,
    /// A null batch outside a new view.
    #[error("only a new view may propose the null request")]
    NullProposal,
    /// Another batch was accepted for that view and sequence number.
    #[error("another batch was accepted for that view and sequence number")]
    ConflictingProposal,
    /// The replica has this already.
    #[error("the replica has it already")]
    Duplicate,
    /// There are enough such votes: one more changes nothing.
    #[error("there are enough such votes")]
    TallyFull,
    /// The sequence number is decided: commits change nothing any more.
    #[error("the sequence number is decided")]
    Decided,
    /// The sender has voted for two other digests: it is proved Byzantine, and memory is bounded.
    #[error("its sender has voted for two other digests at that sequence number")]
    TooManyVotes,
    /// The request was executed, or a later one of that client.
    #[error("the request, or a later one of its client, was executed")]
    AlreadyExecuted,
    /// Too many requests are waiting.
    #[error("too many requests are waiting")]
    Full,
    /// Replicas that order all requests do not answer reads by themselves.
    #[error("requests to read are ordered here: send it as a request")]
    ReadsAreOrdered,
    /// The state is not ahead of the replica's own.
    #[error("the state is not ahead of the replica's own")]
    NotAhead,
    /// A message for clients reached a replica.
    #[error("it is for a client")]
    ForClients,
    /// A message for replicas reached a client.
    #[error("it is for replicas")]
    NotForClients,
    /// A reply to something that the client does not wait for.
    #[error("the client does not wait for it")]
    NotAwaited,
    /// No timer is running.
    #[error("no timer is running")]
    NoTimer,
    /// The view change is for a view that the replica is past.
    #[error("the view change is for a view that the replica is past")]
    StaleViewChange,
    /// A certificate holds no quorum.
    #[error("a certificate in it holds no quorum")]
    NoQuorum,
    /// The certificates of a view change are out of order, out of the window, or not of an earlier
    /// view.
    #[error("the certificates in it are out of order, outside its window, or not of an earlier view")]
    MisplacedCertificate,
    /// The proposals of a new view do not follow from its view changes.
    #[error("its proposals do not follow from its view changes")]
    WrongProposals,
    /// The view changes of a new view do not say where it starts.
    #[error("its view changes do not say at which checkpoint it starts")]
    NoStart,
    /// A checkpoint at a number that is no multiple of the interval.
    #[error("no checkpoint is taken at that sequence number")]
    NoCheckpointThere,
}

/// The rulebook of PBFT with signatures (OSDI'99). Section numbers are that paper's.
///
/// No method is required: a rulebook overrides what it changes.
pub trait Rules: AsRules + fmt::Debug + Send + Sync {
    // --- who, and how many ------------------------------------------------------------------

    /// §4: the primary of view v is replica v mod n.
    fn primary(&self, committee: Committee, view: View) -> ReplicaId {
        paper::primary(self.as_rules(), committee, view)
    }

    /// §4: how many replicas make a quorum: any two quorums share an honest replica.
    fn quorum(&self, committee: Committee) -> usize {
        paper::quorum(self.as_rules(), committee)
    }

    /// §4.2: how many votes make a prepared certificate; the pre-prepare is the primary's vote, so
    /// at n = 3f + 1 that is the pre-prepare and 2f prepares.
    fn prepare_quorum(&self, committee: Committee) -> usize {
        paper::prepare_quorum(self.as_rules(), committee)
    }

    /// §4.2: how many commits decide.
    fn commit_quorum(&self, committee: Committee) -> usize {
        paper::commit_quorum(self.as_rules(), committee)
    }

    /// §4.3: how many matching CHECKPOINTs make a checkpoint stable.
    fn checkpoint_quorum(&self, committee: Committee) -> usize {
        paper::checkpoint_quorum(self.as_rules(), committee)
    }

    /// §4.4: how many view changes justify a new view, the new primary's own among them.
    fn view_change_quorum(&self, committee: Committee) -> usize {
        paper::view_change_quorum(self.as_rules(), committee)
    }

    // --- signatures -------------------------------------------------------------------------

    /// §2, §4: messages are signed, and what is not signed by whom it names counts for nothing: `genuine` says
    /// whether it is.
    fn verifies(&self, part: SignedPart, genuine: bool) -> bool {
        paper::verifies(self.as_rules(), part, genuine)
    }

    // --- the normal case --------------------------------------------------------------------

    /// §4.2: in which view a message must be to be accepted: the replica's own, once it is active.
    fn admits_view(&self, standing: Standing, view: View) -> bool {
        paper::admits_view(self.as_rules(), standing, view)
    }

    /// §4.2: h < n ≤ h + L, for low watermark h.
    fn in_window(&self, setting: &Setting, low: SeqNum, seq: SeqNum) -> bool {
        paper::in_window(self.as_rules(), setting, low, seq)
    }

    /// §4.2: only the primary of a view proposes in it.
    fn may_propose(&self, committee: Committee, view: View, from: ReplicaId) -> bool {
        paper::may_propose(self.as_rules(), committee, view, from)
    }

    /// §4.2: 'd is the digest for m'.
    fn digest_matches(&self, digest: Digest, batch: &Batch) -> bool {
        paper::digest_matches(self.as_rules(), digest, batch)
    }

    /// §4.1, §4.2: a request counts only with its client's own signature.
    fn authentic(&self, setting: &Setting, request: &SignedRequest) -> bool {
        paper::authentic(self.as_rules(), setting, request)
    }

    /// §4.1: which replicas can verify a request that its client sends: with signatures all or none.
    /// With a MAC for each replica a client can make it valid for some of them only (Castro's thesis).
    fn authentic_at(&self, setting: &Setting, at: ReplicaId, request: &SignedRequest) -> bool {
        paper::authentic_at(self.as_rules(), setting, at, request)
    }

    /// §4.4: null requests fill the gaps of a new view; a primary proposes none otherwise.
    fn may_propose_null(&self) -> bool {
        paper::may_propose_null(self.as_rules())
    }

    /// §4.2: a backup that has accepted a pre-prepare for view v and number n accepts none with
    /// another digest.
    fn accepts_second_proposal(&self, accepted: &Proposal, second: &Proposal) -> bool {
        paper::accepts_second_proposal(self.as_rules(), accepted, second)
    }

    /// §4.2: prepares come from backups; the primary has voted by its pre-prepare.
    fn may_prepare(&self, committee: Committee, view: View, from: ReplicaId) -> bool {
        paper::may_prepare(self.as_rules(), committee, view, from)
    }

    /// §4.2: 'from different replicas': a replica's vote counts once.
    fn counts_vote(&self, voters: Option<&VoteSet>, from: ReplicaId) -> bool {
        paper::counts_vote(self.as_rules(), voters, from)
    }

    /// §4.2: prepares count together if they match in view, number and digest.
    fn prepare_key(&self, view: View, digest: Digest) -> TallyKey {
        paper::prepare_key(self.as_rules(), view, digest)
    }

    /// §4.2: commits count together if they match in view, number and digest.
    fn commit_key(&self, view: View, digest: Digest) -> TallyKey {
        paper::commit_key(self.as_rules(), view, digest)
    }

    /// §4.2: a signed prepare says that it is one, and is no commit besides.
    fn prepare_counts_as_commit(&self) -> bool {
        paper::prepare_counts_as_commit(self.as_rules())
    }

    /// §4.2: *committed-local* requires *prepared*.
    fn decides_unprepared(&self) -> bool {
        paper::decides_unprepared(self.as_rules())
    }

    // --- execution --------------------------------------------------------------------------

    /// §4.2: a batch is executed after all with lower numbers.
    fn is_next(&self, height: SeqNum, seq: SeqNum) -> bool {
        paper::is_next(self.as_rules(), height, seq)
    }

    /// §4.1: exactly once: a request is executed unless one of its client with that timestamp or a
    /// later one was.
    fn executes(&self, last: Option<Timestamp>, timestamp: Timestamp) -> bool {
        paper::executes(self.as_rules(), last, timestamp)
    }

    /// §5.1.3: whether replicas answer requests to read from their own state, without ordering them.
    /// The paper offers it as an optimisation; off, a read is ordered like any other request.
    fn serves_reads(&self) -> bool {
        paper::serves_reads(self.as_rules())
    }

    // --- clients ----------------------------------------------------------------------------

    /// §4.1: how many matching replies a client waits for: f + 1, one of them from an honest replica.
    fn reply_quorum(&self, committee: Committee) -> usize {
        paper::reply_quorum(self.as_rules(), committee)
    }

    /// §5.1.3: how many matching replies to a read that was not ordered.
    fn read_quorum(&self, committee: Committee) -> usize {
        paper::read_quorum(self.as_rules(), committee)
    }

    /// §4.1: replies count together if they have the same result; in which view each replica was does not
    /// matter.
    fn reply_key(&self, reply: &Reply) -> TallyKey {
        paper::reply_key(self.as_rules(), reply)
    }

    // --- checkpoints ------------------------------------------------------------------------

    /// §4.3: a stable checkpoint is proved by a quorum of matching CHECKPOINTs; the genesis
    /// checkpoint by nothing.
    ///
    /// # Errors
    /// The guard that fails.
    fn check_stable(&self, setting: &Setting, claim: &StableClaim) -> Result<(), Refusal> {
        paper::check_stable(self.as_rules(), setting, claim)
    }

    /// §4.3, §5.1.2: a replica that lags behind takes over a state whose checkpoint is proved stable, and
    /// which has the digest that the checkpoint names; and what is proved to be decided after it.
    ///
    /// # Errors
    /// The guard that fails.
    fn check_state(&self, setting: &Setting, transfer: &StateTransfer) -> Result<(), Refusal> {
        paper::check_state(self.as_rules(), setting, transfer)
    }

    /// §4.2: a batch is decided if a quorum of different replicas has sent matching commits for it:
    /// whoever sees them knows, in whichever view it is.
    ///
    /// # Errors
    /// The guard that fails.
    fn check_decision(&self, setting: &Setting, decision: &Decision) -> Result<(), Refusal> {
        paper::check_decision(self.as_rules(), setting, decision)
    }

    // --- crashes ----------------------------------------------------------------------------

    /// What must be on stable storage before the message that follows from it leaves. The paper assumes
    /// replicas that do not forget; a replica that crashes and recovers has to remember what it voted for.
    fn persists(&self, record: &Record) -> bool {
        paper::persists(self.as_rules(), record)
    }

    // --- what liveness needs ------------------------------------------------------------------

    /// §4.4: a backup that waits for a request runs its timer, and so does a replica that has left its
    /// view with a quorum of others: the next view may fail as well.
    fn runs_timer(&self, standing: Standing) -> bool {
        paper::runs_timer(self.as_rules(), standing)
    }

    /// §4.4: a timer runs until the request that it was started for is executed: what else has been executed since it
    /// started, from `since` up to `height`, does not start it again.
    fn restarts_timer(&self, since: SeqNum, height: SeqNum) -> bool {
        paper::restarts_timer(self.as_rules(), since, height)
    }

    /// §4.4: whoever gives up a view does so although a batch has prepared there; its certificate goes
    /// along into the next.
    fn leaves_prepared(&self) -> bool {
        paper::leaves_prepared(self.as_rules())
    }

    /// §3: a sender goes on sending until its message is received; here a replica says from time to time how
    /// far it is, and is sent what it lacks.
    fn retransmits(&self) -> bool {
        paper::retransmits(self.as_rules())
    }

    // --- view changes -----------------------------------------------------------------------

    /// §4.4: views advance: a replica moves to a later view than its own, or enters the one that it is moving to.
    fn advances(&self, standing: Standing, view: View) -> bool {
        paper::advances(self.as_rules(), standing, view)
    }

    /// §4.4: a replica that receives view changes from f + 1 others for views above its own joins,
    /// in the smallest of those views. `views` holds the view of each other replica's latest view
    /// change, where it is above `own`.
    fn join(&self, committee: Committee, views: &[View]) -> Option<View> {
        paper::join(self.as_rules(), committee, views)
    }

    /// §4.4: how many votes, the pre-prepare among them, stand behind a batch that a view change reports
    /// as prepared: as many as make it prepared.
    fn certificate_quorum(&self, committee: Committee) -> usize {
        paper::certificate_quorum(self.as_rules(), committee)
    }

    /// §4.4: a view change reports every batch that prepared at its sender.
    fn reports_prepared(&self, claim: &PreparedClaim) -> bool {
        paper::reports_prepared(self.as_rules(), claim)
    }

    /// §4.4: what prepared stays known after a new view begins, until a later view replaces it.
    fn keeps_prepared(&self, claim: &PreparedClaim) -> bool {
        paper::keeps_prepared(self.as_rules(), claim)
    }

    /// §4.2, §4.4: a prepared certificate is the primary's pre-prepare for the batch and, from
    /// different backups, prepares that match it.
    ///
    /// # Errors
    /// The guard that fails.
    fn check_prepared(&self, setting: &Setting, claim: &PreparedClaim) -> Result<(), Refusal> {
        paper::check_prepared(self.as_rules(), setting, claim)
    }

    /// §4.4: a view change is valid if its stable checkpoint is proved and each of its
    /// certificates is valid, of an earlier view, and between its own watermarks.
    ///
    /// # Errors
    /// The guard that fails.
    fn check_view_change(&self, setting: &Setting, change: &ViewChange) -> Result<(), Refusal> {
        paper::check_view_change(self.as_rules(), setting, change)
    }

    /// §4.4: a new view is justified by view changes for that very view.
    fn justifies(&self, change: &ViewChange, view: View) -> bool {
        paper::justifies(self.as_rules(), change, view)
    }

    /// §4.4: of several certificates for a sequence number, a new view takes the one of the highest
    /// view.
    fn select<'a>(&self, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
        paper::select(self.as_rules(), claims)
    }

    /// §4.4: the number after which a new view begins to propose, min-s: that of the latest stable checkpoint in its
    /// view changes. It always can; none would mean that there is no new view yet.
    fn new_view_start(&self, changes: &[&ViewChange]) -> Option<SeqNum> {
        paper::new_view_start(self.as_rules(), changes)
    }

    /// §4.4: what a new view proposes: for each number between its start and the highest certificate, the
    /// selected certificate's batch, or the null request.
    fn new_view_batches(&self, changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
        paper::new_view_batches(self.as_rules(), changes)
    }

    /// §4.4: the view changes of a new view that count: all of them, or it is no new view. What one of
    /// them claims takes nothing from the others.
    ///
    /// # Errors
    /// What is wrong with one of them.
    fn sift<'a>(
        &self,
        setting: &Setting,
        changes: &[&'a ViewChange],
    ) -> Result<Vec<&'a ViewChange>, Refusal> {
        paper::sift(self.as_rules(), setting, changes)
    }

    /// §4.4: a backup computes for itself what a new view has to propose, and accepts nothing else.
    fn follows(&self, new_view: &NewView, changes: &[&ViewChange]) -> bool {
        paper::follows(self.as_rules(), new_view, changes)
    }

    /// §4.4: a new view is valid if a quorum of valid view changes from different replicas justifies
    /// it, and its proposals are the ones that follow from them.
    ///
    /// # Errors
    /// The guard that fails.
    fn check_new_view(&self, setting: &Setting, new_view: &NewView) -> Result<(), Refusal> {
        paper::check_new_view(self.as_rules(), setting, new_view)
    }

    /// The rulebook behind one that stands before another to watch it; of any other, itself.
    #[doc(hidden)]
    fn itself(&self) -> &dyn Rules {
        self.as_rules()
    }
}

/// A rulebook as a trait object, for the default bodies of [`Rules`].
///
/// They cannot make it themselves, because there a rulebook has no known size; here it has, and no rulebook need write it.
pub trait AsRules {
    /// This rulebook.
    fn as_rules(&self) -> &dyn Rules;
}

impl<R: Rules> AsRules for R {
    fn as_rules(&self) -> &dyn Rules {
        self
    }
}

/// What holds for a pre-prepare in every state of the receiver: the primary's own signature, and a
/// batch of authentic requests with that digest (OSDI'99 §4.2).
///
/// # Errors
/// The guard that fails.
pub fn check_proposal(rules: &dyn Rules, setting: &Setting, proposal: &Proposal) -> Result<(), Refusal> {
    let from = replica_of(setting, &proposal.pre_prepare)?;
    if !asked(rules).may_propose(setting.committee, proposal.view(), from) {
        return Err(Refusal::NotPrimary);
    }
    if !asked(rules).digest_matches(proposal.digest(), &proposal.batch) {
        return Err(Refusal::WrongDigest);
    }
    if !asked(rules).verifies(SignedPart::PrePrepare, setting.keys.verify(&proposal.pre_prepare)) {
        return Err(Refusal::BadSignature);
    }
    if !proposal.batch.requests().iter().all(|request| asked(rules).authentic(setting, request)) {
        return Err(Refusal::InauthenticRequest);
    }
    Ok(())
}

/// Whether a commit is signed by whom it names, as one or as what the rulebook lets count as one.
pub fn is_signed_commit(rules: &dyn Rules, setting: &Setting, commit: &Signed<Commit>) -> bool {
    asked(rules).verifies(SignedPart::Commit, setting.keys.verify(commit))
        || (asked(rules).prepare_counts_as_commit() && setting.keys.verify_as_prepare(commit))
}

/// The replica of this committee that a message names as its signer.
///
/// # Errors
/// [`Refusal::NotAReplica`].
pub fn replica_of<M>(setting: &Setting, signed: &Signed<M>) -> Result<ReplicaId, Refusal> {
    signed.signer().replica().filter(|&id| setting.committee.contains(id)).ok_or(Refusal::NotAReplica)
}

/// The protocol of the paper: overrides nothing.
#[derive(Clone, Copy, Debug)]
pub struct Castro99;

impl Rules for Castro99 {}
