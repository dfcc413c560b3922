//! What threads send to each other.

use serde::{Deserialize, Serialize};

use super::ids::WorkerId;
use super::key::{Key, WORDS};
use crate::check::limits::{Limit, Lost, Process};

/// Something for one thread.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Batch {
    pub to: WorkerId,
    pub from: WorkerId,
    pub content: Content,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Content {
    /// States of the next level, which are in the share of the receiver: each is its key, that of the state that leads to it, and
    /// its numbers.
    States(Vec<u32>),
    /// How many levels a thread has in files.
    Has(u32),
    /// What numbers mean.
    Told(Vec<u32>),
    /// What a thread has come to with a level, for all.
    Level(LevelNote),
    /// A thread will not expand any more in this search, and neither need the others.
    Ends,
    /// From which state that one was met.
    Parent(Option<[u32; WORDS]>),
}

/// What a thread has come to with a level.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct LevelNote {
    /// States in its share, up to that level.
    pub states: u64,
    /// States of the level in its share.
    pub frontier: u64,
    /// Transitions that it has taken, to states up to that level.
    pub transitions: u64,
    /// The bytes that its share takes.
    pub bytes: u64,
    /// Of the states of the level that lack a property the one with the smallest key, and which property.
    pub violated: Option<([u32; WORDS], u32)>,
    /// Of the good outcomes, in their order, whether a state in its share has it.
    pub reached: Vec<bool>,
    /// What keeps it from going on.
    pub ended: Option<Ended>,
    /// Why no verdict counts but that something is violated, if none does.
    pub refusal: Option<String>,
}

/// What keeps a thread from going on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Ended {
    /// A limit: its kind, and how much that is.
    Limit(u8, u64),
    /// Why the judge says nothing.
    Refused(String),
}

impl From<Limit> for Ended {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::States(states) => Ended::Limit(0, states),
            Limit::Time(time) => Ended::Limit(1, time.as_nanos() as u64),
            Limit::Memory(bytes) => Ended::Limit(2, bytes),
            Limit::Bound => Ended::Limit(3, 0),
            Limit::Stopped => Ended::Limit(4, 0),
            Limit::Lost(Process(process), Lost::Ended) => Ended::Limit(5, process.into()),
            Limit::Lost(Process(process), Lost::Silent) => Ended::Limit(6, process.into()),
        }
    }
}

impl Ended {
    /// The limit, if it is one.
    pub fn limit(&self) -> Option<Limit> {
        Some(match *self {
            Ended::Limit(0, states) => Limit::States(states),
            Ended::Limit(1, nanoseconds) => Limit::Time(std::time::Duration::from_nanos(nanoseconds)),
            Ended::Limit(2, bytes) => Limit::Memory(bytes),
            Ended::Limit(3, _) => Limit::Bound,
            Ended::Limit(5, process) => Limit::Lost(Process(process as u32), Lost::Ended),
            Ended::Limit(6, process) => Limit::Lost(Process(process as u32), Lost::Silent),
            Ended::Limit(..) => Limit::Stopped,
            Ended::Refused(_) => return None,
        })
    }
}

/// The words of a state on its way.
pub(super) fn put_state(key: Key, parent: Key, numbers: &[u32], out: &mut Vec<u32>) {
    out.extend(key.words());
    out.extend(parent.words());
    out.extend(numbers);
}
