//! What a driver knows, for keys.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bft_check::protocol::Key;

use super::context::{Ballot, Bare, Id};
use super::driver::Driver;
use super::types::{NilOrVal, Proposal, Round, Threshold, TimeoutKind, Vote, VoteType};
use super::{LOOKS_AGAIN, commits, has_commit, is_scheduled};
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
    let mut text = round(driver, last);
    for round in (0..bound.rounds).map(Round::new) {
        proposals(&mut text, driver, round);
        if let Some(votes) = driver.votes().per_round(round) {
            let mut all: Vec<char> = votes.received_votes().iter().map(|vote| shortly(vote)).collect();
            // In which order they came does not matter.
            all.sort_unstable();
            text.push('!');
            text.extend(all);
        }
        emitted(&mut text, driver, round, bound);
    }
    certificates(&mut text, driver, bound);
    text
}

/// All that a driver's future depends on, but for votes of others that are too few yet.
pub fn reached(driver: &Driver<Bare>, last: [Option<&Ballot>; 2], bound: Bound) -> String {
    let mut text = round(driver, last);
    for round in (0..bound.rounds).map(Round::new) {
        proposals(&mut text, driver, round);
        let keeper = driver.votes();
        if let Some(votes) = keeper.per_round(round) {
            let own = votes.received_votes().iter().filter(|vote| vote.voter == *driver.address());
            let mut own: Vec<char> = own.map(|vote| shortly(vote)).collect();
            own.sort_unstable();
            text.push('!');
            text.extend(own);
            // Whoever has voted counts where the driver may skip to the round.
            if round > driver.round() {
                let _ = write!(text, "{} ", votes.addresses_weights().sum());
            }
        }
        for kind in [VoteType::Prevote, VoteType::Precommit] {
            let values = (0..bound.value_count).map(|value| Threshold::Value(Id(value)));
            for threshold in values.chain([Threshold::Nil, Threshold::Any]) {
                text.push(if keeper.is_threshold_met(&round, kind, threshold) { '1' } else { '0' });
            }
        }
        emitted(&mut text, driver, round, bound);
    }
    certificates(&mut text, driver, bound);
    text
}

/// Takes the votes of others and the polka certificates from a driver.
pub fn forget(driver: &mut Driver<Bare>, bound: Bound) {
    let rounds = (0..bound.rounds).map(Round::new);
    let all =
        rounds.filter_map(|round| driver.votes().per_round(round)).flat_map(|votes| votes.received_votes());
    let own: Vec<_> = all.filter(|vote| vote.voter == *driver.address()).cloned().collect();
    driver.prune_votes_and_certificates(Round::new(u32::MAX));
    for vote in own {
        let outputs = driver.process(super::driver::Input::Vote(vote));
        assert!(outputs.is_ok_and(|outputs| outputs.is_empty()), "one vote brings something about");
    }
}

/// Where a driver stands.
fn round(driver: &Driver<Bare>, last: [Option<&Ballot>; 2]) -> String {
    let state = driver.round_state();
    let locked = state.locked.as_ref().map(|locked| (locked.round.as_i64(), locked.value.0));
    let valid = state.valid.as_ref().map(|valid| (valid.round.as_i64(), valid.value.0));
    let mut text = String::with_capacity(192);
    let _ = write!(text, "{} {:?} {locked:?} {valid:?} ", state.round, state.step);
    // A timeout of a step that is past is asked for no more.
    let asks = [(TimeoutKind::Prevote, !driver.step_is_precommit()), (TimeoutKind::Precommit, true)];
    for (kind, _) in asks.into_iter().filter(|(_, asks)| *asks) {
        text.push(if is_scheduled(driver, kind) { 't' } else { '-' });
    }
    let _ = write!(text, "{:?} ", state.decision.is_some());
    // Who has precommitted prevotes no more.
    for last in last.into_iter().skip(usize::from(driver.step_is_precommit())) {
        let _ = write!(text, "{:?} ", cast_now(driver, last));
    }
    text
}

/// The proposals of a round. Of those with one value the first is asked for; and once the round's step Prevote is past, only
/// which values were proposed.
fn proposals(text: &mut String, driver: &Driver<Bare>, round: Round) {
    text.push('/');
    let mut all: Vec<_> = driver.proposals_and_validities_for_round(round).iter().collect();
    all.sort_by_key(|(offer, _)| offer.value().0);
    let is_past = round < driver.round() || round == driver.round() && driver.step_is_precommit();
    if is_past && all.iter().all(|(_, validity)| validity.is_valid()) {
        all.dedup_by_key(|(offer, _)| offer.value().0);
        all.iter().for_each(|(offer, _)| text.push(char::from(b'a' + offer.value().0)));
        return;
    }
    for (offer, validity) in all {
        let _ = write!(text, "{}:{}:{} ", offer.value().0, offer.pol_round(), validity.is_valid());
    }
}

/// What the keeper has said of a round and says no more, if something would come of it.
fn emitted(text: &mut String, driver: &Driver<Bare>, round: Round, bound: Bound) {
    for output in driver.votes().per_round(round).into_iter().flat_map(|votes| votes.emitted_outputs()) {
        let output = format!("{output:?}");
        if !is_idle(driver, round, &output, bound) {
            text.push_str(&output);
        }
    }
}

/// Whether it is all the same if the keeper says this of a round once more.
fn is_idle(driver: &Driver<Bare>, round: Round, output: &str, bound: Bound) -> bool {
    let (state, is_now) = (driver.round_state(), round == driver.round());
    let is_past = round < driver.round();
    let has = |kind, threshold| driver.votes().is_threshold_met(&round, kind, threshold);
    let proposes = |id: Id| {
        let all = driver.proposals_and_validities_for_round(round);
        all.iter().any(|(offer, _)| offer.value().0 == id.0)
    };
    // Whether a timeout that it would ask for is none any more.
    let is_asked = |kind| is_past || is_now && is_scheduled(driver, kind);
    // Whether the counts are looked at when the step changes, so that nothing has to be said before.
    let comes_again = LOOKS_AGAIN && is_now && driver.step_is_propose();
    let mut ids = (0..bound.value_count).map(Id);
    match output {
        "PrecommitAny" => is_asked(TimeoutKind::Precommit),
        "PolkaAny" => {
            is_asked(TimeoutKind::Prevote)
                || is_now && driver.step_is_precommit()
                || comes_again && has(VoteType::Prevote, Threshold::Any)
        }
        "PolkaNil" => {
            is_past
                || is_now && driver.step_is_precommit()
                || comes_again && has(VoteType::Prevote, Threshold::Nil)
        }
        _ if output.starts_with("SkipRound") => is_past || is_now,
        _ => ids.any(|id| {
            let is_valid =
                state.valid.as_ref().is_some_and(|valid| valid.round == round && valid.value == id);
            let polkas = driver.polka_certificates().iter();
            let has_polka = polkas.into_iter().any(|held| held.round == round && held.value_id == id);
            if output == format!("PolkaValue({id:?})") {
                let is_counted = has(VoteType::Prevote, Threshold::Value(id));
                has_polka
                    && is_now
                    && (comes_again && is_counted
                        || driver.step_is_precommit() && is_valid
                        || driver.step_is_prevote() && !proposes(id) && is_asked(TimeoutKind::Prevote))
            } else {
                output == format!("PrecommitValue({id:?})")
                    && has_commit(driver, round, id)
                    && !proposes(id)
                    && is_asked(TimeoutKind::Precommit)
            }
        }),
    }
}

/// A certificate is asked for by its round, and by its value at most.
fn certificates(text: &mut String, driver: &Driver<Bare>, bound: Bound) {
    let polkas = driver.polka_certificates().iter().map(|held| (held.round.as_i64(), held.value_id.0));
    let commits = commits(driver, bound.rounds, bound.value_count);
    let _ = write!(text, " {:?} {commits}", polkas.collect::<BTreeSet<_>>());
}
