//! A replica that changes its view with f + 1 others moves to the highest view that they name.
//!
//! One Byzantine replica names it: always the next view that it leads, and it is silent there.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, ReplicaId, Rules, View};

/// A replica that changes its view with f + 1 others moves to the highest view that they name.
#[derive(Clone, Copy, Debug)]
struct HighestJoin;

impl Rules for HighestJoin {
    fn join(&self, committee: Committee, views: &[View]) -> Option<View> {
        (views.len() >= committee.weak_quorum()).then(|| views.iter().copied().max())?
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "highest-join",
    breaks: Some("a replica that changes its view with f + 1 others moves to the highest view named"),
    number: None,
    class: Class::Liveness,
    source: "FISCO-BCOS#2312, quorum#935",
    overrides: &["join"],
    runs: &[Run::violates(Property::Executed, Scope { views: 1, requests: 1, ..Scope::DEFAULT })
        .by(&[ReplicaId(0)])],
    rules: &HighestJoin,
};
