//! `explore`: the runs of a protocol in a web browser.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::bound::BoundArguments;
use crate::check::protocol::ByzantineNodes;
use crate::cli::address::address;
use crate::cli::output::answer;
use crate::cli::{HOLDS, UsageError};
use crate::engine::Bound;
use crate::explore::protocol::{PageError, page};
use crate::protocol::Protocol;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  explore --byzantine 1
  explore --trace x.json                         a run that check, simulate or replay has written

Exit codes:
  2    the question makes no sense, or the address cannot be had
It ends when you press Ctrl-C.")]
pub(super) struct ExploreArguments {
    #[command(flatten)]
    bound: BoundArguments,
    /// Open this trace, which check, simulate or replay has written
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Open stateright's explorer instead of our own page
    #[arg(long)]
    stateright: bool,
    /// Where to serve: on this machine only
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3000")]
    addr: String,
}

pub(super) fn run<P: Protocol>(
    protocol: P,
    parameters: &[(String, String)],
    arguments: &ExploreArguments,
) -> Result<u8, UsageError> {
    let (protocol, said) = (Arc::new(protocol), &arguments.bound);
    let read = |path: &PathBuf| {
        fs::read_to_string(path).map_err(|why| UsageError(format!("{}: {why}", path.display())))
    };
    let trace = arguments.trace.as_ref().map(read).transpose()?;
    let bound = match &trace {
        Some(_) if said.is_given() => {
            return Err(UsageError(
                "--trace says who is Byzantine, what crashes and what becomes of messages; leave out the flags that do".to_owned(),
            ));
        }
        Some(_) => Bound::default(),
        None => bound(&*protocol, said)?,
    };
    let addr = address(&arguments.addr)?;
    let page = page(protocol, parameters, &bound, trace.as_deref(), addr).map_err(|why| {
        match (why, &arguments.trace) {
            (why @ PageError::Address(_), _) => {
                UsageError(format!("--addr {}: {why}; choose another port", arguments.addr))
            }
            (why @ PageError::Trace(_), Some(path)) => UsageError(format!("{}: {why}", path.display())),
            (why, _) => UsageError(why.to_string()),
        }
    })?;
    let place = match arguments.stateright {
        true => page.stateright_at_start().map_err(|why| UsageError(format!("--stateright: {why}")))?,
        false => "/".to_owned(),
    };
    answer(&format!("Exploring at http://{}{place} (Ctrl-C ends it)\n", page.addr()), HOLDS);
    page.serve();
    Ok(HOLDS)
}

/// The bound that the arguments ask for.
fn bound<P: Protocol>(protocol: &P, said: &BoundArguments) -> Result<Bound, UsageError> {
    let byzantine = match &said.byzantine {
        Some(ByzantineNodes::Count(1..)) => {
            return Err(UsageError(
                "--byzantine: name the nodes, as in n0: one placement is browsed".to_owned(),
            ));
        }
        Some(ByzantineNodes::Ids(ids)) => ids.clone(),
        _ => Vec::new(),
    };
    let network = said.network(protocol)?;
    let crashes = said.crashes.unwrap_or_default();
    Ok(Bound { byzantine, most_general: false, crashes, network }.against(protocol))
}
