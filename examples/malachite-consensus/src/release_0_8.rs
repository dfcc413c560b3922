//! What the releases 0.8 want of their host.

use std::collections::BTreeSet;

pub use arc_malachitebft_core_consensus as consensus;
pub use arc_malachitebft_core_driver as driver;
pub use arc_malachitebft_core_types as types;

use consensus::{Effect, Input, Params, Resumable, Resume, State};
use types::{Round, ThresholdParams, TimeoutKind, ValuePayload, VoteExtensionPolicy};

#[macro_use]
#[path = "../../malachite/src/asks_0_8.rs"]
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
pub const NAME: &str = "malachite-consensus-0.8.2";

/// A validator that has not started.
pub fn state(members: Members, address: Number) -> State<Bare> {
    let params = Params {
        address,
        threshold_params: ThresholdParams::default(),
        value_payload: ValuePayload::ProposalOnly,
        enabled: true,
    };
    State::new(Bare, At::FIRST, members, params, 1, 1)
}

/// It starts its height.
pub fn start(members: Members) -> Input<Bare> {
    Input::StartHeight(At::FIRST, members, false, None, VoteExtensionPolicy::Disabled)
}

/// What has to be known of the log before it is replayed.
pub fn begin_replay(state: &mut State<Bare>, log: &[Input<Bare>]) {
    state.record_recovered_own_precommit_extensions(log);
    state.index_wal_entries(log);
}

/// The log has been replayed.
pub fn end_replay(state: &mut State<Bare>) {
    state.reset_entries_index();
}

/// What only this release wants to be done, or asks for in its own form; and what is to be written to the log.
pub fn other(effect: Effect<Bare>) -> (Resume<Bare>, Option<Input<Bare>>) {
    match effect {
        Effect::WalAppend(_, input, resume) => (resume.resume_with(()), Some(input)),
        // The next height would begin.
        Effect::Finalize(.., resume) => (resume.resume_with(()), None),
        other => panic!("nothing is explored that asks for this: {other:?}"),
    }
}

/// The commit certificates that a driver holds, for a key: it asks for one by round and value.
pub fn commits(driver: &Driver<Bare>, _: u32, _: u8) -> String {
    let held = driver.commit_certificates().iter().map(|held| (held.round, held.value_id));
    format!("{:?}", held.collect::<BTreeSet<_>>())
}

/// Whether a driver asks for a timeout of its round no more.
pub fn is_scheduled(driver: &Driver<Bare>, kind: TimeoutKind) -> bool {
    !driver.round_state().clone().check_timeout(kind)
}

/// Whether a driver looks at all counts of its round when its step changes.
pub const LOOKS_AGAIN: bool = true;

/// Whether a driver holds this commit certificate.
pub fn has_commit(driver: &Driver<Bare>, round: Round, value: Id) -> bool {
    driver.commit_certificate(round, &value).is_some()
}
