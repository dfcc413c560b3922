//! The whole command line of bft-check, for these rules beside those of the corpus:
//! `cargo run -- check`, `simulate`, `replay`, `explore`.

use std::process::ExitCode;

use bft_check::subject::Pbft;
use own_rules::{EveryCommit, FewCommits, HalfQuorum};

fn main() -> ExitCode {
    bft_check::cli::run([
        Pbft::with(&FewCommits).departing("a decision takes 2f COMMITs").overriding(&["commit_quorum"][..]),
        Pbft::with(&EveryCommit).departing("a decision takes the COMMITs of all"),
        Pbft::with(&HalfQuorum).departing("a quorum is half of the replicas"),
    ])
}
