//! What a driver knows, for keys.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bft_check::protocol::Key;

use super::context::{Ballot, Bare, Id};
use super::driver::Driver;
use super::types::{NilOrVal, Proposal, Round, Vote, VoteType};
use super::{commits, scheduled};
use crate::bound::Bound;

/// A vote of a round in one letter.
fn shortly(ballot: &Ballot) -> char {
    let value = match ballot.value {
        NilOrVal::Nil => 0,
        NilOrVal::Val(id) => u32::from(id.0) + 1,
    };
    let kind = u32::from(ballot.kind == VoteType::Precommit);
    char::from_u32(0x100 + 32 * u32::from(ballot.voter.0) + 16 * kind + value).unwrap_or_default()
}

/// A vote that was cast last, if it is of the current round: that of an earlier one keeps the driver from nothing.
fn cast_now(driver: &Driver<Bare>, last: Option<&Ballot>) -> Option<NilOrVal<Id>> {
    last.filter(|ballot| ballot.round() == driver.round()).map(|ballot| ballot.value)
}

/// All that a driver's future depends on, but for what it has counted and kept of messages. `last` is the prevote and the
/// precommit that were cast last.
pub fn control(driver: &Driver<Bare>, last: [Option<&Ballot>; 2]) -> Key {
    let state = driver.round_state();
    let place = |value: &Option<_>| format!("{value:?}");
    let text = format!(
        "round {} {:?} locked {} valid {} decided {} prevoted {:?} precommitted {:?}",
        state.round,
        state.step,
        place(&state.locked),
        place(&state.valid),
        state.decision.is_some(),
        cast_now(driver, last[0]),
        cast_now(driver, last[1]),
    );
    Key::text(text)
}

/// All that a driver's future depends on.
pub fn all(driver: &Driver<Bare>, last: [Option<&Ballot>; 2], bound: Bound) -> String {
    let state = driver.round_state();
    let locked = state.locked.as_ref().map(|locked| (locked.round.as_i64(), locked.value.0));
    let valid = state.valid.as_ref().map(|valid| (valid.round.as_i64(), valid.value.0));
    let mut text = String::with_capacity(192);
    let _ = write!(text, "{} {:?} {locked:?} {valid:?} ", state.round, state.step);
    let _ = write!(text, "{:?} {} ", state.decision.is_some(), scheduled(driver));
    for last in last {
        text.push(last.map_or('-', shortly));
        let _ = write!(text, "{:?}", last.map(|last| last.round.as_i64()));
    }
    for round in (0..bound.rounds).map(Round::new) {
        text.push('/');
        for (offer, validity) in driver.proposals_and_validities_for_round(round) {
            let _ = write!(text, "{}:{}:{} ", offer.value().0, offer.pol_round(), validity.is_valid());
        }
        if let Some(votes) = driver.votes().per_round(round) {
            let mut all: Vec<char> = votes.received_votes().iter().map(|vote| shortly(vote)).collect();
            // In which order they came does not matter.
            all.sort_unstable();
            text.push('!');
            text.extend(all);
            for output in votes.emitted_outputs() {
                let _ = write!(text, "{output:?}");
            }
        }
    }
    // A certificate is asked for by its round, and by its value at most.
    let polkas = driver.polka_certificates().iter().map(|held| (held.round.as_i64(), held.value_id.0));
    let commits = commits(driver, bound.rounds, bound.value_count);
    let _ = write!(text, " {:?} {commits}", polkas.collect::<BTreeSet<_>>());
    text
}
