//! Runs the rows of a check, side by side.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use itertools::Itertools;
use stateright::Model;

use super::liveness;
use super::onward;
use super::quorums::{Tables, are_steps};
use super::report::{Row, Verdict};
use super::{AskedOfProtocol, ByzantineNodes};
use crate::check::builder::CheckError;
use crate::check::limits::{Limit, Limits, Progress, deadline};
use crate::check::overseer::{self, overseen};
use crate::check::search::{Coverage, End, Report, search_on};
use crate::engine::{Around, Bound, FairGraph, Graph, LIVENESS, Participants, Refusal, SetupError, Step};
use crate::interrupt::{Allowance, Interrupted};
use crate::protocol::Protocol;
use crate::trace::{Story, StoryFile};

/// For how many rounds the network is unstable unless that is said.
pub(crate) const UNSTABLE_ROUNDS: u64 = 1;

/// A search under way: what ends it from outside, and how far it is.
pub(super) struct Outside<'a> {
    pub stop: &'a AtomicBool,
    deadline: Option<Instant>,
}

impl Outside<'_> {
    pub(super) fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// What has ended all work by now, if something has.
    fn reached(&self, limits: &Limits) -> Option<Limit> {
        let Limits { timeout, max_memory, .. } = *limits;
        let allowance = Allowance { timeout, deadline: self.deadline, max_memory, stop: self.stop };
        allowance.due().map(|cause| overseer::limit(Interrupted(cause), limits))
    }
}

/// All placements, each a row, on as many threads as there are.
pub(super) fn all<P: Protocol>(
    protocol: &Arc<P>,
    asked: &AskedOfProtocol,
    limits: &Limits,
    timeout: Option<Duration>,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<Row>, CheckError> {
    if let Some((trace, within)) = &asked.around {
        let outside = Outside { stop, deadline: deadline(timeout) };
        return Ok(vec![around(protocol, trace, *within, limits, &outside)?]);
    }
    if let Some(trace) = &asked.begun {
        let outside = Outside { stop, deadline: deadline(timeout) };
        return onward::all(protocol, trace, asked, limits, &outside);
    }
    let jobs = jobs(&**protocol, asked)?;
    let outside = Outside { stop, deadline: deadline(timeout) };
    let progress = Progress::default();
    let liars = jobs.iter().map(|job| job.bound.byzantine.len()).max().unwrap_or(0);
    let tables = are_steps(&**protocol, asked)
        .then(|| tables(protocol, liars, &Limits { timeout, ..*limits }, &outside, &progress));
    let queue = Mutex::new(jobs.iter().enumerate());
    let rows = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..limits.threads.min(jobs.len()) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((number, job)) = next else { break };
                    let row = one(protocol, job, asked, limits, &outside, tables.as_ref());
                    rows.lock().unwrap_or_else(PoisonError::into_inner).push((number, row));
                }
            });
        }
    });
    let rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    let rows = rows.into_iter().sorted_by_key(|(number, _)| *number);
    let mut rows: Vec<Row> =
        rows.map(|(_, row)| row.map_err(CheckError::from)).collect::<Result<_, CheckError>>()?;
    // What each node can do is found once, for all rows.
    if let (Some(first), Some(tables)) = (rows.first_mut(), &tables) {
        first.coverage.elapsed += tables.took();
    }
    Ok(rows)
}

/// What each node can do, as far as the limits let that be found out.
fn tables<P: Protocol>(
    protocol: &Arc<P>,
    byzantine: usize,
    limits: &Limits,
    outside: &Outside<'_>,
    progress: &Progress,
) -> Tables<P> {
    let (tables, reached) =
        until_reached(progress, limits, outside, || Tables::of(protocol, byzantine, limits, progress));
    tables.ended_by(reached)
}

/// Does work that only looks at whether it is told to stop, and says which limit has told it so, if one has.
fn until_reached<R>(
    progress: &Progress,
    limits: &Limits,
    outside: &Outside<'_>,
    work: impl FnOnce() -> R,
) -> (R, Option<Limit>) {
    let reached = Mutex::new(None);
    let is_to_stop = || {
        let limit = outside.reached(limits);
        let mut reached = reached.lock().unwrap_or_else(PoisonError::into_inner);
        *reached = reached.or(limit);
        reached.is_some()
    };
    let done = watched(progress, &is_to_stop, work);
    (done, reached.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The states within so many steps of a run.
fn around<P: Protocol>(
    protocol: &Arc<P>,
    trace: &str,
    within: u32,
    limits: &Limits,
    outside: &Outside<'_>,
) -> Result<Row, CheckError> {
    let progress = Progress::default();
    let (_, graph, path) =
        StoryFile::followed(trace, Arc::clone(protocol), None, Arc::clone(&progress.stop))?;
    let limits = Limits { timeout: outside.left(), threads: 1, ..*limits };
    let model = Around::new(&graph, &path, within);
    let (coverage, verdict) = followed(&progress, &limits, outside, || {
        let report = search_on(&model, &model.properties(), &limits, &progress, None, |_| {}).0;
        (report.coverage, verdict(&graph, &[], &report))
    });
    Ok(Row { levels: progress.levels(), ..row("safety", &graph, coverage, verdict) })
}

/// What one row is about.
struct Job {
    bound: Bound,
    is_liveness: bool,
}

/// Whether safety is asked about, `false`, and then liveness, `true`.
pub(super) fn kinds<P: Protocol>(protocol: &P, asked: &AskedOfProtocol) -> Result<Vec<bool>, SetupError> {
    let is_fair = protocol.layers().fair.is_some();
    let of_kind = match asked.property.as_deref() {
        Some(LIVENESS) => [false, true],
        Some(_) => [true, false],
        None => [true, is_fair],
    };
    if of_kind[1] && !is_fair || asked.unstable_rounds.is_some() && !of_kind[1] {
        return Err(SetupError::NoGoal);
    }
    let kinds = [false, true].into_iter().zip(of_kind).filter(|(_, is_asked)| *is_asked);
    Ok(kinds.map(|(is_liveness, _)| is_liveness).collect())
}

/// Safety for every placement, and then liveness, as far as it is asked about.
fn jobs<P: Protocol>(protocol: &P, asked: &AskedOfProtocol) -> Result<Vec<Job>, SetupError> {
    let kinds = kinds(protocol, asked)?;
    let placements = match &asked.byzantine {
        ByzantineNodes::Fitting if are_steps(protocol, asked) => {
            let fewer_than_a_third = protocol.nodes().saturating_sub(1) / 3;
            ByzantineNodes::Count(fewer_than_a_third as u16).placements(protocol.nodes())
        }
        said => said.placements(protocol.nodes()),
    };
    let jobs = kinds.into_iter().cartesian_product(&placements);
    Ok(jobs.map(|(is_liveness, placement)| Job { bound: asked.bound(placement), is_liveness }).collect())
}

fn one<P: Protocol>(
    protocol: &Arc<P>,
    job: &Job,
    asked: &AskedOfProtocol,
    limits: &Limits,
    outside: &Outside<'_>,
    tables: Option<&Tables<P>>,
) -> Result<Row, SetupError> {
    let progress = Progress::default();
    if let Some(tables) = tables.filter(|_| !job.is_liveness) {
        Participants::new(protocol.nodes(), &job.bound.byzantine)?;
        let limits = Limits { timeout: outside.left(), ..*limits };
        let row = || tables.row(protocol, &job.bound, asked, &limits, &progress);
        let (row, reached) = until_reached(&progress, &limits, outside, row);
        return Ok(match (&row.verdict, reached) {
            // All that it knows is that it was told to stop.
            (Verdict::NotExhausted(Limit::Stopped), Some(limit)) => {
                Row { verdict: Verdict::NotExhausted(limit), ..row }
            }
            _ => row,
        });
    }
    let (protocol, stop) = (Arc::clone(protocol), Arc::clone(&progress.stop));
    // Its tables grow as it runs: one thread keeps the order of discovery, and so the trace, the same in every run.
    let limits = Limits { timeout: outside.left(), threads: 1, ..*limits };
    if job.is_liveness {
        let graph = Graph::fair(protocol, &job.bound, stop)?;
        if let Some(row) = refused(LIVENESS, &graph) {
            return Ok(row);
        }
        let graph = FairGraph::new(graph, asked.unstable_rounds.unwrap_or(UNSTABLE_ROUNDS));
        let (coverage, verdict) =
            followed(&progress, &limits, outside, || liveness::check(&graph, &limits, &progress));
        let levels = progress.levels();
        return Ok(Row { levels, ..row(LIVENESS, graph.graph(), coverage, verdict) });
    }
    let graph = Graph::new(protocol, &job.bound, asked.property.as_deref(), stop)?;
    if let Some(row) = refused("safety", &graph) {
        return Ok(row);
    }
    let (coverage, verdict) = followed(&progress, &limits, outside, || {
        let report = search_on(&graph, &graph.properties(), &limits, &progress, None, |_| {}).0;
        (report.coverage, verdict(&graph, &[], &report))
    });
    Ok(Row { levels: progress.levels(), ..row("safety", &graph, coverage, verdict) })
}

/// The row of code that cannot even begin.
fn refused<P: Protocol>(asked: &'static str, graph: &Graph<P>) -> Option<Row> {
    let why = graph.refusal()?;
    Some(row(asked, graph, Coverage::default(), Verdict::Refused(why)))
}

pub(super) fn row<P: Protocol>(
    asked: &'static str,
    graph: &Graph<P>,
    coverage: Coverage,
    verdict: Verdict,
) -> Row {
    let (adversary, network, key) = (graph.adversary(), graph.network(), graph.key());
    Row { asked, adversary, network, key, coverage, levels: Vec::new(), verdict }
}

/// Ends the watch.
struct Over<'a>(&'a AtomicBool, &'a std::thread::Thread);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
        self.1.unpark();
    }
}

/// Does the work within its limits, which are looked at while it goes on, and passes on that it is to stop.
pub(super) fn followed(
    progress: &Progress,
    limits: &Limits,
    outside: &Outside<'_>,
    work: impl FnOnce() -> (Coverage, Verdict),
) -> (Coverage, Verdict) {
    let begun = Instant::now();
    let is_to_stop = || outside.stop.load(Relaxed);
    let overseen = || overseen(limits, outside.deadline, outside.stop, work);
    watched(progress, &is_to_stop, overseen)
        .unwrap_or_else(|limit| (Coverage::so_far(progress, begun), Verdict::NotExhausted(limit)))
}

/// Does the work, and tells it when it is to stop.
fn watched<R>(progress: &Progress, is_to_stop: &(dyn Fn() -> bool + Sync), work: impl FnOnce() -> R) -> R {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            while !is_over.load(Relaxed) {
                if is_to_stop() {
                    progress.stop.store(true, Relaxed);
                }
                std::thread::park_timeout(Duration::from_millis(20));
            }
        });
        // Also where the work panics, or the watch would go on for ever.
        let _over = Over(&is_over, watch.thread());
        work()
    })
}

/// What a search says of a graph, that began after these steps.
pub(super) fn verdict<P: Protocol>(graph: &Graph<P>, begun: &[Step], report: &Report<Step>) -> Verdict {
    if let Some(refusal) = graph.refusal() {
        return Verdict::Refused(refusal);
    }
    match &report.end {
        End::Exhausted if report.unreached.is_empty() => Verdict::Holds,
        End::Exhausted => Verdict::Vacuous,
        End::Limited(limit) => Verdict::NotExhausted(*limit),
        End::Violated { path, .. } => match Story::of(graph, &[begun, path].concat()) {
            Ok(story) if story.violation.is_some() => {
                Verdict::Violated { steps: path.len(), story: Box::new(story) }
            }
            Ok(_) => Verdict::Refused(Refusal::NotRepeated("the violation itself".to_owned())),
            Err(refusal) => Verdict::Refused(refusal),
        },
    }
}

/// What is part of the bound besides nodes and network, in words.
pub(super) fn bound<P: Protocol>(protocol: &P, asked: &AskedOfProtocol) -> String {
    let events: Vec<_> = protocol
        .events()
        .iter()
        .map(|offer| {
            let times = if offer.times == 1 { "once".to_owned() } else { format!("{} times", offer.times) };
            format!("{} {} {times}", offer.at, protocol.event_in_words(&offer.event))
        })
        .collect();
    let prelude: Vec<_> = protocol
        .prelude()
        .iter()
        .map(|(node, event)| format!("{node} {}", protocol.event_in_words(event)))
        .collect();
    let mut out = String::new();
    if !prelude.is_empty() {
        out.push_str(&format!("Before it begins: {}, and all messages arrive.\n", prelude.join(", ")));
    }
    if !events.is_empty() {
        out.push_str(&format!("From outside, each at most: {}.\n", events.join(", ")));
    }
    if let Some((_, within)) = &asked.around {
        out.push_str(&format!("Nothing but what is within {within} steps of the run that was given.\n"));
    }
    if asked.begun.is_some() {
        out.push_str(
            "Nothing but the runs that begin with the one that was given; steps are counted from its end.\n",
        );
    }
    out
}
