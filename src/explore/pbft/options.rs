//! What can happen next, by who does it, each thing once.

use serde_json::{Value, json};

use super::name;
use super::opened::Worded;
use super::walk::{Walk, concerns};
use super::words::lines;
use crate::model::{Event, Local, Participant};
use crate::pbft::{Message, Principal};
use crate::trace::{Step, describe, in_words};

/// Something that can happen, and what comes of it.
pub(super) struct Choice {
    pub name: String,
    pub to: Principal,
    /// The message, if one arrives.
    pub message: Option<Worded>,
    pub words: String,
    pub kind: &'static str,
    /// Whether somebody Byzantine sent it.
    pub byzantine: bool,
    pub does: Vec<String>,
    pub sends: Vec<String>,
    /// Whether it only is counted.
    pub quiet: bool,
    /// What tells it from others that read alike.
    pub variant: Option<String>,
    /// The local state that it leads to.
    after: Local,
}

/// All that changes somebody, whoever has been stopped, in the order of participants; of what reads alike and leads to
/// the same only the first.
pub(super) fn choices(walk: &Walk) -> Vec<Choice> {
    let mut out = Vec::new();
    for participant in walk.participants() {
        let to = participant.id();
        let Some(local) = walk.local(to) else { continue };
        let begin = out.len();
        for worded in &walk.there().all {
            if !concerns(&walk.opened.system, to, &worded.message) {
                continue;
            }
            let event = Event::Deliver(worded.message.clone());
            let Some(choice) = choice(walk, participant, &event, Some(worded)) else { continue };
            let alike = |other: &Choice| {
                let from = |choice: &Choice| choice.message.as_ref().map(|worded| worded.from);
                from(other) == from(&choice) && other.words == choice.words
            };
            let twins: Vec<&Choice> = out[begin..].iter().filter(|other| alike(other)).collect();
            if twins.iter().any(|other| other.after == choice.after && other.sends == choice.sends) {
                continue;
            }
            let variant = (!twins.is_empty()).then(|| format!("variant {}", twins.len() + 1));
            out.push(Choice { variant, ..choice });
        }
        for event in others(local) {
            out.extend(choice(walk, participant, &event, None));
        }
    }
    out
}

/// What can happen to somebody without a message, if it can.
fn others(local: &Local) -> Vec<Event> {
    match local {
        Local::Replica(_) => {
            let timeout = local.replica().map(|state| Event::Timeout(state.view()));
            timeout.into_iter().chain([Event::Crash, Event::Resend]).collect()
        }
        Local::Client(_) => vec![Event::Invoke, Event::Resend],
        Local::Panicked(_) => Vec::new(),
    }
}

/// What an event would come to, if it changes anybody.
fn choice(walk: &Walk, participant: &Participant, event: &Event, worded: Option<&Worded>) -> Option<Choice> {
    let (system, to) = (&*walk.opened.system, participant.id());
    let (before, taken) = walk.tried(to, event)?;
    let is_new = |message: &Message| walk.sent_at(message).is_none();
    let brings = taken.sent(system).iter().any(|(_, message)| is_new(message));
    if before == taken.after && !brings {
        return None;
    }
    let quiet = !brings && participant.control(&before) == participant.control(&taken.after);
    let name = match worded {
        Some(worded) => walk.name_of(to, worded),
        None => name::happens(to, event),
    };
    let after = taken.after.clone();
    let step = Step::new(to, event.clone(), before, taken);
    let (words, kind) = match (event, worded) {
        (Event::Deliver(message), _) => (describe(system, message), "message"),
        (Event::Timeout(_), _) => (in_words(event).unwrap_or_default(), "timeout"),
        (Event::Crash, _) => (in_words(event).unwrap_or_default(), "crash"),
        (Event::Invoke, _) => (in_words(event).unwrap_or_default(), "read"),
        (Event::Resend, _) => (in_words(event).unwrap_or_default(), "resend"),
    };
    Some(Choice {
        name,
        to,
        words,
        kind,
        byzantine: worded.is_some_and(|worded| walk.is_byzantine(&worded.message)),
        message: worded.cloned(),
        does: outcome(walk, participant, &step),
        sends: step.sends(system),
        quiet,
        variant: None,
        after,
    })
}

/// What a step brings about: in words, or by the lines that change.
pub(super) fn outcome(walk: &Walk, participant: &Participant, step: &Step) -> Vec<String> {
    let system = &walk.opened.system;
    let said = step.changes(system);
    if !said.is_empty() {
        return said;
    }
    let old = lines(system, participant, &step.before);
    let new = lines(system, participant, &step.after);
    let changed = new.iter().filter(|line| !old.contains(line));
    changed
        .map(|line| {
            let before = old.iter().find(|old| old.key == line.key);
            let is_new =
                |part: &&str| before.is_none_or(|old| !old.text.split("; ").any(|known| known == *part));
            let parts: Vec<_> = line.text.split("; ").filter(is_new).collect();
            format!("{}: {}", line.label, parts.join("; "))
        })
        .collect()
}

/// What came of a step that has no words of its own, for whoever took it.
pub(super) fn outcome_of(walk: &Walk, step: &Step) -> Vec<String> {
    let participant = walk.participants().iter().find(|participant| participant.id() == step.to);
    participant.map_or_else(Vec::new, |participant| outcome(walk, participant, step))
}

fn option(choice: &Choice) -> Value {
    json!({
        "name": choice.name,
        "kind": choice.kind,
        "words": choice.words,
        "variant": choice.variant,
        "from": choice.message.as_ref().map(|worded| worded.from.to_string()),
        "to": choice.to.to_string(),
        "message": choice.message.as_ref().map(|worded| kind(&worded.message)),
        "does": choice.does,
        "sends": choice.sends,
        "quiet": choice.quiet,
    })
}

/// A message's kind as it stands in JSON.
pub(super) fn kind(message: &Message) -> String {
    message.kind().to_ascii_lowercase()
}

/// The choices, by who does something.
pub(super) fn as_json(walk: &Walk, choices: &[Choice]) -> Value {
    let shown = |choice: &&Choice| {
        let dropped = choice.message.as_ref().is_some_and(|it| walk.is_dropped(choice.to, &it.message));
        !walk.is_stopped(choice.to) && !dropped
    };
    let mut out = Vec::new();
    for participant in walk.participants().iter().filter(|it| !walk.is_stopped(it.id())) {
        let who = participant.id();
        let own = choices.iter().filter(shown).filter(|choice| choice.to == who && !choice.byzantine);
        let (receives, does): (Vec<_>, Vec<_>) = own.partition(|choice| choice.message.is_some());
        let mut does: Vec<_> = does.into_iter().map(option).collect();
        if who.replica().is_some() {
            does.push(json!({
                "name": format!("stop-{who}"), "kind": "stop", "words": "stops for good", "variant": null,
                "from": null, "to": who.to_string(), "message": null, "does": [], "sends": [], "quiet": true,
            }));
        }
        let mut groups = Vec::new();
        if !receives.is_empty() {
            let options: Vec<_> = receives.into_iter().map(option).collect();
            groups.push(json!({ "title": "receives", "options": options }));
        }
        if !does.is_empty() {
            groups.push(json!({ "title": "its own", "options": does }));
        }
        if !groups.is_empty() {
            out.push(json!({ "who": who.to_string(), "byzantine": false, "groups": groups }));
        }
    }
    let said: Vec<_> = choices.iter().filter(shown).filter(|choice| choice.byzantine).collect();
    for &id in &walk.opened.system.bound().byzantine {
        let who = Principal::Replica(id);
        let own =
            said.iter().copied().filter(|choice| choice.message.as_ref().is_some_and(|it| it.from == who));
        out.push(json!({ "who": who.to_string(), "byzantine": true, "groups": palette(own) }));
    }
    let is_forged = |choice: &&Choice| {
        let id = choice.message.as_ref().and_then(|worded| worded.from.replica());
        id.is_none_or(|id| !walk.opened.system.bound().byzantine.contains(&id))
    };
    let forged: Vec<_> = said.into_iter().filter(is_forged).collect();
    if !forged.is_empty() {
        let groups = palette(forged.into_iter());
        out.push(json!({ "who": "forged in the name of others", "byzantine": true, "groups": groups }));
    }
    Value::from(out)
}

/// The kinds of messages in the order in which a run has them.
const ORDER: [&str; 11] = [
    "REQUEST",
    "READ",
    "PRE-PREPARE",
    "PREPARE",
    "COMMIT",
    "REPLY",
    "CHECKPOINT",
    "VIEW-CHANGE",
    "NEW-VIEW",
    "STATUS",
    "STATE",
];

/// What somebody Byzantine can say, by kind of message, each with those to whom.
fn palette<'a>(choices: impl Iterator<Item = &'a Choice>) -> Vec<Value> {
    type Said<'a> = (&'a str, &'a Worded, Option<&'a str>, Vec<&'a Choice>);
    let mut said: Vec<Said<'a>> = Vec::new();
    for choice in choices {
        let Some(worded) = &choice.message else { continue };
        let variant = choice.variant.as_deref();
        let known = said.iter_mut().find(|(words, known, other, _)| {
            *words == choice.words && known.from == worded.from && *other == variant
        });
        match known {
            Some((.., to)) => to.push(choice),
            None => said.push((&choice.words, worded, variant, vec![choice])),
        }
    }
    let mut groups: Vec<(&str, Vec<Value>)> = Vec::new();
    for (words, worded, variant, to) in said {
        let to: Vec<_> = to
            .into_iter()
            .map(|choice| {
                json!({
                    "to": choice.to.to_string(), "name": choice.name, "does": choice.does,
                    "sends": choice.sends, "quiet": choice.quiet,
                })
            })
            .collect();
        let value = json!({
            "words": words, "message": kind(&worded.message), "kind": "says", "from": worded.from.to_string(),
            "variant": variant, "to": to,
        });
        let title = worded.message.kind();
        match groups.iter_mut().find(|(known, _)| *known == title) {
            Some((_, options)) => options.push(value),
            None => groups.push((title, vec![value])),
        }
    }
    groups.sort_by_key(|(title, _)| ORDER.iter().position(|known| known == title));
    groups.into_iter().map(|(title, options)| json!({ "title": title, "options": options })).collect()
}
