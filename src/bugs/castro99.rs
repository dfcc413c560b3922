//! The protocol of the paper, which breaks nothing.

use super::{Class, Rulebook, Run};
use crate::model::Scope;
use crate::pbft::Castro99;

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "castro99",
    breaks: None,
    number: None,
    class: Class::Correct,
    source: "Castro and Liskov, Practical Byzantine Fault Tolerance, OSDI'99",
    overrides: &[],
    runs: &[Run::holds(Scope::DEFAULT)],
    rules: &Castro99,
};
