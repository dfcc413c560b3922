//! The sizes of a bound that are asked for: all others are the subject's.

use std::collections::BTreeSet;

use crate::model::{Byzantine, Scope, Store};
use crate::pbft::ReplicaId;

/// What is said of a bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Sizes {
    pub replicas: Option<u16>,
    pub faults: Option<u16>,
    pub views: Option<u64>,
    pub slots: Option<u64>,
    pub requests: Option<u32>,
    pub checkpoint: Option<u64>,
    pub window: Option<u64>,
    pub crashes: Option<u32>,
    pub reads: Option<u32>,
    pub lossy_store: bool,
    pub clients: bool,
    pub lossy: bool,
}

impl Sizes {
    /// The scope that is meant: `base`, but for what was said. As many replicas are faulty as n allows, unless f is given.
    pub fn applied_to(&self, base: Scope) -> Scope {
        let faults = match (self.faults, self.replicas) {
            (Some(faults), _) => faults,
            (None, None) => base.faults,
            (None, Some(n)) => n.saturating_sub(1) / 3,
        };
        Scope {
            replicas: self.replicas.unwrap_or(base.replicas),
            faults,
            views: self.views.unwrap_or(base.views),
            slots: self.slots.unwrap_or(base.slots),
            requests: self.requests.unwrap_or(base.requests),
            checkpoint: self.checkpoint.or(base.checkpoint),
            window: self.window.or(base.window),
            crashes: self.crashes.unwrap_or(base.crashes),
            store: if self.lossy_store { Store::LosesLast } else { base.store },
            clients: self.clients || base.clients,
            reads: self.reads.unwrap_or(base.reads),
            lossy: self.lossy || base.lossy,
            load: base.load,
        }
    }

    /// Whether anything was said.
    pub fn restrict(&self) -> bool {
        *self != Sizes::default()
    }
}

impl From<u16> for Byzantine {
    /// Every placement of so many, up to symmetry.
    fn from(count: u16) -> Self {
        Byzantine::Count(count)
    }
}

impl<const N: usize> From<[u16; N]> for Byzantine {
    /// The replicas of these numbers.
    fn from(ids: [u16; N]) -> Self {
        Byzantine::Ids(ids.into_iter().map(ReplicaId).collect::<BTreeSet<_>>().into_iter().collect())
    }
}
