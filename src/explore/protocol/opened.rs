//! What an address is about: a protocol in a bound.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::super::query::Query;
use super::lines::{Line, lines};
use crate::engine::{AGREEMENT, Bound, Graph, LIVENESS, PlaceId, Refusal, Seen, SeenAs};
use crate::protocol::{Network, NodeId, Protocol};
use crate::trace::StoryEnd;

/// The names of what says which bound is meant.
pub(super) const BOUND: [&str; 9] =
    ["protocol", "with", "byzantine", "adversary", "crashes", "network", "cuts", "losses", "property"];

/// How many words of nodes are kept.
const MOST: usize = 50_000;

/// A protocol, as the program was started with it.
pub(super) struct Subject<P> {
    pub protocol: Arc<P>,
    /// What the protocol was made with, by name.
    pub parameters: Vec<(String, String)>,
    /// The bound, where an address says nothing else.
    pub bound: Bound,
}

/// A counterexample, by the names of its steps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Told {
    pub steps: Vec<String>,
    pub violates: String,
    /// How it goes on for ever, if it does not get where it must get.
    pub end: Option<StoryEnd>,
}

/// A protocol in a bound.
pub(super) struct Opened<P: Protocol> {
    /// What names it in addresses.
    pub query: String,
    pub bound: Bound,
    /// The property that the adversary wants to break, if one is asked for.
    asked: Option<String>,
    pub graph: Arc<Graph<P>>,
    /// The words of nodes, which take a run of theirs.
    words: Mutex<FxHashMap<SeenAs, Arc<Vec<Line>>>>,
}

impl<P: Protocol> Opened<P> {
    /// What is asked for.
    ///
    /// # Errors
    /// Why it makes no sense.
    pub fn new(subject: &Subject<P>, asked: &Asked) -> Result<Self, String> {
        let graph = Graph::of_one_run(Arc::clone(&subject.protocol), &asked.bound, None, Arc::default());
        Opened::of(asked, graph.map_err(|why| why.to_string())?)
    }

    /// A graph of what is asked for.
    ///
    /// # Errors
    /// Its code cannot be checked; or it has no such property.
    pub fn of(asked: &Asked, graph: Graph<P>) -> Result<Self, String> {
        if let Some(refusal) = graph.refusal() {
            return Err(refusal.to_string());
        }
        let Asked { query, bound, property } = asked.clone();
        let mut names = graph.property_names();
        names.extend(graph.protocol().layers().fair.map(|_| LIVENESS));
        if let Some(other) = property.as_deref().filter(|other| !names.contains(other)) {
            return Err(format!("there is no property '{other}'; there are {}", names.join(", ")));
        }
        Ok(Opened { query, bound, asked: property, graph: Arc::new(graph), words: Mutex::default() })
    }

    /// The property that the adversary wants to break.
    pub fn goal<'a>(&'a self, story: Option<&'a Told>) -> &'a str {
        let told = story.map(|story| story.violates.as_str());
        self.asked.as_deref().or(told).unwrap_or(AGREEMENT)
    }

    /// A node of a run, line by line.
    pub fn lines(&self, seen: &Seen, place: PlaceId) -> Result<Arc<Vec<Line>>, Refusal> {
        let of = self.graph.seen_as(seen, place);
        if let Some(known) = self.words.lock().unwrap_or_else(PoisonError::into_inner).get(&of) {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(lines(&self.graph.node_seen(seen, place)?));
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        if words.len() >= MOST {
            words.clear();
        }
        words.insert(of, Arc::clone(&found));
        Ok(found)
    }
}

/// What an address asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Asked {
    /// The address in full.
    pub query: String,
    pub bound: Bound,
    /// The property, if one is asked for.
    pub property: Option<String>,
}

impl<P: Protocol> Subject<P> {
    /// What the protocol was made with, in one word.
    fn with(&self) -> String {
        let all = self.parameters.iter().map(|(name, value)| format!("{name}:{value}"));
        all.collect::<Vec<_>>().join(",")
    }

    /// What a query asks for; `violates` is what a run is known to violate there.
    ///
    /// # Errors
    /// It is of another protocol, or makes no sense.
    pub fn asked(&self, query: &Query) -> Result<Asked, String> {
        for (name, own) in [("protocol", self.protocol.name()), ("with", self.with())] {
            if let Some(other) = query.get(name).filter(|other| **other != *own) {
                let own = if own.is_empty() { "nothing".to_owned() } else { own };
                return Err(format!(
                    "the address says {name}={other}, and this program was started with {own}"
                ));
            }
        }
        let byzantine = match query.get("byzantine") {
            None => self.bound.byzantine.clone(),
            Some("none" | "nobody") => Vec::new(),
            Some(ids) => {
                let ids: Result<Vec<NodeId>, _> = ids.split(',').map(str::parse).collect();
                ids.map_err(|why| format!("byzantine: {why}"))?
            }
        };
        let crashes = query.number("crashes")?.unwrap_or(self.bound.crashes);
        let network = Some(self.network(query)?);
        let most_general = match query.get("adversary") {
            None => self.bound.most_general,
            Some("twins") => false,
            Some("alphabet") => true,
            Some(other) => return Err(format!("adversary={other}: there is twins and alphabet")),
        };
        // Nobody lies who is not Byzantine.
        let most_general = most_general && !byzantine.is_empty();
        Ok(self.at(Bound { byzantine, most_general, crashes, network }, query.get("property")))
    }

    fn network(&self, query: &Query) -> Result<Network, String> {
        let base = self.bound.network.unwrap_or_else(|| self.protocol.network());
        let base = match (query.get("network"), base) {
            (None, base) | (Some("fifo"), base @ Network::Fifo { .. }) => base,
            (Some("fifo"), Network::AnyOrder) => Network::FIFO,
            (Some("any-order"), _) => Network::AnyOrder,
            (Some(other), _) => return Err(format!("network={other}: there is any-order and fifo")),
        };
        match base {
            Network::AnyOrder => Ok(base),
            Network::Fifo { cuts, losses } => Ok(Network::Fifo {
                cuts: query.number("cuts")?.unwrap_or(cuts),
                losses: query.number("losses")?.unwrap_or(losses),
            }),
        }
    }

    /// A bound with its address in full.
    pub fn at(&self, bound: Bound, property: Option<&str>) -> Asked {
        let mut query = vec![("protocol", self.protocol.name())];
        if !self.parameters.is_empty() {
            query.push(("with", self.with()));
        }
        let ids: Vec<_> = bound.byzantine.iter().map(ToString::to_string).collect();
        query.push(("byzantine", if ids.is_empty() { "none".to_owned() } else { ids.join(",") }));
        if bound.most_general {
            query.push(("adversary", "alphabet".to_owned()));
        }
        if bound.crashes > 0 {
            query.push(("crashes", bound.crashes.to_string()));
        }
        match bound.network.unwrap_or_else(|| self.protocol.network()) {
            Network::AnyOrder => query.push(("network", "any-order".to_owned())),
            Network::Fifo { cuts, losses } => {
                query.push(("network", "fifo".to_owned()));
                query.push(("cuts", cuts.to_string()));
                query.push(("losses", losses.to_string()));
            }
        }
        query.extend(property.map(|property| ("property", property.to_owned())));
        let parts: Vec<_> = query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        Asked { query: parts.join("&"), bound, property: property.map(str::to_owned) }
    }

    /// What can be changed about a bound, for a form.
    pub fn form(&self, bound: &Bound) -> Value {
        let (order, cuts, losses) = match bound.network.unwrap_or_else(|| self.protocol.network()) {
            Network::AnyOrder => ("any-order", 0, 0),
            Network::Fifo { cuts, losses } => ("fifo", cuts, losses),
        };
        let number = |name: &str, label: &str, value: u32| json!({ "name": name, "label": label, "value": value, "most": 9 });
        let mut form = vec![json!({
            "name": "network", "label": "Network", "value": order, "of": ["any-order", "fifo"],
        })];
        if order == "fifo" {
            form.extend([number("cuts", "Cuts", cuts), number("losses", "Losses", losses)]);
        }
        if self.protocol.layers().alphabet().is_some() {
            let value = if bound.most_general { "alphabet" } else { "twins" };
            form.push(json!({
                "name": "adversary", "label": "Byzantine nodes", "value": value, "of": ["twins", "alphabet"],
            }));
        }
        if self.protocol.layers().recover.is_some() {
            form.push(number("crashes", "Crashes", bound.crashes.into()));
        }
        Value::from(form)
    }
}

/// A value as it stands in an address.
fn escaped(value: &str) -> String {
    if value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.,:".contains(c)) {
        return value.to_owned();
    }
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}
