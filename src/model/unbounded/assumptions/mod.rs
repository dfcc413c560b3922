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

mod assumption;
mod beginning;
mod certificates;
mod reports;
mod single;
mod trial;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use self::assumption::Assumption;
use self::trial::Trial;
use super::forge::Maker;
use crate::interrupt;
use crate::model::alike::Alike;
use crate::model::panics::guarded;
use crate::pbft::{Batch, View};

/// Whether a rulebook is one whose views can be taken as this judge takes them. `batches` are the requests, the forged one
/// and the null one, in this order.
///
/// # Errors
/// What it does not fulfil.
pub(super) fn check(maker: &Maker<'_>, slots: u64, batches: &[Batch]) -> Result<(), Assumption> {
    let [requests @ .., forged, null] = batches else { return Ok(()) };
    let trial = Trial { maker, slots, requests, forged, null };
    asking(|| check_all(&trial))
}

/// What asking a rulebook comes to; a rule that panics is one that fails.
///
/// # Errors
/// What it does not fulfil.
pub(super) fn asking(ask: impl FnOnce() -> Result<(), Assumption>) -> Result<(), Assumption> {
    let answer = catch_unwind(AssertUnwindSafe(|| guarded(ask))).map_err(interrupt::passed_on);
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
