//! What is yet to happen in a run, and what of it comes next.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::pbft::Message;
use crate::simulate::rng::{Rng, Stream};
use crate::simulate::scheduler::{Ready, Scheduler, scheduler, written};
use crate::simulate::settings::Settings;

/// What can happen at a process.
#[derive(Clone, Debug)]
pub(super) enum Due {
    Deliver(Message),
    /// The timer that was set as this one of the process runs out; of a Byzantine replica's copy.
    Timeout {
        number: u64,
        copy: usize,
    },
    Resend,
    Ask,
    GoDown(u64),
    ComeBack,
    /// A Byzantine replica does what it likes.
    Act,
    Stabilise,
}

#[derive(Debug)]
struct Pending {
    at: u64,
    order: u64,
    ready: Ready<Due>,
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Pending {}

impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pending {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// Everything that is yet to happen, and who chooses among what is due.
#[derive(Debug)]
pub(super) struct Agenda {
    processes: usize,
    pending: BinaryHeap<Reverse<Pending>>,
    /// How much was ever put here: of what is due at one time, the first that was put comes first.
    order: u64,
    scheduler: Box<dyn Scheduler<Due>>,
    chance: Rng,
}

impl Agenda {
    /// Nothing, of so many processes. A schedule says what is chosen, if that is settled.
    pub fn new(settings: &Settings, schedule: Option<Vec<u16>>, processes: usize, seed: u64) -> Self {
        let mut chance = Rng::new(seed, Stream::Scheduler);
        // A process, and its timers as another: who has nothing to do but to wait waits as long as others like.
        let scheduler = match schedule {
            Some(choices) => written(choices),
            None => scheduler(settings.scheduler, 2 * processes, settings.depth, &mut chance),
        };
        Agenda { processes, pending: BinaryHeap::new(), order: 0, scheduler, chance }
    }

    /// Something will happen at a process.
    pub fn put(&mut self, at: u64, process: usize, what: Due) {
        self.order += 1;
        let ready = Ready { process, what };
        self.pending.push(Reverse(Pending { at, order: self.order, ready }));
    }

    /// What happens now, if anything is due.
    pub fn next(&mut self, now: u64) -> Option<Ready<Due>> {
        self.admit(now);
        let Ready { process, what } = self.scheduler.next(&mut self.chance)?;
        Some(Ready { process: process % self.processes, what })
    }

    /// When the first thing is due that is not yet.
    pub fn next_time(&self) -> Option<u64> {
        self.pending.peek().map(|Reverse(next)| next.at)
    }

    /// Hands what is due to the scheduler.
    fn admit(&mut self, now: u64) {
        while let Some(Reverse(next)) = self.pending.peek() {
            if next.at > now {
                return;
            }
            let Some(Reverse(Pending { ready, .. })) = self.pending.pop() else { return };
            let is_timer = matches!(ready.what, Due::Timeout { .. } | Due::Resend);
            let process = ready.process % self.processes + if is_timer { self.processes } else { 0 };
            self.scheduler.add(Ready { process, what: ready.what });
        }
    }
}
