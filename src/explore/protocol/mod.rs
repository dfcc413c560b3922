//! A protocol of one's own on the page, known through [`Protocol`] and no other way; and stateright's explorer on its runs.

mod explorer;
mod frame;
mod lines;
mod name;
mod network;
mod opened;
mod options;
mod referee;
mod search;
mod walk;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::Page;
use super::naming::JOINT;
use super::query::Query;
use super::server::Response;
use super::stage::{Answer, Stage};
use super::stateright::{Explorers, Inner, Place};
use super::until::Until;
use super::watched::{Watched, patience};
use crate::engine::{Bound, LIVENESS, PlaceId};
use crate::protocol::Protocol;
use crate::trace::{Form, ReadStoryError, Story, count};

pub use explorer::{Explorer, ExplorerPage, Shown};
use frame::statement;
use opened::{Asked, BOUND, Opened, Subject, Told};
use search::Searches;
use walk::{Unfit, Walk};

/// What else can stand in an address.
const OTHERS: [&str; 11] = [
    "steps", "until", "timers", "only", "seconds", "brief", "events", "stable", "repeats", "search", "cancel",
];
/// The most bounds that are kept open, and runs in each.
const MOST: (usize, usize) = (12, 24);

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The trace is none of this protocol.
    #[error(transparent)]
    Trace(#[from] ReadStoryError),
    /// The bound makes no sense, or the code cannot be shown.
    #[error("{0}")]
    Bound(String),
    /// The address cannot be had.
    #[error("{0}")]
    Address(#[source] io::Error),
}

/// The page of a protocol of one's own in a bound, at an address of this machine alone. `parameters` are what the protocol was
/// made with, as its command line names it; a trace, as `check --trace` writes it, is opened first.
///
/// # Errors
/// What makes no sense; or the address cannot be had.
pub fn page<P: Protocol>(
    protocol: Arc<P>,
    parameters: &[(String, String)],
    bound: &Bound,
    trace: Option<&str>,
    addr: SocketAddr,
) -> Result<Page, PageError> {
    let subject = Subject { protocol, parameters: parameters.to_vec(), bound: bound.clone() };
    let stage = ProtocolStage::new(subject, trace)?;
    stage.opened(&Query::default()).map_err(PageError::Bound)?;
    Page::on(addr, || Box::new(stage)).map_err(PageError::Address)
}

/// A bound that was opened, and runs in it that were looked at last.
struct Kept<P: Protocol> {
    opened: Arc<Opened<P>>,
    walks: Mutex<Vec<Walk>>,
}

/// A run in its bound, and the step that does not fit into it.
type Run<P> = (Arc<Opened<P>>, Walk, Option<Unfit>);

/// A protocol of one's own.
struct ProtocolStage<P: Protocol> {
    subject: Arc<Subject<P>>,
    /// The trace that was handed in, and what it is about.
    trace: Option<(Asked, Told)>,
    searches: Searches,
    watched: Watched,
    explorers: Explorers,
    shelf: Mutex<Vec<Arc<Kept<P>>>>,
}

impl<P: Protocol> ProtocolStage<P> {
    fn new(mut subject: Subject<P>, trace: Option<&str>) -> Result<Self, ReadStoryError> {
        let trace = trace.map(|text| search::of_trace(&subject, text)).transpose()?;
        let searches = Searches::default();
        if let Some((asked, told)) = &trace {
            subject.bound = asked.bound.clone();
            searches.know(asked, told.clone());
        }
        let (watched, explorers, shelf) = (Watched::default(), Explorers::default(), Mutex::default());
        Ok(ProtocolStage { subject: Arc::new(subject), trace, searches, watched, explorers, shelf })
    }

    fn asked(&self, query: &Query) -> Result<Asked, String> {
        if let Some(name) = query.unknown(&[&BOUND[..], &OTHERS].concat()) {
            let names = BOUND.join(", ");
            return Err(format!("'{name}' says nothing here; a bound is given by {names}"));
        }
        self.subject.asked(query)
    }

    fn opened(&self, query: &Query) -> Result<Arc<Kept<P>>, String> {
        let asked = self.asked(query)?;
        let shelf = || self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = shelf().iter().find(|kept| kept.opened.query == asked.query) {
            return Ok(Arc::clone(kept));
        }
        let opened = Arc::new(Opened::new(&self.subject, &asked)?);
        let kept = Arc::new(Kept { opened, walks: Mutex::default() });
        let mut shelf = shelf();
        if shelf.len() >= MOST.0 {
            shelf.remove(0);
        }
        shelf.push(Arc::clone(&kept));
        Ok(kept)
    }

    fn story(&self, opened: &Opened<P>) -> Option<Told> {
        self.searches.found(&opened.query)
    }

    /// The run of a query, as far as it can happen.
    fn walk(&self, query: &Query) -> Result<Run<P>, String> {
        let kept = self.opened(query)?;
        let steps = query.get("steps").unwrap_or_default();
        let names: Vec<_> = steps.split(JOINT).filter(|name| !name.is_empty()).collect();
        let walks = || kept.walks.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = |walk: &&Walk| {
            names.iter().zip(&walk.names).filter(|(a, b)| **a == b.as_str()).count() == walk.names.len()
        };
        let known = walks().iter().filter(begins).max_by_key(|walk| walk.names.len()).cloned();
        let opened = Arc::clone(&kept.opened);
        let mut walk = known.map_or_else(|| Walk::new(&opened), Ok)?;
        let rest = names.iter().skip(walk.names.len()).copied();
        let unfit = walk.follow(&opened, rest);
        let mut walks = walks();
        if !walks.iter().any(|known| known.names == walk.names) {
            if walks.len() >= MOST.1 {
                walks.remove(0);
            }
            walks.push(walk.clone());
        }
        drop(walks);
        Ok((opened, walk, unfit))
    }

    /// A run as the page is told.
    fn frame(&self, query: &Query, opened: &Opened<P>, walk: &Walk, unfit: Option<&Unfit>) -> Answer {
        let story = self.story(opened);
        let known = story.as_ref().filter(|story| story.steps == walk.names);
        let said = query.number("stable")?.zip(query.number("repeats")?).filter(|_| !walk.leaves_out());
        let end = known.and_then(|story| story.end.clone()).or_else(|| {
            let (stable, repeats) = said?;
            let asked = self.subject.at(opened.bound.clone(), None);
            search::stays(&self.subject, &asked, &walk.names, stable, repeats)
        });
        let mut state = frame::state(opened, walk, unfit, story.as_ref(), end.as_ref())?;
        if query.get("events") == Some("0") {
            state["events"] = json!([]);
        }
        Ok(state)
    }

    /// The story of the steps of a run.
    fn told(&self, opened: &Opened<P>, walk: &Walk) -> Result<Story, String> {
        Story::of(&opened.graph, &walk.path()).map_err(|why| why.to_string())
    }
}

/// How large a bound is.
fn bound_in_words(nodes: usize, crashes: u8) -> String {
    let nodes = count(nodes as u64, "node", "nodes");
    match crashes {
        0 => nodes,
        some => format!("{nodes}, {}", count(some.into(), "crash", "crashes")),
    }
}

impl<P: Protocol> Stage for ProtocolStage<P> {
    fn gallery(&self) -> Value {
        let query = self.subject.asked(&Query::default()).map(|asked| asked.query);
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "trace": self.trace.is_some(),
            "stateright": true,
            "rulebooks": [],
            "own": query.ok(),
        })
    }

    fn session(&self, query: &Query) -> Answer {
        let opened = Arc::clone(&self.opened(query)?.opened);
        let story = self.story(&opened);
        let Subject { protocol, parameters, .. } = &*self.subject;
        let (graph, goal) = (&opened.graph, opened.goal(story.as_ref()));
        let (nodes, byzantine) = (protocol.nodes(), graph.participants().byzantine());
        let is_byzantine = |place: &&crate::engine::Place| place.twin.is_some();
        let honest = graph.participants().places().iter().filter(|place| !is_byzantine(place));
        let mut names = graph.property_names();
        names.extend(protocol.layers().fair.map(|_| LIVENESS));
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        Ok(json!({
            "query": opened.query,
            "protocol": protocol.name(),
            "parameters": parameters,
            "rules": protocol.name(),
            "breaks": null,
            "source": null,
            "overrides": [],
            "most_general": opened.bound.most_general,
            "bound": bound_in_words(nodes, opened.bound.crashes),
            "network": graph.network(),
            "known_by": graph.key(),
            "replicas": nodes,
            "byzantine": byzantine.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "honest": honest.map(ToString::to_string).collect::<Vec<_>>(),
            "clients": [],
            "quorum": null,
            "property": goal,
            "properties": names.iter().map(|name| json!({ "name": name, "statement": statement(name) })).collect::<Vec<_>>(),
            "goal": {
                "kind": if goal == LIVENESS { "liveness" } else { "safety" },
                "property": goal,
                "sentence": format!("Break {goal}: {}.", statement(goal)),
            },
            "form": self.subject.form(&opened.bound),
            "story": story.as_ref().map(|told| search::as_json(told, &opened.query)),
            "lists_adversary": true,
            "stateright": true,
        }))
    }

    fn story(&self, query: &Query) -> Answer {
        // What makes no sense is said before a search begins.
        self.opened(query)?;
        let asked = self.asked(query)?;
        Ok(match query.is_set("cancel") {
            true => self.searches.cancel(&asked),
            false => self.searches.ask(&self.subject, &asked),
        })
    }

    fn state(&self, query: &Query) -> Answer {
        let (opened, walk, unfit) = self.walk(query)?;
        self.frame(query, &opened, &walk, unfit.as_ref())
    }

    fn run(&self, query: &Query) -> Answer {
        let (opened, mut walk, unfit) = self.walk(query)?;
        let until = query.get("until").map_or(Ok(Until::Quiet), str::parse)?;
        let only = query.get("only").map(|only| {
            let one = |name: &str| {
                let place =
                    opened.graph.everybody().find(|place| opened.graph.place(*place).to_string() == name);
                place.ok_or_else(|| format!("only={only}: '{name}' is nobody"))
            };
            only.split(',').map(one).collect::<Result<Vec<PlaceId>, _>>()
        });
        if unfit.is_none() {
            network::run(&opened, &mut walk, until, query.is_set("timers"), only.transpose()?.as_deref())?;
        }
        self.frame(query, &opened, &walk, unfit.as_ref())
    }

    fn explain(&self, query: &Query) -> Answer {
        let (opened, walk, _) = self.walk(query)?;
        let story = self.story(&opened);
        let property = query.get("property").unwrap_or_else(|| opened.goal(story.as_ref()));
        let verdicts = opened.graph.verdicts(&walk.seen.state).into_iter();
        let why = verdicts.filter(|(name, _)| *name == property).find_map(|(_, why)| why);
        let why = why.ok_or_else(|| format!("{property} is not violated in this state"))?;
        let text = self.told(&opened, &walk)?.to_text();
        Ok(json!({ "property": property, "sentence": why, "text": text, "quorums": [], "overlaps": [] }))
    }

    fn referee(&self, query: &Query) -> Answer {
        let (opened, walk, unfit) = self.walk(query)?;
        if let Some(unfit) = unfit {
            return Err(format!("step {}: {}", unfit.step, unfit.why));
        }
        let time = patience(query)?;
        let story = self.story(&opened);
        let property = query.get("property").unwrap_or_else(|| opened.goal(story.as_ref()));
        let watch = self.watched.begin(query.get("search"))?;
        Ok(referee::rule(&self.subject, &opened, &walk, property, time, watch.progress()))
    }

    fn search(&self, query: &Query) -> Answer {
        self.watched.asked(query)
    }

    fn hand(&self, _: &Query) -> Answer {
        Err("a trace of this protocol is told by its address: none is handed in".to_owned())
    }

    fn trace(&self) -> Value {
        let trace = self.trace.as_ref().map(|(asked, told)| {
            let mut value = search::as_json(told, &asked.query);
            value["rules"] = json!(self.subject.protocol.name());
            value
        });
        json!({ "trace": trace })
    }

    fn stateright(&self, query: &Query) -> Answer {
        let (opened, walk, _) = self.walk(query)?;
        let known = self.story(&opened).filter(|story| story.end.is_none()).and_then(|story| {
            let mut told = Walk::new(&opened).ok()?;
            let unfit = told.follow(&opened, story.steps.iter().map(String::as_str));
            unfit.is_none().then(|| told.path())
        });
        let path = walk.path();
        let is_broken = opened.graph.violation(&walk.seen.state).is_some();
        let known = known.or_else(|| is_broken.then(|| path.clone()));
        // Steps have other numbers in another graph of the same bound.
        let about = format!("{} {:p}", opened.query, Arc::as_ptr(&opened.graph));
        let number = self.explorers.number(&about, || {
            let explorer = Explorer::of(&opened.graph, known.as_deref()).map_err(|why| why.to_string())?;
            let is_guided = explorer.is_guided();
            Inner::start(explorer, is_guided)
        })?;
        let Place { url, followed } = Place::at(number, &explorer::numbers(&opened.graph, &path));
        Ok(json!({ "url": url, "followed": followed, "of": path.len() }))
    }

    fn passed_on(&self, path: &str) -> Response {
        self.explorers.answer(path)
    }

    fn export(&self, query: &Query) -> Result<(String, String), String> {
        let (opened, walk, _) = self.walk(query)?;
        let told = self.told(&opened, &walk)?.written(Form::Html).map_err(|why| why.to_string())?;
        Ok((format!("{}.html", self.subject.protocol.name()), told))
    }
}
