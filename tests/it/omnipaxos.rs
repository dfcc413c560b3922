//! The adapter of `examples/omnipaxos` on the release that forks: what the packages there say of all four releases takes each
//! of them a build of its own.

#[path = "../../examples/omnipaxos/adapter.rs"]
mod adapter;
#[path = "../../examples/omnipaxos/release_0_2.rs"]
mod release;

use bft_check::check::Check;

#[test]
fn omnipaxos_0_2_0_forks_in_nine_steps() {
    let checked = Check::new(adapter::Omnipaxos("0.2.0")).run().unwrap();
    assert!(checked.to_string().contains("VIOLATED: agreement, in 9 steps"), "{checked}");
}
