//! The run in which the release before decides on both values, acted out by this one.

#[path = "../../adapter.rs"]
mod adapter;
#[path = "../../in_process.rs"]
mod release;
#[path = "../../said.rs"]
mod said;

use std::sync::Arc;

use adapter::Hbbft;
use bft_check::trace::StoryFile;
use release::Session;
use said::What;

/// In this release nobody says in epoch 3 what the run goes on with: n2 has handled what was left of epoch 1 in epoch 1.
#[test]
fn release_0_1_1_parts_ways_with_the_run_in_which_0_1_0_decides_on_both_values() {
    let run = include_str!("../../fork.json").replace("hbbft-0.1.0", "hbbft-0.1.1");
    let hbbft = || {
        Arc::new(Hbbft {
            version: "0.1.1",
            session: Session::with_coins(&[true]),
            epochs: 5,
            inputs: vec![false, false, false, true],
            sayings: What::all(),
            are_quorums_steps: false,
        })
    };
    let refused = StoryFile::replay(&run, hbbft()).unwrap_err().to_string();
    assert!(refused.starts_with("step 33: 'BVal(false) in epoch 3' at n3 cannot happen then"), "{refused}");
    let mut begun: serde_json::Value = serde_json::from_str(&run).unwrap();
    begun["steps"].as_array_mut().unwrap().truncate(32);
    let (_, story) = StoryFile::replay(&begun.to_string(), hbbft()).unwrap();
    assert_eq!(story.violation, None);
}
