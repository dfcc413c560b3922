//! What the releases 0.8 want of their host.

use std::collections::BTreeSet;

pub use arc_malachitebft_core_driver as driver;
pub use arc_malachitebft_core_types as types;

use types::{
    EnterRoundCertificate, ExtendedCommitCertificate, ExtendedCommitSignature, Round, SignedMessage,
    TimeoutKind,
};

#[macro_use]
#[path = "asks_0_8.rs"]
mod asks;
#[path = "adapter.rs"]
pub mod adapter;
#[path = "context.rs"]
mod context;
#[path = "handed_on.rs"]
mod handed_on;
#[path = "known.rs"]
mod known;

use adapter::Driver;
use context::{At, Ballot, Bare, Id, NoSignature, Number};

/// What stands in the tables of this release.
pub const NAME: &str = "malachite-0.8.2";

/// Whether the host drops a proposal before the driver sees it: with a polka round that is not below its own.
pub fn drops_proposal(round: Round, pol: Round) -> bool {
    pol.is_defined() && pol >= round
}

/// Whether the host drops a vote before the driver sees it: it was seen, or is one conflict too many.
pub fn drops_vote(driver: &Driver, vote: &SignedMessage<Bare, Ballot>) -> bool {
    driver.votes().has_vote(vote) || driver.votes().is_saturated_conflict(vote)
}

/// Whether the host drops a polka certificate before the driver sees it: it has one.
pub fn drops_polka(driver: &Driver, round: Round, value: Id) -> bool {
    driver.polka_certificate(round, &value).is_some()
}

/// Whether the host drops the votes by which another has entered a round: it has come as far, or has such votes.
pub fn drops_way(driver: &Driver, enters: Round, of: Round) -> bool {
    let is_it =
        |held: &EnterRoundCertificate<Bare>| held.enter_round == enters && held.certificate.round == of;
    enters <= driver.round() || driver.round_certificate().is_some_and(is_it)
}

/// A commit certificate.
pub fn commit(round: Round, value: Id, voters: Vec<Number>) -> driver::Input<Bare> {
    let signature = |voter| ExtendedCommitSignature::new(voter, NoSignature, None);
    driver::Input::CommitCertificate(ExtendedCommitCertificate {
        height: At::FIRST,
        round,
        value_id: value,
        commit_signatures: voters.into_iter().map(signature).collect(),
    })
}

/// The commit certificates that a driver holds, for a key: it asks for one by round and value.
pub fn commits(driver: &Driver, _: u32, _: u8) -> String {
    let held = driver.commit_certificates().iter().map(|held| (held.round, held.value_id));
    format!("{:?}", held.collect::<BTreeSet<_>>())
}

/// Whether a driver asks for a timeout of its round no more.
pub fn is_scheduled(driver: &Driver, kind: TimeoutKind) -> bool {
    !driver.round_state().clone().check_timeout(kind)
}

/// Whether a driver looks at all counts of its round when its step changes.
pub const LOOKS_AGAIN: bool = true;

/// Who has signed the commit certificate that a driver holds, if it holds one.
pub fn committed(driver: &Driver, round: Round, value: Id) -> Option<Vec<Number>> {
    let held = driver.commit_certificate(round, &value)?;
    Some(held.commit_signatures.iter().map(|signed| signed.address).collect())
}

/// Whether a driver holds this commit certificate.
pub fn has_commit(driver: &Driver, round: Round, value: Id) -> bool {
    driver.commit_certificate(round, &value).is_some()
}
