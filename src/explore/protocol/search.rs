//! Searches for the page, message by message: for a counterexample from the start, and what the referee says of a state.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Value, json};
use stateright::Model;

use super::super::watched::{Going, LIMITS, cancelled};
use super::frame::lasso;
use super::opened::{Asked, Opened, Subject, Told};
use super::walk::Walk;
use crate::check::protocol::{UNSTABLE_ROUNDS, Verdict, check_liveness, row_by_quorums, staying};
use crate::check::{Coverage, End, Limit, Limits, Progress, search_on};
use crate::engine::{AGREEMENT, FairGraph, Graph, LIVENESS, Onward, Refusal, Step, guarded};
use crate::protocol::Protocol;
use crate::trace::{ReadStoryError, Story, StoryEnd, StoryFile, thousands};

/// What a search came to.
pub(super) struct Came {
    pub coverage: Coverage,
    pub end: Ended,
}

pub(super) enum Ended {
    /// The names of the steps that lead there, and the property.
    Violated(Vec<String>, String),
    /// A run from the start on that never gets where it must get.
    Never(Told),
    Exhausted,
    Limited(Limit),
    Refused(String),
}

/// Searches all runs that go on from a run, in a graph of its own, whose tables go with it.
pub(super) fn searched<P: Protocol>(
    subject: &Subject<P>,
    asked: &Asked,
    names: &[String],
    limits: &Limits,
    progress: &Progress,
) -> Came {
    let refused = |why: String| Came { coverage: Coverage::default(), end: Ended::Refused(why) };
    let (protocol, property) = (Arc::clone(&subject.protocol), asked.property.as_deref());
    let graph = Graph::new(protocol, &asked.bound, property, Arc::clone(&progress.stop));
    let opened = match graph.map_err(|why| why.to_string()).and_then(|graph| Opened::of(asked, graph)) {
        Ok(opened) => opened,
        Err(why) => return refused(why),
    };
    let mut walk = match Walk::new(&opened) {
        Ok(walk) => walk,
        Err(why) => return refused(why),
    };
    if let Some(unfit) = walk.follow(&opened, names.iter().map(String::as_str)) {
        return refused(format!("step {}: {}", unfit.step, unfit.why));
    }
    let onward = match Onward::new(&opened.graph, &walk.path()) {
        Ok(onward) => onward,
        Err(why) => return refused(why.to_string()),
    };
    let report = search_on(&onward, &onward.properties(), limits, progress, None, |_| {}).0;
    let end = match (opened.graph.refusal(), report.end) {
        (Some(why), _) => Ended::Refused(why.to_string()),
        (None, End::Exhausted) => Ended::Exhausted,
        (None, End::Limited(limit)) => Ended::Limited(limit),
        (None, End::Violated { path, .. }) => match named(&opened, &mut walk, &path) {
            Ok(()) => {
                let property = opened.graph.violation(&walk.seen.state).map(|found| found.property);
                Ended::Violated(walk.names.split_off(names.len()), property.unwrap_or_default())
            }
            Err(why) => Ended::Refused(why),
        },
    };
    Came { coverage: report.coverage, end }
}

/// Goes on by these steps.
pub(super) fn named<P: Protocol>(opened: &Opened<P>, walk: &mut Walk, path: &[Step]) -> Result<(), String> {
    for &step in path {
        let all = super::name::possible(&opened.graph, &walk.seen.state);
        let found = all.iter().find(|named| named.step == step).ok_or("a step does not happen again")?;
        walk.happen(opened, found)?;
    }
    Ok(())
}

/// The counterexample in a trace, by the names of its steps, and what it is about.
pub(super) fn of_trace<P: Protocol>(
    subject: &Subject<P>,
    text: &str,
) -> Result<(Asked, Told), ReadStoryError> {
    let (file, graph, path) = StoryFile::followed(text, Arc::clone(&subject.protocol), None, Arc::default())?;
    let asked = subject.at(file.bound().clone(), None);
    let told = told(&asked, graph, &path).map_err(Refusal::NotRepeated)?;
    let violates = file.violates.clone().unwrap_or_else(|| AGREEMENT.to_owned());
    Ok((asked, Told { steps: told, violates, end: file.end().cloned() }))
}

fn told<P: Protocol>(asked: &Asked, graph: Graph<P>, path: &[Step]) -> Result<Vec<String>, String> {
    let opened = Opened::of(asked, graph)?;
    let mut walk = Walk::new(&opened)?;
    named(&opened, &mut walk, path)?;
    Ok(walk.names)
}

/// What a search for a counterexample came to: one, and a sentence.
type Found = (Option<Told>, String);

/// Looks for a run that violates something: safety, and then liveness, as far as it is asked about. What is said of runs that
/// were not found names what was looked at.
fn find<P: Protocol>(subject: &Subject<P>, asked: &Asked, progress: &Progress) -> Found {
    if let Some(found) = by_quorums(subject, asked, progress) {
        return found;
    }
    let is_fair = subject.protocol.layers().fair.is_some();
    let wants_liveness = asked.property.as_deref().map_or(is_fair, |property| property == LIVENESS);
    let looked_at = match (asked.property.as_deref(), is_fair) {
        (Some(property), _) => property,
        (None, true) => "safety or liveness",
        (None, false) => "safety",
    };
    let mut states = 0;
    if asked.property.as_deref() != Some(LIVENESS) {
        let came = searched(subject, asked, &[], &LIMITS, progress);
        states = came.coverage.states;
        match came.end {
            Ended::Violated(steps, violates) => {
                let says = format!("{violates} is violated");
                return (Some(Told { steps, violates, end: None }), says);
            }
            Ended::Refused(why) => return (None, why),
            Ended::Limited(_) => {
                let of_safety = if wants_liveness { "safety" } else { looked_at };
                let says = format!(
                    "not exhausted: none of {} states violates {of_safety}, and nothing is known of the others",
                    thousands(states)
                );
                return (None, says);
            }
            // That a run never gets there was not asked.
            Ended::Exhausted | Ended::Never(_) => {}
        }
    }
    if wants_liveness && let Some(found) = never(subject, asked, progress, &mut states) {
        return found;
    }
    (None, format!("exhausted: within the bound no run violates {looked_at}; {} states", thousands(states)))
}

/// Looks for a run that violates safety by whole quorums, where Byzantine nodes say what they like and nothing is asked that only
/// single messages know: one message after the other there is too much that they can say.
fn by_quorums<P: Protocol>(subject: &Subject<P>, asked: &Asked, progress: &Progress) -> Option<Found> {
    let is_asked = asked.bound.most_general && asked.property.as_deref() != Some(LIVENESS);
    let row = is_asked.then(|| {
        row_by_quorums(&subject.protocol, &asked.bound, asked.property.as_deref(), &LIMITS, progress)
    });
    let row = row.flatten()?;
    let says = match row.verdict {
        Verdict::Violated { story, .. } => match of_story(subject, &story) {
            Ok(told) => {
                let says = format!("{} is violated", told.violates);
                return Some((Some(told), says));
            }
            Err(why) => why.to_string(),
        },
        Verdict::Refused(why) => why.to_string(),
        Verdict::NotExhausted(limit) => format!("not exhausted: {limit}"),
        Verdict::Holds | Verdict::Vacuous | Verdict::NotLive { .. } => "nothing was found".to_owned(),
    };
    Some((None, says))
}

/// Looks for a run that never gets where it must get; nothing is returned if every fair run gets there.
fn never<P: Protocol>(
    subject: &Subject<P>,
    asked: &Asked,
    progress: &Progress,
    states: &mut u64,
) -> Option<Found> {
    let graph = Graph::fair(Arc::clone(&subject.protocol), &asked.bound, Arc::clone(&progress.stop));
    let graph = match graph {
        Ok(graph) => FairGraph::new(graph, UNSTABLE_ROUNDS),
        Err(why) => return Some((None, why.to_string())),
    };
    let (coverage, verdict) = check_liveness(&graph, &LIMITS, progress);
    *states += coverage.states;
    let says = match verdict {
        Verdict::Holds | Verdict::Vacuous => return None,
        Verdict::NotLive { story, .. } | Verdict::Violated { story, .. } => match of_story(subject, &story) {
            Ok(told) => return Some((Some(told), format!("{LIVENESS} is violated"))),
            Err(why) => why.to_string(),
        },
        Verdict::NotExhausted(limit) if asked.property.is_some() => {
            format!("{LIVENESS} is not exhausted: {limit}")
        }
        Verdict::NotExhausted(limit) => {
            format!(
                "exhausted: within the bound no run violates safety; {LIVENESS} is not exhausted: {limit}"
            )
        }
        Verdict::Refused(why) => why.to_string(),
    };
    Some((None, says))
}

fn of_story<P: Protocol>(subject: &Subject<P>, story: &Story) -> Result<Told, ReadStoryError> {
    Ok(of_trace(subject, &story.to_json()?)?.1)
}

/// Every run that goes on from a run, after it stable or not for so many rounds.
fn fair<P: Protocol>(
    subject: &Subject<P>,
    asked: &Asked,
    names: &[String],
    rounds: u64,
    progress: &Progress,
) -> Result<FairGraph<P>, String> {
    let graph = Graph::fair(Arc::clone(&subject.protocol), &asked.bound, Arc::clone(&progress.stop));
    let graph = graph.map_err(|why| why.to_string())?;
    if let Some(why) = graph.refusal() {
        return Err(why.to_string());
    }
    let path = super::name::followed(&graph, names)?;
    FairGraph::beginning_with(graph, &path, rounds).map_err(|why| why.to_string())
}

/// Looks for a fair run that goes on from a run and never gets where it must get, whenever the network becomes stable.
pub(super) fn stopped<P: Protocol>(
    subject: &Subject<P>,
    asked: &Asked,
    names: &[String],
    limits: &Limits,
    progress: &Progress,
) -> Came {
    let graph = match fair(subject, asked, names, UNSTABLE_ROUNDS, progress) {
        Ok(graph) => graph,
        Err(why) => return Came { coverage: Coverage::default(), end: Ended::Refused(why) },
    };
    let (coverage, verdict) = check_liveness(&graph, limits, progress);
    let end = match verdict {
        Verdict::Holds | Verdict::Vacuous => Ended::Exhausted,
        Verdict::NotLive { story, .. } | Verdict::Violated { story, .. } => match of_story(subject, &story) {
            Ok(told) => Ended::Never(told),
            Err(why) => Ended::Refused(why.to_string()),
        },
        Verdict::NotExhausted(limit) => Ended::Limited(limit),
        Verdict::Refused(why) => Ended::Refused(why.to_string()),
    };
    Came { coverage, end }
}

/// How a run goes on for ever whose network is stable after so many steps and that repeats those after so many others, as far as
/// its nodes show it.
pub(super) fn stays<P: Protocol>(
    subject: &Subject<P>,
    asked: &Asked,
    names: &[String],
    stable_after: usize,
    repeats_after: usize,
) -> Option<StoryEnd> {
    let (before, after) = names.split_at_checked(stable_after)?;
    let graph = fair(subject, asked, before, 0, &Progress::default()).ok()?;
    let path = super::name::followed_from(graph.graph(), graph.begins_at().clone(), after).ok()?;
    staying(&graph, &path, repeats_after.checked_sub(stable_after)?)
}

/// One search for a counterexample.
struct Search {
    going: Going,
    found: OnceLock<Found>,
}

/// All searches for counterexamples, by what is asked.
#[derive(Default)]
pub(super) struct Searches(Mutex<BTreeMap<String, Arc<Search>>>);

impl Searches {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Search>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A counterexample that is known without a search.
    pub fn know(&self, asked: &Asked, told: Told) {
        let says = format!("{} is violated", told.violates);
        let search = Search { going: Going::new(), found: OnceLock::from((Some(told), says)) };
        self.all().insert(asked.query.clone(), Arc::new(search));
    }

    /// What was found by now.
    pub fn found(&self, query: &str) -> Option<Told> {
        self.all().get(query).and_then(|search| search.found.get()).and_then(|(told, _)| told.clone())
    }

    /// How far a search has come, which is begun if it was not yet.
    pub fn ask<P: Protocol>(&self, subject: &Arc<Subject<P>>, asked: &Asked) -> Value {
        let (search, is_new) = {
            let mut all = self.all();
            let is_new = !all.contains_key(&asked.query);
            let search = all
                .entry(asked.query.clone())
                .or_insert_with(|| Arc::new(Search { going: Going::new(), found: OnceLock::new() }));
            (Arc::clone(search), is_new)
        };
        if is_new {
            begin(&search, subject, asked);
        }
        search.told(asked)
    }

    /// Ends a search, which is forgotten unless it has come to its end: who asks again has it begun anew.
    pub fn cancel(&self, asked: &Asked) -> Value {
        let mut all = self.all();
        let Some(search) = all.get(&asked.query).map(Arc::clone) else { return cancelled(0) };
        if search.found.get().is_some() {
            return search.told(asked);
        }
        search.going.stop();
        all.remove(&asked.query);
        cancelled(search.going.progress.states.load(Relaxed))
    }
}

impl Search {
    /// How far it is, or what it came to.
    fn told(&self, asked: &Asked) -> Value {
        match self.found.get() {
            None => {
                let mut far = self.going.to_json();
                far["done"] = json!(false);
                far
            }
            Some((told, says)) => {
                json!({ "done": true, "story": told.as_ref().map(|told| as_json(told, &asked.query)), "says": says })
            }
        }
    }
}

/// A counterexample for the page.
pub(super) fn as_json(told: &Told, query: &str) -> Value {
    json!({
        "query": query,
        "steps": told.steps,
        "violates": told.violates,
        "lasso": told.end.as_ref().map(|end| lasso(end, told.steps.len())),
    })
}

/// Begins a search on a thread of its own.
fn begin<P: Protocol>(search: &Arc<Search>, subject: &Arc<Subject<P>>, asked: &Asked) {
    let (mine, subject, asked) = (Arc::clone(search), Arc::clone(subject), asked.clone());
    let thread = std::thread::Builder::new().name("story".to_owned());
    let begun = thread.spawn(move || {
        let found = guarded(|| find(&subject, &asked, &mine.going.progress));
        let found = found.unwrap_or_else(|panicked| (None, format!("the search panicked: {panicked}")));
        let _ = mine.found.set(found);
    });
    if let Err(why) = begun {
        let _ = search.found.set((None, format!("no search could be begun: {why}")));
    }
}
