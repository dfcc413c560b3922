//! `bft explore`: the page on which people see consensus and play the adversary.

use std::path::PathBuf;

use clap::Args;

use super::address::address;
use super::output::answer;
use super::scope::ScopeArguments;
use super::{UsageError, subject};
use crate::explore::{Asked, Page};
use crate::model::{Byzantine, Property};
use crate::subject::Catalogue;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  bft explore                                 the start page: a tour, and every known fault as a story
  bft explore --rules prepared-lost           one rulebook, at the bound where its fault is found
  bft explore --rules castro99 --byzantine r0,r1
  bft explore --trace x.json                  a run that check, simulate or replay has written
  bft explore --rules prepared-lost --stateright

Exit codes:
  2    the question makes no sense, or the address cannot be had
It ends when you press Ctrl-C.")]
pub(super) struct ExploreArguments {
    #[command(flatten)]
    scope: ScopeArguments,
    /// Which replicas are Byzantine, as in r0 or r0,r3, or how many from r0 on [default: as where the fault is found]
    #[arg(long, value_name = "WHO")]
    byzantine: Option<Byzantine>,
    /// Which rulebook the replicas follow; `bft rules` lists them [default: the start page shows all]
    #[arg(long, value_name = "NAME")]
    rules: Option<String>,
    /// The property that the adversary wants to break [default: the rulebook's, or agreement]
    #[arg(long, value_name = "NAME")]
    property: Option<Property>,
    /// Open this trace, which check, simulate or replay has written [default: none]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rules", "byzantine", "property", "ScopeArguments"])]
    trace: Option<PathBuf>,
    /// Open stateright's explorer instead of our own page
    #[arg(long)]
    stateright: bool,
    /// Where to serve: on this machine only
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3000")]
    addr: String,
}

pub(super) fn run(arguments: &ExploreArguments, catalogue: &Catalogue) -> Result<u8, UsageError> {
    let trace = arguments.trace.as_ref().map(|path| super::read_trace(path, catalogue)).transpose()?;
    let named = arguments.rules.as_ref().map(|_| subject(catalogue, &arguments.rules)).transpose()?;
    let asked = match (&trace, arguments.scope.query(), named) {
        (Some(_), ..) => Asked::trace(),
        (None, sizes, None) if sizes.is_empty() && arguments.is_plain() => Asked::gallery(),
        (None, sizes, named) => {
            let first = catalogue.iter().next().map(|subject| subject.name().to_owned());
            let name = named.map(|subject| subject.name().to_owned()).or(first).unwrap_or_default();
            Asked::bound(&name, &sizes, arguments.byzantine.as_ref(), arguments.property)
        }
    };
    let addr = address(&arguments.addr)?;
    let page = Page::bind(catalogue.clone(), trace, addr)
        .map_err(|why| UsageError(format!("--addr {}: {why}; choose another port", arguments.addr)))?;
    let place = match arguments.stateright {
        true => page.stateright(&asked).map_err(|why| UsageError(format!("--stateright: {why}")))?,
        false => page.place(&asked).map_err(UsageError)?,
    };
    answer(&format!("Exploring at http://{}{place} (Ctrl-C ends it)\n", page.addr()), super::HOLDS);
    page.serve();
    Ok(super::HOLDS)
}

impl ExploreArguments {
    /// Whether nothing in particular is asked for.
    fn is_plain(&self) -> bool {
        self.byzantine.is_none() && self.property.is_none() && !self.stateright
    }
}
