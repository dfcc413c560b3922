//! What the releases 0.5 want of their host.

pub use informalsystems_malachitebft_core_consensus as consensus;
pub use informalsystems_malachitebft_core_driver as driver;
pub use informalsystems_malachitebft_core_types as types;

use consensus::{Effect, Input, Params, Resumable, Resume, SignedConsensusMsg, State, WalEntry};
use types::{Round, ThresholdParams, TimeoutKind, ValueOrigin, ValuePayload};

#[macro_use]
#[path = "../../malachite/src/asks_0_5.rs"]
mod asks;
#[path = "adapter.rs"]
pub mod adapter;
#[path = "../../malachite/src/context.rs"]
mod context;
#[path = "../../malachite/src/known.rs"]
mod known;

use context::{At, Bare, Id, Members, Number};
use driver::Driver;

/// What stands in the tables of this release.
pub const NAME: &str = "malachite-consensus-0.5.0";

/// A validator that has not started.
pub fn state(members: Members, address: Number) -> State<Bare> {
    let params = Params {
        initial_height: At::FIRST,
        initial_validator_set: members,
        address,
        threshold_params: ThresholdParams::default(),
        value_payload: ValuePayload::ProposalOnly,
    };
    State::new(Bare, params, 1)
}

/// It starts its height.
pub fn start(members: Members) -> Input<Bare> {
    Input::StartHeight(At::FIRST, members)
}

/// This release does not want to know what its log has before it is replayed.
pub fn begin_replay(_: &mut State<Bare>, _: &[Input<Bare>]) {}

/// Nor that it has been.
pub fn end_replay(_: &mut State<Bare>) {}

/// What only this release wants to be done, or asks for in its own form; and what is to be written to the log.
pub fn other(effect: Effect<Bare>) -> (Resume<Bare>, Option<Input<Bare>>) {
    let resume = match effect {
        Effect::WalAppend(entry, resume) => {
            let input = match entry {
                WalEntry::ConsensusMsg(SignedConsensusMsg::Vote(vote)) => Input::Vote(vote),
                WalEntry::ConsensusMsg(SignedConsensusMsg::Proposal(offer)) => Input::Proposal(offer),
                WalEntry::Timeout(timeout) => Input::TimeoutElapsed(timeout),
                WalEntry::ProposedValue(value) => Input::ProposedValue(value, ValueOrigin::Consensus),
            };
            return (resume.resume_with(()), Some(input));
        }
        Effect::ResetTimeouts(resume) => resume.resume_with(()),
        // This application adds nothing to its votes.
        Effect::ExtendVote(.., resume) => resume.resume_with(None),
        other => panic!("nothing is explored that asks for this: {other:?}"),
    };
    (resume, None)
}

/// The commit certificates that a driver holds, for a key.
pub fn commits(driver: &Driver<Bare>, rounds: u32, values: u8) -> String {
    let all = (0..rounds).flat_map(|round| (0..values).map(move |value| (round, value)));
    let held: Vec<_> = all
        .filter(|(round, value)| driver.commit_certificate(Round::new(*round), Id(*value)).is_some())
        .collect();
    format!("{held:?}")
}

/// Whether a driver asks for a timeout of its round no more: this release always does.
pub fn is_scheduled(_: &Driver<Bare>, _: TimeoutKind) -> bool {
    false
}

/// Whether a driver looks at all counts of its round when its step changes: one count hides others in this release.
pub const LOOKS_AGAIN: bool = false;

/// Whether a driver holds this commit certificate.
pub fn has_commit(driver: &Driver<Bare>, round: Round, value: Id) -> bool {
    driver.commit_certificate(round, value).is_some()
}
