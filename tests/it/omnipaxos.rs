//! The adapter of `examples/omnipaxos` on the release that forks: what the packages there say of all four releases takes each
//! of them a build of its own.

#[path = "../../examples/omnipaxos/adapter.rs"]
mod adapter;
#[path = "../../examples/omnipaxos/release_0_2.rs"]
mod release;

use bft_check::check::Check;

const TWO_COMMANDS: adapter::Omnipaxos = adapter::Omnipaxos { version: "0.2.0", appends: 2, is_cut: true };

#[test]
fn omnipaxos_0_2_0_forks_in_nine_steps() {
    let checked = Check::new(TWO_COMMANDS).run().unwrap();
    assert!(checked.to_string().contains("VIOLATED: agreement, in 9 steps"), "{checked}");
}

/// A second fork needs no cut; what was searched by then is more, for server 1 goes on.
#[test]
fn omnipaxos_0_2_0_forks_without_a_cut_too() {
    let checked = Check::new(adapter::Omnipaxos { is_cut: false, ..TWO_COMMANDS }).run().unwrap();
    assert!(checked.to_string().contains("VIOLATED: agreement"), "{checked}");
}
