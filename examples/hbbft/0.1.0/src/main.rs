//! hbbft 0.1.0 under the checker: `cargo run --release -- check`.

#[path = "../../adapter.rs"]
mod adapter;
#[path = "../../remote.rs"]
mod release;
#[path = "../../said.rs"]
mod said;

fn main() -> std::process::ExitCode {
    // The package has the version of the release that it checks.
    adapter::main(env!("CARGO_PKG_VERSION"))
}
