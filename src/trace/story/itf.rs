//! A story in the Informal Trace Format of Apalache and Quint.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Story;
use crate::engine::Kind;

/// The variables of a state.
const VARIABLES: [&str; 6] = ["mbt::actionTaken", "from", "to", "event", "decided", "keys"];

impl Story {
    /// The story in the Informal Trace Format: a state before the first step, and one after each, with what led there, what
    /// everybody has decided by then, and what everybody's key is. The format's own fields hold what it takes to read it again.
    ///
    /// # Errors
    /// It cannot be put into JSON.
    pub fn to_itf(&self) -> serde_json::Result<String> {
        let names = self.participants.places().iter().map(ToString::to_string);
        let mut decided: BTreeMap<String, Vec<String>> = names.map(|name| (name, Vec::new())).collect();
        let mut keys: BTreeMap<String, String> =
            decided.keys().map(|name| (name.clone(), String::new())).collect();
        let mut states = vec![state(0, ["init", "", "", ""], &decided, &keys)];
        for (number, step) in (1..).zip(&self.steps) {
            if let Some(all) = decided.get_mut(&step.at) {
                all.extend(step.decides.iter().cloned());
            }
            if let Some(key) = keys.get_mut(&step.at) {
                *key = step.key.clone().unwrap_or_default();
            }
            let from = step.from.map(|from| from.to_string()).unwrap_or_default();
            let kind = match step.kind {
                Kind::Message => "deliver",
                Kind::Event => "event",
                Kind::Timer => "timeout",
                Kind::Crash => "crash",
                Kind::Loss => "lose",
                Kind::Cut => "cut",
            };
            states.push(state(number, [kind, &from, &step.at, &step.words], &decided, &keys));
        }
        let story: Value = serde_json::from_str(&self.to_json()?)?;
        let types = VARIABLES.map(|name| match name {
            "decided" => (name, "Str -> List(Str)"),
            "keys" => (name, "Str -> Str"),
            _ => (name, "Str"),
        });
        let mut itf = json!({
            "#meta": {
                "format": "ITF",
                "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
                "varTypes": types.into_iter().collect::<BTreeMap<_, _>>(),
                "description": self.violation.as_ref().map(|violation| format!("{}: {}", violation.property, violation.why)),
                "story": story,
            },
            "params": [],
            "vars": VARIABLES,
            "states": states,
        });
        if let Some(end) = &self.end {
            // A run that stops repeats its last state.
            let repeats = end.repeats_after.unwrap_or(self.steps.len() - self.opening);
            itf["loop"] = json!(self.opening + repeats);
        }
        serde_json::to_string_pretty(&itf)
    }
}

fn state(
    index: usize,
    [action, from, to, event]: [&str; 4],
    decided: &BTreeMap<String, Vec<String>>,
    keys: &BTreeMap<String, String>,
) -> Value {
    let decided: Vec<_> = decided.iter().map(|(who, what)| json!([who, what])).collect();
    let keys: Vec<_> = keys.iter().map(|(who, what)| json!([who, what])).collect();
    json!({
        "#meta": { "index": index },
        "mbt::actionTaken": action,
        "from": from,
        "to": to,
        "event": event,
        "decided": { "#map": decided },
        "keys": { "#map": keys },
    })
}
