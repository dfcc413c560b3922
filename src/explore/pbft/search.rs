//! Searches for counterexamples, beside what the page does.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Value, json};

use super::super::query::Query;
use super::super::watched::{Going, LIMITS, cancelled};
use super::opened::{BOUND, Opened, is_plain};
use super::story::{self, Found, Story};
use crate::model::{Bound, Byzantine};

/// One search.
struct Search {
    going: Going,
    found: OnceLock<Found>,
    rules: String,
    /// Whether the rulebook itself is asked about, in no bound in particular.
    is_plain: bool,
}

/// All searches, by what was asked.
#[derive(Default)]
pub(super) struct Searches(Mutex<BTreeMap<String, Arc<Search>>>);

impl Searches {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Search>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stories that were found of rulebooks in no bound in particular.
    pub fn found(&self) -> Vec<(String, Story)> {
        let all = self.all();
        let found = all.values().filter(|search| search.is_plain).filter_map(|search| {
            let (story, _) = search.found.get()?;
            Some((search.rules.clone(), story.clone()?))
        });
        found.collect()
    }

    /// How far a search has come, which is begun if it was not yet.
    pub fn ask(&self, query: &Query, opened: &Arc<Opened>) -> Value {
        let asked = query.only(&BOUND);
        let search = {
            let mut all = self.all();
            let is_new = !all.contains_key(&asked);
            let search = all.entry(asked).or_insert_with(|| {
                let rules = opened.subject.name().to_owned();
                let is_plain = is_plain(query);
                let (going, found) = (Going::new(), OnceLock::new());
                Arc::new(Search { going, found, rules, is_plain })
            });
            let search = Arc::clone(search);
            if is_new {
                begin(&search, query, opened);
            }
            search
        };
        search.told()
    }

    /// Ends a search, which is forgotten unless it has come to its end: who asks again has it begun anew.
    pub fn cancel(&self, query: &Query) -> Value {
        let asked = query.only(&BOUND);
        let mut all = self.all();
        let Some(search) = all.get(&asked) else { return cancelled(0) };
        if search.found.get().is_some() {
            return search.told();
        }
        search.going.stop();
        let states = search.going.progress.states.load(Relaxed);
        all.remove(&asked);
        cancelled(states)
    }
}

impl Search {
    /// How far it is, or what it came to.
    fn told(&self) -> Value {
        match self.found.get() {
            None => {
                let mut far = self.going.to_json();
                far["done"] = json!(false);
                far
            }
            Some((story, says)) => {
                let story = story.as_ref().map(|story| story.to_json(&address(self, story)));
                json!({ "done": true, "story": story, "says": says })
            }
        }
    }
}

/// What stands in an address for the bound of a story.
fn address(search: &Search, story: &Story) -> String {
    if search.is_plain {
        return format!("rules={}", search.rules);
    }
    super::opened::address(&search.rules, &story.bound, story.open, story.violates)
}

/// Begins a search on a thread of its own.
fn begin(search: &Arc<Search>, query: &Query, opened: &Arc<Opened>) {
    let (search, opened) = (Arc::clone(search), Arc::clone(opened));
    let is_placed = query.get("byzantine").is_some();
    let asked = query.get("property").is_some();
    let thread = std::thread::Builder::new().name("story".to_owned());
    let mine = Arc::clone(&search);
    let begun = thread.spawn(move || {
        let bound = opened.system.bound();
        let byzantine = match is_placed {
            true => Byzantine::Ids(bound.byzantine.clone()),
            false => Byzantine::Count(bound.scope.faults),
        };
        let property = if asked { Some(opened.property) } else { opened.subject.property() };
        let plain = Bound::new(bound.scope, []);
        let question = (!mine.is_plain).then_some((&plain, &byzantine, property));
        let work = || story::find(&opened.subject, question, &LIMITS, &mine.going.progress);
        let found = crate::model::guarded(work)
            .unwrap_or_else(|panicked| (None, format!("the search panicked: {panicked}")));
        let _ = mine.found.set(found);
    });
    if let Err(why) = begun {
        let _ = search.found.set((None, format!("no search could be begun: {why}")));
    }
}
