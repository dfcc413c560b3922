//! The ways in which a drawn rulebook departs from the paper, by the rule that they change.

use std::fmt;
use std::str::FromStr;

macro_rules! departures {
    ($($rule:ident { $($(#[doc = $says:literal])* $name:ident,)* })*) => {
        /// One way to write a rule otherwise than the paper does. Its name begins with the rule's.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Departure {
            $($($(#[doc = $says])* $name,)*)*
        }

        impl Departure {
            /// All of them, by rule.
            pub const ALL: &[Departure] = &[$($(Departure::$name,)*)*];

            /// All of them, a list for each rule.
            pub const FAMILIES: &[(&str, &[Departure])] =
                &[$((stringify!($rule), &[$(Departure::$name,)*]),)*];

            /// The rule that it changes.
            pub fn rule(self) -> &'static str {
                match self {
                    $($(Departure::$name)|* => stringify!($rule),)*
                }
            }

            /// What it does.
            pub fn says(self) -> &'static str {
                match self {
                    $($(Departure::$name => concat!($($says),*),)*)*
                }
            }
        }
    };
}

departures! {
    primary {
        /// The primary of view v is replica v + 1 mod n.
        PrimaryNext,
        /// Replicas lead in descending order.
        PrimaryReversed,
        /// Each replica leads two views one after the other.
        PrimaryTwoViews,
        /// Replica 0 leads every view.
        PrimaryConstant,
    }
    quorum {
        /// Computed as n less the most that two quorums may lack; the same number.
        QuorumOtherwise,
        /// 2f + 1, whatever n is.
        QuorumTwoThirds,
        /// One more.
        QuorumMore,
        /// One less.
        QuorumLess,
        /// A majority.
        QuorumMajority,
    }
    prepare_quorum {
        /// One more.
        PrepareQuorumMore,
        /// One less.
        PrepareQuorumLess,
        /// f + 1.
        PrepareQuorumWeak,
        /// All.
        PrepareQuorumAll,
    }
    commit_quorum {
        /// One more.
        CommitQuorumMore,
        /// One less.
        CommitQuorumLess,
        /// One.
        CommitQuorumOne,
    }
    checkpoint_quorum {
        /// One more.
        CheckpointQuorumMore,
        /// One less.
        CheckpointQuorumLess,
        /// One.
        CheckpointQuorumOne,
    }
    view_change_quorum {
        /// One more.
        ViewChangeQuorumMore,
        /// One less.
        ViewChangeQuorumLess,
        /// One.
        ViewChangeQuorumOne,
    }
    certificate_quorum {
        /// One more.
        CertificateQuorumMore,
        /// One less.
        CertificateQuorumLess,
        /// The proposal alone.
        CertificateQuorumOne,
    }
    reply_quorum {
        /// One more.
        ReplyQuorumMore,
        /// One less.
        ReplyQuorumLess,
    }
    read_quorum {
        /// One more.
        ReadQuorumMore,
        /// One less.
        ReadQuorumLess,
        /// f + 1.
        ReadQuorumWeak,
    }
    verifies {
        /// PRE-PREPAREs are not verified.
        VerifiesNoPrePrepare,
        /// PREPAREs are not verified.
        VerifiesNoPrepare,
        /// COMMITs are not verified.
        VerifiesNoCommit,
        /// CHECKPOINTs are not verified.
        VerifiesNoCheckpoint,
        /// VIEW-CHANGEs are not verified.
        VerifiesNoViewChange,
        /// NEW-VIEWs are not verified.
        VerifiesNoNewView,
        /// What replicas say of how far they are is not verified.
        VerifiesNoStatus,
        /// STATEs are not verified.
        VerifiesNoState,
        /// Replies are not verified.
        VerifiesNoReply,
        /// Nothing is verified.
        VerifiesNothing,
    }
    prepare_counts_as_commit {
        /// It does.
        PrepareIsCommit,
    }
    restarts_timer {
        /// Whenever something was executed.
        RestartsByHeight,
        /// Always.
        RestartsAlways,
    }
    advances {
        /// To any view but its own.
        AdvancesToOther,
        /// To its own view again.
        AdvancesToOwn,
        /// To any view.
        AdvancesAnywhere,
        /// By one view alone.
        AdvancesByOne,
    }
    admits_view {
        /// Also before the NEW-VIEW of the view that the replica moves to.
        AdmitsInactive,
        /// Lower views too.
        AdmitsLower,
        /// Higher views too.
        AdmitsHigher,
        /// The next view too.
        AdmitsNext,
        /// Any view, if the replica is active.
        AdmitsAny,
        /// Any view at any time.
        AdmitsAlways,
    }
    in_window {
        /// Written as a difference; the same numbers.
        WindowOtherwise,
        /// The low watermark too.
        WindowFromLow,
        /// Every number up to the high watermark.
        WindowNoLow,
        /// One number more.
        WindowOneMore,
        /// One number less.
        WindowOneLess,
        /// Every number above the low watermark.
        WindowNoHigh,
        /// Every number.
        WindowNone,
    }
    may_propose {
        /// Anybody.
        ProposesAnybody,
        /// The primary of the next view too.
        ProposesNextToo,
        /// The primary of the view before too.
        ProposesPreviousToo,
        /// Replica 0 too.
        ProposesFirstToo,
        /// In view 0, anybody.
        ProposesAnybodyInFirst,
    }
    digest_matches {
        /// Any digest.
        DigestUnchecked,
        /// The null batch fits any digest.
        DigestOfNullUnchecked,
        /// Any digest of a batch that is not null.
        DigestOfRequestsUnchecked,
    }
    authentic {
        /// It need not be the client who signed.
        AuthenticByAnybody,
        /// The signature is not verified.
        AuthenticUnverified,
        /// Every request.
        AuthenticAlways,
    }
    authentic_at {
        /// Every request, at replica 0.
        AuthenticAtFirst,
        /// Every request, at replicas with an even number.
        AuthenticAtEven,
        /// Every request, everywhere.
        AuthenticAtAll,
    }
    may_propose_null {
        /// It may.
        ProposesNull,
    }
    accepts_second_proposal {
        /// Of a higher view alone, which is no second proposal.
        SecondOfHigherView,
        /// Always.
        SecondAlways,
        /// The null batch, in the place of another.
        SecondIfNull,
        /// Of a lower digest.
        SecondOfLowerDigest,
    }
    may_prepare {
        /// The primary too.
        PreparesPrimaryToo,
        /// The primary too, after view 0.
        PreparesPrimaryLater,
        /// The primary of the view too, but not that of the next view.
        PreparesNextPrimaryNot,
        /// The primary of view 0 never does.
        PreparesFirstNever,
    }
    counts_vote {
        /// As often as it arrives.
        CountsRepeated,
        /// As often as it arrives from replica 3.
        CountsRepeatedOfLast,
        /// Repeated ones until there are two voters.
        CountsRepeatedAtFirst,
    }
    prepare_key {
        /// Whatever the view.
        PrepareKeyNoView,
        /// Whatever the digest.
        PrepareKeyNoDigest,
        /// Whatever both.
        PrepareKeyNothing,
    }
    commit_key {
        /// Whatever the view.
        CommitKeyNoView,
        /// Whatever the digest.
        CommitKeyNoDigest,
        /// Whatever both.
        CommitKeyNothing,
    }
    decides_unprepared {
        /// It does.
        DecidesUnprepared,
    }
    is_next {
        /// Any number.
        NextAny,
        /// Any higher number.
        NextHigher,
        /// A gap of one is jumped.
        NextJumpsOne,
    }
    executes {
        /// Each client's first request alone.
        ExecutesFirst,
        /// The last request again.
        ExecutesLastAgain,
        /// Everything.
        ExecutesAlways,
    }
    serves_reads {
        /// They do.
        ServesReads,
    }
    reply_key {
        /// In the same view alone.
        ReplyKeyWithView,
        /// Whatever the result.
        ReplyKeyNothing,
        /// In the same view, whatever the result.
        ReplyKeyViewAlone,
    }
    check_stable {
        /// Votes for another number count.
        StableAnyNumber,
        /// Votes for another state count.
        StableAnyState,
        /// Signatures are not verified.
        StableUnverified,
        /// Repeated votes count.
        StableRepeated,
        /// Votes of clients and strangers count.
        StableAnySigner,
        /// One vote is enough.
        StableOneVote,
        /// A claim for number 0 needs no proof, whatever the state.
        StableAnyGenesis,
        /// Nothing is checked.
        StableUnchecked,
    }
    check_state {
        /// The checkpoint is not proved.
        StateStableUnchecked,
        /// The snapshot may be of another number.
        StateAnyNumber,
        /// The snapshot may have another digest.
        StateAnyDigest,
        /// Decisions are believed.
        StateDecisionsUnchecked,
        /// The first decision alone is checked.
        StateFirstDecisionOnly,
        /// Nothing is checked.
        StateUnchecked,
    }
    check_decision {
        /// Commits for another number count.
        DecisionAnyNumber,
        /// Commits of another view count.
        DecisionAnyView,
        /// Commits for another digest count.
        DecisionAnyDigest,
        /// Signatures are not verified.
        DecisionUnverified,
        /// Repeated commits count.
        DecisionRepeated,
        /// Commits of clients and strangers count.
        DecisionAnySigner,
        /// One commit is enough.
        DecisionOneVote,
        /// Nothing is checked.
        DecisionUnchecked,
    }
    persists {
        /// All but accepted proposals.
        PersistsNotAccepted,
        /// All but prepared certificates.
        PersistsNotPrepared,
        /// All but decisions.
        PersistsNotDecided,
        /// All but view changes.
        PersistsNotViewChange,
        /// All but new views.
        PersistsNotNewView,
        /// All but stable checkpoints.
        PersistsNotStable,
        /// All but states that were taken over.
        PersistsNotTransferred,
        /// Nothing.
        PersistsNothing,
    }
    runs_timer {
        /// Never.
        TimerNever,
        /// In a view that has begun alone.
        TimerActive,
        /// Between two views alone.
        TimerInactive,
    }
    leaves_prepared {
        /// It does not.
        LeavesPreparedNever,
    }
    retransmits {
        /// It does not.
        RetransmitsNever,
    }
    join {
        /// The smallest, found by sorting; the same view.
        JoinOtherwise,
        /// The highest view that is named.
        JoinHighest,
        /// When f + 1 name the same view.
        JoinSame,
        /// When one asks.
        JoinOne,
        /// When f + 2 ask.
        JoinMore,
        /// The view in the middle.
        JoinMiddle,
        /// The first that is listed.
        JoinFirst,
        /// The last that is listed.
        JoinLast,
        /// Never.
        JoinNever,
    }
    reports_prepared {
        /// Nothing.
        ReportsNothing,
        /// Not what prepared in view 0.
        ReportsLater,
        /// What prepared in view 0 alone.
        ReportsFirstOnly,
        /// No null batches.
        ReportsNoNull,
        /// The null batch alone.
        ReportsNullOnly,
    }
    keeps_prepared {
        /// Nothing.
        KeepsNothing,
        /// What prepared in view 0 alone.
        KeepsFirstOnly,
        /// What prepared after view 0 alone.
        KeepsLater,
        /// No null batches.
        KeepsNoNull,
    }
    check_prepared {
        /// The proposal is not checked.
        PreparedAnyProposal,
        /// Anybody's proposal.
        PreparedAnyProposer,
        /// The digest need not be that of the batch.
        PreparedAnyBatch,
        /// The proposal's signature is not verified.
        PreparedProposalUnverified,
        /// Its requests need not be authentic.
        PreparedAnyRequest,
        /// Prepares for another number count.
        PreparedAnyNumber,
        /// Prepares of another view count.
        PreparedAnyView,
        /// Prepares of lower views count.
        PreparedLowerViews,
        /// Prepares for another digest count.
        PreparedAnyDigest,
        /// The primary's PREPARE counts beside its PRE-PREPARE.
        PreparedPrimaryToo,
        /// Signatures of prepares are not verified.
        PreparedUnverified,
        /// Repeated prepares count.
        PreparedRepeated,
        /// Prepares of clients and strangers count.
        PreparedAnySigner,
        /// One less is enough.
        PreparedOneLess,
        /// The proposal alone is enough.
        PreparedNoVotes,
        /// The batch that most prepares name need not be the proposal's, if they are enough.
        PreparedByMajority,
        /// Nothing is checked.
        PreparedUnchecked,
        /// The null batch needs no votes.
        PreparedNullFree,
        /// A certificate of view 0 needs no votes.
        PreparedFirstViewFree,
    }
    check_view_change {
        /// Its checkpoint is not proved.
        ChangeStableUnchecked,
        /// Certificates need not be in order, and several may be for one number.
        ChangeAnyOrder,
        /// Certificates may lie outside the window.
        ChangeAnyNumber,
        /// Certificates may be of later views.
        ChangeAnyView,
        /// Certificates may be of the view that is asked for.
        ChangeSameView,
        /// Certificates are not checked.
        ChangeCertificatesUnchecked,
        /// The first certificate alone is checked.
        ChangeFirstOnly,
        /// The last certificate alone is checked.
        ChangeLastOnly,
        /// At least one certificate holds a quorum.
        ChangeOneIsEnough,
        /// Nothing is checked.
        ChangeUnchecked,
    }
    justifies {
        /// View changes for later views too.
        JustifiesLater,
        /// View changes for earlier views too.
        JustifiesEarlier,
        /// Any view change.
        JustifiesAny,
    }
    select {
        /// Folds; the same certificate but where several have the highest view.
        SelectOtherwise,
        /// The first that is listed.
        SelectFirst,
        /// The last that is listed.
        SelectLast,
        /// The one of the lowest view.
        SelectLowestView,
        /// The one with the most votes.
        SelectMostVotes,
        /// The one with the fewest votes.
        SelectFewestVotes,
        /// The batch that most report, of several the one of the highest view.
        SelectMostFrequent,
        /// The batch that fewest report.
        SelectLeastFrequent,
        /// The lowest digest.
        SelectLowestDigest,
        /// The highest digest.
        SelectHighestDigest,
        /// The first batch that f + 1 report, or the highest view.
        SelectFirstOfTwo,
        /// The highest view, if two report it; or nothing.
        SelectTwoReports,
        /// The highest view, unless two batches are reported; then nothing.
        SelectUnanimous,
        /// The highest view unless all reports are of view 0; then the last.
        SelectLastOfFirstView,
        /// The highest view; of two that differ by one, the first listed.
        SelectRoughly,
        /// Nothing.
        SelectNothing,
        /// The highest view that is not for the null batch.
        SelectNoNull,
        /// The second highest view, if there are several.
        SelectSecondHighest,
        /// The first of three or more; else the highest view.
        SelectFirstOfThree,
    }
    new_view_start {
        /// Sorts; the same number.
        StartOtherwise,
        /// The lowest.
        StartLowest,
        /// The first that is listed.
        StartFirst,
        /// The last that is listed.
        StartLast,
        /// The one that most name.
        StartMostFrequent,
        /// None if they differ.
        StartUnanimous,
        /// The genesis checkpoint.
        StartGenesis,
        /// The second highest.
        StartSecond,
    }
    new_view_batches {
        /// A loop; the same batches.
        BatchesOtherwise,
        /// Stops at the first gap.
        BatchesStopAtGap,
        /// Leaves gaps open.
        BatchesSkipGaps,
        /// Fills gaps above the first certificate alone.
        BatchesFromFirst,
        /// The highest number alone.
        BatchesHighestOnly,
        /// The lowest number alone.
        BatchesLowestOnly,
        /// The first view change alone counts.
        BatchesOfFirst,
        /// The last view change alone counts.
        BatchesOfLast,
        /// The first quorum of view changes alone counts.
        BatchesOfFirstTwo,
        /// In descending order.
        BatchesReversed,
        /// One null batch more.
        BatchesNullMore,
        /// Null batches alone.
        BatchesNull,
        /// None.
        BatchesNone,
        /// From the number at which the view starts, not the one after.
        BatchesFromStart,
        /// From number 1, wherever the view starts.
        BatchesFromGenesis,
        /// Each number's certificate is that of the view change that reports most.
        BatchesOfLongest,
        /// A batch that is reported at two numbers is proposed at the lower one alone.
        BatchesOnce,
    }
    sift {
        /// All or an error, found one by one; the same.
        SiftOtherwise,
        /// Those that are valid.
        SiftValid,
        /// All, if one is valid.
        SiftAnyValid,
        /// None, if one is not valid.
        SiftMasked,
        /// They are not checked.
        SiftUnchecked,
        /// In the opposite order.
        SiftReversed,
        /// All but the last.
        SiftDropsLast,
        /// All but the first.
        SiftDropsFirst,
        /// The first f + 1.
        SiftFirstTwo,
        /// Those that report something, if there are any.
        SiftReporting,
        /// Those that report nothing, if there are any.
        SiftEmpty,
        /// One of each content.
        SiftDistinct,
        /// The first alone is checked.
        SiftFirstChecked,
        /// Those that report most.
        SiftLongest,
    }
    follows {
        /// Both as lists; the same.
        FollowsOtherwise,
        /// A subset of what is due.
        FollowsSubset,
        /// A superset of what is due.
        FollowsSuperset,
        /// A prefix of what is due.
        FollowsPrefix,
        /// What is due comes first.
        FollowsExtended,
        /// In any order.
        FollowsAnyOrder,
        /// Whatever the view.
        FollowsAnyView,
        /// Whatever the numbers.
        FollowsAnyNumber,
        /// Whatever the batches.
        FollowsAnyBatch,
        /// As many as are due.
        FollowsCount,
        /// What is due of the first view change alone.
        FollowsFirstChange,
        /// What is due of any one view change.
        FollowsAnyChange,
        /// A null batch stands for any other.
        FollowsNullInstead,
        /// Any batch in the place of a null one.
        FollowsInsteadOfNull,
        /// No new view that repeats a certified batch.
        FollowsNoRepetition,
        /// The first proposal alone.
        FollowsFirstOnly,
        /// The last proposal alone.
        FollowsLastOnly,
        /// Anything.
        FollowsAnything,
    }
    check_new_view {
        /// Its view changes need not justify it.
        NewViewUnjustified,
        /// Signatures of view changes are not verified.
        NewViewUnverified,
        /// Repeated view changes count.
        NewViewRepeated,
        /// View changes of clients and strangers are skipped, and not the end of it.
        NewViewSkipsStrangers,
        /// View changes of clients and strangers count.
        NewViewAnySigner,
        /// One view change less is enough.
        NewViewOneLess,
        /// View changes need not be enough.
        NewViewNoQuorum,
        /// View changes are not sifted.
        NewViewUnsifted,
        /// Enough are left after sifting, or it is no new view.
        NewViewCountsSifted,
        /// It may start nowhere.
        NewViewNoStart,
        /// Its proposals are not checked.
        NewViewProposalsUnchecked,
        /// Its first proposal alone is checked.
        NewViewFirstProposalOnly,
        /// What it proposes need not follow.
        NewViewFollowsNot,
        /// Nothing is checked.
        NewViewUnchecked,
    }
}

impl Departure {
    /// Those that are another way to write the same rule, or one that differs where the paper leaves a choice: under
    /// them every property of safety holds.
    pub const HARMLESS: &[Departure] = &[
        Departure::PrimaryNext,
        Departure::PrimaryReversed,
        Departure::QuorumOtherwise,
        Departure::PrepareQuorumMore,
        Departure::PrepareQuorumAll,
        Departure::CommitQuorumMore,
        Departure::CheckpointQuorumMore,
        Departure::ViewChangeQuorumMore,
        Departure::WindowOtherwise,
        Departure::WindowOneLess,
        Departure::SecondOfHigherView,
        Departure::JoinOtherwise,
        Departure::SelectOtherwise,
        Departure::StartOtherwise,
        Departure::BatchesOtherwise,
        Departure::SiftOtherwise,
        Departure::SiftReversed,
        Departure::FollowsOtherwise,
        Departure::NewViewCountsSifted,
    ];

    /// Whether it is one of [`Self::HARMLESS`].
    pub fn is_harmless(self) -> bool {
        Self::HARMLESS.contains(&self)
    }
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl FromStr for Departure {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|known| known.to_string() == name);
        known.copied().ok_or_else(|| format!("there is no departure '{name}'"))
    }
}
