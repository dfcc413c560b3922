//! Traces in files: the project's own form, and the Informal Trace Format of Apalache and Quint
//! (<https://apalache-mc.org/docs/adr/015adr-trace.html>), written and read.
//!
//! A file names the rulebook and the bound and tells each step: who, the words, and the message in full; without
//! the message the words do, where the bound is small. What else stands in it is for readers. Reading it means to
//! make every step happen again on the real replicas: a file cannot claim anything.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Form;
use super::message::MessageRecord;
use super::script::ScriptLine;
use super::stage::Stage;
use super::{Explanation, LassoError, ReplayError, RunLasso, Step, Trace, describe};
use crate::model::{Bound, BoundError, Event, Property, System};
use crate::pbft::{Effect, Principal, Timer};
use crate::subject::{Catalogue, Pbft};

/// The version of the project's own form, and of what it adds to the Informal Trace Format.
const VERSION: u64 = 1;

/// Why a file is not a trace.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It is no text.
    #[error("this is no text: {0}")]
    Utf8(#[from] std::str::Utf8Error),
    /// It is no JSON, or ends too early.
    #[error("this is no JSON: {0}")]
    Json(serde_json::Error),
    /// It is JSON, and no trace.
    #[error("this is JSON, but no trace as bft check --trace writes it: {0}")]
    Form(serde_json::Error),
    /// It is of another version of the form.
    #[error("the trace is of version {0} of its form, and this program reads version {VERSION}")]
    Version(Value),
    /// The rulebook is unknown.
    #[error("the trace is of the rulebook '{0}', which does not exist; bft rules lists them")]
    Rules(String),
    /// The bound makes no sense.
    #[error("the bound of the trace makes no sense: {0}")]
    Bound(#[from] BoundError),
    /// A step does not follow from those before it.
    #[error("{0}: the trace does not fit the rulebook '{1}'")]
    Step(ReplayError, String),
    /// It does not stay where it says that it does.
    #[error("the trace is said never to reach what it owes: {0}")]
    RunLasso(#[from] LassoError),
    /// Two parts of it contradict each other.
    #[error("the trace contradicts itself: {0}")]
    Contradiction(String),
}

/// A trace that was read from a file and has happened again.
///
/// ```
/// # use bft_check::pbft::{Committee, Rules};
/// # #[derive(Debug)]
/// # struct FewCommits;
/// # impl Rules for FewCommits {
/// #     fn commit_quorum(&self, committee: Committee) -> usize {
/// #         committee.quorum() - 1
/// #     }
/// # }
/// use bft_check::check::{Check, JudgeKind};
/// use bft_check::subject::{Catalogue, Pbft};
/// use bft_check::trace::{Form, TraceFile};
///
/// let mine = Catalogue::of([Pbft::with(&FewCommits)]);
/// let check = Check::new(Pbft::with(&FewCommits)).judge(JudgeKind::Guards).byzantine([0]);
/// let checked = check.run()?;
/// let (violated, _, trace) = checked.shortest().expect("few COMMITs fork");
///
/// let file = trace.written(Form::Json, "few-commits", Some(violated))?;
/// let read = TraceFile::read(&file, &mine)?;
/// assert_eq!(read.subject.name(), "few-commits");
/// assert_eq!(read.violates, Some(violated));
/// assert_eq!(read.trace.violation(violated), trace.violation(violated));
///
/// let words = read.trace.to_text(read.violates);
/// assert!(words.contains("Violated: agreement"));
/// assert_eq!(words, trace.written(Form::of("fork.txt")?, "few-commits", Some(violated))?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TraceFile {
    /// The subject that it names.
    pub subject: Pbft,
    /// The property that it says to violate; whether it does, [`Trace::violation`] tells, and for one of liveness
    /// [`Trace::lasso`].
    pub violates: Option<Property>,
    /// The run.
    pub trace: Trace,
}

/// The project's own form.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    version: u64,
    rules: String,
    bound: Bound,
    /// Whether nothing is withheld for lack of time, as in what is about liveness.
    open: bool,
    violates: Option<Property>,
    #[serde(skip_deserializing)]
    explanation: Option<String>,
    lasso: Option<LassoRecord>,
    #[serde(skip_deserializing)]
    because: Option<Explanation>,
    steps: Vec<StepRecord>,
    #[serde(skip_deserializing)]
    finally: Vec<(String, String)>,
}

/// Where a run stays that never does what it owes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LassoRecord {
    property: Property,
    stable_after: usize,
    repeats_after: usize,
    then: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct StepRecord {
    #[serde(skip_deserializing)]
    step: usize,
    from: Option<String>,
    to: String,
    event: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<Value>,
    #[serde(skip_deserializing)]
    sends: Vec<String>,
    #[serde(skip_deserializing)]
    timer: Option<Option<String>>,
    #[serde(skip_deserializing)]
    state: String,
}

/// What of the Informal Trace Format is read; the rest is ignored, as the format asks for.
#[derive(Debug, Deserialize)]
struct Itf {
    #[serde(rename = "#meta")]
    meta: ItfMeta,
    states: Vec<ItfState>,
    #[serde(rename = "loop")]
    repeats: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct ItfMeta {
    version: u64,
    rules: String,
    bound: Bound,
    /// Whether nothing is withheld for lack of time, as in what is about liveness.
    open: bool,
    violates: Option<Property>,
    lasso: Option<LassoRecord>,
}

#[derive(Debug, Deserialize)]
struct ItfState {
    #[serde(rename = "mbt::actionTaken")]
    action: Option<String>,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    event: String,
    #[serde(default)]
    message: String,
}

impl TraceFile {
    /// Reads a trace of one of these subjects in either form that can be read, and makes it happen.
    ///
    /// # Errors
    /// What is wrong with the text, or the first step that cannot happen.
    pub fn read(text: impl AsRef<[u8]>, catalogue: &Catalogue) -> Result<Self, ReadError> {
        let text = std::str::from_utf8(text.as_ref())?;
        // Some editors begin every file with a byte-order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(ReadError::Empty);
        }
        let value: Value = serde_json::from_str(text).map_err(ReadError::Json)?;
        let meta = value.get("#meta");
        let version = meta.unwrap_or(&value).get("version");
        if let Some(version) = version.filter(|version| **version != json!(VERSION)) {
            return Err(ReadError::Version(version.clone()));
        }
        if meta.is_none() {
            return Record::deserialize(value).map_err(ReadError::Form)?.happens(catalogue);
        }
        let itf = Itf::deserialize(value).map_err(ReadError::Form)?;
        let actions: Vec<_> = itf.states.iter().skip(1).map(|state| state.action.clone()).collect();
        let read = Record::try_from(itf)?.happens(catalogue)?;
        for ((number, action), step) in (1..).zip(actions).zip(read.trace.steps()) {
            if let Some(action) = action.filter(|action| action != step.action()) {
                let taken = step.action();
                let why = format!("step {number} is said to be '{action}' and is '{taken}'");
                return Err(ReadError::Contradiction(why));
            }
        }
        Ok(read)
    }
}

impl Record {
    /// Makes it happen.
    fn happens(self, catalogue: &Catalogue) -> Result<TraceFile, ReadError> {
        let Record { rules, bound, open, violates, lasso, steps, .. } = self;
        let subject = catalogue.find(&rules).ok_or(ReadError::Rules(rules))?.clone();
        let rules = subject.rules();
        let system = if open { System::open(bound, rules) } else { System::new(bound, rules) };
        let system = Arc::new(system?);
        let trace = Trace::enact(&system, &steps, |stage, number, step| step.event(&system, stage, number));
        let mut trace = trace.map_err(|why| ReadError::Step(why, subject.name().to_owned()))?;
        if let Some(lasso) = lasso {
            if violates != Some(lasso.property) {
                let said = violates.map_or("nothing", Property::name);
                let why = format!("it violates {said}, and stays without reaching {}", lasso.property);
                return Err(ReadError::Contradiction(why));
            }
            trace = trace.staying(lasso.try_into()?)?;
        }
        Ok(TraceFile { subject, violates, trace })
    }
}

impl TryFrom<LassoRecord> for RunLasso {
    type Error = ReadError;

    fn try_from(record: LassoRecord) -> Result<Self, ReadError> {
        let LassoRecord { property, stable_after, repeats_after, then } = record;
        let known = [RunLasso::DEAD_END, RunLasso::REST, RunLasso::LOOP, RunLasso::RISING]
            .into_iter()
            .find(|known| *known == then);
        let then = known
            .ok_or_else(|| ReadError::Contradiction(format!("no run stays so that '{then}' can be said")))?;
        Ok(RunLasso { property, stable_after, repeats_after, then })
    }
}

impl From<&RunLasso> for LassoRecord {
    fn from(lasso: &RunLasso) -> Self {
        LassoRecord {
            property: lasso.property,
            stable_after: lasso.stable_after,
            repeats_after: lasso.repeats_after,
            then: lasso.then.to_owned(),
        }
    }
}

impl StepRecord {
    fn line(&self) -> ScriptLine<'_> {
        ScriptLine { from: self.from.as_deref(), to: &self.to, what: &self.event }
    }

    /// What happens, and to whom: the message that the file holds, or the one that its words mean.
    fn event(
        &self,
        system: &System,
        stage: &Stage,
        number: usize,
    ) -> Result<(Principal, Event), ReplayError> {
        let line = self.line();
        let unfit = |why: String| ReplayError::Unfit(number, line.to_string(), why);
        let (to, event) = match &self.message {
            None => stage.find(number, &line, |whole, said| whole == said)?,
            Some(value) => {
                let message = stage.parse(value).map_err(|why| unfit(why.to_string()))?;
                if !system.is_explored(&message) {
                    return Err(unfit("the message is for a sequence number beyond the bound".to_owned()));
                }
                let to = super::script::principal(&self.to);
                (to.ok_or_else(|| unfit("there is nobody of that name".to_owned()))?, Event::Deliver(message))
            }
        };
        let (from, words) = (sender(&event), words(system, &event));
        if (from.as_deref(), words.as_str()) != (line.from, line.what) {
            let is = ScriptLine { from: from.as_deref(), to: &self.to, what: &words };
            return Err(unfit(format!("the message in full is another one: {is}")));
        }
        Ok((to, event))
    }
}

impl TryFrom<Itf> for Record {
    type Error = ReadError;

    fn try_from(itf: Itf) -> Result<Self, ReadError> {
        let Itf { meta: ItfMeta { version, rules, bound, open, violates, lasso }, states, repeats } = itf;
        let mut states = states.into_iter();
        // The first state is the one before any step.
        let contradiction = |why: &str| ReadError::Contradiction(why.to_owned());
        let first = states.next().ok_or_else(|| contradiction("it has no states, not even a first one"))?;
        let led = [&first.from, &first.to, &first.event, &first.message].iter().any(|part| !part.is_empty());
        if led || first.action.is_some_and(|action| action != FIRST) {
            return Err(contradiction("a step leads to its first state"));
        }
        if repeats != lasso.as_ref().map(|lasso| lasso.repeats_after) {
            return Err(contradiction("its loop does not begin where #meta says that it stays"));
        }
        let steps = states.map(|state| StepRecord {
            step: 0,
            from: Some(state.from).filter(|from| !from.is_empty()),
            to: state.to,
            event: state.event,
            message: Some(state.message)
                .filter(|text| !text.is_empty())
                .map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text))),
            sends: Vec::new(),
            timer: None,
            state: String::new(),
        });
        let steps = steps.collect();
        Ok(Record {
            version,
            rules,
            bound,
            open,
            violates,
            explanation: None,
            lasso,
            because: None,
            steps,
            finally: Vec::new(),
        })
    }
}

/// The action that leads to the first state of an ITF trace.
const FIRST: &str = "init";

/// Whose message it is, if it is one.
fn sender(event: &Event) -> Option<String> {
    match event {
        Event::Deliver(message) => Some(message.signer().to_string()),
        _ => None,
    }
}

/// The event in words.
fn words(system: &System, event: &Event) -> String {
    match event {
        Event::Deliver(message) => describe(system, message),
        other => super::text::in_words(other).unwrap_or_default(),
    }
}

impl Trace {
    /// The trace in one of the forms, said to be of this rulebook and to violate this property.
    ///
    /// # Errors
    /// If serialisation fails.
    pub fn written(&self, form: Form, rules: &str, property: Option<Property>) -> serde_json::Result<String> {
        match form {
            Form::Json => self.to_json(rules, property),
            Form::Itf => self.to_itf(rules, property),
            Form::Mermaid => Ok(self.to_mermaid(property)),
            Form::Text => Ok(self.to_text(property)),
            Form::Shiviz => Ok(self.to_shiviz()),
            Form::Html => Ok(self.to_html(rules, property)),
        }
    }

    /// The trace as JSON, to be read again and for other programs.
    ///
    /// # Errors
    /// If serialisation fails.
    pub fn to_json(&self, rules: &str, property: Option<Property>) -> serde_json::Result<String> {
        let steps = (1..).zip(&self.steps).map(|(number, step)| StepRecord {
            step: number,
            from: sender(&step.event),
            to: step.to.to_string(),
            event: step.event(&self.system),
            message: step.message(),
            sends: step.sends(&self.system),
            timer: step.effects.iter().rev().find_map(|effect| match effect {
                Effect::Timer(timer) => Some(timer.map(|Timer { view, .. }| view.to_string())),
                _ => None,
            }),
            state: format!("{:?}", step.after),
        });
        let record = Record {
            version: VERSION,
            rules: rules.to_owned(),
            bound: self.system.bound().clone(),
            open: self.system.is_open(),
            violates: property,
            explanation: property.and_then(|p| self.violation(p)),
            lasso: self.lasso.as_ref().map(LassoRecord::from),
            because: property.and_then(|p| self.explain(p)),
            steps: steps.collect(),
            finally: self.finally().map(|(who, local)| (who.to_string(), format!("{local:?}"))).collect(),
        };
        serde_json::to_string_pretty(&record)
    }

    /// The trace in the Informal Trace Format: a state before the first step and one after each, with what
    /// every participant believes and the step that led there.
    ///
    /// # Errors
    /// If serialisation fails.
    pub fn to_itf(&self, rules: &str, property: Option<Property>) -> serde_json::Result<String> {
        let first = crate::model::Run::new(Arc::clone(&self.system));
        let mut beliefs: Vec<_> = first.locals().map(|(who, local)| (who, format!("{local:?}"))).collect();
        let mut states = vec![itf_state(0, FIRST, "", "", "", "", &as_map(&beliefs))];
        for (index, step) in (1..).zip(&self.steps) {
            for (_, belief) in beliefs.iter_mut().filter(|(who, _)| *who == step.to) {
                *belief = format!("{:?}", step.after);
            }
            let (from, to) = (sender(&step.event).unwrap_or_default(), step.to.to_string());
            let (event, message) = (step.event(&self.system), step.message());
            let message = message.map(|message| message.to_string()).unwrap_or_default();
            states.push(itf_state(index, step.action(), &from, &to, &event, &message, &as_map(&beliefs)));
        }
        let text = |name: &'static str| (name, if name == "beliefs" { "Str -> Str" } else { "Str" });
        let mut itf = json!({
            "#meta": {
                "format": "ITF",
                "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
                "varTypes": VARIABLES.into_iter().map(text).collect::<std::collections::BTreeMap<_, _>>(),
                "version": VERSION,
                "rules": rules,
                "bound": self.system.bound(),
                "open": self.system.is_open(),
                "violates": property,
                "lasso": self.lasso.as_ref().map(LassoRecord::from),
                "description": property.and_then(|p| self.violation(p)),
            },
            "params": [],
            "vars": VARIABLES,
            "states": states,
        });
        // A run that stops repeats its last state.
        if let Some(lasso) = &self.lasso {
            itf["loop"] = json!(lasso.repeats_after);
        }
        serde_json::to_string_pretty(&itf)
    }
}

/// The variables of a state in the Informal Trace Format.
const VARIABLES: [&str; 6] = ["mbt::actionTaken", "from", "to", "event", "message", "beliefs"];

impl Step {
    /// The message in full, if one is delivered.
    fn message(&self) -> Option<Value> {
        match &self.event {
            Event::Deliver(message) => serde_json::to_value(MessageRecord::from(message)).ok(),
            _ => None,
        }
    }

    fn action(&self) -> &'static str {
        match self.event {
            Event::Deliver(_) => "deliver",
            Event::Timeout(_) => "timeout",
            Event::Crash => "crash",
            Event::Invoke => "invoke",
            Event::Resend => "resend",
        }
    }
}

fn itf_state(
    index: usize,
    action: &str,
    from: &str,
    to: &str,
    event: &str,
    message: &str,
    beliefs: &Value,
) -> Value {
    json!({
        "#meta": { "index": index },
        "mbt::actionTaken": action,
        "from": from,
        "to": to,
        "event": event,
        "message": message,
        "beliefs": beliefs,
    })
}

/// A function from names to beliefs, as the format writes one.
fn as_map<W: ToString>(beliefs: &[(W, String)]) -> Value {
    let pairs: Vec<_> = beliefs.iter().map(|(who, belief)| json!([who.to_string(), belief])).collect();
    json!({ "#map": pairs })
}
