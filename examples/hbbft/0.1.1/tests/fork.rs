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

#[test]
fn release_0_1_1_decides_on_one_value_in_the_run_in_which_0_1_0_decides_on_both() {
    let run = include_str!("../../fork.json").replace("hbbft-0.1.0", "hbbft-0.1.1");
    let hbbft = Hbbft {
        version: "0.1.1",
        session: Session::with_coins(&[true]),
        epochs: 5,
        inputs: vec![false, false, false, true],
        sayings: What::all(),
        are_quorums_steps: false,
    };
    let (_, story) = StoryFile::replay(&run, Arc::new(hbbft)).unwrap();
    assert_eq!(story.violation, None);
    assert!(story.to_text().contains("n2 DECIDES false"), "{}", story.to_text());
}
