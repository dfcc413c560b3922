//! Runs the rows of a check, side by side.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use itertools::Itertools;
use serde::{Deserialize, Serialize};
use stateright::Model;

use super::AskedOfProtocol;
use super::liveness;
use super::onward;
use super::quorums::{Tables, are_steps, tables};
use super::report::{Row, Verdict};
use super::rounds::{Kept, Known, Ran, Rounds, Suspended};
use crate::check::builder::CheckError;
use crate::check::limits::{Limit, Limits, Progress};
use crate::check::overseer::{self, overseen};
use crate::check::search::{Coverage, End, Report, search_on};
use crate::check::watch::Watch;
use crate::engine::{Around, Bound, FairGraph, Graph, LIVENESS, Refusal, SetupError, Step};
use crate::interrupt::{self, Allowance, Interrupted};
use crate::protocol::{NodeId, Protocol};
use crate::trace::{Story, StoryFile};

/// For how many rounds the network is unstable unless that is said.
pub(crate) const UNSTABLE_ROUNDS: u64 = 1;

/// What is outside of a search under way: what ends it, and who looks on.
pub(super) struct Outside<'a> {
    pub stop: &'a Arc<AtomicBool>,
    pub deadline: Option<Instant>,
    pub watch: &'a dyn Watch,
}

impl Outside<'_> {
    pub(super) fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Does work while somebody may look on, who is told what it is about.
    fn shown<R>(&self, whose: &str, progress: &Progress, mut work: impl FnMut() -> R) -> R {
        let mut done = None;
        self.watch.watch(whose, progress, &mut || done = Some(work()));
        done.unwrap_or_else(work)
    }

    /// What has ended all work by now, if something has.
    fn reached(&self, limits: &Limits) -> Option<Limit> {
        let Limits { timeout, max_memory, .. } = *limits;
        let allowance = Allowance { timeout, deadline: self.deadline, max_memory, stop: self.stop };
        allowance.due().map(|cause| overseer::limit(Interrupted(cause), limits))
    }
}

/// What a check is run under.
pub(super) struct Under<'a, P: Protocol> {
    pub protocol: &'a Arc<P>,
    pub asked: &'a AskedOfProtocol,
    pub limits: &'a Limits,
    pub outside: &'a Outside<'a>,
}

/// What is near a run, or goes on from its end, if that is asked: no job.
pub(super) fn given<P: Protocol>(under: &Under<'_, P>) -> Option<Result<Vec<Row>, CheckError>> {
    let Under { protocol, asked, limits, outside } = *under;
    match (&asked.around, &asked.begun) {
        (Some((trace, within)), _) => {
            Some(around(protocol, trace, *within, limits, outside).map(|row| vec![row]))
        }
        (None, Some(trace)) => Some(onward::all(protocol, trace, asked, limits, outside)),
        (None, None) => None,
    }
}

impl<P: Protocol> Under<'_, P> {
    /// All jobs, each a row, on as many threads as there are. `keep` is given, every so often, what all have come to by then.
    pub fn all(
        &self,
        jobs: &[Job],
        kept: Vec<Kept<P>>,
        every: Option<Duration>,
        keep: &mut dyn FnMut(&[Known<'_, P>]),
    ) -> Result<Vec<Ran<P>>, CheckError> {
        let Under { protocol, asked, limits, outside } = *self;
        let progress = Progress::default();
        let liars = jobs.iter().map(|job| job.bound.byzantine.len()).max().unwrap_or(0);
        let timeout = outside.left();
        let waits = |(job, kept): (&Job, &Kept<P>)| !job.is_liveness && !matches!(kept, Kept::Done(_));
        let tables = (are_steps(&**protocol, asked) && jobs.iter().zip(&kept).any(waits))
            .then(|| tables(protocol, liars, &Limits { timeout, ..*limits }, outside, &progress));
        let rounds = Rounds { threads: limits.threads, stop: outside.stop, every };
        let one = |job: &Job, from: Option<Suspended<P>>, pause: &Arc<AtomicBool>| {
            self.one(job, tables.as_ref(), from, pause)
        };
        let mut ran = rounds.run(jobs, kept, &one, keep)?;
        // What each node can do is found once, for all rows.
        if let (Some(first), Some(tables)) = (ran.first_mut(), &tables) {
            let elapsed = &mut first.row.coverage.elapsed;
            *elapsed = elapsed.saturating_add(tables.took());
        }
        Ok(ran)
    }
}

/// Does work that only looks at whether it is told to stop, and says which limit has told it so, if one has.
pub(super) fn until_reached<R>(
    whose: &str,
    progress: &Progress,
    limits: &Limits,
    outside: &Outside<'_>,
    work: impl FnMut() -> R,
) -> (R, Option<Limit>) {
    let reached = Mutex::new(None);
    let is_to_stop = || {
        let limit = outside.reached(limits);
        let mut reached = reached.lock().unwrap_or_else(PoisonError::into_inner);
        *reached = reached.or(limit);
        reached.is_some()
    };
    let done = watched(progress, &is_to_stop, || outside.shown(whose, progress, work));
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
    let (coverage, verdict) = followed("safety near the run", &progress, &limits, outside, || {
        let report = search_on(&model, &model.properties(), &limits, &progress, None, |_| {}).0;
        (report.coverage, verdict(&graph, &[], &report))
    });
    Ok(Row { levels: progress.levels(), ..row("safety", &graph, coverage, verdict) })
}

/// What one row is about.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Job {
    pub bound: Bound,
    pub is_liveness: bool,
}

impl Job {
    /// What is asked, in a word.
    pub fn asked(&self) -> &'static str {
        if self.is_liveness { LIVENESS } else { "safety" }
    }

    /// What it is about, in words.
    pub fn whose(&self) -> String {
        let byzantine = match &self.bound.byzantine[..] {
            [] => "nobody".to_owned(),
            ids => ids.iter().join(","),
        };
        format!("{} with {byzantine} Byzantine", self.asked())
    }

    /// A row of it of which nothing is covered.
    pub fn row<P: Protocol>(
        &self,
        protocol: &Arc<P>,
        asked: &AskedOfProtocol,
        verdict: Verdict,
    ) -> Result<Row, SetupError> {
        Ok(row(self.asked(), &self.graph(protocol, asked)?, Coverage::default(), verdict))
    }

    /// All its runs.
    pub fn graph<P: Protocol>(
        &self,
        protocol: &Arc<P>,
        asked: &AskedOfProtocol,
    ) -> Result<Graph<P>, SetupError> {
        let (protocol, stop) = (Arc::clone(protocol), Arc::default());
        match self.is_liveness {
            true => Graph::fair(protocol, &self.bound, stop),
            false => Graph::new(protocol, &self.bound, asked.property.as_deref(), stop),
        }
    }
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
pub(super) fn jobs<P: Protocol>(protocol: &P, asked: &AskedOfProtocol) -> Result<Vec<Job>, SetupError> {
    let kinds = kinds(protocol, asked)?;
    let are_steps = are_steps(protocol, asked);
    let has_alphabet = are_steps || protocol.layers().adversary.is_some();
    let placements = asked.byzantine.fitting(protocol.nodes(), has_alphabet);
    let jobs = kinds.into_iter().cartesian_product(&placements);
    let job = |(is_liveness, placement): (bool, &Vec<NodeId>)| {
        let twins = asked.bound(placement);
        let bound = if is_liveness || are_steps { twins } else { twins.against(protocol) };
        Job { bound, is_liveness }
    };
    Ok(jobs.map(job).collect())
}

impl<P: Protocol> Under<'_, P> {
    /// One job, from where it was ended before, if it was.
    fn one(
        &self,
        job: &Job,
        tables: Option<&Tables<P>>,
        from: Option<Suspended<P>>,
        pause: &Arc<AtomicBool>,
    ) -> Result<Ran<P>, SetupError> {
        let Under { protocol, asked, limits, outside } = *self;
        if let Some(tables) = tables.filter(|_| !job.is_liveness) {
            return self.quorums(job, tables, from, pause);
        }
        // Its tables grow as it runs: one thread keeps the order of discovery, and so the trace, the same in every run.
        let limits = Limits { timeout: outside.left(), threads: 1, ..*limits };
        let pausing = |stop| {
            let can_pause = AtomicBool::new(true);
            Progress { stop, pause: Arc::clone(pause), can_pause, ..Progress::default() }
        };
        let begun = match from {
            Some(from) => from,
            None => {
                let graph = job.graph(protocol, asked)?;
                if let Some(row) = refused(job.asked(), &graph) {
                    return Ok(row.into());
                }
                match job.is_liveness {
                    true => Suspended::Liveness(Box::new(FairGraph::new(graph, asked.rounds())), None),
                    false => Suspended::Safety(Box::new(graph), None),
                }
            }
        };
        let whose = job.whose();
        let (row, left) = match begun {
            Suspended::Safety(graph, mut halted) => {
                let progress = pausing(graph.stop());
                let mut left = None;
                let (coverage, verdict) = followed(&whose, &progress, &limits, outside, || {
                    let (properties, from) = (graph.properties(), halted.take());
                    let (report, halted) = search_on(&*graph, &properties, &limits, &progress, from, |_| {});
                    left = halted;
                    (report.coverage, verdict(&graph, &[], &report))
                });
                let row = Row { levels: progress.levels(), ..row("safety", &graph, coverage, verdict) };
                (row, left.map(|halted| Suspended::Safety(graph, Some(halted))))
            }
            // It waits until what each node can do is known.
            Suspended::Quorums(halted) => {
                let row = job.row(protocol, asked, Verdict::NotExhausted(Limit::Stopped))?;
                (row, Some(Suspended::Quorums(halted)))
            }
            Suspended::Liveness(graph, mut halted) => {
                let progress = pausing(graph.graph().stop());
                let mut left = None;
                let (coverage, verdict) = followed(&whose, &progress, &limits, outside, || {
                    let from = halted.take();
                    let (coverage, verdict, halted) = liveness::check_on(&graph, &limits, &progress, from);
                    left = halted;
                    (coverage, verdict)
                });
                let row =
                    Row { levels: progress.levels(), ..row(LIVENESS, graph.graph(), coverage, verdict) };
                (row, left.map(|halted| Suspended::Liveness(graph, Some(halted))))
            }
        };
        // What has a verdict is done.
        let unfinished = left.filter(|_| matches!(row.verdict, Verdict::NotExhausted(_)));
        Ok(Ran { row, unfinished })
    }
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

/// Does the work within its limits, which are looked at while it goes on, and passes on that it is to stop. `whose` is what it is
/// about.
pub(super) fn followed(
    whose: &str,
    progress: &Progress,
    limits: &Limits,
    outside: &Outside<'_>,
    mut work: impl FnMut() -> (Coverage, Verdict),
) -> (Coverage, Verdict) {
    let begun = Instant::now();
    let is_to_stop = || outside.stop.load(Relaxed);
    let overseen = || overseen(limits, outside.deadline, outside.stop, &mut work);
    watched(progress, &is_to_stop, || outside.shown(whose, progress, overseen))
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
        // What was found is shown, even if the time is over meanwhile.
        End::Violated { path, .. } => {
            match interrupt::undisturbed(|| Story::of(graph, &[begun, path].concat())) {
                Ok(story) if story.violation.is_some() => {
                    Verdict::Violated { steps: path.len(), story: Box::new(story) }
                }
                Ok(_) => Verdict::Refused(Refusal::NotRepeated("the violation itself".to_owned())),
                Err(refusal) => Verdict::Refused(refusal),
            }
        }
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
