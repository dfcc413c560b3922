//! What a seed says of a run: how bad the network is, and what comes next.

use std::collections::BTreeMap;

use super::super::rng::{Rng, Stream};
use crate::engine::{Ends, PlaceId};
use crate::protocol::NodeId;

/// Steps for which the network falls into the same parts, at most.
const PART: u64 = 60;

/// How bad the network of a run is, drawn from its seed.
#[derive(Debug)]
pub(super) struct Drawn {
    rng: Rng,
    /// The steps that the run may take.
    pub steps: usize,
    /// After how many steps the network is stable.
    pub stable_at: usize,
    /// Of a thousand steps, how many are timers although messages are on their way.
    pub timers: u64,
    /// How many are messages that arrive again.
    pub repeated: u64,
    /// Of a thousand messages, how many are held back until the network is stable.
    pub held: u64,
    /// Of a thousand steps, how many crash somebody, lose something or cut a link, while any of that is left.
    pub faults: u64,
    /// Whether Byzantine nodes are silent once the network is stable.
    pub are_silent: bool,
    falls_apart: bool,
    has_slow_links: bool,
    /// In which part of the network each place is, and for how many steps yet.
    parts: BTreeMap<PlaceId, u64>,
    left: u64,
    /// How slow each link is.
    slowness: BTreeMap<(PlaceId, PlaceId), u64>,
}

impl Drawn {
    pub(super) fn new(seed: u64, steps: usize) -> Self {
        let mut rng = Rng::new(seed, Stream::NetworkFaults);
        let mut one_of = |choices: [u64; 4]| choices[rng.below(4) as usize];
        let (timers, repeated) = (one_of([0, 5, 50, 250]), one_of([0, 0, 20, 100]));
        let (held, faults) = (one_of([0, 0, 50, 200]), one_of([0, 10, 30, 100]));
        let stable_at = rng.below(steps as u64 / 2 + 1) as usize;
        let (falls_apart, has_slow_links) = (rng.chance(500), rng.chance(500));
        let are_silent = rng.chance(500);
        Drawn {
            rng: Rng::new(seed, Stream::Scheduler),
            steps,
            stable_at,
            timers,
            repeated,
            held,
            faults,
            are_silent,
            falls_apart,
            has_slow_links,
            parts: BTreeMap::new(),
            left: 0,
            slowness: BTreeMap::new(),
        }
    }

    /// Which nodes are Byzantine.
    pub(super) fn placement(&mut self, placements: &[Vec<NodeId>]) -> Vec<NodeId> {
        self.rng.pick(placements).cloned().unwrap_or_default()
    }

    /// True in so many of a thousand cases.
    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.rng.chance(per_mille)
    }

    /// One of these.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        self.rng.pick(from).copied()
    }

    /// A step has passed: the parts of the network may be others from now on.
    pub(super) fn tick(&mut self) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.left = self.rng.between(1, PART);
            self.parts.clear();
        }
    }

    /// Whether what is on its way from here to there can arrive now.
    pub(super) fn connects(&mut self, ends: Ends) -> bool {
        if !self.falls_apart {
            return true;
        }
        let rng = &mut self.rng;
        let parts = &mut self.parts;
        let mut part = |place| *parts.entry(place).or_insert_with(|| rng.below(2));
        part(ends.from) == part(ends.to)
    }

    /// How slow what goes from here to there is; lower comes first.
    pub(super) fn slowness(&mut self, ends: Ends) -> u64 {
        if !self.has_slow_links {
            return self.rng.below(1 << 16);
        }
        let rng = &mut self.rng;
        let base = *self.slowness.entry((ends.from, ends.to)).or_insert_with(|| rng.below(1 << 16));
        base + self.rng.below(1 << 12)
    }
}
