//! The check of the runs that go on from the end of a run.

use std::sync::Arc;

use stateright::Model;

use super::AskedOfProtocol;
use super::liveness;
use super::report::{Row, Verdict};
use super::run::{Outside, UNSTABLE_ROUNDS, followed, kinds, row, verdict};
use crate::check::builder::CheckError;
use crate::check::limits::{Limits, Progress};
use crate::check::search::{Coverage, search_on};
use crate::engine::{FairGraph, LIVENESS, Onward};
use crate::protocol::Protocol;
use crate::trace::StoryFile;

/// Safety and liveness, as far as they are asked about, of every run that begins with that of a trace.
pub(super) fn all<P: Protocol>(
    protocol: &Arc<P>,
    trace: &str,
    asked: &AskedOfProtocol,
    limits: &Limits,
    outside: &Outside<'_>,
) -> Result<Vec<Row>, CheckError> {
    let kinds = kinds(&**protocol, asked)?;
    kinds.into_iter().map(|is_liveness| one(protocol, trace, asked, is_liveness, limits, outside)).collect()
}

fn one<P: Protocol>(
    protocol: &Arc<P>,
    trace: &str,
    asked: &AskedOfProtocol,
    is_liveness: bool,
    limits: &Limits,
    outside: &Outside<'_>,
) -> Result<Row, CheckError> {
    let progress = Progress::default();
    let stop = Arc::clone(&progress.stop);
    // Its tables grow as it runs: one thread keeps the order of discovery, and so the trace, the same in every run.
    let limits = Limits { timeout: outside.left(), threads: 1, ..*limits };
    if is_liveness {
        let (_, graph, path) = StoryFile::followed(trace, Arc::clone(protocol), None, stop)?;
        let (adversary, network, key) = (graph.adversary(), graph.network(), graph.key());
        let rounds = asked.unstable_rounds.unwrap_or(UNSTABLE_ROUNDS);
        let (coverage, verdict) = match FairGraph::beginning_with(graph, &path, rounds) {
            Ok(graph) => {
                let check = || liveness::check(&graph, &limits, &progress);
                followed("liveness from the end of the run", &progress, &limits, outside, check)
            }
            Err(why) => (Coverage::default(), Verdict::Refused(why)),
        };
        let levels = progress.levels();
        return Ok(Row { asked: LIVENESS, adversary, network, key, coverage, levels, verdict });
    }
    let (_, graph, path) = StoryFile::followed(trace, Arc::clone(protocol), asked.property.as_deref(), stop)?;
    let onward = match Onward::new(&graph, &path) {
        Ok(onward) => onward,
        Err(why) => return Ok(row("safety", &graph, Coverage::default(), Verdict::Refused(why))),
    };
    let whose = "safety from the end of the run";
    let (coverage, verdict) = followed(whose, &progress, &limits, outside, || {
        let report = search_on(&onward, &onward.properties(), &limits, &progress, None, |_| {}).0;
        (report.coverage, verdict(&graph, &path, &report))
    });
    Ok(Row { levels: progress.levels(), ..row("safety", &graph, coverage, verdict) })
}
