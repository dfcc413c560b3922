//! The pages in a web browser: our own, on which people see consensus and play the adversary, and stateright's explorer
//! behind it, on one port of this machine.
//!
//! The page is plain files that are part of the program (`page/`); what it asks of the program is described in `API.md`.
//! Everything that is known of PBFT there is in one module, behind one trait; behind the same trait stands whatever protocol of
//! one's own ([`protocol`]).

mod api;
#[cfg(feature = "pbft")]
mod asked;
mod assets;
#[cfg(feature = "pbft")]
mod export;
mod naming;
#[cfg(feature = "pbft")]
mod pbft;
pub mod protocol;
mod query;
mod server;
mod stage;
mod stateright;
mod until;
mod watched;

use std::io;
use std::net::SocketAddr;

#[cfg(feature = "pbft")]
pub use asked::Asked;
#[cfg(feature = "pbft")]
use pbft::PbftStage;
use query::Query;
use server::Server;
use stage::Stage;

#[cfg(feature = "pbft")]
use crate::check::Limits;
#[cfg(feature = "pbft")]
use crate::subject::Catalogue;
#[cfg(feature = "pbft")]
use crate::trace::TraceFile;

/// The page, at an address of its own: of rulebooks of PBFT here, of a protocol of one's own by [`protocol::page`].
///
#[cfg_attr(feature = "pbft", doc = "```no_run")]
#[cfg_attr(not(feature = "pbft"), doc = "```ignore")]
/// use bft_check::explore::Page;
///
/// let page = Page::bind(bft_check::bugs::catalogue(), None, ([127, 0, 0, 1], 3000).into())?;
/// println!("http://{}/", page.addr());
/// page.serve();
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Page {
    server: Server,
    stage: Box<dyn Stage>,
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Page {
    /// Takes an address for the page of these rulebooks. A trace is opened beside them.
    ///
    /// # Errors
    /// The address cannot be had: it is taken, or not of this machine alone.
    #[cfg(feature = "pbft")]
    pub fn bind(catalogue: Catalogue, trace: Option<TraceFile>, addr: SocketAddr) -> io::Result<Self> {
        Page::on(addr, || Box::new(PbftStage::new(catalogue, trace)))
    }

    /// Takes an address of this machine alone.
    fn on(addr: SocketAddr, stage: impl FnOnce() -> Box<dyn Stage>) -> io::Result<Self> {
        if !addr.ip().is_loopback() {
            let why = "the pages are for this machine only, as anybody who reaches them may use them";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let server = Server::bind(addr)?;
        Ok(Page { server, stage: stage() })
    }

    /// Where it is.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The path at which something is shown, once it is known that it makes sense.
    ///
    /// # Errors
    /// Why it does not.
    #[cfg(feature = "pbft")]
    pub fn place(&self, asked: &Asked) -> Result<String, String> {
        if asked.0.is_empty() {
            return Ok("/".to_owned());
        }
        self.stage.session(&Query::parse(&asked.0))?;
        Ok(format!("/#{}", asked.0))
    }

    /// The path at which stateright's explorer shows the counterexample that is known of something, or else its start.
    ///
    /// # Errors
    /// Why it does not.
    #[cfg(feature = "pbft")]
    pub fn stateright(&self, asked: &Asked) -> Result<String, String> {
        self.in_stateright(&asked.0)
    }

    fn in_stateright(&self, asked: &str) -> Result<String, String> {
        let session = self.stage.session(&Query::parse(asked))?;
        let steps = session["story"]["steps"].as_array().into_iter().flatten();
        let steps: Vec<_> = steps.filter_map(|step| step.as_str()).collect();
        let mut query = form_urlencoded::Serializer::new(asked.to_owned());
        query.append_pair("steps", &steps.join("~"));
        let place = self.stage.stateright(&Query::parse(&query.finish()))?;
        Ok(place["url"].as_str().unwrap_or("/").to_owned())
    }

    /// The path at which stateright's explorer shows the counterexample that is known of a protocol of one's own in the bound that
    /// the page was opened with, or else its start.
    ///
    /// # Errors
    /// Why it does not.
    pub fn stateright_at_start(&self) -> Result<String, String> {
        self.in_stateright("")
    }

    /// Serves it until the process is ended.
    pub fn serve(self) {
        let Page { server, stage } = self;
        server.serve(move |request| api::answer(&*stage, request));
    }
}

/// A trace as one file that a browser shows from a disk: the diagram, the steps and their differences, and what is wrong.
#[cfg(feature = "pbft")]
pub fn to_html(file: &TraceFile) -> String {
    let TraceFile { subject, violates, trace } = file;
    let frames = pbft::frames_of(subject, *violates, trace);
    export::page(trace, subject.name(), *violates, frames.as_ref())
}

/// The file in which the page keeps the stories of these rulebooks of the corpus, each searched for anew.
#[cfg(feature = "pbft")]
pub fn stories<'a>(rulebooks: impl Iterator<Item = &'a str>, limits: &Limits) -> String {
    pbft::stories(rulebooks, limits)
}
