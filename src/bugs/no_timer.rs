//! No timer ever runs: there is no view change unless a Byzantine replica helps.
//!
//! A mutant of OSDI'99 §4.4: a primary that is silent stops everything.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{ReplicaId, Rules, Standing};

/// No timer ever runs.
#[derive(Clone, Copy, Debug)]
struct NoTimer;

impl Rules for NoTimer {
    fn runs_timer(&self, _standing: Standing) -> bool {
        false
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "no-timer",
    breaks: Some("no timer ever runs"),
    number: None,
    class: Class::Liveness,
    source: "a mutant of OSDI'99 §4.4",
    overrides: &["runs_timer"],
    runs: &[Run::violates(Property::Executed, Scope { views: 1, requests: 1, ..Scope::DEFAULT })
        .by(&[ReplicaId(0)])],
    rules: &NoTimer,
};
