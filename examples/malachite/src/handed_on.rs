//! What a validator hands on to those who fall behind: votes by which it came to a round, and proofs of decisions.

use bft_check::protocol::NodeId;

use super::adapter::Driver;
use super::committed;
use super::context::{Ballot, Id, Number};
use super::types::{NilOrVal, Round, VoteType};
use crate::bound::Bound;
use crate::message::{Kind, Val, Votes};

/// A vote, as the driver knows it.
pub fn ballot(voter: NodeId, kind: Kind, round: u32, value: Option<Val>) -> Ballot {
    let kind = match kind {
        Kind::Prevote => VoteType::Prevote,
        Kind::Precommit => VoteType::Precommit,
    };
    let value = value.map_or(NilOrVal::Nil, |value| NilOrVal::Val(Id(value.0)));
    Ballot { kind, round: Round::new(round), value, voter: Number(voter.0) }
}

/// The votes by which a driver has come or will come to such a round, and the round in which they were cast.
pub fn entered_by(driver: &Driver, is_it: impl Fn(Round) -> bool) -> Option<(u32, Votes)> {
    let entered = driver.round_certificate().filter(|entered| is_it(entered.enter_round))?;
    let votes = entered.certificate.round_signatures.iter().map(|signed| {
        let kind = if signed.vote_type == VoteType::Prevote { Kind::Prevote } else { Kind::Precommit };
        let value = match signed.value_id {
            NilOrVal::Nil => None,
            NilOrVal::Val(id) => Some(Val(id.0)),
        };
        (NodeId(signed.address.0), kind, value)
    });
    let mut votes: Vec<_> = votes.collect();
    votes.sort_unstable();
    Some((entered.certificate.round.as_u32()?, votes))
}

/// What it hands on later: who has signed the commit certificates that it holds, and by which votes it will leave its round.
pub fn handed_on(driver: &Driver, bound: Bound) -> String {
    format!("{} {:?}", signers(driver, bound), entered_by(driver, |enters| enters > driver.round()))
}

/// Who has signed the commit certificates that a driver holds.
fn signers(driver: &Driver, bound: Bound) -> String {
    let all = (0..bound.rounds).flat_map(|round| (0..bound.value_count).map(move |value| (round, value)));
    let held = all.filter_map(|(round, value)| committed(driver, Round::new(round), Id(value)));
    format!("{:?}", held.collect::<Vec<_>>())
}
