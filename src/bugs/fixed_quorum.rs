//! A quorum is 2f + 1 although n is larger than 3f + 1.
//!
//! Two such sets may then share Byzantine replicas only, or nobody.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, Rules};

/// A quorum is 2f + 1 although n is larger than 3f + 1.
#[derive(Clone, Copy, Debug)]
struct FixedQuorum;

impl Rules for FixedQuorum {
    fn quorum(&self, committee: Committee) -> usize {
        2 * usize::from(committee.f()) + 1
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "fixed-quorum",
    breaks: Some("a quorum is 2f + 1 although n is larger than 3f + 1"),
    number: Some("7"),
    class: Class::Safety,
    source: "celo#253, SmartBFT#83; IBFT 1.0 (Saltini and Hyland-Wood, arXiv 1901.07160)",
    overrides: &["quorum"],
    runs: &[Run::violates(Property::Agreement, Scope { replicas: 5, views: 1, ..Scope::DEFAULT })],
    rules: &FixedQuorum,
};
