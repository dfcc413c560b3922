//! Replicas answer reads without ordering them, while clients that write still wait for f + 1 replies only.
//!
//! A write is then known to one honest replica and believed; a quorum that has not executed it yet, the Byzantine
//! replicas among it, answers a later read as if it had never been.
//! Seen in: Berger, Reiser, Bessani, arXiv 2107.11144; cf. BFT-SMaRt#91.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::Rules;

/// Replicas answer reads without ordering them, while clients that write still wait for f + 1 replies only.
#[derive(Clone, Copy, Debug)]
struct UnorderedReads;

impl Rules for UnorderedReads {
    fn serves_reads(&self) -> bool {
        true
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "unordered-reads",
    breaks: Some("reads are answered without being ordered, while f + 1 replies are enough for a write"),
    number: Some("23"),
    class: Class::Client,
    source: "arXiv 2107.11144; cf. BFT-SMaRt#91",
    overrides: &["serves_reads"],
    runs: &[Run::violates(
        Property::Linearizable,
        Scope { views: 1, requests: 1, reads: 1, clients: true, ..Scope::DEFAULT },
    )],
    rules: &UnorderedReads,
};
