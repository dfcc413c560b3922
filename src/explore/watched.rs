//! Searches that somebody waits for, who sees meanwhile how far they are and can end them.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::query::Query;
use super::stage::Answer;
use crate::check::{Limits, Progress};
use crate::trace::count;

/// How long the referee searches if nothing is said, and at most, in seconds.
const PATIENCE: (f64, f64) = (10.0, 60.0);
/// The most memory that a search of the referee may bring the process to, in bytes.
const MEMORY: u64 = 2 << 30;
/// How long a search for a counterexample may take, and to how much memory, in bytes, it may bring the process.
pub(super) const LIMITS: Limits = Limits {
    max_states: None,
    timeout: Some(Duration::from_secs(300)),
    max_memory: Some(3 << 30),
    threads: 1,
};
/// The longest name of a search.
const LONGEST: usize = 64;

/// How long the referee may search, as a query asks.
///
/// # Errors
/// It says no time.
pub(super) fn patience(query: &Query) -> Result<Duration, String> {
    let seconds: f64 = query.number("seconds")?.unwrap_or(PATIENCE.0);
    Duration::try_from_secs_f64(seconds.min(PATIENCE.1))
        .map_err(|_| format!("seconds={seconds}: give a number from 0 to {}", PATIENCE.1))
}

/// The limits of a search of the referee that may take so long.
pub(super) fn of_the_referee(time: Duration) -> Limits {
    Limits { timeout: Some(time), max_memory: Some(MEMORY), ..Limits::default() }
}

/// What is said of a search for a counterexample that somebody ended after so many states.
pub(super) fn cancelled(states: u64) -> Value {
    let says =
        format!("cancelled after {}: nothing is known of the others", count(states, "state", "states"));
    json!({ "done": true, "story": null, "says": says })
}

/// How far a search is, and since when it runs.
pub(super) struct Going {
    pub progress: Progress,
    begun: Instant,
}

impl Going {
    pub fn new() -> Self {
        Going { progress: Progress::default(), begun: Instant::now() }
    }

    /// How far it is, as the page is told.
    pub fn to_json(&self) -> Value {
        json!({
            "states": self.progress.states.load(Relaxed),
            "depth": self.progress.depth.load(Relaxed),
            "walked": self.progress.walked.load(Relaxed),
            "seconds": self.begun.elapsed().as_secs_f64(),
        })
    }

    /// Has it end soon.
    pub fn stop(&self) {
        self.progress.stop.store(true, Relaxed);
    }
}

/// The searches that are going on, by the name that each was given by who waits for it.
#[derive(Default)]
pub(super) struct Watched(Mutex<BTreeMap<String, Arc<Going>>>);

/// A search that is watched until this is dropped.
pub(super) struct Watch<'a> {
    all: &'a Watched,
    name: Option<String>,
    going: Arc<Going>,
}

impl Watched {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Going>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A search begins; without a name nobody watches it.
    ///
    /// # Errors
    /// The name is too long, or that of another search that is going on.
    pub fn begin(&self, name: Option<&str>) -> Result<Watch<'_>, String> {
        let going = Arc::new(Going::new());
        let Some(name) = name else { return Ok(Watch { all: self, name: None, going }) };
        if name.len() > LONGEST {
            return Err(format!("search: a name has {LONGEST} characters at most"));
        }
        let mut all = self.all();
        if all.contains_key(name) {
            return Err(format!("search={name}: a search of this name is going on"));
        }
        all.insert(name.to_owned(), Arc::clone(&going));
        Ok(Watch { all: self, name: Some(name.to_owned()), going })
    }

    /// How far the search is that a query names; it ends soon, if that is wanted.
    ///
    /// # Errors
    /// The query names none.
    pub fn asked(&self, query: &Query) -> Answer {
        let name = query.get("search").ok_or("search: give the name of the search that is meant")?;
        Ok(self.told(name, query.is_set("cancel")))
    }

    fn told(&self, name: &str, ends: bool) -> Value {
        let going = self.all().get(name).map(Arc::clone);
        let Some(going) = going else { return json!({ "runs": false }) };
        if ends {
            going.stop();
        }
        let mut told = going.to_json();
        told["runs"] = json!(true);
        told
    }
}

impl Watch<'_> {
    pub fn progress(&self) -> &Progress {
        &self.going.progress
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            self.all.all().remove(name);
        }
    }
}
