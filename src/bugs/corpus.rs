//! The registry of rulebooks.

use super::Rulebook;
use crate::subject::Catalogue;

/// From each file and the type that it adds, in the order of the registry: the types, and the rows.
///
/// The files are declared in `mod.rs`, because rustfmt does not find those that a macro declares.
macro_rules! corpus {
    ($($file:ident $(: $fault:ident)?,)*) => {
        $($(pub use super::$file::$fault;)?)*

        /// Every rulebook, the correct one first, then by number.
        pub const RULEBOOKS: &[Rulebook] = &[$(super::$file::RULEBOOK),*];
    };
}

corpus! {
    castro99,
    prepared_lost: PreparedLost,
    certificate_wiped: CertificateWiped,
    commit_any_view: CommitAnyView,
    prepare_any_view: PrepareAnyView,
    lowest_certificate: LowestCertificate,
    stale_view_change: StaleViewChange,
    old_view_votes: OldViewVotes,
    fixed_quorum: FixedQuorum,
    unverified_certificate: UnverifiedCertificate,
    dictated_new_view: DictatedNewView,
    short_new_view: ShortNewView,
    masked_certificates: MaskedCertificates,
    second_proposal: SecondProposal,
    digest_blind: DigestBlind,
    double_vote: DoubleVote,
    primary_twice: PrimaryTwice,
    weak_commit: WeakCommit,
    amnesia: Amnesia,
    accepted_as_prepared: AcceptedAsPrepared,
    early_proposal: EarlyProposal,
    unchecked_state: UncheckedState,
    repeated_execution: RepeatedExecution,
    single_reply: SingleReply,
    unordered_reads: UnorderedReads,
    kept_lock: KeptLock,
    unanimous_start: UnanimousStart,
    no_retransmission: NoRetransmission,
    idle_timer: IdleTimer,
    low_watermark: LowWatermark,
    restarted_timer: RestartedTimer,
    short_window: ShortWindow,
    partial_authenticator: PartialAuthenticator,
    early_participation: EarlyParticipation,
    partial_new_view: PartialNewView,
    digest_blind_commit: DigestBlindCommit,
    volatile_view_change: VolatileViewChange,
    volatile_new_view: VolatileNewView,
    volatile_certificate: VolatileCertificate,
    truncated_new_view: TruncatedNewView,
    later_view_change: LaterViewChange,
    prepare_as_commit: PrepareAsCommit,
    unverified_votes: UnverifiedVotes,
    backward_view: BackwardView,
    first_listed: FirstListed,
    believed_decisions: BelievedDecisions,
    unproved_checkpoint: UnprovedCheckpoint,
    primary_twice_in_certificate: PrimaryTwiceInCertificate,
    eager_execution: EagerExecution,
    empty_new_view: EmptyNewView,
    lowest_start: LowestStart,
    relabelled_batch: RelabelledBatch,
    unchecked_new_view: UncheckedNewView,
    unchecked_view_change: UncheckedViewChange,
    unsigned_request: UnsignedRequest,
    unproved_decision: UnprovedDecision,
    mixed_replies: MixedReplies,
    lone_checkpoint: LoneCheckpoint,
    weak_checkpoint: WeakCheckpoint,
    weak_prepare: WeakPrepare,
    decides_unprepared: DecidesUnprepared,
    first_receiver: FirstReceiver,
    no_timer: NoTimer,
    no_join: NoJoin,
    same_view_join: SameViewJoin,
    highest_join: HighestJoin,
    no_repetition: NoRepetition,
    late_check: LateCheck,
    open_gap: OpenGap,
    first_receiver_untimed: FirstReceiverUntimed,
    first_receiver_counts: FirstReceiverCounts,
}

/// The rulebook of that name.
pub fn find(name: &str) -> Option<&'static Rulebook> {
    RULEBOOKS.iter().find(|rulebook| rulebook.name == name)
}

/// All rulebooks, as subjects by name.
pub fn catalogue() -> Catalogue {
    Catalogue::of(RULEBOOKS)
}
