//! Omnipaxos 0.2.4 under the checker: `cargo run --release -- check`.

#[path = "../../adapter.rs"]
mod adapter;
#[path = "../../release_0_2_4.rs"]
mod release;

fn main() -> std::process::ExitCode {
    // The package has the version of the release that it checks.
    adapter::main(env!("CARGO_PKG_VERSION"))
}
