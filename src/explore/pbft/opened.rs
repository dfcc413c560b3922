//! What an address is about: a rulebook in a bound, filled with life.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashSet;

use super::super::query::Query;
use super::name::slug;
use super::story::Story;
use crate::model::{Adversary, Bound, Byzantine, Event, Property, Scope, Store, System};
use crate::pbft::{Message, Principal, ReplicaId};
use crate::subject::{Catalogue, Pbft};
use crate::trace::{Trace, adversary, describe};

/// The names of what says which bound is meant.
pub(super) const BOUND: [&str; 16] = [
    "rules",
    "replicas",
    "faults",
    "views",
    "slots",
    "requests",
    "checkpoint",
    "window",
    "crashes",
    "lossy_store",
    "clients",
    "lossy",
    "reads",
    "byzantine",
    "open",
    "property",
];
/// The name of what says that the trace is meant that the program was started with.
pub(super) const TRACE: &str = "trace";

/// A message that may be there, and how it reads in a name.
#[derive(Clone, Debug)]
pub(super) struct Worded {
    pub message: Message,
    pub from: Principal,
    pub slug: String,
}

impl Worded {
    pub fn new(system: &System, message: Message) -> Self {
        let slug = slug(&describe(system, &message));
        Worded { from: message.signer(), slug, message }
    }
}

/// What an address is about.
pub(super) struct Opened {
    /// What stands in addresses for it.
    pub query: String,
    pub subject: Pbft,
    pub system: Arc<System>,
    /// The property that is looked at first.
    pub property: Property,
    /// Where what it can send can be listed: of a simulated run it cannot.
    pub adversary: Option<Adversary>,
    /// Messages that are there from the start: requests, and what the adversary can send before anybody has sent
    /// anything.
    pub first: Vec<Worded>,
    /// Messages of a run that was handed in: an adversary that is not listed may have sent them.
    pub held: Vec<Worded>,
    /// The counterexample that is known.
    pub story: Option<Story>,
}

impl Opened {
    fn new(
        query: String,
        subject: Pbft,
        system: Arc<System>,
        property: Property,
        story: Option<Story>,
    ) -> Self {
        let adversary = adversary(&system).filter(|_| !system.is_simulated());
        let requests = system.requests().iter().cloned().map(Message::Request);
        let unconditional = adversary.iter().flat_map(|it| it.unconditional_messages().iter().cloned());
        let first = requests.chain(unconditional).filter(|message| system.is_explored(message));
        let first = each_once(&system, first);
        Opened { query, subject, system, property, adversary, first, held: Vec::new(), story }
    }

    /// A system of which no story is known.
    pub fn of_system(query: String, subject: &Pbft, system: Arc<System>, property: Property) -> Self {
        Opened::new(query, subject.clone(), system, property, None)
    }

    /// The system of a run that was handed in.
    pub fn of_trace(query: &str, subject: &Pbft, trace: &Trace, property: Option<Property>) -> Self {
        let system = Arc::new(trace.system().clone());
        let property = property.or(subject.property()).unwrap_or(Property::Agreement);
        let mut this = Opened::new(query.to_owned(), subject.clone(), system, property, None);
        this.held = messages_of(&this.system, trace);
        this
    }

    /// The same, as if no run had been handed in.
    pub fn without_held(&self) -> Self {
        let (subject, system) = (self.subject.clone(), Arc::clone(&self.system));
        Opened::new(self.query.clone(), subject, system, self.property, self.story.clone())
    }

    /// The system that a query asks for.
    fn from(query: &Query, catalogue: &Catalogue, known: &BTreeMap<String, Story>) -> Result<Self, String> {
        let name = query.get("rules").map(str::to_owned);
        let name = name.or_else(|| catalogue.iter().next().map(|first| first.name().to_owned()));
        let name = name.unwrap_or_default();
        let Some(subject) = catalogue.find(&name) else {
            return Err(format!("there is no rulebook '{name}'; the gallery lists them"));
        };
        if is_plain(query)
            && let Some(story) = super::story::begins(&name)
            && let Some(trace) = &story.held
        {
            let mut this = Opened::of_trace(&query.only(&BOUND), subject, trace, Some(story.violates));
            this.story = Some(story.clone());
            return Ok(this);
        }
        let story = known.get(&name);
        let base = story.map_or_else(|| subject.scope(), |story| story.bound.scope);
        let scope = scope(query, base)?;
        let byzantine = match query.get("byzantine") {
            Some("none" | "nobody" | "0") => Vec::new(),
            Some(text) => match text.parse()? {
                Byzantine::Ids(ids) => ids,
                Byzantine::Count(count) => first(count),
            },
            None => match story {
                Some(story) => story.bound.byzantine.clone(),
                None => first(scope.faults),
            },
        };
        let is_open = match query.get("open") {
            Some(_) => query.is_set("open"),
            None => story.is_some_and(|story| story.open),
        };
        let asked = query.get("property").map(str::parse::<Property>).transpose();
        let asked = asked.map_err(|why| why.to_string())?;
        let told = story.map(|story| story.violates).or(subject.property());
        let property = asked.or(told).unwrap_or(Property::Agreement);
        let bound = Bound::new(scope, byzantine);
        let rules = subject.rules();
        let system = if is_open { System::open(bound, rules) } else { System::new(bound, rules) };
        let system = Arc::new(system.map_err(|why| why.to_string())?);
        let is_told = |story: &&Story| story.bound == *system.bound() && story.open == is_open;
        let story = story.filter(is_told).filter(|story| asked.is_none_or(|asked| asked == story.violates));
        let story = story.cloned();
        let mut this = Opened::new(query.only(&BOUND), subject.clone(), system, property, story);
        if let Some(trace) = this.story.as_ref().and_then(|story| story.held.clone()) {
            this.held = messages_of(&this.system, &trace);
        }
        Ok(this)
    }
}

/// Whether a query asks for a rulebook in no bound in particular.
pub(super) fn is_plain(query: &Query) -> bool {
    BOUND.iter().all(|name| *name == "rules" || query.get(name).is_none())
}

/// So many replicas: who is Byzantine where nothing says it.
pub(super) fn first(count: u16) -> Vec<ReplicaId> {
    (0..count).map(ReplicaId).collect()
}

/// The messages that arrive in a run.
fn messages_of(system: &System, trace: &Trace) -> Vec<Worded> {
    let arrived = trace.steps().iter().filter_map(|step| match &step.event {
        Event::Deliver(message) => Some(message.clone()),
        _ => None,
    });
    each_once(system, arrived)
}

fn each_once(system: &System, messages: impl Iterator<Item = Message>) -> Vec<Worded> {
    let mut seen = FxHashSet::default();
    messages.filter(|message| seen.insert(message.clone())).map(|it| Worded::new(system, it)).collect()
}

/// The sizes that a query asks for; those that it leaves out are these.
fn scope(query: &Query, base: Scope) -> Result<Scope, String> {
    let replicas: Option<u16> = query.number("replicas")?;
    let faults = match (query.number("faults")?, replicas) {
        (Some(faults), _) => faults,
        (None, None) => base.faults,
        (None, Some(n)) => n.saturating_sub(1) / 3,
    };
    let flag = |name: &str, base: bool| if query.get(name).is_some() { query.is_set(name) } else { base };
    let loses = flag("lossy_store", base.store == Store::LosesLast);
    Ok(Scope {
        replicas: replicas.unwrap_or(base.replicas),
        faults,
        views: query.number("views")?.unwrap_or(base.views),
        slots: query.number("slots")?.unwrap_or(base.slots),
        requests: query.number("requests")?.unwrap_or(base.requests),
        checkpoint: query.number("checkpoint")?.or(base.checkpoint),
        window: query.number("window")?.or(base.window),
        crashes: query.number("crashes")?.unwrap_or(base.crashes),
        store: if loses { Store::LosesLast } else { Store::Keeps },
        clients: flag("clients", base.clients),
        reads: query.number("reads")?.unwrap_or(base.reads),
        lossy: flag("lossy", base.lossy),
        load: base.load,
    })
}

/// The most bounds that are kept open: what an adversary can send is not cheap to list.
const KEPT: usize = 24;

/// What is open, the last that was asked for first.
#[derive(Default)]
pub(super) struct Shelf(Mutex<Vec<Arc<Opened>>>);

impl Shelf {
    /// What a query is about.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn open(
        &self,
        query: &Query,
        catalogue: &Catalogue,
        known: &BTreeMap<String, Story>,
    ) -> Result<Arc<Opened>, String> {
        let asked = query.only(&BOUND);
        let kept = |list: &mut Vec<Arc<Opened>>| {
            let place = list.iter().position(|opened| opened.query == asked)?;
            let found = list.remove(place);
            list.insert(0, Arc::clone(&found));
            Some(found)
        };
        if let Some(found) = kept(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(found);
        }
        let opened = Arc::new(Opened::from(query, catalogue, known)?);
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.insert(0, Arc::clone(&opened));
        list.truncate(KEPT);
        Ok(opened)
    }

    /// Forgets what is open, where more has become known about it.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// What stands in an address for a bound.
pub(super) fn address(rules: &str, bound: &Bound, is_open: bool, property: Property) -> String {
    let scope = &bound.scope;
    let mut out = form_urlencoded::Serializer::new(String::new());
    let mut add = |name: &str, value: &dyn ToString| {
        out.append_pair(name, &value.to_string());
    };
    add("rules", &rules);
    add("replicas", &scope.replicas);
    add("faults", &scope.faults);
    add("views", &scope.views);
    add("slots", &scope.slots);
    add("requests", &scope.requests);
    for (name, value) in [("checkpoint", scope.checkpoint), ("window", scope.window)] {
        if let Some(value) = value {
            add(name, &value);
        }
    }
    add("crashes", &scope.crashes);
    let flags = [
        ("lossy_store", scope.store == Store::LosesLast),
        ("clients", scope.clients),
        ("lossy", scope.lossy),
        ("open", is_open),
    ];
    for (name, is_set) in flags {
        add(name, &u8::from(is_set));
    }
    add("reads", &scope.reads);
    let byzantine: Vec<_> = bound.byzantine.iter().map(ToString::to_string).collect();
    let byzantine = if byzantine.is_empty() { "none".to_owned() } else { byzantine.join(",") };
    add("byzantine", &byzantine);
    add("property", &property);
    out.finish()
}
