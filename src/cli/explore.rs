//! `bft explore`: stateright's web explorer on judge *message*, and the page of a trace.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::address::free_address;
use super::{UsageError, subject};
use crate::check::{self, JudgeKind, Limits, Progress, Verdict};
use crate::explore::{self, TracePage};
use crate::model::{Bound, Byzantine, System};
use crate::pbft::ReplicaId;
use crate::subject::Catalogue;

#[derive(Debug, Args)]
pub(super) struct ExploreArguments {
    /// Which rulebook the replicas follow; `bft rules` lists them [default: the first of these]
    #[arg(long, value_name = "NAME")]
    rules: Option<String>,
    /// Open this trace: its steps, each with a link that opens the explorer there, its diagram and its words
    #[arg(long, value_name = "FILE", conflicts_with = "rules")]
    trace: Option<PathBuf>,
    /// Where to serve: on this machine only
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3000")]
    addr: String,
}

pub(super) fn run(arguments: &ExploreArguments, catalogue: &Catalogue) -> Result<u8, UsageError> {
    if let Some(path) = &arguments.trace {
        return open(path, &arguments.addr, catalogue);
    }
    let subject = subject(catalogue, &arguments.rules)?;
    let addr = free_address(&arguments.addr)?;
    let bound = Bound::new(subject.scope(), []);
    let all = Byzantine::Count(bound.scope.faults);
    let mut chosen = Bound::new(bound.scope, [ReplicaId(0)]);
    let mut violation = None;
    if subject.departs().is_some() {
        println!("Looking for a violation of {} …", subject.name());
        let property = subject.property();
        let jobs = check::jobs(JudgeKind::Guards, &bound, &all, subject.rules())?;
        for job in jobs.into_iter().filter(|job| check::validate(job, subject.rules(), property).is_ok()) {
            let progress = Progress::default();
            let outcome = check::run(&job, subject.rules(), property, &Limits::default(), None, &progress)?;
            if let Verdict::Violated { property, trace, .. } = outcome.verdict {
                chosen = job.bound;
                violation = Some((property, trace));
                break;
            }
        }
    }
    let system = Arc::new(System::new(chosen, subject.rules())?);
    match &violation {
        Some((property, trace)) => println!(
            "{property} is violated in {} deliveries: follow its link at the left of the page.",
            trace.steps().len()
        ),
        None => println!("Nothing is checked here; browse the runs of {}.", system.bound().scope),
    }
    println!("Exploring at http://{addr}/ (Ctrl-C ends it)");
    explore::serve(&system, violation.as_ref().map(|(property, trace)| (*property, &**trace)), addr);
    Ok(super::HOLDS)
}

/// Shows a trace until the process is ended.
fn open(path: &Path, addr: &str, catalogue: &Catalogue) -> Result<u8, UsageError> {
    let read = super::read_trace(path, catalogue)?;
    let (addr, trace) = (free_address(addr)?, &read.trace);
    let property = super::replay::violated(&read);
    let page = TracePage::bind(trace, read.subject.name(), property, addr)
        .map_err(|e| UsageError(format!("--addr {addr}: {e}; choose another port")))?;
    match page.explorer {
        Some(_) => println!("{} of {} steps link into the explorer.", page.followed, trace.steps().len()),
        None => println!("The explorer cannot follow a run of so large a bound."),
    }
    println!("Showing the trace at http://{}/ (Ctrl-C ends it)", page.addr);
    page.serve();
    Ok(super::HOLDS)
}
