//! Who is next, of all that could be.

use std::collections::VecDeque;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::rng::Rng;

/// How the next of several possible events is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum SchedulerKind {
    /// Any of them, each as likely as the others.
    #[default]
    Random,
    /// Probabilistic concurrency testing (Burckhardt et al., ASPLOS'10): everybody, and everybody's timer, has a
    /// priority, and the first that can do something does it; at a few random moments the one that is first
    /// becomes the last.
    Pct,
    /// One after the other, each the oldest of what it has to do.
    RoundRobin,
}

impl SchedulerKind {
    /// The name, as in `--scheduler`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            SchedulerKind::Random => "random",
            SchedulerKind::Pct => "pct",
            SchedulerKind::RoundRobin => "round-robin",
        }
    }
}

impl fmt::Display for SchedulerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Something that can happen now, at one of the processes.
#[derive(Debug)]
pub(super) struct Ready<T> {
    /// The process.
    pub process: usize,
    /// What happens.
    pub what: T,
}

/// Chooses among what can happen.
pub(super) trait Scheduler<T>: fmt::Debug + Send {
    /// Something can happen.
    fn add(&mut self, ready: Ready<T>);

    /// What happens next, if anything can.
    fn next(&mut self, rng: &mut Rng) -> Option<Ready<T>>;
}

/// A scheduler for so many processes. `depth` is how many orderings a fault may hang on that PCT is to find.
pub(super) fn scheduler<T: fmt::Debug + Send + 'static>(
    kind: SchedulerKind,
    processes: usize,
    depth: u32,
    rng: &mut Rng,
) -> Box<dyn Scheduler<T>> {
    match kind {
        SchedulerKind::Random => Box::new(RandomWalk { ready: Vec::new() }),
        SchedulerKind::Pct => Box::new(Pct::new(processes, depth, rng)),
        SchedulerKind::RoundRobin => Box::new(RoundRobin { queues: queues(processes), turn: 0, left: 0 }),
    }
}

/// A scheduler that was told what to choose. Each choice stands for one of those that wait, the longest first:
/// the same share of as many as there are. When the choices have come to an end it is always the first, so that a
/// schedule without choices is the order of coming.
pub(super) fn written<T: fmt::Debug + Send + 'static>(choices: Vec<u16>) -> Box<dyn Scheduler<T>> {
    Box::new(Scripted { ready: VecDeque::new(), choices: choices.into_iter() })
}

#[derive(Debug)]
struct Scripted<T> {
    ready: VecDeque<Ready<T>>,
    choices: std::vec::IntoIter<u16>,
}

impl<T: fmt::Debug + Send> Scheduler<T> for Scripted<T> {
    fn add(&mut self, ready: Ready<T>) {
        self.ready.push_back(ready);
    }

    fn next(&mut self, _: &mut Rng) -> Option<Ready<T>> {
        // A choice among one is none.
        let choice = if self.ready.len() > 1 { self.choices.next().unwrap_or(0) } else { 0 };
        self.ready.remove((usize::from(choice) * self.ready.len()) >> u16::BITS)
    }
}

fn queues<T>(processes: usize) -> Vec<VecDeque<T>> {
    (0..processes).map(|_| VecDeque::new()).collect()
}

#[derive(Debug)]
struct RandomWalk<T> {
    ready: Vec<Ready<T>>,
}

impl<T: fmt::Debug + Send> Scheduler<T> for RandomWalk<T> {
    fn add(&mut self, ready: Ready<T>) {
        self.ready.push(ready);
    }

    fn next(&mut self, rng: &mut Rng) -> Option<Ready<T>> {
        let index = rng.below(self.ready.len() as u64) as usize;
        (index < self.ready.len()).then(|| self.ready.swap_remove(index))
    }
}

#[derive(Debug)]
struct Pct<T> {
    queues: Vec<VecDeque<T>>,
    /// The processes, the first one first.
    order: Vec<usize>,
    /// The steps at which the first becomes the last, the next one last.
    changes: Vec<u64>,
    steps: u64,
}

impl<T> Pct<T> {
    fn new(processes: usize, depth: u32, rng: &mut Rng) -> Self {
        let mut order: Vec<_> = (0..processes).collect();
        rng.shuffle(&mut order);
        // How long a run will be is not known: its length is drawn too, from tens of steps to ten thousands.
        let length = 1 << rng.between(5, 15);
        let mut changes: Vec<_> = (1..depth).map(|_| rng.below(length)).collect();
        changes.sort_unstable_by(|a, b| b.cmp(a));
        Pct { queues: queues(processes), order, changes, steps: 0 }
    }
}

impl<T: fmt::Debug + Send> Scheduler<T> for Pct<T> {
    fn add(&mut self, ready: Ready<T>) {
        self.queues[ready.process].push_back(ready.what);
    }

    fn next(&mut self, _: &mut Rng) -> Option<Ready<T>> {
        let able =
            |queues: &[VecDeque<T>], order: &[usize]| order.iter().position(|&p| !queues[p].is_empty());
        let mut first = able(&self.queues, &self.order)?;
        while self.changes.pop_if(|change| *change <= self.steps).is_some() {
            let process = self.order.remove(first);
            self.order.push(process);
            first = able(&self.queues, &self.order)?;
        }
        self.steps += 1;
        let process = self.order[first];
        self.queues[process].pop_front().map(|what| Ready { process, what })
    }
}

#[derive(Debug)]
struct RoundRobin<T> {
    queues: Vec<VecDeque<T>>,
    turn: usize,
    left: usize,
}

impl<T: fmt::Debug + Send> Scheduler<T> for RoundRobin<T> {
    fn add(&mut self, ready: Ready<T>) {
        self.queues[ready.process].push_back(ready.what);
        self.left += 1;
    }

    fn next(&mut self, _: &mut Rng) -> Option<Ready<T>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        loop {
            let process = self.turn;
            self.turn = (self.turn + 1) % self.queues.len();
            if let Some(what) = self.queues[process].pop_front() {
                return Some(Ready { process, what });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rng::Stream;
    use super::*;

    /// Every scheduler hands out everything, and of one process, but for the random walk, in the order of coming.
    #[test]
    fn nothing_is_lost_and_queues_are_fair() {
        for kind in [SchedulerKind::Random, SchedulerKind::Pct, SchedulerKind::RoundRobin] {
            let mut rng = Rng::new(3, Stream::Scheduler);
            let mut scheduler = scheduler(kind, 3, 3, &mut rng);
            for what in 0..60 {
                scheduler.add(Ready { process: what % 3, what });
            }
            let mut out: Vec<_> = std::iter::from_fn(|| scheduler.next(&mut rng)).collect();
            if kind != SchedulerKind::Random {
                for process in 0..3 {
                    let of: Vec<_> = out.iter().filter(|r| r.process == process).map(|r| r.what).collect();
                    assert!(of.is_sorted(), "{kind}");
                }
            }
            if kind == SchedulerKind::RoundRobin {
                assert_eq!(out.iter().map(|r| r.what).collect::<Vec<_>>(), (0..60).collect::<Vec<_>>());
            }
            out.sort_by_key(|r| r.what);
            assert_eq!(out.len(), 60, "{kind}");
        }
    }

    /// Each choice is a share of what waits, and without choices the order is that of coming.
    #[test]
    fn what_is_written_is_chosen() {
        let order = |choices: &[u16]| {
            let mut scheduler = written(choices.to_vec());
            (0..4).for_each(|what| scheduler.add(Ready { process: 0, what }));
            let mut rng = Rng::new(0, Stream::Scheduler);
            std::iter::from_fn(|| scheduler.next(&mut rng)).map(|ready| ready.what).collect::<Vec<_>>()
        };
        assert_eq!(order(&[]), [0, 1, 2, 3]);
        assert_eq!(order(&[u16::MAX; 9]), [3, 2, 1, 0]);
        assert_eq!(order(&[1 << 14, 0, 1 << 15]), [1, 0, 3, 2]);
    }

    /// With depth 1 there is no change: a process runs until it has nothing to do.
    #[test]
    fn priorities_change_depth_less_one_times() {
        for depth in 1..5 {
            let mut rng = Rng::new(u64::from(depth), Stream::Scheduler);
            let mut scheduler = scheduler(SchedulerKind::Pct, 4, depth, &mut rng);
            for what in 0..40_000 {
                scheduler.add(Ready { process: what % 4, what });
            }
            let out: Vec<_> = std::iter::from_fn(|| scheduler.next(&mut rng)).map(|r| r.process).collect();
            let switches = out.windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert!((3..=2 + depth as usize).contains(&switches), "{depth}: {switches}");
        }
    }
}
