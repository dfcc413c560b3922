//! The integration tests, one module a subject, in one program: what they share is compiled once.
//!
//! Programs of their own have those that cannot be among others: `drawn`, which holds rulebooks against their time limits;
//! `proofs` and `page`, which make their lists of tests as they run; `fuzz`, whose recipes a fuzzer drives; and `hostile`,
//! which counts all memory that it takes.

#![cfg(test)]

/// As in the program `bft`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[macro_use]
mod common;

#[cfg(unix)]
mod abuse;
mod acted_out;
mod adversary;
mod alphabet_in_runs;
mod assumptions;
mod cli;
mod client;
mod command_line;
mod continuation;
mod corpus;
mod counterexamples;
mod distributed;
mod engine;
mod explain;
mod explore;
mod explore_protocol;
mod fair;
mod growth;
mod guards;
mod guide;
mod judges;
mod layers;
mod liveness;
mod omnipaxos;
mod panics;
mod plan;
mod program;
mod proof_model;
mod properties;
mod protocol;
mod quorum;
mod quorum_heads;
mod quorums;
mod raft;
mod reductions;
mod regressions;
mod replica;
mod saved_protocol;
mod saved_quorums;
mod simulate;
mod stateful;
mod tie;
mod traces;
mod tutorial;
mod unbounded;
mod values;
