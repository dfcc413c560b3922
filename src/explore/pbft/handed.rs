//! Traces that are handed in: the one that the program was started with, and those that somebody drops onto the page and
//! whose system does not fit into an address.
//!
//! No body of a request is read. So such a trace comes in parts, each in an address, and is read when all are there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::opened::{Opened, TRACE};
use super::story::Story;
use crate::model::Property;
use crate::subject::Catalogue;
use crate::trace::TraceFile;

/// The name of the trace that the program was started with.
const OWN: &str = "1";
/// The shortest and the longest name of another one.
const NAMES: std::ops::RangeInclusive<usize> = 8..=64;
/// The most parts, and the most bytes of all of them together.
const PARTS: usize = 2000;
const LARGEST: usize = 16 << 20;
/// The most that are kept, and the most that are not whole yet: of more the oldest are forgotten.
const KEPT: usize = 8;
const UNFINISHED: usize = 4;

/// A trace that has happened again.
#[derive(Clone)]
struct Told {
    opened: Arc<Opened>,
    story: Story,
}

/// A trace of which not all parts are there.
struct Unfinished {
    name: String,
    parts: Vec<Option<String>>,
}

#[derive(Default)]
struct Others {
    unfinished: Vec<Unfinished>,
    told: Vec<(String, Told)>,
}

/// All that were handed in.
pub(super) struct Handed {
    own: Option<Told>,
    others: Mutex<Others>,
}

/// A part of a trace.
pub(super) struct Part<'a> {
    pub name: &'a str,
    /// Its number, from 0, and how many there are.
    pub number: usize,
    pub of: usize,
    pub text: &'a str,
}

impl Told {
    fn of(name: &str, file: TraceFile) -> Option<Self> {
        let TraceFile { subject, violates, trace } = file;
        let property = violates.or(subject.property()).unwrap_or(Property::Agreement);
        let story = Story::of(&subject, property, &trace, true)?;
        let mut opened = Opened::of_trace(&format!("{TRACE}={name}"), &subject, &trace, violates);
        opened.story = Some(story.clone());
        Some(Told { opened: Arc::new(opened), story })
    }

    fn to_json(&self) -> Value {
        let mut value = self.story.to_json(&self.opened.query);
        value["rules"] = json!(self.opened.subject.name());
        value
    }
}

impl Handed {
    /// The trace that the program was started with, if it was with one.
    pub fn new(own: Option<TraceFile>) -> Self {
        Handed { own: own.and_then(|file| Told::of(OWN, file)), others: Mutex::default() }
    }

    fn others(&self) -> MutexGuard<'_, Others> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the program was started with one.
    pub fn has_own(&self) -> bool {
        self.own.is_some()
    }

    /// That one, as the page is told.
    pub fn own(&self) -> Option<Value> {
        self.own.as_ref().map(Told::to_json)
    }

    /// What the trace of this name is about.
    ///
    /// # Errors
    /// There is none.
    pub fn open(&self, name: &str) -> Result<Arc<Opened>, String> {
        if NAMES.contains(&name.len()) {
            let others = self.others();
            let found = others.told.iter().find(|(known, _)| known == name);
            return found.map(|(_, told)| Arc::clone(&told.opened)).ok_or_else(|| {
                "this trace was dropped onto a page of a program that has ended, or others since: drop its file again"
                    .to_owned()
            });
        }
        let own = self.own.as_ref().map(|told| Arc::clone(&told.opened));
        own.ok_or_else(|| "no trace was opened: start the program with bft explore --trace FILE".to_owned())
    }

    /// Takes a part; with the last of them the trace is read.
    ///
    /// # Errors
    /// What is wrong with the part, or with the trace.
    pub fn take(&self, part: &Part<'_>, catalogue: &Catalogue) -> Result<Value, String> {
        let Some(text) = self.others().gathered(part)? else { return Ok(json!({ "done": false })) };
        let file = TraceFile::read(text, catalogue).map_err(|why| why.to_string())?;
        let told = Told::of(part.name, file).ok_or("its steps do not happen again")?;
        let value = told.to_json();
        let mut others = self.others();
        others.told.retain(|(name, _)| name != part.name);
        others.told.insert(0, (part.name.to_owned(), told));
        others.told.truncate(KEPT);
        Ok(json!({ "done": true, "trace": value }))
    }
}

impl Others {
    /// The whole text, if this is the last part of it that was missing.
    fn gathered(&mut self, part: &Part<'_>) -> Result<Option<String>, String> {
        let Part { name, number, of, text } = *part;
        if !NAMES.contains(&name.len()) {
            return Err(format!(
                "{TRACE}={name}: a name has {} to {} characters",
                NAMES.start(),
                NAMES.end()
            ));
        }
        if of > PARTS || number >= of {
            return Err(format!("part={number} of={of}: there are {PARTS} parts at most, the first is 0"));
        }
        let place = self.unfinished.iter().position(|it| it.name == name && it.parts.len() == of);
        let mut it = match place {
            Some(place) => self.unfinished.remove(place),
            None => Unfinished { name: name.to_owned(), parts: vec![None; of] },
        };
        if let Some(slot) = it.parts.get_mut(number) {
            *slot = Some(text.to_owned());
        }
        if it.parts.iter().flatten().map(String::len).sum::<usize>() > LARGEST {
            return Err(format!("the trace has more than {} MiB: no page shows it", LARGEST >> 20));
        }
        if it.parts.iter().all(Option::is_some) {
            return Ok(Some(it.parts.into_iter().flatten().collect()));
        }
        self.unfinished.insert(0, it);
        self.unfinished.truncate(UNFINISHED);
        Ok(None)
    }
}
