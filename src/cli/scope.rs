//! The arguments that say how much is explored.

use clap::Args;

use super::with;
use crate::check::Check;

#[derive(Clone, Debug, Args)]
pub(super) struct ScopeArguments {
    /// n: the number of replicas, from 1 to 32 [default: 4]
    #[arg(long, value_name = "N")]
    replicas: Option<u16>,
    /// f: the number of Byzantine replicas that the thresholds tolerate, up to (n - 1) / 3 [default: that many]
    #[arg(long, value_name = "F")]
    faults: Option<u16>,
    /// How many views, from view 0 on; for liveness, before the network is stable; from 1 to 32 [default: 2, or what the
    /// rulebook says]
    #[arg(long, value_name = "N")]
    views: Option<u64>,
    /// How many sequence numbers, from 1 to 16 [default: 1, or what the rulebook says]
    #[arg(long, value_name = "N")]
    slots: Option<u64>,
    /// How many requests, each of a client of its own; from 1 to 16 [default: 2, for liveness 1, or what the rulebook says]
    #[arg(long, value_name = "N")]
    requests: Option<u32>,
    /// K: a checkpoint at every multiple of it, from 1 to 16 [default: none within the bound]
    #[arg(long, value_name = "K")]
    checkpoint: Option<u64>,
    /// L: how far the high watermark lies above the low one, from 1 to 16 [default: the slots]
    #[arg(long, value_name = "L")]
    window: Option<u64>,
    /// How often honest replicas crash and recover, all together, up to 15 [default: never]
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
    /// How many requests that only read, each of a further client; up to 15 [default: none]
    #[arg(long, value_name = "N")]
    reads: Option<u32>,
}

impl ScopeArguments {
    /// The check with the sizes that were given.
    pub fn given_to(&self, check: Check) -> Check {
        let check = with(check, self.replicas, Check::replicas);
        let check = with(check, self.faults, Check::faults);
        let check = with(check, self.views, Check::views);
        let check = with(check, self.slots, Check::slots);
        let check = with(check, self.requests, Check::requests);
        let check = with(check, self.checkpoint, Check::checkpoint);
        let check = with(check, self.window, Check::window);
        let check = with(check, self.crashes, Check::<crate::subject::Pbft>::crashes);
        let check = with(check, self.reads, Check::reads);
        let check = if self.lossy_store { check.lossy_store() } else { check };
        let check = if self.clients { check.clients() } else { check };
        if self.lossy { check.lossy() } else { check }
    }
}

impl ScopeArguments {
    /// The sizes that were given, by the names that they have in addresses of the page.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let ScopeArguments {
            replicas,
            faults,
            views,
            slots,
            requests,
            checkpoint,
            window,
            crashes,
            reads,
            ..
        } = self;
        let numbers = [
            ("replicas", replicas.map(u64::from)),
            ("faults", faults.map(u64::from)),
            ("views", *views),
            ("slots", *slots),
            ("requests", requests.map(u64::from)),
            ("checkpoint", *checkpoint),
            ("window", *window),
            ("crashes", crashes.map(u64::from)),
            ("reads", reads.map(u64::from)),
        ];
        let flags = [("lossy_store", self.lossy_store), ("clients", self.clients), ("lossy", self.lossy)];
        let numbers = numbers.into_iter().filter_map(|(name, value)| Some((name, value?.to_string())));
        let flags = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| (name, "1".to_owned()));
        numbers.chain(flags).collect()
    }
}
