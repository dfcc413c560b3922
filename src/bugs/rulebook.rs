//! What is said of a rulebook.

use serde::Serialize;

use super::{Expected, Run};
use crate::model::{Property, Scope};
use crate::pbft::Rules;
use crate::subject::Pbft;

/// What kind of harm a rulebook does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// None: it is correct.
    Correct,
    /// None to safety: a judge that finds some cries wolf.
    Control,
    /// Replicas contradict each other, or decide what nobody asked for.
    Safety,
    /// What a client sees: an operation that takes effect twice.
    Client,
    /// Nothing happens any more.
    Liveness,
    /// Nothing happens until the view is changed.
    Performance,
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Class::Correct => "correct",
            Class::Control => "control",
            Class::Safety => "safety",
            Class::Client => "client",
            Class::Liveness => "liveness",
            Class::Performance => "performance",
        })
    }
}

/// A named rulebook.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rulebook {
    /// The name, as in `--rules`.
    pub name: &'static str,
    /// What it does that the protocol of the paper does not.
    pub breaks: Option<&'static str>,
    /// Its number in the corpus of known faults, if it has one.
    pub number: Option<&'static str>,
    /// What harm it does.
    pub class: Class,
    /// Where the fault was seen, or the paper.
    pub source: &'static str,
    /// The methods of [`Rules`] that it overrides.
    pub overrides: &'static [&'static str],
    /// What a judge must find, the smallest bound first.
    pub runs: &'static [Run],
    /// The rules themselves.
    #[serde(skip)]
    pub rules: &'static dyn Rules,
}

impl Rulebook {
    /// The bound that `bft check` uses unless told otherwise.
    pub fn smallest(&self) -> Scope {
        let mut searched = self.runs.iter().map(|run| run.scope).filter(|scope| scope.load.is_none());
        searched.next().unwrap_or(Scope::DEFAULT)
    }

    /// The property that it is about, if that is not one of those that are always checked.
    pub fn property(&self) -> Option<Property> {
        self.runs.first()?.asks_for()
    }

    /// Whether some safety property is violated under it.
    pub fn is_unsafe(&self) -> bool {
        let is_safety = |property: &Property| Property::SAFETY.contains(property);
        self.runs
            .iter()
            .any(|run| matches!(&run.expected, Expected::Violated(property) if is_safety(property)))
    }
}

impl From<&Rulebook> for Pbft {
    fn from(rulebook: &Rulebook) -> Self {
        let subject = Pbft::with(rulebook.rules).named(rulebook.name).overriding(rulebook.overrides);
        let subject = subject.within(rulebook.smallest()).about(rulebook.property());
        match rulebook.breaks {
            Some(what) => subject.departing(what),
            None => subject,
        }
    }
}
