//! Traces in files: the project's own form, and the Informal Trace Format of Apalache and Quint
//! (<https://apalache-mc.org/docs/adr/015adr-trace.html>), written and read.
//!
//! A file names the rulebook and the bound and tells each step; what else stands in it is for readers.
//! Reading it means to make every step happen again on the real replicas: a file cannot claim anything.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

use super::told::Told;
use super::{Explanation, ReplayError, Stay, Step, Trace};
use crate::bugs::{self, Rulebook};
use crate::model::{Bound, BoundError, Event, System, is_liveness};
use crate::pbft::{Effect, Timer};

/// The forms in which a trace is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// The project's own JSON, which can be read again.
    Json,
    /// The Informal Trace Format (JSON), which can be read again.
    Itf,
    /// A Mermaid sequence diagram.
    Mermaid,
    /// Words.
    Text,
}

impl Form {
    /// The form that a file name asks for by its ending: `.itf.json`, `.mmd` and `.txt`; all others are JSON.
    pub fn of(name: &str) -> Self {
        match name {
            _ if name.ends_with(".itf.json") || name.ends_with(".itf") => Form::Itf,
            _ if name.ends_with(".mmd") => Form::Mermaid,
            _ if name.ends_with(".txt") => Form::Text,
            _ => Form::Json,
        }
    }
}

/// Why a file is not a trace.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is no JSON, or ends too early.
    #[error("this is no JSON: {0}")]
    Json(serde_json::Error),
    /// It is JSON, and no trace.
    #[error("this is JSON, but no trace as bft check --trace writes it: {0}")]
    Form(serde_json::Error),
    /// The rulebook is unknown.
    #[error("the trace is of the rulebook '{0}', which does not exist; bft rules lists them")]
    Rules(String),
    /// The bound makes no sense.
    #[error("the bound of the trace makes no sense: {0}")]
    Bound(#[from] BoundError),
    /// A step does not follow from those before it.
    #[error("{0}: the trace does not fit the rulebook '{1}'")]
    Step(ReplayError, &'static str),
}

/// A trace that was read from a file and has happened again.
#[derive(Debug)]
pub struct TraceFile {
    /// The rulebook that it names.
    pub rulebook: &'static Rulebook,
    /// The property that it says to violate; whether it does, [`Trace::violation`] tells.
    pub violates: Option<String>,
    /// The run.
    pub trace: Trace,
}

/// The project's own form.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    rules: String,
    bound: Bound,
    violates: Option<String>,
    #[serde(skip_deserializing)]
    explanation: Option<String>,
    #[serde(skip_deserializing)]
    lasso: Option<Stay>,
    #[serde(skip_deserializing)]
    because: Option<Explanation>,
    steps: Vec<StepRecord>,
    #[serde(skip_deserializing)]
    finally: Vec<(String, String)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StepRecord {
    #[serde(skip_deserializing)]
    step: usize,
    from: Option<String>,
    to: String,
    event: String,
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
}

#[derive(Debug, Deserialize)]
struct ItfMeta {
    rules: String,
    bound: Bound,
    violates: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ItfState {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    event: String,
}

impl TraceFile {
    /// Reads a trace in either form that can be read, and makes it happen.
    ///
    /// # Errors
    /// What is wrong with the text, or the first step that cannot happen.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        let value: Value = serde_json::from_str(text).map_err(ReadError::Json)?;
        let is_itf = value.get("#meta").is_some();
        let record =
            if is_itf { Itf::deserialize(value).map(Record::from) } else { Record::deserialize(value) };
        let Record { rules, bound, violates, steps, .. } = record.map_err(ReadError::Form)?;
        let rulebook = bugs::find(&rules).ok_or(ReadError::Rules(rules))?;
        // Of a run that is about liveness nothing is withheld for lack of time.
        let goes_on = violates.as_deref().is_some_and(is_liveness);
        let system =
            if goes_on { System::open(bound, rulebook.rules) } else { System::new(bound, rulebook.rules) };
        let system = Arc::new(system?);
        let told: Vec<_> = steps.iter().map(StepRecord::told).collect();
        let trace = Trace::of_told(&system, &told, |whole, said| whole == said);
        let trace = trace.map_err(|why| ReadError::Step(why, rulebook.name))?;
        Ok(TraceFile { rulebook, violates, trace })
    }
}

impl StepRecord {
    fn told(&self) -> Told<'_> {
        Told { from: self.from.as_deref(), to: &self.to, what: &self.event }
    }
}

impl From<Itf> for Record {
    fn from(itf: Itf) -> Self {
        // The first state is the one before any step.
        let steps = itf.states.into_iter().skip(1).map(|state| StepRecord {
            step: 0,
            from: Some(state.from).filter(|from| !from.is_empty()),
            to: state.to,
            event: state.event,
            sends: Vec::new(),
            timer: None,
            state: String::new(),
        });
        let ItfMeta { rules, bound, violates } = itf.meta;
        let steps = steps.collect();
        Record {
            rules,
            bound,
            violates,
            explanation: None,
            lasso: None,
            because: None,
            steps,
            finally: Vec::new(),
        }
    }
}

impl Trace {
    /// The trace in one of the forms, said to be of this rulebook and to violate this property.
    ///
    /// # Errors
    /// If serialisation fails.
    pub fn written(&self, form: Form, rules: &str, property: Option<&str>) -> serde_json::Result<String> {
        match form {
            Form::Json => self.to_json(rules, property),
            Form::Itf => self.to_itf(rules, property),
            Form::Mermaid => Ok(self.to_mermaid(property)),
            Form::Text => Ok(self.to_text(property)),
        }
    }

    /// The trace as JSON, to be read again and for other programs.
    ///
    /// # Errors
    /// If serialisation fails.
    pub fn to_json(&self, rules: &str, property: Option<&str>) -> serde_json::Result<String> {
        let steps = (1..).zip(&self.steps).map(|(number, step)| StepRecord {
            step: number,
            from: step.sender(),
            to: step.to.to_string(),
            event: step.event(&self.system),
            sends: step.sends(&self.system),
            timer: step.effects.iter().rev().find_map(|effect| match effect {
                Effect::Timer(timer) => Some(timer.map(|Timer { view, .. }| view.to_string())),
                _ => None,
            }),
            state: format!("{:?}", step.after),
        });
        let record = Record {
            rules: rules.to_owned(),
            bound: self.system.bound().clone(),
            violates: property.map(str::to_owned),
            explanation: property.and_then(|p| self.violation(p)).map(|(_, what)| what),
            lasso: self.lasso.clone(),
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
    pub fn to_itf(&self, rules: &str, property: Option<&str>) -> serde_json::Result<String> {
        let first = crate::model::Run::new(Arc::clone(&self.system));
        let mut beliefs: Vec<_> = first.locals().map(|(who, local)| (who, format!("{local:?}"))).collect();
        let mut states = vec![itf_state(0, "init", "", "", "", &as_map(&beliefs))];
        for (index, step) in (1..).zip(&self.steps) {
            for (_, belief) in beliefs.iter_mut().filter(|(who, _)| *who == step.to) {
                *belief = format!("{:?}", step.after);
            }
            let (from, to) = (step.sender().unwrap_or_default(), step.to.to_string());
            let event = step.event(&self.system);
            states.push(itf_state(index, step.action(), &from, &to, &event, &as_map(&beliefs)));
        }
        let repeats =
            self.lasso.as_ref().map(|stay| stay.repeats_after).filter(|&from| from < self.steps.len());
        let mut itf = json!({
            "#meta": {
                "format": "ITF",
                "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
                "rules": rules,
                "bound": self.system.bound(),
                "violates": property,
                "description": property.and_then(|p| self.violation(p)).map(|(_, what)| what),
            },
            "params": [],
            "vars": ["mbt::actionTaken", "from", "to", "event", "beliefs"],
            "states": states,
        });
        if let Some(from) = repeats {
            itf["loop"] = json!(from);
        }
        serde_json::to_string_pretty(&itf)
    }
}

impl Step {
    fn sender(&self) -> Option<String> {
        match &self.event {
            Event::Deliver(message) => Some(message.signer().to_string()),
            _ => None,
        }
    }

    fn action(&self) -> &'static str {
        match self.event {
            Event::Deliver(_) => "deliver",
            Event::Timeout(_) => "timeout",
            Event::Crash => "crash",
            Event::Invoke => "invoke",
        }
    }
}

fn itf_state(index: usize, action: &str, from: &str, to: &str, event: &str, beliefs: &Value) -> Value {
    json!({
        "#meta": { "index": index },
        "mbt::actionTaken": action,
        "from": from,
        "to": to,
        "event": event,
        "beliefs": beliefs,
    })
}

/// A function from names to beliefs, as the format writes one.
fn as_map<W: ToString>(beliefs: &[(W, String)]) -> Value {
    let pairs: Vec<_> = beliefs.iter().map(|(who, belief)| json!([who.to_string(), belief])).collect();
    json!({ "#map": pairs })
}
