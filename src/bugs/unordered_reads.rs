//! Replicas answer reads without ordering them, while clients that write still wait for f + 1 replies only.
//!
//! A write is then known to one honest replica and believed; a quorum that has not executed it yet, the Byzantine
//! replicas among it, answers a later read as if it had never been.
//! Seen in: Berger, Reiser, Bessani, arXiv 2107.11144; cf. BFT-SMaRt#91.

use crate::pbft::Rules;

/// Replicas answer reads without ordering them, while clients that write still wait for f + 1 replies only.
#[derive(Clone, Copy, Debug)]
pub struct UnorderedReads;

impl Rules for UnorderedReads {
    fn serves_reads(&self) -> bool {
        true
    }
}
