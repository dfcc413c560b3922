//! Rows of judge *guards*: a protocol that counts, against the most general adversary over its alphabet.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::AskedOfProtocol;
use super::quorums_told::{Described, Steps, verdict};
use super::report::{Row, Verdict};
use super::rounds::{Ran, Suspended};
use super::run::{Job, Outside, Under, until_reached};
use crate::check::limits::{Limit, Limits, Progress};
use crate::check::save::search::{read_duration, write_duration};
use crate::check::search::Coverage;
use crate::check::words::{Word, read_list, write_list};
use crate::engine::guards::{Ended, Explored, GuardOptions, Guards, HaltedProduct, Unfit};
use crate::engine::{AGREEMENT, Bound, PANICS, Participants, Refusal, SetupError, VALIDITY, most_general};
use crate::protocol::Protocol;

/// What each node can do, or why that is not known; and how long it took to find out.
pub(super) struct Tables<P: Protocol> {
    /// With all put off that could as well come later, where the protocol says what counts have reached.
    late: Known<P>,
    /// Not tried: they show violations.
    untried: OnceLock<Known<P>>,
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

/// Of all nodes together, the most states with all put off that could as well come later for which it is tried to visit every state.
/// A guess between what was met: malachite's nodes have 14,331 or more in two rounds, and one of them alone more than can be visited.
const FEW: u64 = 5_000;

/// Which tables a row is searched with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Untried,
    Exact,
    Tried,
    Late,
}

impl Stage {
    /// The stage after this one, where what came of this one is no answer yet.
    fn next(self, explored: &Result<Option<Explored>, Unfit>) -> Option<Self> {
        match (self, explored) {
            // What shows no violation is looked at again, with nothing missing.
            (Stage::Late, Ok(Some(Explored { end: Ended::Exhausted, locals, .. }))) => {
                (*locals <= FEW).then_some(Stage::Exact)
            }
            (Stage::Late, Err(Unfit::TooLarge | Unfit::Spurious(_) | Unfit::Missed(_))) => {
                Some(Stage::Untried)
            }
            (Stage::Untried, Err(Unfit::Untried | Unfit::Spurious(_) | Unfit::Unlike(_))) => {
                Some(Stage::Exact)
            }
            (Stage::Exact, Err(Unfit::TooLarge | Unfit::Spurious(_))) => Some(Stage::Tried),
            _ => None,
        }
    }

    /// How the steps were found of a search that ended at this stage.
    fn found(self, explored: &Result<Option<Explored>, Unfit>) -> Steps {
        match (self, explored) {
            (Stage::Late, Ok(Some(Explored { end: Ended::Exhausted, .. }))) => Steps::Late,
            (Stage::Exact, Ok(Some(Explored { end: Ended::Exhausted, .. }))) => Steps::Exact,
            _ => Steps::Learned,
        }
    }
}

/// A search of what all honest nodes can be in together that a limit has ended. Tables are had again by finding them out again.
pub(super) struct HaltedRow {
    stage: Stage,
    elapsed: Duration,
    product: HaltedProduct,
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
        tables.row(protocol, bound, &asked, limits, progress, None).0
    })
}

impl<P: Protocol> Tables<P> {
    /// Finds out what each node can do.
    pub fn of(protocol: &Arc<P>, byzantine: usize, limits: &Limits, progress: &Progress) -> Self {
        let begin = Instant::now();
        let late = Guards::late(Arc::clone(protocol), byzantine, limits.threads, &progress.stop);
        let (untried, exact, tried) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        let (threads, is_late) = (limits.threads, late.is_ok());
        let mut tables =
            Tables { late, untried, exact, tried, byzantine, threads, took: Duration::ZERO, ended: None };
        if !is_late {
            let _ = tables.known(Stage::Untried, protocol, progress);
        }
        tables.took = begin.elapsed();
        tables
    }

    /// The tables, and the limit that has ended them if they are not whole.
    pub fn ended_by(self, limit: Option<Limit>) -> Self {
        Tables { ended: limit, ..self }
    }

    /// How long it took to find out what each node can do.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// What is known with these tables, which are found out once.
    fn known(&self, stage: Stage, protocol: &Arc<P>, progress: &Progress) -> &Known<P> {
        let (byzantine, threads, stop) = (self.byzantine, self.threads, &progress.stop);
        match stage {
            Stage::Late => &self.late,
            Stage::Untried => {
                self.untried.get_or_init(|| Guards::untried(Arc::clone(protocol), byzantine, threads, stop))
            }
            Stage::Exact => {
                self.exact.get_or_init(|| Guards::exact(Arc::clone(protocol), byzantine, threads, stop))
            }
            Stage::Tried => {
                self.tried.get_or_init(|| Guards::new(Arc::clone(protocol), byzantine, threads, stop))
            }
        }
    }

    /// One placement of the Byzantine nodes, from where it was ended before, if it was; with what it takes to go on, if it is
    /// ended now.
    pub fn row(
        &self,
        protocol: &Arc<P>,
        bound: &Bound,
        asked: &AskedOfProtocol,
        limits: &Limits,
        progress: &Progress,
        from: Option<HaltedRow>,
    ) -> (Row, Option<HaltedRow>) {
        let begin = Instant::now();
        let ended = Cell::new(self.ended.unwrap_or(Limit::Stopped));
        let asks = Cell::new(0_u64);
        let goes_on = |states: u64, depth: u64| {
            progress.states.store(states, Relaxed);
            progress.depth.store(depth, Relaxed);
            asks.set(asks.get() + 1);
            let limit = reached(limits, progress, states, begin, asks.get());
            limit.inspect(|limit| ended.set(*limit)).is_none()
        };
        let (mut stage, before, mut product) = match from {
            Some(HaltedRow { stage, elapsed, product }) => (stage, elapsed, Some(product)),
            None => (Stage::Late, Duration::ZERO, None),
        };
        // What was explored with all put off that could as well come later, if nothing wrong was found in it.
        let mut late = None;
        let explored = loop {
            let explored = match self.known(stage, protocol, progress) {
                Ok(Some(guards)) => {
                    let (property, options) = (asked.property.as_deref(), GuardOptions::default());
                    let ran =
                        guards.explore_from(&bound.byzantine, property, options, product.take(), &goes_on);
                    ran.map(|(explored, halted)| {
                        product = halted;
                        Some(explored)
                    })
                }
                // What was known before is known.
                Ok(None) => Ok(None),
                Err(why) => Err(why.clone()),
            };
            let Some(next) = stage.next(&explored) else { break explored };
            if let Some(late) = late.take_if(|_| next == Stage::Tried) {
                stage = Stage::Late;
                break late;
            }
            if stage == Stage::Late && explored.is_ok() {
                late = Some(explored);
            }
            stage = next;
        };
        let mut coverage = Coverage::default();
        if let Ok(Some(Explored { states, transitions, depth, .. })) = &explored {
            coverage = Coverage { states: *states, transitions: *transitions, depth: *depth, ..coverage };
        }
        coverage.elapsed = before.saturating_add(begin.elapsed());
        let found = stage.found(&explored);
        let verdict = match explored {
            Ok(explored) => verdict(protocol.name(), bound, explored, found, ended.get()),
            Err(Unfit::Refused(why)) => Verdict::Refused(why),
            Err(why) => Verdict::Refused(Refusal::Quorums(why.to_string())),
        };
        let halted = product.map(|product| HaltedRow { stage, elapsed: coverage.elapsed, product });
        (Described::new(self.adversary(bound), found).row(coverage, verdict), halted)
    }

    /// Some of the tables that are known.
    fn any(&self) -> Option<&Guards<P>> {
        let untried = self.untried.get().and_then(|known| known.as_ref().ok());
        self.late.as_ref().ok().or(untried)?.as_ref()
    }

    fn adversary(&self, bound: &Bound) -> String {
        if bound.byzantine.is_empty() {
            return "nobody lies".to_owned();
        }
        most_general(&bound.byzantine, self.any().map_or(0, Guards::alphabet))
    }
}

/// What each node can do, as far as the limits let that be found out.
pub(super) fn tables<P: Protocol>(
    protocol: &Arc<P>,
    byzantine: usize,
    limits: &Limits,
    outside: &Outside<'_>,
    progress: &Progress,
) -> Tables<P> {
    let (tables, reached) = until_reached("what each node can do", progress, limits, outside, || {
        Tables::of(protocol, byzantine, limits, progress)
    });
    tables.ended_by(reached)
}

impl<P: Protocol> Under<'_, P> {
    /// One placement of the Byzantine nodes, whole quorums at a time.
    pub fn quorums(
        &self,
        job: &Job,
        tables: &Tables<P>,
        from: Option<Suspended<P>>,
        pause: &Arc<AtomicBool>,
    ) -> Result<Ran<P>, SetupError> {
        let Under { protocol, asked, limits, outside } = *self;
        let (pause, can_pause) = (Arc::clone(pause), AtomicBool::new(true));
        let progress = Progress { pause, can_pause, ..Progress::default() };
        let mut from = match from {
            Some(Suspended::Quorums(halted)) => Some(*halted),
            _ => None,
        };
        Participants::new(protocol.nodes(), &job.bound.byzantine)?;
        let limits = Limits { timeout: outside.left(), ..*limits };
        let row = || tables.row(protocol, &job.bound, asked, &limits, &progress, from.take());
        let ((row, halted), reached) = until_reached(&job.whose(), &progress, &limits, outside, row);
        let row = match (&row.verdict, reached) {
            // All that it knows is that it was told to stop.
            (Verdict::NotExhausted(Limit::Stopped), Some(limit)) => {
                Row { verdict: Verdict::NotExhausted(limit), ..row }
            }
            _ => row,
        };
        let unfinished = halted.map(|halted| Suspended::Quorums(Box::new(halted)));
        Ok(Ran { row, unfinished })
    }
}

/// Which limit is reached. Of what takes long to ask the system is asked now and then: at first, and after so many asks.
fn reached(limits: &Limits, progress: &Progress, states: u64, begin: Instant, asks: u64) -> Option<Limit> {
    const SELDOM: u64 = 4096;
    // Who pauses all the time comes to something all the same.
    if progress.stop.load(Relaxed) || asks > SELDOM && progress.pauses() {
        return Some(Limit::Stopped);
    }
    if let Some(most) = limits.max_states.filter(|most| states >= *most) {
        return Some(Limit::States(most));
    }
    if asks % SELDOM != 1 {
        return None;
    }
    let held = || memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem as u64);
    if let Some(most) = limits.max_memory.filter(|most| held() > *most) {
        return Some(Limit::Memory(most));
    }
    limits.timeout.filter(|most| begin.elapsed() >= *most).map(Limit::Time)
}

impl HaltedRow {
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let HaltedRow { stage, elapsed, product } = self;
        let HaltedProduct { digest, states, parents, transitions, depth, expanded, level } = product;
        (*stage as u8).write(out)?;
        write_duration(*elapsed, out)?;
        digest.write(out)?;
        write_list(states, out)?;
        write_list(parents, out)?;
        [*transitions, *depth, *expanded, *level].into_iter().try_for_each(|number| number.write(out))
    }

    /// Reads what [`HaltedRow::write`] wrote. Whether it is of this check shows once the tables are found again.
    pub fn read(file: &mut impl Read) -> io::Result<Self> {
        let stage = match u8::read(file)? {
            0 => Stage::Untried,
            1 => Stage::Exact,
            2 => Stage::Tried,
            3 => Stage::Late,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        let elapsed = read_duration(file)?;
        let product = HaltedProduct {
            digest: u128::read(file)?,
            states: read_list(file)?,
            parents: read_list(file)?,
            transitions: u64::read(file)?,
            depth: u64::read(file)?,
            expanded: u64::read(file)?,
            level: u64::read(file)?,
        };
        Ok(HaltedRow { stage, elapsed, product })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::guards::Tried;

    /// Nothing wrong was found among so many states of the nodes.
    fn exhausted(locals: u64) -> Result<Option<Explored>, Unfit> {
        Ok(Some(Explored {
            states: 7,
            transitions: 9,
            depth: 3,
            walks: 5,
            tried: Tried::default(),
            locals,
            is_exact: false,
            decides: true,
            end: Ended::Exhausted,
        }))
    }

    #[test]
    fn what_was_put_off_is_looked_at_again_where_that_can_be_done() {
        assert_eq!(Stage::Late.next(&exhausted(FEW)), Some(Stage::Exact));
        assert_eq!(Stage::Late.next(&exhausted(FEW + 1)), None);
        assert_eq!(Stage::Late.found(&exhausted(FEW + 1)), Steps::Late);
        assert_eq!(Stage::Exact.next(&exhausted(4)), None);
        assert_eq!(Stage::Exact.next(&Err(Unfit::TooLarge)), Some(Stage::Tried));
    }
}
