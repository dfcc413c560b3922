//! What each release does in a small bound, for `cargo test`.

#![allow(clippy::duplicate_mod, reason = "one adapter is compiled for each release")]

#[path = "../src/bound.rs"]
mod bound;
#[path = "../../malachite/src/message.rs"]
mod message;
#[path = "../src/release_0_5.rs"]
mod release_0_5;
#[path = "../src/release_0_8.rs"]
mod release_0_8;

use std::sync::Arc;

use bft_check::check::Check;
use bft_check::trace::StoryFile;

use bound::Bound;

const TWO_ROUNDS: Bound = Bound { nodes: 4, rounds: 2, value_count: 2 };

/// A run that was found, or written down, acted out by the unmodified crate.
#[test]
fn release_0_5_decides_on_two_values() {
    let consensus = release_0_5::adapter::Consensus { bound: TWO_ROUNDS, has_crashes: false };
    let (_, story) = StoryFile::replay(include_str!("../fork.json"), Arc::new(consensus)).unwrap();
    assert_eq!(story.violation.map(|violation| violation.property).as_deref(), Some("agreement"));
}

/// A validator goes down at any time and reads its log: it says nothing twice, and nobody decides otherwise.
#[test]
fn release_0_8_comes_up_from_its_log_as_it_was() {
    let bound = Bound { nodes: 2, rounds: 1, value_count: 2 };
    let consensus = release_0_8::adapter::Consensus { bound, has_crashes: true };
    Check::new(consensus).crashes(1).assert_holds();
}
