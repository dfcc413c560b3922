//! Why the views of a rulebook cannot be explored one by one.

use super::assumptions::Assumption;
use crate::model::bounds::BoundError;
use crate::pbft::{Batch, Message, Refusal, ReplicaId, SeqNum, View};

/// Why the views of a rulebook cannot be explored one by one: then nothing is said to hold under it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unexplorable {
    /// The scope has something that this judge does not know.
    #[error("it takes no checkpoints, windows, crashes, clients, reads or losses into the bound")]
    Scope,
    /// The scope of a single view makes no sense.
    #[error(transparent)]
    Bound(#[from] BoundError),
    /// A rule is not as this judge takes it.
    #[error(transparent)]
    Assumption(#[from] Assumption),
    /// Judge *guards* cannot judge the rulebook.
    #[error("{0}")]
    Guards(String),
    /// Whoever takes part has to be a replica.
    #[error("a participant is no replica")]
    NoReplica,
    /// A local state has a number that no local state has.
    #[error("a state was not met")]
    Unmet,
    /// What is wrong is wrong with this replica.
    #[error("{0} {1}")]
    At(ReplicaId, Box<Unexplorable>),
    /// The log holds a number that is not in the scope.
    #[error("holds something at {0}")]
    OutsideScope(SeqNum),
    /// A batch has a digest of its own.
    #[error("{0} stands under another digest than its own")]
    Misnamed(Batch),
    /// Number 0 is below every window.
    #[error("a certificate for {0} is taken")]
    CertificateBelow(SeqNum),
    /// A replica is rebuilt from its certificates.
    #[error("a full certificate is refused: {0}")]
    FullCertificate(Refusal),
    /// Whoever leaves a view sends a VIEW-CHANGE.
    #[error("a replica gives up its view and does not say so")]
    LeavesInSilence,
    /// Every replica stays in the view that is explored until it gives it up.
    #[error("{0} moves on to {1} by itself")]
    MovesOn(ReplicaId, View),
    /// Certificates and decisions are all that is carried out of a view.
    #[error("{0} takes more out of a view than its certificates and decisions, or reports something else")]
    CarriesMore(ReplicaId),
    /// A replica takes messages of its own view alone.
    #[error("{0} takes {1:?} though it is in {2}")]
    TakesOfOtherView(ReplicaId, Box<Message>, View),
    /// A replica that has left takes nothing of its view.
    #[error("{0} takes {1:?} though it has left for {2}")]
    TakesAfterLeaving(ReplicaId, Box<Message>, View),
    /// Votes without a consequence are forgotten.
    #[error("{0} still counts {1:?} when it has left for {2}")]
    StillCounts(ReplicaId, Box<Message>, View),
    /// View changes concern the primary of their view alone.
    #[error("{0} acts on {1:?}, though it is not its primary")]
    ActsAsPrimary(ReplicaId, Box<Message>),
    /// A replica can as well leave its view before it enters a later one.
    #[error("{0} in {1} enters {2} otherwise than by leaving its view first")]
    Jumps(ReplicaId, View, View),
    /// Votes commute.
    #[error("votes do not commute: their order matters")]
    Order,
    /// The adversary can do at the end of a view all that it can do in it.
    #[error("what the adversary can send in a view depends on what happens in it")]
    Adversary,
    /// A certificate is of one view.
    #[error("certificates mix votes of several views")]
    MixedCertificates,
    /// New views that propose the same are the same.
    #[error("it matters how a NEW-VIEW is justified, not only what it proposes")]
    Justification,
    /// It makes no difference who has decided: in what is reported.
    #[error("{0} reports something else once it has decided")]
    ReportsDecision(ReplicaId),
    /// It makes no difference who has decided: in what is done.
    #[error("{0} does something because it has decided")]
    ActsOnDecision(ReplicaId),
}

/// Why no state can be left out for one that subsumes it. Of several the first one counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Objection {
    /// The highest certificates that are reported say what a new view proposes.
    #[error("a new view can propose something else than what follows from the highest certificates")]
    Proposes,
    /// Who waits for a new view takes each.
    #[error("a replica does not take every new view")]
    NotTaken,
    /// A new view leads to the same, whoever takes it.
    #[error("what a replica is after a new view depends on what it held before")]
    Remembers,
}
