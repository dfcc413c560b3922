//! The arguments that say how much is explored.

use clap::Args;

use crate::model::{Scope, Store};

#[derive(Clone, Debug, Args)]
pub(super) struct ScopeArguments {
    /// n: the number of replicas
    #[arg(long, value_name = "N")]
    replicas: Option<u16>,
    /// f: the number of Byzantine replicas that the thresholds tolerate [default: as many as n allows]
    #[arg(long, value_name = "F")]
    faults: Option<u16>,
    /// How many views, from view 0 on; for liveness, before the network is stable
    #[arg(long, value_name = "N")]
    views: Option<u64>,
    /// How many sequence numbers
    #[arg(long, value_name = "N")]
    slots: Option<u64>,
    /// How many requests, each of a client of its own
    #[arg(long, value_name = "N")]
    requests: Option<u32>,
    /// K: a checkpoint at every multiple of it [default: none within the bound]
    #[arg(long, value_name = "K")]
    checkpoint: Option<u64>,
    /// L: how far the high watermark lies above the low one [default: the slots]
    #[arg(long, value_name = "L")]
    window: Option<u64>,
    /// How often honest replicas crash and recover, all together [default: never]
    #[arg(long, value_name = "N")]
    crashes: Option<u32>,
    /// Whether a crash loses what the last step wrote to storage
    #[arg(long)]
    lossy_store: bool,
    /// Let clients take part: they wait for replies, and what they believe is checked
    #[arg(long)]
    clients: bool,
    /// For liveness: lose what has had no consequence when the network becomes stable
    #[arg(long)]
    lossy: bool,
    /// How many requests that only read, each of a further client
    #[arg(long, value_name = "N")]
    reads: Option<u32>,
}

impl ScopeArguments {
    /// The scope that is meant: `base`, but for what was given.
    pub fn applied_to(&self, base: Scope) -> Scope {
        let replicas = self.replicas.unwrap_or(base.replicas);
        let faults = match (self.faults, self.replicas) {
            (Some(faults), _) => faults,
            (None, None) => base.faults,
            (None, Some(n)) => n.saturating_sub(1) / 3,
        };
        Scope {
            replicas,
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

    /// Whether a number of views was given.
    pub fn sets_views(&self) -> bool {
        self.views.is_some()
    }

    /// Whether anything was given.
    pub fn restricts(&self) -> bool {
        [self.replicas, self.faults].iter().any(Option::is_some)
            || [self.views, self.slots, self.checkpoint, self.window].iter().any(Option::is_some)
            || [self.requests, self.crashes, self.reads].iter().any(Option::is_some)
            || self.lossy_store
            || self.lossy
            || self.clients
    }
}
