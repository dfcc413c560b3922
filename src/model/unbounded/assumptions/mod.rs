//! What judge *unbounded* assumes of a rulebook: statements about the arguments of rules that it takes for one, each with a test that
//! asks the rules at hand. A rulebook that does not pass is refused: whatever was found to hold is not said of it.
//!
//! | What is taken for one | The statement about rules | Tried in |
//! |---|---|---|
//! | A view, and another that stands in the same order to those that matter; view 0, and a later view of the same primary that begins with nothing; every view in between, and none | No rule looks at a view but to compare it with another: each says of all views what the paper says of the first | all modules |
//! | Replicas with other names | Who signs, votes, or proposes matters only in that it is one of the committee, counts once, and is or is not the primary, who is replica v mod n | [`single`], [`certificates`], [`beginning`] |
//! | Requests with other names | No rule tells one request from another | [`single`], [`reports`] |
//! | What is received in a view, and what arrives after it was left | A replica takes messages of the view that it is active in, and of no other | [`single`] |
//! | All ways to leave a view for a later one | `join` never leads back | [`single`] |
//! | Who has decided, and when | What is executed is a function of what is decided at which number: `is_next` | [`single`] |
//! | Certificates for a batch in a view with other votes, in another order | [`Alike`]; and `check_prepared` accepts a valid proposal with votes of enough different backups that match it, and nothing less | [`certificates`] |
//! | A view change, and what it reports: at each number one certificate of an earlier view or none, and the genesis checkpoint | `check_view_change` accepts that and nothing else; `check_stable` nothing that nobody announced | [`certificates`] |
//! | View changes in another order, by others, more or fewer of those that say the same; certificates with other views in the same order; those in a row for one batch; a lower one for a batch, and none or the highest | `new_view_batches`: at each number the batch of the highest certificate, the null request in gaps, whatever stands at other numbers; `new_view_start`: the genesis checkpoint; `sift`: all of them, or none if one is not valid | [`reports`] |
//! | NEW-VIEWs that propose the same | `follows` accepts what follows from the view changes and nothing else; `check_new_view` asks for a quorum of different senders' valid view changes for that view, in whatever order | [`reports`], [`beginning`] |
//!
//! That two batches are certified in one view is no assumption about rules, but one that a broken rulebook fails on the way:
//! it makes the order of view changes matter to the paper's rules too ([`Assumption::Fork`]).
//!
//! **Which arguments are tried.** Of views, those up to 2n + 1, and a few far ones. Lists of view changes: with four replicas
//! and one number, all of up to four, with every order of the views of their certificates and every batch; with more
//! replicas all of up to n in which at most three different ones stand, in every order. With two and three numbers
//! all of up to four in which the certificates of a number are of two views; with more replicas as above. Where
//! that is more than [`reports::MOST`] lists, there is no verdict ([`Assumption::TooMany`]).

mod beginning;
mod certificates;
mod reports;
mod single;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::forge::Maker;
use crate::model::alike::{Alike, VotesMatter};
use crate::model::panics::guarded;
use crate::pbft::{Batch, KeySet, View};

/// What a rulebook does not fulfil.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
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

/// A rulebook, and the parts that the arguments of its rules are made of.
pub(super) struct Trial<'a> {
    pub maker: &'a Maker<'a>,
    pub slots: u64,
    /// The batches of one request each that clients have asked for, the one that nobody has, and the null one.
    pub requests: &'a [Batch],
    pub forged: &'a Batch,
    /// The replicas' names with keys that are not theirs.
    pub forgers: KeySet,
    pub null: &'a Batch,
}

impl Trial<'_> {
    pub fn n(&self) -> u64 {
        u64::from(self.maker.setting.committee.n())
    }

    /// Views that are asked about.
    fn views(&self) -> impl Iterator<Item = View> + Clone {
        let near = 0..=2 * self.n() + 1;
        near.chain([63, 64, 65, 1 << 20, (1 << 32) + 3]).map(View)
    }

    /// A few of them, of different primaries.
    fn few_views(&self) -> Vec<View> {
        let n = self.n();
        [0, 1, n - 1, n, n + 2].map(View).to_vec()
    }
}

/// Whether a rulebook is one whose views can be taken as this judge takes them. `batches` are the requests, the forged one
/// and the null one, in this order.
///
/// # Errors
/// What it does not fulfil.
pub(super) fn check(maker: &Maker<'_>, slots: u64, batches: &[Batch]) -> Result<(), Assumption> {
    let [requests @ .., forged, null] = batches else { return Ok(()) };
    let forgers = KeySet::ed25519(maker.setting.committee.n(), 0, 0);
    let trial = Trial { maker, slots, requests, forged, forgers, null };
    asking(|| check_all(&trial))
}

/// What asking a rulebook comes to; a rule that panics is one that fails.
///
/// # Errors
/// What it does not fulfil.
pub(super) fn asking(ask: impl FnOnce() -> Result<(), Assumption>) -> Result<(), Assumption> {
    let answer = catch_unwind(AssertUnwindSafe(|| guarded(ask)));
    answer.map_or(Err(Assumption::Panics), |answer| answer.unwrap_or(Err(Assumption::Panics)))
}

fn check_all(trial: &Trial<'_>) -> Result<(), Assumption> {
    single::check(trial)?;
    let Maker { setting, rules, keys } = *trial.maker;
    let views = [0, trial.n() - 1, trial.n() + 2].map(View);
    let batches: Vec<Batch> = trial.requests.iter().take(1).chain([trial.null]).cloned().collect();
    let alike = Alike {
        setting,
        rules,
        keys: &keys.replicas,
        batches: &batches,
        views: &views,
        next: View(trial.n() * 3),
        slots: trial.slots.min(2),
    };
    alike.check_prepared()?;
    certificates::check(trial)?;
    reports::check(trial)?;
    beginning::check(trial)
}
