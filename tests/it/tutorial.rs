//! The tutorial's protocol: its drafts come out as the chapter says, and what the chapter shows of it is what it is.

use bft_check::check::Check;
use bft_check::simulate::protocol::Simulation;

#[path = "../../examples/tutorial.rs"]
#[allow(dead_code, reason = "its main is that of a program")]
pub mod program;

use program::Tendermint;

fn draft(draft: u8) -> Tendermint {
    Tendermint { draft, rounds: 2, stops: false }
}

#[test]
fn who_forgets_the_locks_forks_and_who_heeds_them_does_not() {
    Check::new(draft(1)).assert_violates("agreement");
    Check::new(draft(2)).property("agreement").assert_holds();
}

#[test]
fn who_votes_twice_forks_with_a_liar_and_who_votes_once_does_not() {
    let drawn = |number| {
        let simulation = Simulation::new(draft(number)).byzantine(1).property("agreement");
        simulation.seeds(0..2000).run().unwrap()
    };
    let forks = drawn(2);
    assert!(!forks.findings().is_empty(), "{forks}");
    let holds = drawn(3);
    assert!(holds.findings().is_empty() && holds.counts().runs == 2000, "{holds}");
}

#[test]
fn who_sets_one_timer_waits_for_ever_and_who_sets_all_decides() {
    let waits = |number| Tendermint { rounds: 4, stops: true, ..draft(number) };
    Check::new(waits(3)).assert_violates("liveness");
    Check::new(waits(4)).property("liveness").assert_holds();
    let silent = Simulation::new(draft(3)).byzantine(1).property("liveness").seeds(0..300).run().unwrap();
    assert!(!silent.findings().is_empty(), "{silent}");
}

/// The chapter shows pieces of the example, and nothing else.
#[test]
fn the_chapter_shows_the_example() {
    let [chapter, example] = ["src/guide/tutorial.md", "examples/tutorial.rs"]
        .map(|path| std::fs::read_to_string(format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap());
    let pieces: Vec<_> = chapter.split("```rust,ignore\n").skip(1).collect();
    assert!(pieces.len() >= 6, "{}", pieces.len());
    for piece in pieces {
        let piece = piece.split("```").next().unwrap();
        assert!(example.contains(piece), "this is no part of the example:\n{piece}");
    }
}
