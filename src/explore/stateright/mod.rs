//! stateright's explorer, one click away: on judge *message*, on the same system and at the same run.
//!
//! Its own server listens on a port of its own, fetches from the root and reads bodies. So it runs on an internal port of
//! the loopback interface, and only what its page asks for by `GET` is passed on. What its page says of states at which
//! nobody looked is put right on the way.

mod files;
mod inner;
#[cfg(feature = "pbft")]
mod model;

use std::fmt;
use std::hash::Hash;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use stateright::Model;

use super::server::{Response, Server};
#[cfg(feature = "pbft")]
use crate::model::{Property, System};
#[cfg(feature = "pbft")]
use crate::trace::Trace;

use files::{POLICY, put_right};
pub(super) use inner::Inner;
#[cfg(feature = "pbft")]
use model::Pbft;

/// The most explorers at once: none can be ended before the process is.
const MOST: usize = 12;

/// The explorers that run, each with what it is about.
#[derive(Default)]
pub(super) struct Explorers(Mutex<Vec<(String, Arc<Inner>)>>);

/// Where an explorer shows a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// Its address on our server.
    pub url: String,
    /// How many steps of the run it can follow.
    pub followed: usize,
}

impl Explorers {
    /// The explorer of a system, which is started if it does not run yet, at the end of a run. `about` tells systems
    /// apart; `violation` is a counterexample that is known.
    ///
    /// # Errors
    /// Why there is none.
    #[cfg(feature = "pbft")]
    pub fn at(
        &self,
        about: &str,
        system: &Arc<System>,
        violation: Option<(Property, &Trace)>,
        run: &Trace,
    ) -> Result<Place, String> {
        let number = self.number(about, || {
            let model = Pbft::new(system, violation);
            let is_guided = model.is_guided();
            Inner::start(model, is_guided)
        })?;
        Ok(Place::at(number, &Pbft::new(system, None).follow(run)))
    }

    /// The number of the explorer that is about something, which is started if it does not run yet.
    ///
    /// # Errors
    /// Why there is none.
    pub fn number(
        &self,
        about: &str,
        start: impl FnOnce() -> Result<Inner, String>,
    ) -> Result<usize, String> {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = list.iter().position(|(known, _)| known == about) {
            return Ok(number);
        }
        if list.len() >= MOST {
            return Err(format!(
                "{MOST} of stateright's explorers run already, and none can be ended alone: start this program again"
            ));
        }
        list.push((about.to_owned(), Arc::new(start()?)));
        Ok(list.len() - 1)
    }

    /// What stands at an address behind `/stateright/`.
    pub fn answer(&self, path: &str) -> Response {
        let nothing = || Response::error(404, "nothing is passed on from here");
        let Some((number, rest)) = path.split_once('/') else { return nothing() };
        let inner = {
            let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let number = number.parse::<usize>().ok();
            number.and_then(|number| list.get(number)).map(|(_, inner)| Arc::clone(inner))
        };
        let Some(inner) = inner else {
            return Response::error(404, "this explorer does not run; open it from the page");
        };
        passed_on(&inner, rest)
    }
}

impl Place {
    /// The end of a path in the explorer of that number: the number of the initial state, then of each step.
    pub fn at(number: usize, path: &[usize]) -> Self {
        let steps: String = path.iter().map(|index| format!("/{index}")).collect();
        let followed = path.len().saturating_sub(1);
        Place { url: format!("/stateright/{number}/#/steps{steps}"), followed }
    }
}

/// What stands at an address of an explorer, if it is one that its page asks for.
fn passed_on(inner: &Inner, path: &str) -> Response {
    let Some(content) = files::content(path) else {
        return Response::error(404, "nothing is passed on from here");
    };
    match inner.get(&format!("/{path}")) {
        Ok((status, body)) => {
            let body = put_right(path, body);
            Response { status, policy: POLICY, ..Response::of(content, body) }
        }
        Err(why) => Response::error(502, &format!("stateright's explorer does not answer: {why}")),
    }
}

/// An explorer that stands alone at the root of a server of ours.
pub(super) struct Alone {
    server: Server,
    inner: Inner,
}

impl Alone {
    /// Takes an address for the explorer of a model. If that is `is_guided`, its own boundary bounds the search.
    ///
    /// # Errors
    /// The address cannot be had, or the explorer does not start.
    pub fn bind<M>(model: M, is_guided: bool, addr: SocketAddr) -> io::Result<Self>
    where
        M: Model + Send + Sync + 'static,
        M::Action: fmt::Debug + Send + Sync + Clone + PartialEq,
        M::State: fmt::Debug + Hash + Send + Sync + Clone + PartialEq,
    {
        let server = Server::bind(addr)?;
        let inner = Inner::start(model, is_guided).map_err(io::Error::other)?;
        Ok(Alone { server, inner })
    }

    /// Where it is.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Serves it until the process is ended.
    pub fn serve(self) {
        let Alone { server, inner } = self;
        server.serve(move |request| passed_on(&inner, request.path.trim_start_matches('/')));
    }
}
