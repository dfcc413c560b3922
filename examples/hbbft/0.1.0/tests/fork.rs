//! The run that was found, acted out by the unmodified crate.

#[path = "../../adapter.rs"]
mod adapter;
#[path = "../../remote.rs"]
mod release;
#[path = "../../said.rs"]
mod said;

use std::sync::Arc;

use adapter::Hbbft;
use bft_check::protocol::NodeId;
use bft_check::simulate::protocol::Simulation;
use bft_check::trace::StoryFile;
use release::Session;
use said::What;

const RUN: &str = include_str!("../../fork.json");

fn hbbft() -> Hbbft {
    Hbbft {
        version: "0.1.0",
        session: Session::with_coins(&[true]),
        epochs: 5,
        inputs: vec![false, false, false, true],
        sayings: What::all(),
        are_quorums_steps: false,
    }
}

#[test]
fn release_0_1_0_decides_on_both_values() {
    let (file, story) = StoryFile::replay(RUN, Arc::new(hbbft())).unwrap();
    assert_eq!(file.violates.as_deref(), Some("agreement"));
    assert_eq!(story.violation.map(|violation| violation.property).as_deref(), Some("agreement"));
}

/// The run was drawn: the seed says all that chance had to say, and shrinking leaves what the fork needs.
#[test]
fn the_fork_is_what_a_seed_makes() {
    let drawn = Simulation::new(hbbft()).byzantine([NodeId(0)]).seeds(7790..7791).run().unwrap();
    let (_, known) = StoryFile::replay(RUN, Arc::new(hbbft())).unwrap();
    assert_eq!(drawn.findings().first().map(|finding| &finding.story), Some(&known), "{drawn}");
}
