//! What changes about an honest participant: what it believes, and what of that would outlive a crash.

use std::collections::BTreeSet;
use std::fmt;

use super::bounds::Store;
use super::panics::{Panicked, guarded};
use crate::pbft::{ClientState, Effect, Rename as _, Renaming, Replica, State, TallyId};

/// An honest participant: what changes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Local {
    /// A replica's.
    Replica(ReplicaLocal),
    /// A client's.
    Client(ClientState),
    /// Of one whose code has panicked: it takes and sends nothing any more.
    Panicked(Box<Wreck>),
}

/// What is left of a participant whose code has panicked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Wreck {
    /// What it believed before the step in which it panicked, without its tallies.
    pub(crate) before: Local,
    /// The panic.
    pub panicked: Panicked,
}

/// A replica's state and what of it would outlive a crash.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ReplicaLocal {
    /// The state.
    pub(crate) state: State,
    /// How often it has crashed.
    pub(crate) crashes: u32,
    /// What its storage holds; only in a bound with crashes.
    pub(super) store: Option<Box<Stored>>,
}

/// The state that would be recovered: now, and if what the last step wrote were lost.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Stored {
    pub(super) now: Recovered,
    pub(super) before: Recovered,
}

/// The state that is recovered from storage, unless the code that recovers it panics.
type Recovered = Result<State, Panicked>;

impl Stored {
    /// What the storage holds at the start, and after a crash.
    pub(super) fn of(state: &State) -> Box<Self> {
        Box::new(Stored { now: Ok(state.clone()), before: Ok(state.clone()) })
    }

    /// What the storage holds after a step with these effects: its records are one write.
    pub(super) fn after(&self, replica: &Replica, kept: Store, effects: &[Effect]) -> Box<Stored> {
        let records = || {
            effects.iter().filter_map(|effect| match effect {
                Effect::Persist(record) => Some(record),
                _ => None,
            })
        };
        let written = records().next().is_some();
        // Nobody recovers before there is a crash: what panics then is not this step.
        let redone = |mut state: State| {
            guarded(|| {
                records().for_each(|record| replica.redo(&mut state, record));
                replica.control(&state)
            })
        };
        let now = self.now.clone().and_then(redone);
        let before = match kept {
            Store::Keeps => now.clone(),
            Store::LosesLast if written => self.now.clone(),
            Store::LosesLast => self.before.clone(),
        };
        Box::new(Stored { now, before })
    }
}

impl Local {
    /// The local state of a replica whose storage does not matter.
    pub(super) fn of(state: State) -> Self {
        Local::Replica(ReplicaLocal { state, crashes: 0, store: None })
    }

    /// The replica's state, if it is one.
    pub fn replica(&self) -> Option<&State> {
        match self {
            Local::Replica(local) => Some(&local.state),
            Local::Client(_) => None,
            Local::Panicked(wreck) => wreck.before.replica(),
        }
    }

    /// The client's state, if it is one.
    pub fn client(&self) -> Option<&ClientState> {
        match self {
            Local::Replica(_) => None,
            Local::Client(state) => Some(state),
            Local::Panicked(wreck) => wreck.before.client(),
        }
    }

    /// What is left of it, if its code has panicked.
    pub fn wreck(&self) -> Option<&Wreck> {
        match self {
            Local::Panicked(wreck) => Some(wreck),
            Local::Replica(_) | Local::Client(_) => None,
        }
    }

    /// This local state with other names, if all that it names has one. A client has none, nor has what is stored against
    /// crashes another number for its views.
    pub(crate) fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        let ReplicaLocal { state, crashes, store } = match self {
            Local::Replica(local) => local,
            Local::Client(_) => return None,
            Local::Panicked(wreck) => {
                let (before, panicked) = (wreck.before.renamed(by)?, wreck.panicked.clone());
                return Some(Local::Panicked(Box::new(Wreck { before, panicked })));
            }
        };
        let renamed = |recovered: &Recovered| match recovered {
            Ok(state) => state.renamed(by).map(Ok),
            Err(panicked) => Some(Err(panicked.clone())),
        };
        let store = match store {
            Some(_) if by.names.is_none() => return None,
            Some(stored) => {
                let (now, before) = (renamed(&stored.now)?, renamed(&stored.before)?);
                Some(Box::new(Stored { now, before }))
            }
            None => None,
        };
        Some(Local::Replica(ReplicaLocal { state: state.renamed(by)?, crashes: *crashes, store }))
    }

    /// How often it has crashed.
    pub(crate) fn crashes(&self) -> u32 {
        match self {
            Local::Replica(local) => local.crashes,
            Local::Client(_) => 0,
            Local::Panicked(wreck) => wreck.before.crashes(),
        }
    }

    /// Forgets how often a timer has doubled: that says how long it runs, not what it may do.
    pub fn forget_backoff(&mut self) {
        if let Local::Replica(local) = self {
            local.state.forget_backoff();
        }
    }

    /// Where the tallies of two local states differ; the states are the same otherwise.
    pub(crate) fn differing_tallies(&self, other: &Local) -> BTreeSet<TallyId> {
        match (self, other) {
            (Local::Replica(a), Local::Replica(b)) => a.state.differing_tallies(&b.state),
            _ => BTreeSet::from([TallyId::Reply]),
        }
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Local::Replica(local) if local.crashes > 0 => {
                write!(f, "crashed {} times; {:?}", local.crashes, local.state)
            }
            Local::Replica(local) => local.state.fmt(f),
            Local::Client(state) => state.fmt(f),
            Local::Panicked(wreck) => write!(f, "panicked: {}; before: {:?}", wreck.panicked, wreck.before),
        }
    }
}
