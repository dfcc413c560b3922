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
use crate::explore::protocol::Explorer;
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
    /// Begin with this trace: the page links to where it ends
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Where to serve: on this machine only
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3000")]
    addr: String,
}

pub(super) fn run<P: Protocol>(protocol: P, arguments: &ExploreArguments) -> Result<u8, UsageError> {
    let bound = &arguments.bound;
    let protocol = Arc::new(protocol);
    let explorer = match &arguments.trace {
        Some(_) if bound.is_given() => {
            return Err(UsageError(
                "--trace says who is Byzantine, what crashes and what becomes of messages; leave out the flags that do".to_owned(),
            ));
        }
        Some(path) => {
            let named = |what: &dyn std::fmt::Display| UsageError(format!("{}: {what}", path.display()));
            let text = fs::read_to_string(path).map_err(|why| named(&why))?;
            Explorer::along(protocol, &text).map_err(|why| named(&why))?
        }
        None => {
            let byzantine = match &bound.byzantine {
                Some(ByzantineNodes::Count(1..)) => {
                    return Err(UsageError(
                        "--byzantine: name the nodes, as in n0: one placement is browsed".to_owned(),
                    ));
                }
                Some(ByzantineNodes::Ids(ids)) => ids.clone(),
                _ => Vec::new(),
            };
            let network = bound.network(&*protocol)?;
            let crashes = bound.crashes.unwrap_or_default();
            Explorer::new(protocol, &Bound { byzantine, crashes, network })?
        }
    };
    let page = explorer
        .bind(address(&arguments.addr)?)
        .map_err(|why| UsageError(format!("--addr {}: {why}; choose another port", arguments.addr)))?;
    answer(&format!("Exploring at http://{}/ (Ctrl-C ends it)\n", page.addr()), HOLDS);
    page.serve();
    Ok(HOLDS)
}
