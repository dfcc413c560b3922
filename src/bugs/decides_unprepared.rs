//! A replica decides on a quorum of COMMITs although the batch has not prepared at it.
//!
//! A control: this changes nothing that matters. A quorum of COMMITs holds an honest majority for which it
//! has prepared, and a later view change must meet one of those.

use super::{Class, Rulebook, Run};
use crate::model::Scope;
use crate::pbft::Rules;

/// A replica decides on a quorum of COMMITs although the batch has not prepared at it.
#[derive(Clone, Copy, Debug)]
struct DecidesUnprepared;

impl Rules for DecidesUnprepared {
    fn decides_unprepared(&self) -> bool {
        true
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "decides-unprepared",
    breaks: Some("a replica decides on a quorum of COMMITs although the batch has not prepared at it"),
    number: None,
    class: Class::Control,
    source: "an equivalent mutant of OSDI'99 §4.2",
    overrides: &["decides_unprepared"],
    runs: &[Run::holds(Scope::DEFAULT)],
    rules: &DecidesUnprepared,
};
