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
    held: u64,
    /// Of a thousand steps, how many crash somebody, lose something or cut a link, while any of that is left.
    pub faults: u64,
    /// Of a thousand words of the alphabet that a Byzantine node can say to somebody, how many it does not say in this run.
    unsaid: u64,
    /// Of a thousand steps, how many are such words although other messages are on their way; where that is not said they come
    /// like all others.
    pub spoken: Option<u64>,
    /// Whether Byzantine nodes are silent once the network is stable.
    pub are_silent: bool,
    falls_apart: bool,
    slow: Slow,
    /// In which part of the network each place is, and for how many steps yet.
    parts: BTreeMap<PlaceId, u64>,
    left: u64,
    /// How slow each link is, or all links to a place.
    slowness: BTreeMap<(Option<PlaceId>, PlaceId), u64>,
}

/// What is slower than others of its kind.
#[derive(Clone, Copy, Debug)]
enum Slow {
    /// Each message for itself.
    Messages,
    Links,
    /// All links to one place, so that it lags behind.
    Places,
}

impl Drawn {
    pub(super) fn new(seed: u64, steps: usize) -> Self {
        let mut rng = Rng::new(seed, Stream::NetworkFaults);
        let mut one_of = |choices: [u64; 4]| choices[rng.below(4) as usize];
        let (timers, repeated) = (one_of([0, 5, 50, 250]), one_of([0, 0, 20, 100]));
        let (held, faults) = (one_of([0, 0, 50, 200]), one_of([0, 10, 30, 100]));
        let stable_at = rng.below(steps as u64 / 2 + 1) as usize;
        let falls_apart = rng.chance(500);
        let slow = [Slow::Messages, Slow::Links, Slow::Places][rng.below(3) as usize];
        let are_silent = rng.chance(500);
        // A run in which everything is said to everybody hides what a few words would show: as with features in swarm testing
        // (Groce, Zhang, Eide, Chen and Regehr, ISSTA 2012), each run has some of them.
        let mut rng = Rng::new(seed, Stream::Strategy);
        let unsaid = rng.pick(&[0, 300, 600, 900]).copied().unwrap_or_default();
        let spoken = rng.pick(&[None, Some(50), Some(150), Some(400)]).copied().flatten();
        Drawn {
            rng: Rng::new(seed, Stream::Scheduler),
            steps,
            stable_at,
            timers,
            repeated,
            held,
            faults,
            unsaid,
            spoken,
            are_silent,
            falls_apart,
            slow,
            parts: BTreeMap::new(),
            left: 0,
            slowness: BTreeMap::new(),
        }
    }

    /// Which nodes are Byzantine.
    pub(super) fn placement(&mut self, placements: &[Vec<NodeId>]) -> Vec<NodeId> {
        self.rng.pick(placements).cloned().unwrap_or_default()
    }

    /// Whether a message is held back until the network is stable.
    pub(super) fn is_held(&mut self) -> bool {
        self.held > 0 && self.rng.chance(self.held)
    }

    /// Whether a word is not said in this run.
    pub(super) fn is_unsaid(&mut self) -> bool {
        self.unsaid > 0 && self.rng.chance(self.unsaid)
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
        let link = match self.slow {
            Slow::Messages => return self.rng.below(1 << 16),
            Slow::Links => (Some(ends.from), ends.to),
            Slow::Places => (None, ends.to),
        };
        let rng = &mut self.rng;
        let base = *self.slowness.entry(link).or_insert_with(|| rng.below(1 << 16));
        base + self.rng.below(1 << 12)
    }
}
