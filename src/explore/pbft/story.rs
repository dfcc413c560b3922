//! Counterexamples that are known, and the search for one that is not.
//!
//! Those of the corpus are kept in a file, as the names of their steps: a story opens at once. Nothing is claimed by that: to
//! show one is to make it happen, and the properties are asked of the state that it leads to.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::opened::Opened;
use super::walk::Walk;
use crate::bugs::{Expected, Rulebook};
use crate::check::{self, Job, JudgeKind, Limits, Progress, Row, Verdict};
use crate::model::{Bound, Byzantine, Property};
use crate::subject::Pbft;
use crate::trace::{LassoRecord, RunLasso, Trace};

/// A run that violates something, by the names of its steps.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub bound: Bound,
    /// Whether nothing is withheld for lack of time.
    pub open: bool,
    pub violates: Property,
    pub steps: Vec<String>,
    pub lasso: Option<RunLasso>,
    /// The run itself, where its names alone do not tell it.
    pub held: Option<Arc<Trace>>,
}

/// A story as the file has it.
#[derive(Serialize, Deserialize)]
struct Record {
    bound: Bound,
    open: bool,
    violates: Property,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lasso: Option<LassoRecord>,
    steps: String,
}

impl TryFrom<Record> for Story {
    type Error = crate::trace::ReadError;

    fn try_from(record: Record) -> Result<Self, Self::Error> {
        let Record { bound, open, violates, lasso, steps } = record;
        let steps =
            steps.split(super::name::JOINT).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let lasso = lasso.map(RunLasso::try_from).transpose()?;
        Ok(Story { bound, open, violates, steps, lasso, held: None })
    }
}

/// The stories of the corpus, by rulebook.
static KNOWN: LazyLock<BTreeMap<String, Story>> = LazyLock::new(|| {
    let records: BTreeMap<String, Record> =
        serde_json::from_str(include_str!("stories.json")).unwrap_or_default();
    let stories = records.into_iter().map(|(name, record)| Some((name, record.try_into().ok()?)));
    stories.flatten().collect()
});

/// How many steps are shown of a simulated run that has too many to be drawn: by then it has become visible who waits.
const BEGINNING: usize = 480;

/// How the runs begin of the rulebooks that a simulated run alone shows.
static BEGINNINGS: LazyLock<BTreeMap<&'static str, Story>> = LazyLock::new(|| {
    let simulated = crate::bugs::RULEBOOKS.iter().filter(|rulebook| is_simulated(rulebook));
    simulated.filter_map(|rulebook| Some((rulebook.name, beginning(rulebook)?))).collect()
});

/// Whether a simulated run alone shows what the corpus says of a rulebook.
pub(super) fn is_simulated(rulebook: &Rulebook) -> bool {
    rulebook.runs.iter().all(|run| run.scope.load.is_some())
}

/// How the run of a rulebook begins, if a simulated run alone shows what the corpus says of it.
pub(super) fn begins(rules: &str) -> Option<&'static Story> {
    let is_simulated = crate::bugs::find(rules).is_some_and(is_simulated);
    is_simulated.then(|| BEGINNINGS.get(rules)).flatten()
}

/// The names of the steps of a run.
fn names(opened: &Arc<Opened>, trace: &Trace) -> Option<Vec<String>> {
    let mut walk = Walk::new(opened);
    for step in trace.steps() {
        walk.happen(step.to, step.event.clone()).ok()?;
    }
    Some(walk.names)
}

fn beginning(rulebook: &'static Rulebook) -> Option<Story> {
    let catalogue = crate::bugs::catalogue();
    let subject = catalogue.find(rulebook.name)?;
    let run = rulebook.runs.first()?;
    let row = check::run_row(rulebook, run, &Limits::default(), &Progress::default()).ok()?;
    let (violates, trace) = row.outcomes.iter().find_map(|outcome| match &outcome.verdict {
        Verdict::Violated { property, trace, .. } => Some((*property, trace)),
        _ => None,
    })?;
    let steps = trace.steps().iter().take(BEGINNING);
    let events: Vec<_> = steps.map(|step| (step.to, step.event.clone())).collect();
    let trace = Trace::replay(&Arc::new(trace.system().clone()), &events).ok()?;
    let steps = names(&Arc::new(Opened::of_trace("", subject, &trace, Some(violates))), &trace)?;
    let bound = trace.system().bound().clone();
    Some(Story { bound, open: false, violates, steps, lasso: None, held: Some(Arc::new(trace)) })
}

/// The stories of the corpus.
pub(super) fn known() -> &'static BTreeMap<String, Story> {
    &KNOWN
}

pub(super) fn lasso_to_json(lasso: &RunLasso) -> Value {
    json!({
        "property": lasso.property.name(),
        "stable_after": lasso.stable_after,
        "repeats_after": lasso.repeats_after,
        "is_loop": lasso.is_loop(),
        "then": lasso.then,
    })
}

impl Story {
    /// The story of a run, if the names of its steps tell it again or it is `kept`.
    pub fn of(subject: &Pbft, violates: Property, trace: &Trace, is_kept: bool) -> Option<Story> {
        let opened = Arc::new(Opened::of_trace("", subject, trace, Some(violates)));
        let steps = names(&opened, trace)?;
        let told = Arc::new(opened.without_held());
        let (again, unfit) = Walk::along(&told, &steps.join(&super::name::JOINT.to_string()));
        let is_told = unfit.is_none()
            && (trace.lasso().is_some()
                || again.trace().is_ok_and(|again| again.violation(violates).is_some()));
        if !is_told && !is_kept {
            return None;
        }
        Some(Story {
            bound: trace.system().bound().clone(),
            open: trace.system().is_open() && trace.system().bound().scope.load.is_none(),
            violates,
            steps,
            lasso: trace.lasso().cloned(),
            held: (!is_told).then(|| Arc::new(trace.clone())),
        })
    }

    /// What is said of it, the story of these rules.
    pub fn says(&self, rules: &str) -> String {
        match self.held.as_ref().is_some_and(|trace| trace.system().is_simulated()) {
            true => format!(
                "the beginning of a simulated run of thousands of steps, all of which 'bft bugs --check {rules}' has happen"
            ),
            false => format!("{} is violated", self.violates),
        }
    }

    pub fn to_json(&self, query: &str) -> Value {
        json!({
            "query": query,
            "steps": self.steps,
            "violates": self.violates.name(),
            "lasso": self.lasso.as_ref().map(lasso_to_json),
        })
    }
}

/// What a search came to: a story, and a sentence.
pub(super) type Found = (Option<Story>, String);

/// Looks for the story of a rulebook of the corpus: what must be found, where it must.
fn in_corpus(rulebook: &'static Rulebook, subject: &Pbft, limits: &Limits, progress: &Progress) -> Found {
    if let Some(story) = begins(rulebook.name) {
        return (Some(story.clone()), story.says(rulebook.name));
    }
    let mut says = "the corpus says of no run that it violates something".to_owned();
    for run in rulebook.runs.iter().filter(|run| matches!(run.expected, Expected::Violated(_))) {
        let row = check::run_row(rulebook, run, limits, progress);
        let row: Row = match row {
            Ok(row) => row,
            Err(why) => return (None, why.to_string()),
        };
        let shortest = row.outcomes.iter().filter_map(|outcome| match &outcome.verdict {
            Verdict::Violated { property, trace, .. } => Some((trace.steps().len(), *property, trace)),
            _ => None,
        });
        if let Some((_, property, trace)) = shortest.min_by_key(|(steps, ..)| *steps) {
            let story = Story::of(subject, property, trace, true);
            return (story, format!("{property} is violated"));
        }
        says = "no limit let the search come to its end".to_owned();
    }
    (None, says)
}

/// Looks for a run that violates what a bound is opened for.
pub(super) fn search(
    subject: &Pbft,
    bound: &Bound,
    byzantine: &Byzantine,
    property: Option<Property>,
    limits: &Limits,
    progress: &Progress,
) -> Found {
    let judge = match property {
        Some(property) if property.is_liveness() => JudgeKind::Liveness,
        _ => JudgeKind::Guards,
    };
    let jobs: Vec<Job> = match check::jobs(judge, bound, byzantine, subject.rules()) {
        Ok(jobs) => jobs,
        Err(why) => return (None, why.to_string()),
    };
    let (mut states, mut limited) = (0, false);
    let asked = jobs.iter().filter(|job| check::validate(job, subject.rules(), property).is_ok());
    let mut looked = 0;
    for job in asked {
        looked += 1;
        match check::run(job, subject.rules(), property, limits, None, progress) {
            Err(why) => return (None, why.to_string()),
            Ok(outcome) => {
                states += outcome.coverage.states;
                match outcome.verdict {
                    Verdict::Violated { property, trace, .. } => {
                        let story = Story::of(subject, property, &trace, true);
                        return (story, format!("{property} is violated"));
                    }
                    Verdict::NotExhausted(_) => limited = true,
                    Verdict::Refused(why) => return (None, why),
                    Verdict::Holds | Verdict::Vacuous => {}
                }
            }
        }
    }
    let states = crate::trace::thousands(states);
    let says = match (looked, limited) {
        (0, _) => "nothing can be asked of this bound".to_owned(),
        (_, true) => {
            format!("not exhausted: {states} states were visited, and none of them violates anything")
        }
        (_, false) => format!("exhausted: no run violates anything; {states} states"),
    };
    (None, says)
}

/// Looks for the story of a subject: where the corpus says, if it is in it and nothing else is asked for.
pub(super) fn find(
    subject: &Pbft,
    asked: Option<(&Bound, &Byzantine, Option<Property>)>,
    limits: &Limits,
    progress: &Progress,
) -> Found {
    match (asked, crate::bugs::find(subject.name())) {
        (None, Some(rulebook)) if rulebook.breaks.is_some() => in_corpus(rulebook, subject, limits, progress),
        (None, _) => {
            let scope = subject.scope();
            let everywhere = Byzantine::Count(scope.faults);
            search(subject, &Bound::new(scope, []), &everywhere, subject.property(), limits, progress)
        }
        (Some((bound, byzantine, property)), _) => {
            search(subject, bound, byzantine, property, limits, progress)
        }
    }
}

/// The file of the stories of these rulebooks, each searched for: those that the names of their steps tell.
pub(super) fn written<'a>(rulebooks: impl Iterator<Item = &'a str>, limits: &Limits) -> String {
    let catalogue = crate::bugs::catalogue();
    let mut records = BTreeMap::new();
    for subject in rulebooks.filter_map(|name| catalogue.find(name)) {
        let Some(rulebook) = crate::bugs::find(subject.name()) else { continue };
        let story = in_corpus(rulebook, subject, limits, &Progress::default()).0;
        if let Some(story) = story.filter(|story| story.held.is_none()) {
            let Story { bound, open, violates, steps, lasso, .. } = story;
            let lasso = lasso.as_ref().map(LassoRecord::from);
            let steps = steps.join(&super::name::JOINT.to_string());
            records.insert(subject.name().to_owned(), Record { bound, open, violates, lasso, steps });
        }
    }
    serde_json::to_string_pretty(&records).unwrap_or_default()
}
