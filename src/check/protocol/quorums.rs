//! Rows of judge *guards*: a protocol that counts, against the most general adversary over its alphabet.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::AskedOfProtocol;
use super::report::{Row, Verdict};
use crate::check::limits::{Limit, Limits, Progress};
use crate::check::search::Coverage;
use crate::engine::guards::{Ended, Explored, GuardOptions, Guards, Unfit};
use crate::engine::{AGREEMENT, Bound, PANICS, Refusal, VALIDITY};
use crate::protocol::{Network, Protocol};
use crate::trace::Story;

/// What tells states of a node apart, where its steps were found out by trying.
const LEARNED: &str = "control state and what it has sent: whole quorums are steps";
/// What tells states of a node apart, where every input was handed to every state of it.
const EXACT: &str = "control state and what it has sent; the steps of those: all of its states, by the protocol's key, tried on \
                     samples";

/// What each node can do, or why that is not known; and how long it took to find out.
pub(super) struct Tables<P: Protocol> {
    /// Not tried: they show violations.
    guards: Known<P>,
    /// With nothing missing, once a row needs it: they show that there is none.
    exact: OnceLock<Known<P>>,
    /// Tried, once a row needs it, where the nodes have too many states.
    tried: OnceLock<Known<P>>,
    byzantine: usize,
    threads: usize,
    took: Duration,
    /// What has ended that early, if something has.
    ended: Option<Limit>,
}

type Known<P> = Result<Option<Guards<P>>, Unfit>;

/// Whether steps are whole quorums: if the protocol counts, and nothing is asked that only steps message by message know.
pub(super) fn are_steps<P: Protocol>(protocol: &P, asked: &AskedOfProtocol) -> bool {
    let of_decisions = [AGREEMENT, VALIDITY, PANICS];
    let fits = asked.property.as_deref().is_none_or(|property| of_decisions.contains(&property));
    protocol.layers().quorums.is_some()
        && asked.crashes.unwrap_or_default() == 0
        && asked.network.is_none()
        && fits
}

/// The row of one placement, if whole quorums are steps of it.
#[cfg(feature = "explore")]
pub(crate) fn row_by_quorums<P: Protocol>(
    protocol: &Arc<P>,
    bound: &Bound,
    property: Option<&str>,
    limits: &Limits,
    progress: &Progress,
) -> Option<Row> {
    let asked = AskedOfProtocol { property: property.map(str::to_owned), ..AskedOfProtocol::default() };
    are_steps(&**protocol, &asked).then(|| {
        let tables = Tables::of(protocol, bound.byzantine.len(), limits, progress);
        tables.row(protocol, bound, &asked, limits, progress)
    })
}

impl<P: Protocol> Tables<P> {
    /// Finds out what each node can do.
    pub fn of(protocol: &Arc<P>, byzantine: usize, limits: &Limits, progress: &Progress) -> Self {
        let begin = Instant::now();
        let guards = Guards::untried(Arc::clone(protocol), byzantine, limits.threads, &progress.stop);
        let (exact, tried, threads) = (OnceLock::new(), OnceLock::new(), limits.threads);
        Tables { guards, exact, tried, byzantine, threads, took: begin.elapsed(), ended: None }
    }

    /// The tables, and the limit that has ended them if they are not whole.
    pub fn ended_by(self, limit: Option<Limit>) -> Self {
        Tables { ended: limit, ..self }
    }

    /// How long it took to find out what each node can do.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// One placement of the Byzantine nodes.
    pub fn row(
        &self,
        protocol: &Arc<P>,
        bound: &Bound,
        asked: &AskedOfProtocol,
        limits: &Limits,
        progress: &Progress,
    ) -> Row {
        let begin = Instant::now();
        let ended = std::cell::Cell::new(self.ended.unwrap_or(Limit::Stopped));
        let goes_on = |states: u64, depth: u64| {
            progress.states.store(states, Relaxed);
            progress.depth.store(depth, Relaxed);
            let limit = reached(limits, progress, states, begin);
            limit.inspect(|limit| ended.set(*limit)).is_none()
        };
        let explore = |known: &Known<P>| match known {
            Ok(Some(guards)) => {
                let options = GuardOptions::default();
                guards.explore(&bound.byzantine, asked.property.as_deref(), options, &goes_on).map(Some)
            }
            Ok(None) => Ok(None),
            Err(why) => Err(why.clone()),
        };
        let explored = match explore(&self.guards) {
            // What shows no violation is looked at again, with nothing missing.
            Err(Unfit::Untried | Unfit::Spurious(_) | Unfit::Unlike(_)) => {
                let exact = self.exact.get_or_init(|| {
                    Guards::exact(Arc::clone(protocol), self.byzantine, self.threads, &progress.stop)
                });
                match explore(exact) {
                    Err(Unfit::TooLarge | Unfit::Spurious(_)) => explore(self.tried.get_or_init(|| {
                        Guards::new(Arc::clone(protocol), self.byzantine, self.threads, &progress.stop)
                    })),
                    explored => explored,
                }
            }
            explored => explored,
        };
        let mut coverage = Coverage::default();
        if let Ok(Some(Explored { states, transitions, depth, .. })) = &explored {
            coverage = Coverage { states: *states, transitions: *transitions, depth: *depth, ..coverage };
        }
        coverage.elapsed = begin.elapsed();
        let is_exact =
            matches!(&explored, Ok(Some(explored)) if explored.is_exact && explored.end == Ended::Exhausted);
        let verdict = match explored {
            Ok(explored) => verdict(&**protocol, bound, explored, ended.get()),
            Err(Unfit::Refused(why)) => Verdict::Refused(why),
            Err(why) => Verdict::Refused(Refusal::Quorums(why.to_string())),
        };
        Row {
            asked: "safety",
            adversary: self.adversary(bound),
            network: "any order, with repetition".to_owned(),
            key: if is_exact { EXACT } else { LEARNED },
            coverage,
            levels: Vec::new(),
            verdict,
        }
    }

    fn adversary(&self, bound: &Bound) -> String {
        if bound.byzantine.is_empty() {
            return "nobody lies".to_owned();
        }
        let who: Vec<_> = bound.byzantine.iter().map(ToString::to_string).collect();
        let alphabet =
            self.guards.as_ref().ok().and_then(|guards| guards.as_ref()).map_or(0, Guards::alphabet);
        format!("{}: most general over an alphabet of {alphabet} messages", who.join(","))
    }
}

fn reached(limits: &Limits, progress: &Progress, states: u64, begin: Instant) -> Option<Limit> {
    if progress.stop.load(Relaxed) {
        return Some(Limit::Stopped);
    }
    if let Some(most) = limits.max_states.filter(|most| states >= *most) {
        return Some(Limit::States(most));
    }
    let held = || memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem as u64);
    if let Some(most) = limits.max_memory.filter(|most| held() > *most) {
        return Some(Limit::Memory(most));
    }
    limits.timeout.filter(|most| begin.elapsed() >= *most).map(Limit::Time)
}

fn verdict<P: Protocol>(protocol: &P, bound: &Bound, explored: Option<Explored>, ended: Limit) -> Verdict {
    let Some(explored) = explored else { return Verdict::NotExhausted(ended) };
    match explored.end {
        Ended::Stopped => Verdict::NotExhausted(ended),
        // Every input was handed to every state of every node: nothing is missing.
        Ended::Exhausted if explored.is_exact && explored.decides => Verdict::Holds,
        Ended::Exhausted if explored.is_exact => Verdict::Vacuous,
        // Samples may refute that nothing is missing, and do not show it.
        Ended::Exhausted => {
            let Explored { states, tried, walks, .. } = explored;
            let why = Unfit::Unproved { states, pairs: tried.pairs, runs: tried.walks + walks };
            Verdict::Refused(Refusal::Quorums(why.to_string()))
        }
        Ended::Violated(acted) => {
            let acted = *acted;
            Verdict::Violated {
                steps: acted.steps.len(),
                story: Box::new(Story {
                    protocol: protocol.name(),
                    participants: acted.participants,
                    bound: Bound {
                        most_general: !bound.byzantine.is_empty(),
                        network: Some(Network::AnyOrder),
                        ..bound.clone()
                    },
                    opening: 0,
                    steps: acted.steps,
                    violation: acted.violation,
                    end: None,
                }),
            }
        }
    }
}
