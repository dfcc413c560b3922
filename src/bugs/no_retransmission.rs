//! What is lost is never sent again.
//!
//! After a partition has healed a replica goes on waiting for what was sent meanwhile.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{ReplicaId, Rules};

/// What is lost is never sent again.
#[derive(Clone, Copy, Debug)]
struct NoRetransmission;

impl Rules for NoRetransmission {
    fn retransmits(&self) -> bool {
        false
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "no-retransmission",
    breaks: Some("what is lost is never sent again"),
    number: Some("26"),
    class: Class::Liveness,
    source: "fabric#1917",
    overrides: &["retransmits"],
    runs: &[Run::violates(
        Property::Executed,
        Scope { views: 1, requests: 1, lossy: true, ..Scope::DEFAULT },
    )
    .by(&[ReplicaId(2)])],
    rules: &NoRetransmission,
};
