//! `bft explore`: stateright's web explorer on judge 1.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::sync::Arc;

use clap::Args;

use super::{UsageError, rulebook};
use crate::check::{self, JudgeKind, Limits, Progress, Verdict};
use crate::explore;
use crate::model::{Bound, Byzantine, System};
use crate::pbft::ReplicaId;

#[derive(Debug, Args)]
pub(super) struct ExploreArguments {
    /// Which rulebook the replicas follow; `bft rules` lists them
    #[arg(long, value_name = "NAME", default_value = "castro99")]
    rules: String,
    /// Where to serve
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3000")]
    addr: String,
}

pub(super) fn run(arguments: &ExploreArguments) -> Result<u8, UsageError> {
    let rulebook = rulebook(&arguments.rules)?;
    let addr = free_address(&arguments.addr)?;
    let bound = Bound::new(rulebook.smallest(), []);
    let all = Byzantine::Count(bound.faults);
    let mut chosen = Bound::new(bound.scope, [ReplicaId(0)]);
    let mut violation = None;
    if rulebook.breaks.is_some() {
        println!("Looking for a violation of {} …", rulebook.name);
        for job in check::jobs(JudgeKind::Absorbed, &bound, &all, rulebook.rules)? {
            let progress = Progress::default();
            let outcome =
                check::run(&job, rulebook.rules, rulebook.property(), &Limits::default(), None, &progress)?;
            if let Verdict::Violated { property, trace, .. } = outcome.verdict {
                chosen = job.bound;
                violation = Some((property, trace));
                break;
            }
        }
    }
    let system = Arc::new(System::new(chosen, rulebook.rules)?);
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

/// The address, if it can be served at: the web server itself would panic.
fn free_address(text: &str) -> Result<SocketAddr, UsageError> {
    let mut addresses = text
        .to_socket_addrs()
        .map_err(|e| UsageError(format!("--addr {text}: {e}; give it as in 127.0.0.1:3000")))?;
    let addr = addresses.next().ok_or_else(|| UsageError(format!("--addr {text}: no such address")))?;
    let listener = TcpListener::bind(addr)
        .map_err(|e| UsageError(format!("--addr {text}: {e}; choose another port")))?;
    Ok(listener.local_addr()?)
}
