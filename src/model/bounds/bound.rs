//! A scope with its Byzantine replicas, and whether it makes sense.

use serde::{Deserialize, Serialize};

use super::scope::{Load, Scope, Store};
use crate::pbft::{Committee, CommitteeError, ReplicaId};

/// A finite part of the protocol's behaviours: a scope, and who is Byzantine in it. Reads like its
/// scope.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "Sizes")]
pub struct Bound {
    /// The sizes.
    #[serde(flatten)]
    pub scope: Scope,
    /// Which replicas are Byzantine. More than f of them is a question one can ask.
    pub byzantine: Vec<ReplicaId>,
}

/// A bound as it is read: a key that it does not have is none that could be left out, since another bound would be meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sizes {
    replicas: u16,
    faults: u16,
    views: u64,
    slots: u64,
    requests: u32,
    checkpoint: Option<u64>,
    window: Option<u64>,
    crashes: u32,
    store: Store,
    clients: bool,
    reads: u32,
    lossy: bool,
    #[serde(default)]
    load: Option<Load>,
    byzantine: Vec<ReplicaId>,
}

impl From<Sizes> for Bound {
    fn from(sizes: Sizes) -> Self {
        let Sizes { replicas, faults, views, slots, requests, checkpoint, window, .. } = sizes;
        let Sizes { crashes, store, clients, reads, lossy, load, byzantine, .. } = sizes;
        let scope = Scope {
            replicas,
            faults,
            views,
            slots,
            requests,
            checkpoint,
            window,
            crashes,
            store,
            clients,
            reads,
            lossy,
            load,
        };
        Bound { scope, byzantine }
    }
}

/// Why a bound cannot be explored.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoundError {
    /// The committee is impossible.
    #[error("{0}; give other values to --replicas and --faults")]
    Committee(#[from] CommitteeError),
    /// A Byzantine replica that is not there.
    #[error("replica {0} cannot be Byzantine: there are only {1} replicas, numbered from 0")]
    NoSuchReplica(ReplicaId, u16),
    /// Nobody is left to judge.
    #[error("{0} Byzantine replicas of {1} leave no honest one to check; give fewer to --byzantine")]
    NobodyHonest(usize, u16),
    /// Zero of something that there must be one of.
    #[error("--{0} must be at least 1")]
    Zero(&'static str),
    /// The window ends before the next checkpoint: the protocol could only stop there.
    #[error(
        "--window {0} ends before the next checkpoint (--checkpoint {1}): nothing could move it on; OSDI'99 suggests twice the interval"
    )]
    WindowTooSmall(u64, u64),
    /// More than a simulation handles.
    #[error("--{0} is at most {1} in a simulation; {2} would take too much memory")]
    TooLargeToSimulate(&'static str, u64, u64),
    /// More than the exhaustive judges handle.
    #[error("--{0} is at most {1} in an exhaustive check; {2} could never finish")]
    TooLarge(&'static str, u64, u64),
}

impl Bound {
    /// A scope with these replicas Byzantine.
    pub fn new(scope: Scope, byzantine: impl IntoIterator<Item = ReplicaId>) -> Self {
        Bound { scope, byzantine: byzantine.into_iter().collect() }
    }

    /// Checks that the bound makes sense.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn validate(&self) -> Result<Committee, BoundError> {
        let committee = Committee::new(self.scope.replicas, self.scope.faults)?;
        if let Some(load) = self.scope.load {
            self.validate_load(&load)?;
            return self.validate_who(committee);
        }
        for (name, value, least, most) in [
            ("replicas", u64::from(self.scope.replicas), 1, 32),
            ("views", self.scope.views, 1, 32),
            ("slots", self.scope.slots, 1, 16),
            ("requests", u64::from(self.scope.requests), 1, 16),
            ("checkpoint", self.scope.checkpoint.unwrap_or(1), 1, 16),
            ("window", self.scope.window.unwrap_or(1), 1, 16),
            ("crashes", u64::from(self.scope.crashes), 0, 15),
            ("reads", u64::from(self.scope.reads), 0, 15),
        ] {
            if value < least {
                return Err(BoundError::Zero(name));
            }
            if value > most {
                return Err(BoundError::TooLarge(name, most, value));
            }
        }
        if let (Some(interval), Some(window)) = (self.scope.checkpoint, self.scope.window)
            && window < interval
        {
            return Err(BoundError::WindowTooSmall(window, interval));
        }
        self.validate_who(committee)
    }

    /// The sizes of a simulated system.
    fn validate_load(&self, load: &Load) -> Result<(), BoundError> {
        for (name, value, most) in [
            ("replicas", u64::from(self.scope.replicas), 100),
            ("clients", u64::from(self.scope.requests), 1000),
            ("requests", u64::from(load.operations), 1_000_000),
            ("batch", u64::from(load.batch), 1000),
            ("in-flight", u64::from(load.in_flight), 1000),
            ("checkpoint", self.scope.checkpoint.unwrap_or(1), 10_000),
            ("window", self.scope.window.unwrap_or(1), 10_000),
        ] {
            if value == 0 {
                return Err(BoundError::Zero(name));
            }
            if value > most {
                return Err(BoundError::TooLargeToSimulate(name, most, value));
            }
        }
        let crashes = u64::from(self.scope.crashes);
        if crashes > 1000 {
            return Err(BoundError::TooLargeToSimulate("crashes", 1000, crashes));
        }
        let (interval, window) = (self.scope.checkpoint_interval(), self.scope.watermarks());
        if window < interval {
            return Err(BoundError::WindowTooSmall(window, interval));
        }
        Ok(())
    }

    fn validate_who(&self, committee: Committee) -> Result<Committee, BoundError> {
        if let Some(&id) = self.byzantine.iter().find(|&&id| !committee.contains(id)) {
            return Err(BoundError::NoSuchReplica(id, self.scope.replicas));
        }
        if self.byzantine.len() >= usize::from(self.scope.replicas) {
            return Err(BoundError::NobodyHonest(self.byzantine.len(), self.scope.replicas));
        }
        Ok(committee)
    }
}
