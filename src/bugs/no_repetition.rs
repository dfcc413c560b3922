//! A new view that repeats a batch which may have been decided is refused.
//!
//! As soon as something has prepared anywhere, every new view has to repeat it.
//! Seen in: besu#7875; in networks that stopped, besu#3785, #6613, #6732.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Castro99, NewView, ReplicaId, Rules, ViewChange};

/// A new view that repeats a batch which may have been decided is refused.
#[derive(Clone, Copy, Debug)]
struct NoRepetition;

impl Rules for NoRepetition {
    fn follows(&self, new_view: &NewView, changes: &[&ViewChange]) -> bool {
        Castro99.follows(new_view, changes) && changes.iter().all(|change| change.prepared.is_empty())
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "no-repetition",
    breaks: Some("a new view that repeats a batch which has prepared is refused"),
    number: None,
    class: Class::Liveness,
    source: "besu#7875; networks that stopped: besu#3785, #6613, #6732",
    overrides: &["follows"],
    runs: &[Run::violates(Property::Executed, Scope { requests: 1, ..Scope::DEFAULT }).by(&[ReplicaId(3)])],
    rules: &NoRepetition,
};
