//! `bft explore`: the page on which people see consensus and play the adversary.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;

use clap::Args;

use super::{UsageError, subject};
use crate::explore::Page;
use crate::subject::Catalogue;

#[derive(Debug, Args)]
pub(super) struct ExploreArguments {
    /// Which rulebook the replicas follow; `bft rules` lists them [default: the start page shows all]
    #[arg(long, value_name = "NAME")]
    rules: Option<String>,
    /// Open this trace, which check, simulate or replay has written
    #[arg(long, value_name = "FILE", conflicts_with = "rules")]
    trace: Option<PathBuf>,
    /// Where to serve: on this machine only
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3000")]
    addr: String,
}

pub(super) fn run(arguments: &ExploreArguments, catalogue: &Catalogue) -> Result<u8, UsageError> {
    let trace = arguments.trace.as_ref().map(|path| super::read_trace(path, catalogue)).transpose()?;
    let named = arguments.rules.as_ref().map(|_| subject(catalogue, &arguments.rules)).transpose()?;
    let addr = address(&arguments.addr)?;
    let page = Page::bind(catalogue.clone(), trace, addr)
        .map_err(|why| UsageError(format!("--addr {}: {why}; choose another port", arguments.addr)))?;
    let at = match (&arguments.trace, named) {
        (Some(_), _) => "#trace=1".to_owned(),
        (None, Some(subject)) => format!("#rules={}", subject.name()),
        (None, None) => String::new(),
    };
    println!("Exploring at http://{}/{at} (Ctrl-C ends it)", page.addr());
    page.serve();
    Ok(super::HOLDS)
}

/// The address that is meant.
fn address(text: &str) -> Result<SocketAddr, UsageError> {
    let mut addresses = text
        .to_socket_addrs()
        .map_err(|e| UsageError(format!("--addr {text}: {e}; give it as in 127.0.0.1:3000")))?;
    let addr = addresses.next().ok_or_else(|| UsageError(format!("--addr {text}: no such address")))?;
    if !addr.ip().is_loopback() {
        return Err(UsageError(format!(
            "--addr {text}: the pages are for this machine only, as anybody who reaches them may use them; give an address \
             as in 127.0.0.1:3000"
        )));
    }
    Ok(addr)
}
