//! What happens to a message on its way.

use super::rng::Rng;
use super::settings::{NetworkFaults, STABLE_DELAY};

/// How much longer a message takes that is late.
const LATE: u64 = 30;

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
