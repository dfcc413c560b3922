//! The timer starts with the next view, and not when the last one is given up.
//!
//! A new primary that is silent is waited for for ever.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{ReplicaId, Rules, Standing};

/// The timer starts with the next view, and not when the last one is given up.
#[derive(Clone, Copy, Debug)]
struct IdleTimer;

impl Rules for IdleTimer {
    fn runs_timer(&self, standing: Standing) -> bool {
        standing.active
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "idle-timer",
    breaks: Some("no timer runs while a view is changed"),
    number: Some("27"),
    class: Class::Liveness,
    source: "the class of albatross#53 and sawtooth-pbft#133",
    overrides: &["runs_timer"],
    runs: &[Run::violates(Property::Executed, Scope { requests: 1, ..Scope::DEFAULT }).by(&[ReplicaId(1)])],
    rules: &IdleTimer,
};
