//! The release that forks does, and the other holds in one round: a small bound, for `cargo test`.

#![allow(clippy::duplicate_mod, reason = "one adapter is compiled for each release")]

#[path = "../src/bound.rs"]
mod bound;
#[path = "../src/message.rs"]
mod message;
#[path = "../src/release_0_5.rs"]
mod release_0_5;
#[path = "../src/release_0_8.rs"]
mod release_0_8;

use bft_check::check::Check;
use bft_check::protocol::NodeId;

use bound::Bound;

/// The second proposer is Byzantine: it proposes another value in round 1, with the polka of round 0.
#[test]
fn release_0_5_forks_in_two_rounds() {
    let bound = Bound { nodes: 4, rounds: 2, value_count: 2 };
    let check = Check::new(release_0_5::adapter::Malachite(bound)).byzantine([NodeId(1)]);
    check.assert_violates("agreement");
}

/// One round and one value: every state of every validator is visited.
#[test]
fn release_0_8_holds_in_one_round() {
    let bound = Bound { nodes: 4, rounds: 1, value_count: 1 };
    Check::new(release_0_8::adapter::Malachite(bound)).byzantine(1).assert_holds();
}
