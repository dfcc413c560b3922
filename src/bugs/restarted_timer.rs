//! The timer starts again with every block, whosever requests are in it.
//!
//! A primary that leaves one client out for ever is never suspected, as long as others are served.

use super::{Class, Rulebook, Run};
use crate::model::{Load, Property, Scope};
use crate::pbft::{ReplicaId, Rules, SeqNum};

/// The timer starts again with every block, whosever requests are in it.
#[derive(Clone, Copy, Debug)]
struct RestartedTimer;

impl Rules for RestartedTimer {
    fn restarts_timer(&self, since: SeqNum, height: SeqNum) -> bool {
        height > since
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "restarted-timer",
    breaks: Some("the timer starts again with every block, whosever requests are in it"),
    number: None,
    class: Class::Liveness,
    source: "dela#216, fabric#796, cothority#2054",
    overrides: &["restarts_timer"],
    runs: &[Run::violates(Property::Executed, ENDLESS_LOAD)
        .by(&[ReplicaId(0)])
        .scripted(&["strategy neglect", "seed 0"])],
    rules: &RestartedTimer,
};

/// Two clients that always ask for more.
const ENDLESS_LOAD: Scope = Scope {
    views: 0,
    slots: 0,
    checkpoint: Some(8),
    window: Some(16),
    clients: true,
    load: Some(Load { operations: 1_000_000, batch: 1, in_flight: 2 }),
    ..Scope::DEFAULT
};
