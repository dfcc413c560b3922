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

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bft_check::check::Check;
use bft_check::engine::guards::Guards;
use bft_check::protocol::NodeId;
use bft_check::trace::StoryFile;

use bound::Bound;

/// The second proposer is Byzantine: it proposes another value in round 1, with the polka of round 0.
#[test]
fn release_0_5_forks_in_two_rounds() {
    let bound = Bound { nodes: 4, rounds: 2, value_count: 2 };
    let check = Check::new(release_0_5::adapter::Malachite { bound, asks_liveness: false, silent: None })
        .byzantine([NodeId(1)]);
    check.assert_violates("agreement");
}

/// Where messages that can wait are put off, the same is said and decided as where every state of every validator is visited.
#[test]
fn what_waits_is_not_missing() {
    let bound = Bound { nodes: 4, rounds: 1, value_count: 1 };
    let (malachite, never) = (
        || Arc::new(release_0_8::adapter::Malachite { bound, asks_liveness: false, silent: None }),
        AtomicBool::new(false),
    );
    let late = Guards::late(malachite(), 1, 2, &never).unwrap().unwrap();
    let exact = Guards::exact(malachite(), 1, 2, &never).unwrap().unwrap();
    for byzantine in NodeId::all(4) {
        let late = late.statements(&[byzantine]).unwrap();
        let exact = exact.statements(&[byzantine]).unwrap();
        assert_eq!(late.sent, exact.sent, "{byzantine}");
        // A validator may say something by the way when it decides: then it has said it before.
        for (one, other) in [(&exact, &late), (&late, &exact)] {
            for (sent, decision) in &one.decided {
                let mut all = other.decided.iter();
                assert!(
                    all.any(|(more, known)| known == decision && more.is_superset(sent)),
                    "{sent:?} {decision}"
                );
            }
        }
    }
}

/// A proposal whose polka round is its own keeps a validator of 0.5.0 from precommitting what has a polka, and nothing is left to
/// happen. 0.8.2 drops such a proposal, and precommits in the same run.
#[test]
fn release_0_5_stalls_and_0_8_does_not() {
    let bound = Bound { nodes: 4, rounds: 4, value_count: 1 };
    let stall = include_str!("../stall.json");
    let malachite = release_0_5::adapter::Malachite { bound, asks_liveness: true, silent: None };
    let (_, told) = StoryFile::replay(stall, Arc::new(malachite)).unwrap();
    assert_eq!(told.violation.unwrap().property, "liveness");
    let renamed = stall.replace(release_0_5::NAME, release_0_8::NAME);
    let malachite = release_0_8::adapter::Malachite { bound, asks_liveness: true, silent: None };
    let (_, told) = StoryFile::replay(&renamed, Arc::new(malachite)).unwrap();
    assert_eq!(told.violation, None);
}

/// Everybody decides once the network is stable, though the proposer of the first round never does anything.
#[test]
fn both_releases_decide_without_the_first_proposer() {
    let silent = Some(NodeId(0));
    let bound = Bound { nodes: 4, rounds: 3, value_count: 1 };
    let (older, newer) = (
        release_0_5::adapter::Malachite { bound, asks_liveness: true, silent },
        release_0_8::adapter::Malachite { bound, asks_liveness: true, silent },
    );
    Check::new(older).byzantine(0).property("liveness").assert_holds();
    Check::new(newer).byzantine(0).property("liveness").assert_holds();
}

/// One round and one value.
#[test]
fn release_0_8_holds_in_one_round() {
    let bound = Bound { nodes: 4, rounds: 1, value_count: 1 };
    Check::new(release_0_8::adapter::Malachite { bound, asks_liveness: false, silent: None })
        .byzantine(1)
        .assert_holds();
}
