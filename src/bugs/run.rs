//! The rows of the kill matrix.

use serde::Serialize;

use crate::model::{Property, Reductions, Scope};
use crate::pbft::ReplicaId;

/// What a judge must say of a rulebook.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    /// This property is violated.
    Violated(Property),
    /// Every safety property holds.
    Holds,
}

/// One row of the kill matrix: a run, and what must come of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Run {
    /// What the judge must say.
    pub expected: Expected,
    /// The bound: the smallest that shows it.
    pub scope: Scope,
    /// Which replicas are Byzantine; without, every placement of f of them, up to symmetry.
    pub byzantine: Option<&'static [ReplicaId]>,
    /// With how many views the property must still hold, whoever is Byzantine: what shows only in more is
    /// invisible to a check of fewer.
    pub passes_with_views: Option<u64>,
    /// The run that shows it, where no search within reach does: line by line, as a trace prints it; or, in a bound
    /// with a load, what a simulated run is drawn from: `strategy NAME` and `seed NUMBER`.
    pub script: &'static [&'static str],
    /// Which states the search leaves out.
    pub(crate) reductions: Reductions,
    /// Whether it takes more than some seconds.
    pub slow: bool,
}

impl Run {
    /// At that bound the property is violated; which replicas are Byzantine is for the search to find out.
    pub(super) const fn violates(property: Property, scope: Scope) -> Self {
        Run::expecting(Expected::Violated(property), scope)
    }

    /// At that bound every safety property holds, wherever the Byzantine replicas are.
    pub(super) const fn holds(scope: Scope) -> Self {
        Run::expecting(Expected::Holds, scope)
    }

    const fn expecting(expected: Expected, scope: Scope) -> Self {
        Run {
            expected,
            scope,
            byzantine: None,
            passes_with_views: None,
            script: &[],
            reductions: Reductions::NONE,
            slow: false,
        }
    }

    /// These replicas are Byzantine, and nobody else.
    pub(super) const fn by(self, byzantine: &'static [ReplicaId]) -> Self {
        Run { byzantine: Some(byzantine), ..self }
    }

    /// With so many views the property still holds.
    pub(super) const fn passes_with(self, views: u64) -> Self {
        Run { passes_with_views: Some(views), ..self }
    }

    /// This run is followed, or one drawn so; nothing is searched.
    pub(super) const fn scripted(self, script: &'static [&'static str]) -> Self {
        Run { script, ..self }
    }

    /// The search leaves these states out.
    pub(super) const fn reduced(self, reductions: Reductions) -> Self {
        Run { reductions, ..self }
    }

    /// It takes more than some seconds.
    pub(super) const fn slow(self) -> Self {
        Run { slow: true, ..self }
    }

    /// The property that it is about, if that is not one of those that are always checked.
    pub fn asks_for(&self) -> Option<Property> {
        match self.expected {
            Expected::Violated(property) if !Property::SAFETY.contains(&property) => Some(property),
            _ => None,
        }
    }
}

/// What leaves out most where many views are searched.
pub(super) const FEWEST: Reductions = Reductions { silent: true, quotient: true, ..Reductions::NONE };
