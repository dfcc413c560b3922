//! How bad the network is, and what happens to a message on its way.

use super::rng::Rng;
use super::timing::STABLE_DELAY;
use crate::pbft::ReplicaId;

/// How much longer a message takes that is late.
const LATE: u64 = 30;

/// A time in which messages do not pass between groups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Partition {
    /// From when.
    pub from: u64,
    /// Until when, that not included.
    pub until: u64,
    /// The group of each process: replicas, then clients.
    pub group: Vec<u8>,
    /// Whether what cannot pass waits; it is lost otherwise.
    pub holds: bool,
}

/// How bad the network is until it is stable, and who crashes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetworkFaults {
    /// When it is stable, in ticks.
    pub(crate) stable_at: u64,
    /// The shortest and longest delay, in ticks, before it is stable.
    pub(crate) delay: (u64, u64),
    /// How many of a thousand messages take thirty times as long.
    pub late: u64,
    /// How many of a thousand are lost.
    pub drop: u64,
    /// How many of a thousand come twice.
    pub duplicate: u64,
    /// When the network parts.
    pub(crate) partitions: Vec<Partition>,
    /// Who crashes: when, and for how long.
    pub crashes: Vec<(u64, ReplicaId, u64)>,
    /// How long the timers of each process run, in eighths of what they should; once the network is stable they
    /// run at least as long as they should.
    pub(crate) skew: Vec<u64>,
    /// How long clients think between two requests, at most.
    pub(crate) thinks: u64,
}

/// When a message arrives that is sent now; nowhere, once, or twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Arrivals {
    pub first: Option<u64>,
    pub second: Option<u64>,
}

impl NetworkFaults {
    /// When a message arrives. `safe` says that whoever sends it sees to it that it is not lost.
    pub(super) fn arrivals(&self, now: u64, from: usize, to: usize, safe: bool, rng: &mut Rng) -> Arrivals {
        if now >= self.stable_at {
            let (low, high) = STABLE_DELAY;
            return Arrivals { first: Some(now + rng.between(low, high)), second: None };
        }
        let mut delay = || {
            let (low, high) = self.delay;
            let delay = rng.between(low, high);
            if self.late > 0 && rng.chance(self.late) { (delay + 1) * LATE } else { delay }
        };
        let first = now + delay();
        let second = now + delay();
        let (lost, twice) = (rng.chance(self.drop), rng.chance(self.duplicate));
        let parted = self
            .partitions
            .iter()
            .find(|p| (p.from..p.until).contains(&now) && p.group.get(from) != p.group.get(to));
        let held = match parted {
            Some(parted) if !parted.holds && !safe => return Arrivals::default(),
            Some(parted) => parted.until,
            None => now,
        };
        if lost && !safe {
            return Arrivals::default();
        }
        Arrivals { first: Some(first.max(held)), second: twice.then_some(second.max(held)) }
    }

    /// How long a timer of a process runs that should run for so many ticks.
    pub(super) fn skewed(&self, now: u64, process: usize, ticks: u64) -> u64 {
        let eighths = self.skew.get(process).copied().unwrap_or(8);
        let eighths = if now >= self.stable_at { eighths.clamp(8, 16) } else { eighths };
        (ticks.saturating_mul(eighths) / 8).max(1)
    }
}
