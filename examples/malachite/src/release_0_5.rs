//! What the releases 0.5 want of their host.

pub use informalsystems_malachitebft_core_driver as driver;
pub use informalsystems_malachitebft_core_types as types;

use types::{CommitCertificate, CommitSignature, Round, SignedMessage, TimeoutKind};

#[macro_use]
#[path = "asks_0_5.rs"]
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
pub const NAME: &str = "malachite-0.5.0";

/// This host looks at no polka round.
pub fn drops_proposal(_: Round, _: Round) -> bool {
    false
}

/// This host hands every vote on, seen or not.
pub fn drops_vote(_: &Driver, _: &SignedMessage<Bare, Ballot>) -> bool {
    false
}

/// This host hands every certificate on, known or not.
pub fn drops_polka(_: &Driver, _: Round, _: Id) -> bool {
    false
}

/// Whether the host drops the votes by which another has entered a round: it has come as far.
pub fn drops_way(driver: &Driver, enters: Round, _: Round) -> bool {
    enters <= driver.round()
}

/// A commit certificate.
pub fn commit(round: Round, value: Id, voters: Vec<Number>) -> driver::Input<Bare> {
    let signature = |voter| CommitSignature::new(voter, NoSignature);
    driver::Input::CommitCertificate(CommitCertificate {
        height: At::FIRST,
        round,
        value_id: value,
        commit_signatures: voters.into_iter().map(signature).collect(),
    })
}

/// The commit certificates that a driver holds, for a key.
pub fn commits(driver: &Driver, rounds: u32, values: u8) -> String {
    let all = (0..rounds).flat_map(|round| (0..values).map(move |value| (round, value)));
    let held: Vec<_> = all
        .filter(|(round, value)| driver.commit_certificate(Round::new(*round), Id(*value)).is_some())
        .collect();
    format!("{held:?}")
}

/// Whether a driver asks for a timeout of its round no more: this release always does.
pub fn is_scheduled(_: &Driver, _: TimeoutKind) -> bool {
    false
}

/// Whether a driver looks at all counts of its round when its step changes: one count hides others in this release.
pub const LOOKS_AGAIN: bool = false;

/// Who has signed the commit certificate that a driver holds, if it holds one.
pub fn committed(driver: &Driver, round: Round, value: Id) -> Option<Vec<Number>> {
    let held = driver.commit_certificate(round, value)?;
    Some(held.commit_signatures.iter().map(|signed| signed.address).collect())
}

/// Whether a driver holds this commit certificate.
pub fn has_commit(driver: &Driver, round: Round, value: Id) -> bool {
    driver.commit_certificate(round, value).is_some()
}
