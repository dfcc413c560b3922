//! The adapter of `examples/raft` on the release that forks: what the packages there say of all three releases takes each of
//! them a build of its own.

#[path = "../../examples/raft/adapter.rs"]
mod adapter;
#[path = "../../examples/raft/release_0_4.rs"]
mod release;
#[path = "../../examples/raft/words.rs"]
mod words;

use bft_check::check::Check;

/// n1 applies nothing at all.
const FORKS: adapter::Raft = adapter::Raft {
    version: "0.4.0",
    bound: adapter::Bound { proposals: 1, removals: 2, transfers: 1, campaigns: 0, applies: 0 },
};

#[test]
fn raft_0_4_0_forks_when_it_hands_over_to_a_node_that_applies_late() {
    let checked = Check::new(FORKS).run().unwrap();
    assert!(checked.to_string().contains("VIOLATED: agreement, in 20 steps"), "{checked}");
}
