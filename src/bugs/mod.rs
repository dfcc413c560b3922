//! The corpus: known faults of PBFT-like protocols as rulebooks, one broken rule a file, beside the
//! protocol of the paper.
//!
//! A judge that passes them all sees nothing. Each says what a judge must find in it, at the smallest bound
//! at which it does; `bft bugs --check` runs them all, and `bft check --rules NAME` one.

mod corpus;

mod accepted_as_prepared;
mod amnesia;
mod backward_view;
mod believed_decisions;
mod certificate_wiped;
mod commit_any_view;
mod decides_unprepared;
mod dictated_new_view;
mod digest_blind;
mod digest_blind_commit;
mod double_vote;
mod eager_execution;
mod early_participation;
mod early_proposal;
mod empty_new_view;
mod first_listed;
mod first_receiver;
mod first_receiver_counts;
mod first_receiver_untimed;
mod fixed_quorum;
mod highest_join;
mod idle_timer;
mod kept_lock;
mod late_check;
mod later_view_change;
mod lone_checkpoint;
mod low_watermark;
mod lowest_certificate;
mod lowest_start;
mod masked_certificates;
mod mixed_replies;
mod no_join;
mod no_repetition;
mod no_retransmission;
mod no_timer;
mod old_view_votes;
mod open_gap;
mod partial_authenticator;
mod partial_new_view;
mod prepare_any_view;
mod prepare_as_commit;
mod prepared_lost;
mod primary_twice;
mod primary_twice_in_certificate;
mod relabelled_batch;
mod repeated_execution;
mod restarted_timer;
mod same_view_join;
mod second_proposal;
mod short_new_view;
mod short_window;
mod single_reply;
mod stale_view_change;
mod truncated_new_view;
mod unanimous_start;
mod unchecked_new_view;
mod unchecked_state;
mod unchecked_view_change;
mod unordered_reads;
mod unproved_checkpoint;
mod unproved_decision;
mod unsigned_request;
mod unverified_certificate;
mod unverified_votes;
mod volatile_certificate;
mod volatile_new_view;
mod volatile_view_change;
mod weak_checkpoint;
mod weak_commit;
mod weak_prepare;

pub use accepted_as_prepared::AcceptedAsPrepared;
pub use amnesia::Amnesia;
pub use backward_view::BackwardView;
pub use believed_decisions::BelievedDecisions;
pub use certificate_wiped::CertificateWiped;
pub use commit_any_view::CommitAnyView;
pub use corpus::{RULEBOOKS, find};
pub use decides_unprepared::DecidesUnprepared;
pub use dictated_new_view::DictatedNewView;
pub use digest_blind::DigestBlind;
pub use digest_blind_commit::DigestBlindCommit;
pub use double_vote::DoubleVote;
pub use eager_execution::EagerExecution;
pub use early_participation::EarlyParticipation;
pub use early_proposal::EarlyProposal;
pub use empty_new_view::EmptyNewView;
pub use first_listed::FirstListed;
pub use first_receiver::FirstReceiver;
pub use first_receiver_counts::FirstReceiverCounts;
pub use first_receiver_untimed::FirstReceiverUntimed;
pub use fixed_quorum::FixedQuorum;
pub use highest_join::HighestJoin;
pub use idle_timer::IdleTimer;
pub use kept_lock::KeptLock;
pub use late_check::LateCheck;
pub use later_view_change::LaterViewChange;
pub use lone_checkpoint::LoneCheckpoint;
pub use low_watermark::LowWatermark;
pub use lowest_certificate::LowestCertificate;
pub use lowest_start::LowestStart;
pub use masked_certificates::MaskedCertificates;
pub use mixed_replies::MixedReplies;
pub use no_join::NoJoin;
pub use no_repetition::NoRepetition;
pub use no_retransmission::NoRetransmission;
pub use no_timer::NoTimer;
pub use old_view_votes::OldViewVotes;
pub use open_gap::OpenGap;
pub use partial_authenticator::PartialAuthenticator;
pub use partial_new_view::PartialNewView;
pub use prepare_any_view::PrepareAnyView;
pub use prepare_as_commit::PrepareAsCommit;
pub use prepared_lost::PreparedLost;
pub use primary_twice::PrimaryTwice;
pub use primary_twice_in_certificate::PrimaryTwiceInCertificate;
pub use relabelled_batch::RelabelledBatch;
pub use repeated_execution::RepeatedExecution;
pub use restarted_timer::RestartedTimer;
pub use same_view_join::SameViewJoin;
pub use second_proposal::SecondProposal;
pub use short_new_view::ShortNewView;
pub use short_window::ShortWindow;
pub use single_reply::SingleReply;
pub use stale_view_change::StaleViewChange;
pub use truncated_new_view::TruncatedNewView;
pub use unanimous_start::UnanimousStart;
pub use unchecked_new_view::UncheckedNewView;
pub use unchecked_state::UncheckedState;
pub use unchecked_view_change::UncheckedViewChange;
pub use unordered_reads::UnorderedReads;
pub use unproved_checkpoint::UnprovedCheckpoint;
pub use unproved_decision::UnprovedDecision;
pub use unsigned_request::UnsignedRequest;
pub use unverified_certificate::UnverifiedCertificate;
pub use unverified_votes::UnverifiedVotes;
pub use volatile_certificate::VolatileCertificate;
pub use volatile_new_view::VolatileNewView;
pub use volatile_view_change::VolatileViewChange;
pub use weak_checkpoint::WeakCheckpoint;
pub use weak_commit::WeakCommit;
pub use weak_prepare::WeakPrepare;

use serde::Serialize;

use crate::model::{Property, Reductions, Scope};
use crate::pbft::{ReplicaId, Rules};
use crate::subject::{Catalogue, Pbft};

/// What kind of harm a rulebook does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// None: it is correct.
    Correct,
    /// None to safety: a judge that finds some cries wolf.
    Control,
    /// Replicas contradict each other, or decide what nobody asked for.
    Safety,
    /// What a client sees: an operation that takes effect twice.
    Client,
    /// Nothing happens any more.
    Liveness,
    /// Nothing happens until the view is changed.
    Performance,
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Class::Correct => "correct",
            Class::Control => "control",
            Class::Safety => "safety",
            Class::Client => "client",
            Class::Liveness => "liveness",
            Class::Performance => "performance",
        })
    }
}

/// What a judge must say of a rulebook.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    /// This property is violated.
    Violated(Property),
    /// Every safety property holds.
    Holds,
}

/// One row of the kill matrix: a run, and what must come of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Run {
    /// What the judge must say.
    pub expected: Expected,
    /// The bound: the smallest that shows it.
    pub scope: Scope,
    /// Which replicas are Byzantine; without, every placement of f of them, up to symmetry.
    pub byzantine: Option<&'static [ReplicaId]>,
    /// With how many views the property must still hold, whoever is Byzantine: what shows only in more is
    /// invisible to a check of fewer.
    pub passes_with_views: Option<u64>,
    /// The run that shows it, where no search within reach does: line by line, as a trace prints it; or, in a bound
    /// with a load, what a simulated run is drawn from: `strategy NAME` and `seed NUMBER`.
    pub script: &'static [&'static str],
    /// Which states the search leaves out.
    pub reductions: Reductions,
    /// Whether it takes more than some seconds.
    pub slow: bool,
}

impl Run {
    /// The property that it is about, if that is not one of those that are always checked.
    pub fn asks_for(&self) -> Option<Property> {
        match self.expected {
            Expected::Violated(property) if !Property::SAFETY.contains(&property) => Some(property),
            _ => None,
        }
    }
}

/// A named rulebook.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rulebook {
    /// The name, as in `--rules`.
    pub name: &'static str,
    /// What it does that the protocol of the paper does not.
    pub breaks: Option<&'static str>,
    /// Its number in the corpus of known faults, if it has one.
    pub number: Option<&'static str>,
    /// What harm it does.
    pub class: Class,
    /// Where the fault was seen, or the paper.
    pub source: &'static str,
    /// The methods of [`Rules`] that it overrides.
    pub overrides: &'static [&'static str],
    /// What a judge must find, the smallest bound first.
    pub runs: &'static [Run],
    /// The rules themselves.
    #[serde(skip)]
    pub rules: &'static dyn Rules,
}

impl Rulebook {
    /// The bound that `bft check` uses unless told otherwise.
    pub fn smallest(&self) -> Scope {
        let mut searched = self.runs.iter().map(|run| run.scope).filter(|scope| scope.load.is_none());
        searched.next().unwrap_or(Scope::DEFAULT)
    }

    /// The property that it is about, if that is not one of those that are always checked.
    pub fn property(&self) -> Option<Property> {
        self.runs.first()?.asks_for()
    }

    /// Whether some safety property is violated under it.
    pub fn is_unsafe(&self) -> bool {
        let is_safety = |property: &Property| Property::SAFETY.contains(property);
        self.runs
            .iter()
            .any(|run| matches!(&run.expected, Expected::Violated(property) if is_safety(property)))
    }
}

impl From<&Rulebook> for Pbft {
    fn from(rulebook: &Rulebook) -> Self {
        let subject = Pbft::with(rulebook.rules).named(rulebook.name).overriding(rulebook.overrides);
        let subject = subject.within(rulebook.smallest()).about(rulebook.property());
        match rulebook.breaks {
            Some(what) => subject.departing(what),
            None => subject,
        }
    }
}

/// All rulebooks, as subjects by name.
pub fn catalogue() -> Catalogue {
    Catalogue::of(RULEBOOKS)
}
