//! raft 0.7.0 under the checker: `cargo run --release -- check`.

#[path = "../../adapter.rs"]
mod adapter;
#[path = "../../release_0_7.rs"]
mod release;
#[path = "../../words.rs"]
mod words;

fn main() -> std::process::ExitCode {
    // The package has the version of the release that it checks.
    adapter::main(env!("CARGO_PKG_VERSION"))
}
