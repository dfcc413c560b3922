//! The statements about rules, each as what is said when it does not hold.

use crate::model::alike::VotesMatter;
use crate::pbft::View;

/// What a rulebook does not fulfil.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Assumption {
    /// View v has replica v mod n as its primary, who alone proposes in it.
    #[error("who may propose in {0} is not its one primary")]
    Primary(View),
    /// A replica takes messages of the view that it is active in alone.
    #[error("a replica takes messages of a view that it does not take part in, or not all of its own")]
    Admission,
    /// The votes of a view count for that view, and all batches alike.
    #[error("votes do not count by their own view and batch")]
    Keys,
    /// Each replica votes, and each vote counts once.
    #[error("whose vote counts depends on more than whether it has voted, and is no primary")]
    Voters,
    /// What makes something prepared is what others believe to be.
    #[error("as many votes as prepare a batch are not as many as others ask for")]
    Quorums,
    /// One number after the other is executed.
    #[error("what is executed depends on more than what is decided at which number")]
    Execution,
    /// The window begins above the low watermark.
    #[error("a sequence number at or below the low watermark is taken to be in the window")]
    Window,
    /// A digest is that of its batch.
    #[error("a batch is taken under another digest than its own")]
    Digests,
    /// Requests are alike, to whichever replica.
    #[error("one request is verified otherwise than another, or by other replicas")]
    Requests,
    /// Proposals are alike.
    #[error("whether a second proposal is accepted depends on which it is")]
    SecondProposals,
    /// Whoever leaves a view goes on to a later one.
    #[error("view changes lead a replica back to an earlier view")]
    Join,
    /// View changes justify the view that they are for.
    #[error("a view change for one view justifies another")]
    Justifies,
    /// Views have no numbers.
    #[error("which certificate a new view takes depends on more than the order")]
    Numbers,
    /// Of the certificates for a batch the highest counts.
    #[error("a lower certificate for a batch is worth more than the highest")]
    Lower,
    /// Views in a row that certify the same are as good as one.
    #[error("certificates of several views for one batch count differently")]
    InARow,
    /// A certificate is of one view.
    #[error("votes of one view make up a certificate of another")]
    MixedViews,
    /// It does not matter which votes there are.
    #[error("{0}")]
    Votes(#[from] VotesMatter),
    /// A certificate is a proposal with enough matching votes.
    #[error(
        "something else is taken for a prepared certificate than matching votes of enough different backups"
    )]
    Certificates,
    /// Certificates are alike.
    #[error("whether a certificate is kept or reported depends on which it is")]
    Kept,
    /// A view change reports certificates of earlier views, one for a number.
    #[error("something else is taken for a view change than certificates of earlier views, one for a number")]
    ViewChanges,
    /// Nothing was announced, so nothing is stable.
    #[error("a checkpoint is believed to be stable that nobody has announced")]
    Stable,
    /// The highest certificates say what a new view proposes.
    #[error("what a new view proposes does not follow from the highest certificates that are reported alone")]
    NewViewBatches,
    /// A new view starts at the genesis checkpoint.
    #[error("where a new view starts depends on more than the checkpoints that are reported")]
    NewViewStart,
    /// All view changes of a new view count.
    #[error("of valid view changes some do not count, or those beside an invalid one do")]
    Sift,
    /// What follows is accepted, and nothing else.
    #[error("of a new view something else is accepted than what follows from its view changes")]
    Follows,
    /// A quorum begins a view.
    #[error(
        "a new view is begun by something else than valid view changes of a quorum of different replicas"
    )]
    NewViews,
    /// No view certifies two batches.
    #[error("two batches are certified in one view, so that the order of view changes matters")]
    Fork,
    /// What was to be tried is too much.
    #[error(
        "there are too many lists of view changes to try what it makes of them: use fewer replicas or slots"
    )]
    TooMany,
    /// A rule panicked.
    #[error("a rule panics")]
    Panics,
}
