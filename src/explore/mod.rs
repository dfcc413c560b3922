//! The pages in a web browser: our own, on which people see consensus and play the adversary, and stateright's explorer
//! behind it, on one port of this machine.
//!
//! The page is plain files that are part of the program (`page/`); what it asks of the program is described in `API.md`.
//! Everything that is known of PBFT there is in one module, behind one trait.

mod api;
mod asked;
mod assets;
mod export;
mod pbft;
pub mod protocol;
mod query;
mod server;
mod stage;
mod stateright;

use std::io;
use std::net::SocketAddr;

pub use asked::Asked;
use pbft::PbftStage;
use query::Query;
use server::Server;
use stage::Stage;

use crate::check::Limits;
use crate::subject::Catalogue;
use crate::trace::TraceFile;

/// The page, at an address of its own.
///
/// ```no_run
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

impl Page {
    /// Takes an address for the page of these rulebooks. A trace is opened beside them.
    ///
    /// # Errors
    /// The address cannot be had: it is taken, or not of this machine alone.
    pub fn bind(catalogue: Catalogue, trace: Option<TraceFile>, addr: SocketAddr) -> io::Result<Self> {
        if !addr.ip().is_loopback() {
            let why = "the pages are for this machine only, as anybody who reaches them may use them";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let server = Server::bind(addr)?;
        Ok(Page { server, stage: Box::new(PbftStage::new(catalogue, trace)) })
    }

    /// Where it is.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The path at which something is shown, once it is known that it makes sense.
    ///
    /// # Errors
    /// Why it does not.
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
    pub fn stateright(&self, asked: &Asked) -> Result<String, String> {
        let session = self.stage.session(&Query::parse(&asked.0))?;
        let steps = session["story"]["steps"].as_array().into_iter().flatten();
        let steps: Vec<_> = steps.filter_map(|step| step.as_str()).collect();
        let mut query = form_urlencoded::Serializer::new(asked.0.clone());
        query.append_pair("steps", &steps.join("~"));
        let place = self.stage.stateright(&Query::parse(&query.finish()))?;
        Ok(place["url"].as_str().unwrap_or("/").to_owned())
    }

    /// Serves it until the process is ended.
    pub fn serve(self) {
        let Page { server, stage } = self;
        server.serve(move |request| api::answer(&*stage, request));
    }
}

/// A trace as one file that a browser shows from a disk: the diagram, the steps and their differences, and what is wrong.
pub fn to_html(file: &TraceFile) -> String {
    let TraceFile { subject, violates, trace } = file;
    let frames = pbft::frames_of(subject, *violates, trace);
    export::page(trace, subject.name(), *violates, frames.as_ref())
}

/// The file in which the page keeps the stories of these rulebooks of the corpus, each searched for anew.
pub fn stories<'a>(rulebooks: impl Iterator<Item = &'a str>, limits: &Limits) -> String {
    pbft::stories(rulebooks, limits)
}
