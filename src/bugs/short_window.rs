//! The window ends one sequence number early.
//!
//! With L = K the number at which the next checkpoint is due is then outside: it is never used, the
//! window never moves, and the numbers are exhausted.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{ReplicaId, Rules, SeqNum, Setting};

/// The window ends one sequence number early.
#[derive(Clone, Copy, Debug)]
struct ShortWindow;

impl Rules for ShortWindow {
    fn in_window(&self, setting: &Setting, low: SeqNum, seq: SeqNum) -> bool {
        seq > low && seq.0 < low.0 + setting.window
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "short-window",
    breaks: Some("the window ends one sequence number early"),
    number: Some("28"),
    class: Class::Liveness,
    source: "sawtooth-pbft#65; cf. fabric#1119",
    overrides: &["in_window"],
    runs: &[
        Run::violates(
            Property::NoDeadEnd,
            Scope { views: 1, slots: 2, checkpoint: Some(2), window: Some(2), ..Scope::DEFAULT },
        )
        .by(&[ReplicaId(3)]),
        Run::violates(
            Property::Executed,
            Scope { views: 1, requests: 1, checkpoint: Some(1), window: Some(1), ..Scope::DEFAULT },
        )
        .by(&[]),
    ],
    rules: &ShortWindow,
};
