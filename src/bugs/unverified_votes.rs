//! The signatures of PREPAREs and COMMITs are not verified: they count for whom they name.
//!
//! One Byzantine replica can then vote for everybody.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Rules, SignedPart};

/// The signatures of PREPAREs and COMMITs are not verified.
#[derive(Clone, Copy, Debug)]
struct UnverifiedVotes;

impl Rules for UnverifiedVotes {
    fn verifies(&self, part: SignedPart, genuine: bool) -> bool {
        genuine || matches!(part, SignedPart::Prepare | SignedPart::Commit)
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "unverified-votes",
    breaks: Some("the signatures of PREPAREs and COMMITs are not verified"),
    number: Some("G2"),
    class: Class::Safety,
    source: "raijin#5, Sovereign-Network#2779, tendermint-rs GHSA-6jrf-4jv4-r9mw",
    overrides: &["verifies"],
    runs: &[Run::violates(Property::Agreement, Scope { views: 1, ..Scope::DEFAULT })],
    rules: &UnverifiedVotes,
};
