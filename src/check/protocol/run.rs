//! Runs the rows of a check, side by side.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use itertools::Itertools;
use stateright::Model;

use super::AskedOfProtocol;
use super::report::{Row, Verdict};
use crate::check::limits::{Limits, Progress, deadline};
use crate::check::search::{End, Report, search_on};
use crate::engine::{Graph, Refusal, SetupError};
use crate::protocol::{NodeId, Protocol};
use crate::trace::Story;

/// A search under way: what ends it from outside, and how far it is.
struct Outside<'a> {
    stop: &'a AtomicBool,
    deadline: Option<Instant>,
}

/// All placements, each a row, on as many threads as there are.
pub(super) fn all<P: Protocol>(
    protocol: &Arc<P>,
    asked: &AskedOfProtocol,
    limits: &Limits,
    timeout: Option<Duration>,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<Row>, SetupError> {
    let placements = asked.byzantine.placements(protocol.nodes());
    let outside = Outside { stop, deadline: deadline(timeout) };
    let queue = Mutex::new(placements.iter().enumerate());
    let rows = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..limits.threads.min(placements.len()) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((number, byzantine)) = next else { break };
                    let row = one(protocol, byzantine, asked.property.as_deref(), limits, &outside);
                    rows.lock().unwrap_or_else(PoisonError::into_inner).push((number, row));
                }
            });
        }
    });
    let rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.into_iter().sorted_by_key(|(number, _)| *number).map(|(_, row)| row).collect()
}

fn one<P: Protocol>(
    protocol: &Arc<P>,
    byzantine: &[NodeId],
    property: Option<&str>,
    limits: &Limits,
    outside: &Outside<'_>,
) -> Result<Row, SetupError> {
    let progress = Progress::default();
    let graph = Graph::new(Arc::clone(protocol), byzantine, property, Arc::clone(&progress.stop))?;
    let left = outside.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    // Its tables grow as it runs: one thread keeps the order of discovery, and so the trace, the same in every run.
    let limits = Limits { timeout: left, threads: 1, ..*limits };
    let report = followed(&graph, &limits, &progress, outside.stop);
    let verdict = verdict(&graph, &report);
    Ok(Row {
        adversary: graph.adversary(),
        network: graph.network(),
        key: graph.key(),
        coverage: report.coverage,
        verdict,
    })
}

/// Searches, and passes on that it is to stop.
fn followed<P: Protocol>(
    graph: &Graph<P>,
    limits: &Limits,
    progress: &Progress,
    stop: &AtomicBool,
) -> Report<crate::engine::Step> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            while !is_over.load(Relaxed) {
                if stop.load(Relaxed) {
                    progress.stop.store(true, Relaxed);
                }
                std::thread::park_timeout(Duration::from_millis(20));
            }
        });
        let report = search_on(graph, &graph.properties(), limits, progress, None, |_| {}).0;
        is_over.store(true, Relaxed);
        watch.thread().unpark();
        report
    })
}

fn verdict<P: Protocol>(graph: &Graph<P>, report: &Report<crate::engine::Step>) -> Verdict {
    if let Some(refusal) = graph.refusal() {
        return Verdict::Refused(refusal);
    }
    match &report.end {
        End::Exhausted if report.unreached.is_empty() => Verdict::Holds,
        End::Exhausted => Verdict::Vacuous,
        End::Limited(limit) => Verdict::NotExhausted(*limit),
        End::Violated { path, .. } => match Story::of(graph, path) {
            Ok(story) if story.violation.is_some() => {
                Verdict::Violated { steps: path.len(), story: Box::new(story) }
            }
            Ok(_) => Verdict::Refused(Refusal::NotRepeated("the violation itself".to_owned())),
            Err(refusal) => Verdict::Refused(refusal),
        },
    }
}

/// What is part of the bound besides nodes and network, in words.
pub(super) fn bound<P: Protocol>(protocol: &P) -> String {
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
    out
}
