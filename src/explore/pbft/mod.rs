//! PBFT on the page: all that the page knows of it.

mod for_ever;
mod frame;
mod handed;
mod name;
mod network;
mod opened;
mod options;
mod properties;
mod quorums;
mod referee;
mod runs;
mod search;
mod session;
mod story;
mod walk;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::export;
use super::query::Query;
use super::server::Response;
use super::stage::{Answer, Stage};
use super::stateright::Explorers;
use super::until::Until;
use super::watched::{Watched, patience};
use crate::bugs;
use crate::check::Limits;
use crate::model::{Property, looked_at};
use crate::subject::{Catalogue, Pbft};
use crate::trace::{TraceFile, principal};

use frame::Wanted;
use handed::{Handed, Part};
use opened::{BOUND, Opened, Shelf, TRACE};
use runs::Runs;
use search::Searches;
use session::session;
use story::Story;
use walk::Walk;

/// What else can stand in an address.
const OTHERS: [&str; 12] = [
    TRACE, "steps", "until", "timers", "only", "seconds", "brief", "events", "stable", "repeats", "search",
    "cancel",
];

/// PBFT under the rulebooks of a catalogue.
pub(super) struct PbftStage {
    catalogue: Catalogue,
    shelf: Shelf,
    runs: Runs,
    searches: Searches,
    watched: Watched,
    explorers: Explorers,
    handed: Handed,
}

impl PbftStage {
    /// These rulebooks, and a trace to open.
    pub fn new(catalogue: Catalogue, trace: Option<TraceFile>) -> Self {
        let handed = Handed::new(trace);
        let (shelf, searches, explorers) = (Shelf::default(), Searches::default(), Explorers::default());
        let (runs, watched) = (Runs::default(), Watched::default());
        PbftStage { catalogue, shelf, runs, searches, watched, explorers, handed }
    }

    fn opened(&self, query: &Query) -> Result<Arc<Opened>, String> {
        if let Some(name) = query.unknown(&[&BOUND[..], &OTHERS].concat()) {
            let names = BOUND.join(", ");
            return Err(format!("'{name}' says nothing here; a bound is given by {names}"));
        }
        if let Some(name) = query.get(TRACE).filter(|_| query.is_set(TRACE)) {
            return self.handed.open(name);
        }
        self.shelf.open(query, &self.catalogue, &self.stories())
    }

    /// The stories that are known by now.
    fn stories(&self) -> BTreeMap<String, Story> {
        let mut all = story::known().clone();
        all.retain(|name, _| self.catalogue.find(name).is_some() && bugs::find(name).is_some());
        all.extend(self.searches.found());
        all
    }

    fn walk(&self, query: &Query) -> Result<(Arc<Walk>, Option<walk::Unfit>), String> {
        let opened = self.opened(query)?;
        Ok(self.runs.along(&opened, query.get("steps").unwrap_or_default()))
    }

    fn property(query: &Query, opened: &Opened) -> Result<Property, String> {
        let asked = query.get("property").map(str::parse::<Property>).transpose();
        Ok(asked.map_err(|why| why.to_string())?.unwrap_or(opened.property))
    }

    fn row(&self, subject: &Pbft, known: &BTreeMap<String, Story>) -> Value {
        let rulebook = bugs::find(subject.name());
        let story = known.get(subject.name());
        let property = story.map(|story| story.violates).or_else(|| expected(subject)).or(subject.property());
        let scope = story.map_or_else(|| subject.scope(), |story| story.bound.scope);
        let byzantine =
            story.map_or_else(|| opened::first(scope.faults), |story| story.bound.byzantine.clone());
        let class = rulebook.map_or_else(|| "own".to_owned(), |rulebook| rulebook.class.to_string());
        json!({
            "rules": subject.name(),
            "breaks": subject.departs(),
            "class": class,
            "number": rulebook.and_then(|rulebook| rulebook.number),
            "property": property.map(Property::name),
            "property_statement": property.map(Property::statement),
            "bound": scope.to_string(),
            "byzantine": byzantine.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "source": rulebook.map(|rulebook| rulebook.source),
            "holds": rulebook.is_some_and(holds),
            "simulated": rulebook.is_some_and(story::is_simulated),
            "query": format!("rules={}", subject.name()),
            "story": story.map(|story| story.to_json(&format!("rules={}", subject.name()))),
        })
    }
}

/// What the corpus says that a rulebook violates.
fn expected(subject: &Pbft) -> Option<Property> {
    let runs = bugs::find(subject.name()).map(|rulebook| rulebook.runs)?;
    runs.iter().find_map(|run| match run.expected {
        bugs::Expected::Violated(property) => Some(property),
        bugs::Expected::Holds => None,
    })
}

/// Whether the corpus says of no run of a rulebook that it violates something.
fn holds(rulebook: &bugs::Rulebook) -> bool {
    rulebook.runs.iter().all(|run| run.expected == bugs::Expected::Holds)
}

impl Stage for PbftStage {
    fn gallery(&self) -> Value {
        let known = self.stories();
        let rows: Vec<_> = self.catalogue.iter().map(|subject| self.row(subject, &known)).collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "trace": self.handed.has_own(),
            "stateright": true,
            "rulebooks": rows,
        })
    }

    fn session(&self, query: &Query) -> Answer {
        Ok(session(&*self.opened(query)?))
    }

    fn story(&self, query: &Query) -> Answer {
        let opened = self.opened(query)?;
        if let Some(story) = &opened.story {
            let says = story.says(opened.subject.name());
            return Ok(json!({ "done": true, "story": story.to_json(&opened.query), "says": says }));
        }
        let answer = match query.is_set("cancel") {
            true => self.searches.cancel(query),
            false => self.searches.ask(query, &opened),
        };
        if answer["done"] == json!(true) {
            // What was found is known from now on.
            self.shelf.clear();
        }
        Ok(answer)
    }

    fn state(&self, query: &Query) -> Answer {
        let (walk, unfit) = self.walk(query)?;
        let said = query.number("stable")?.zip(query.number("repeats")?);
        let no_events = query.get("events") == Some("0");
        let wanted = Wanted { said, is_brief: query.is_set("brief"), no_events };
        Ok(frame::state(&walk, unfit.as_ref(), wanted))
    }

    fn run(&self, query: &Query) -> Answer {
        let (walk, unfit) = self.walk(query)?;
        let mut walk = Walk::clone(&walk);
        let until = query.get("until").map_or(Ok(Until::Quiet), str::parse)?;
        let only = query.get("only").map(|only| {
            let one = |name: &str| principal(name).ok_or_else(|| format!("only={only}: '{name}' is nobody"));
            only.split(',').map(one).collect::<Result<Vec<_>, _>>()
        });
        if unfit.is_none() {
            network::run(&mut walk, until, query.is_set("timers"), only.transpose()?.as_deref());
        }
        Ok(frame::state(&walk, unfit.as_ref(), Wanted::default()))
    }

    fn explain(&self, query: &Query) -> Answer {
        let (walk, _) = self.walk(query)?;
        let property = Self::property(query, &walk.opened)?;
        let trace = walk.trace()?;
        let why =
            trace.explain(property).ok_or_else(|| format!("{property} is not violated in this state"))?;
        let mut value = serde_json::to_value(&why).map_err(|why| why.to_string())?;
        value["property"] = json!(property.name());
        value["sentence"] = json!(trace.violation(property));
        value["text"] = json!(why.to_string());
        Ok(value)
    }

    fn referee(&self, query: &Query) -> Answer {
        let (walk, unfit) = self.walk(query)?;
        if let Some(unfit) = unfit {
            return Err(format!("step {}: {}", unfit.step, unfit.why));
        }
        let property = Self::property(query, &walk.opened)?;
        let time = patience(query)?;
        let watch = self.watched.begin(query.get("search"))?;
        Ok(referee::rule(&walk, property, time, watch.progress()))
    }

    fn search(&self, query: &Query) -> Answer {
        self.watched.asked(query)
    }

    fn trace(&self) -> Value {
        json!({ "trace": self.handed.own() })
    }

    fn hand(&self, query: &Query) -> Answer {
        let number = |name: &str| query.number(name)?.ok_or_else(|| format!("{name}: give a number"));
        let name = query.get(TRACE).ok_or("trace: give the trace a name")?;
        let part =
            Part { name, number: number("part")?, of: number("of")?, text: query.get("text").unwrap_or("") };
        self.handed.take(&part, &self.catalogue)
    }

    fn stateright(&self, query: &Query) -> Answer {
        let (walk, _) = self.walk(query)?;
        let opened = &walk.opened;
        if opened.adversary.is_none() {
            return Err("the bound has more messages than stateright's explorer can list".to_owned());
        }
        let told = opened.story.as_ref().filter(|story| story.lasso.is_none());
        let told = told.and_then(|story| {
            let (told, unfit) = Walk::along(opened, &story.steps.join(&name::JOINT.to_string()));
            unfit.is_none().then(|| told.trace().ok()).flatten().map(|trace| (story.violates, trace))
        });
        // Its search knows what a state shows, and nothing else.
        let told = told.filter(|(property, _)| looked_at(&opened.system).any(|known| known == *property));
        let run = walk.trace()?;
        let is_shown = run.violation(opened.property).is_some();
        let told = told.or_else(|| is_shown.then(|| (opened.property, run.clone())));
        let violation = told.as_ref().map(|(property, trace)| (*property, trace));
        let place = self.explorers.at(&opened.query, &opened.system, violation, &run)?;
        Ok(json!({ "url": place.url, "followed": place.followed, "of": run.steps().len() }))
    }

    fn passed_on(&self, path: &str) -> Response {
        self.explorers.answer(path)
    }

    fn export(&self, query: &Query) -> Result<(String, String), String> {
        let (walk, _) = self.walk(query)?;
        let name = format!("{}.html", walk.opened.subject.name());
        let property = Self::property(query, &walk.opened)?;
        let page =
            export::page(&walk.trace()?, walk.opened.subject.name(), Some(property), Some(&frames(&walk)));
        Ok((name, page))
    }
}

/// What the page is told of each state of a run, the first one and one after each step, as a script reads it.
fn frames(walk: &Walk) -> Value {
    let mut on = Walk::new(&walk.opened);
    let mut frames = Vec::new();
    for name in &walk.names {
        frames.push(frame::beliefs(&on));
        if on.take(name).is_err() {
            break;
        }
    }
    // What happened stands in the last one.
    frames.push(frame::state(&on, None, Wanted { is_brief: true, ..Wanted::default() }));
    json!({ "session": session(&walk.opened), "frames": frames })
}

/// The most steps of a run along which a script goes: of a longer one a page has the diagram and the words.
const LONGEST: usize = 400;

/// The same of a trace; none of one that is too long.
pub(super) fn frames_of(
    subject: &Pbft,
    property: Option<Property>,
    trace: &crate::trace::Trace,
) -> Option<Value> {
    if trace.steps().len() > LONGEST {
        return None;
    }
    let opened = Arc::new(Opened::of_trace("trace=1", subject, trace, property));
    let mut walk = Walk::new(&opened);
    for step in trace.steps() {
        if walk.happen(step.to, step.event.clone()).is_err() {
            break;
        }
    }
    Some(frames(&walk))
}

/// The file of the stories of these rulebooks.
pub(super) fn stories<'a>(rulebooks: impl Iterator<Item = &'a str>, limits: &Limits) -> String {
    story::written(rulebooks, limits)
}
