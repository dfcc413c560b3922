//! The `bft` command.

use std::process::ExitCode;

/// Every step allocates: with the allocator of the C library a check takes about a tenth longer.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    bft_check::cli::run([])
}
