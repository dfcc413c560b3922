//! Malachite's driver under the checker: `cargo run --release -- check`.

mod bound;
mod message;
mod release_0_5;
mod release_0_8;

fn main() -> std::process::ExitCode {
    let bound = bound::Bound { nodes: 4, rounds: 1, value_count: 1 };
    bft_check::cli::run_protocol(release_0_8::adapter::Malachite(bound))
}
