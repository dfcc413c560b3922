//! A request that was executed is executed again when it is ordered again.
//!
//! A Byzantine primary, or a new view, may order a request at two sequence numbers.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Rules, Timestamp};

/// A request that was executed is executed again when it is ordered again.
#[derive(Clone, Copy, Debug)]
struct RepeatedExecution;

impl Rules for RepeatedExecution {
    fn executes(&self, _last: Option<Timestamp>, _timestamp: Timestamp) -> bool {
        true
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "repeated-execution",
    breaks: Some("a request that was executed is executed again when it is ordered again"),
    number: Some("21"),
    class: Class::Client,
    source: "SmartBFT#570, concord#1362",
    overrides: &["executes"],
    runs: &[Run::violates(
        Property::ExactlyOnce,
        Scope { views: 1, slots: 2, requests: 1, ..Scope::DEFAULT },
    )],
    rules: &RepeatedExecution,
};
