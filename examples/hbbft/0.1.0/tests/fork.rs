//! The run that was written by hand, acted out by the unmodified crate.

#[path = "../../adapter.rs"]
mod adapter;
#[path = "../../remote.rs"]
mod release;
#[path = "../../said.rs"]
mod said;

use std::sync::Arc;

use adapter::Hbbft;
use bft_check::check::Check;
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

#[test]
fn the_fork_is_found_from_all_but_the_last_three_deliveries() {
    let mut begun: serde_json::Value = serde_json::from_str(RUN).unwrap();
    let steps = begun["steps"].as_array_mut().unwrap();
    steps.truncate(steps.len() - 3);
    let checked = Check::new(hbbft()).beginning_with(begun.to_string()).run().unwrap();
    let row = &checked.rows()[0];
    assert!(row.adversary.starts_with("n0: most general over an alphabet of "), "{}", row.adversary);
    assert!(checked.to_string().contains("VIOLATED: agreement, in 2 steps"), "{checked}");
}
