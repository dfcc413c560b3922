//! A replica changes its view only when its own timer runs out, and not with f + 1 others.
//!
//! The primary of a view has no timer there, and where a Byzantine replica is silent the new view needs it.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, ReplicaId, Rules, View};

/// A replica changes its view only when its own timer runs out, and not with f + 1 others.
#[derive(Clone, Copy, Debug)]
struct NoJoin;

impl Rules for NoJoin {
    fn join(&self, _committee: Committee, _views: &[View]) -> Option<View> {
        None
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "no-join",
    breaks: Some("a replica does not change its view with f + 1 others"),
    number: None,
    class: Class::Liveness,
    source: "tendermint#7452, cothority#1835",
    overrides: &["join"],
    runs: &[Run::violates(Property::Executed, Scope { requests: 1, ..Scope::DEFAULT }).by(&[ReplicaId(2)])],
    rules: &NoJoin,
};
