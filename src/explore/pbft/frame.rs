//! A run and its last state, as the page is told.

use serde_json::{Value, json};

use super::network::can_expire;
use super::options::{self, Choice, choices, outcome_of};
use super::properties::properties;
use super::quorums::{Counted, completed, overlaps};
use super::walk::{Deed, Unfit, Walk};
use super::words::{Line, lines};
use crate::model::{Event, System};
use crate::pbft::{Message, Principal};
use crate::trace::{RunLasso, Step, describe, everybody, in_words};

/// What is told of a state beside the state itself.
#[derive(Clone, Copy, Default)]
pub(super) struct Wanted {
    /// From which steps on it is said that the network is stable, and that the run repeats.
    pub said: Option<(usize, usize)>,
    /// Not what can happen next.
    pub is_brief: bool,
    /// Not what has happened.
    pub no_events: bool,
}

/// What the page is told of something that has happened; nothing of it changes as the run goes on.
#[derive(Debug)]
pub(super) struct Told {
    counted: Vec<Counted>,
    event: Value,
}

/// All that is told of a run.
pub(super) fn state(walk: &Walk, unfit: Option<&Unfit>, wanted: Wanted) -> Value {
    let Wanted { said, is_brief, no_events } = wanted;
    let system = &*walk.opened.system;
    let all = if is_brief { None } else { Some(choices(walk)) };
    let ends = all.as_deref().and_then(|all| ends(walk, all));
    let mut quorums: Vec<Counted> = Vec::new();
    let mut events = Vec::new();
    for (place, cell) in walk.told.iter().enumerate() {
        let told = cell.get_or_init(|| told(walk, place));
        quorums.extend(told.counted.iter().cloned());
        if !no_events {
            let mut event = told.event.clone();
            let is_counted = !told.counted.is_empty();
            event["quorum"] = json!(is_counted.then(|| quorums.len() - 1));
            events.push(event);
        }
    }
    let undelivered: Vec<_> = walk
        .undelivered()
        .into_iter()
        .filter(|(to, _)| !walk.is_stopped(*to))
        .map(|(to, sent)| {
            json!({
                "from": sent.worded.from.to_string(),
                "to": to.to_string(),
                "words": describe(system, &sent.worded.message),
                "kind": options::kind(&sent.worded.message),
                "sent_at": sent.at,
                "name": walk.name_of(to, &sent.worded),
                "lost": walk.is_dropped(to, &sent.worded.message),
            })
        })
        .collect();
    // What was dropped is not delivered.
    let is_sent = undelivered.iter().any(|one| one["lost"] == json!(false));
    let lasso = lasso(walk, said);
    json!({
        "steps": walk.names,
        "unfit": unfit.map(|unfit| json!({ "step": unfit.step, "name": unfit.name, "why": unfit.why })),
        "lanes": lanes(system),
        "counts": {
            "steps": walk.deeds.len(), "sent": walk.sent.len(), "undelivered": undelivered.len(),
            "choices": all.as_ref().map(Vec::len),
        },
        "events": events,
        "undelivered": undelivered,
        "quorums": quorums.iter().map(Counted::to_json).collect::<Vec<_>>(),
        "overlaps": overlaps(system, &quorums),
        "nodes": nodes(walk),
        "properties": properties(walk, ends.is_some(), all.is_some(), lasso.as_ref()),
        "choices": all.as_deref().map_or_else(|| json!([]), |all| options::as_json(walk, all)),
        "lasso": lasso.as_ref().map(super::story::lasso_to_json),
        "runs": { "messages": is_sent, "timers": is_sent || can_expire(walk) },
        "ends": ends,
    })
}

/// What is told of the deed at a place in a run.
fn told(walk: &Walk, place: usize) -> Told {
    let number = place + 1;
    let Some((deed, name)) = walk.deeds.get(place).zip(walk.names.get(place)) else {
        return Told { counted: Vec::new(), event: Value::Null };
    };
    let counted = match deed {
        Deed::Step(step) => completed(&walk.opened.system, number, step),
        _ => Vec::new(),
    };
    let decides = counted.iter().filter_map(Counted::decides).collect();
    let event = event(walk, number, name, deed, decides);
    Told { counted, event }
}

/// What everybody believes, and which properties that has: what changes from step to step.
pub(super) fn beliefs(walk: &Walk) -> Value {
    let system = &*walk.opened.system;
    let all = walk.told.iter().enumerate();
    let all = all.flat_map(|(place, cell)| cell.get_or_init(|| told(walk, place)).counted.iter().cloned());
    let quorums: Vec<Counted> = all.collect();
    json!({
        "nodes": nodes(walk),
        "quorums": quorums.iter().map(Counted::to_json).collect::<Vec<_>>(),
        "overlaps": overlaps(system, &quorums),
        "properties": properties(walk, false, false, None),
    })
}

/// How a run goes on for ever, if it is said to or is the story of a liveness property: as far as the replicas show it.
fn lasso(walk: &Walk, said: Option<(usize, usize)>) -> Option<RunLasso> {
    let story = walk.opened.story.as_ref().filter(|story| story.steps == walk.names);
    let mut all: Vec<RunLasso> = story.and_then(|story| story.lasso.clone()).into_iter().collect();
    if let Some((stable_after, repeats_after)) = said {
        let property = walk.opened.property;
        let ends: &[&'static str] = match repeats_after < walk.deeds.len() {
            true => &[RunLasso::LOOP, RunLasso::RISING],
            false => &[RunLasso::REST],
        };
        all.extend(ends.iter().map(|&then| RunLasso { property, stable_after, repeats_after, then }));
    }
    let stays = |lasso: &RunLasso| {
        let trace = walk.trace().ok().and_then(|trace| trace.staying(lasso.clone()).ok());
        trace.is_some_and(|trace| !lasso.is_loop() || trace.fair().is_ok())
    };
    all.into_iter().find(stays)
}

/// Why nothing goes on, where nothing that can happen changes anybody.
fn ends(walk: &Walk, all: &[Choice]) -> Option<String> {
    if !all.is_empty() {
        return None;
    }
    walk.run.with_view(|seen| match (seen.panicked, seen.unserved()) {
        (Some((who, _)), _) => Some(format!("{who} has panicked: the run ends there")),
        (None, Some(waits)) if walk.opened.adversary.is_some() => Some(format!("a dead end: {waits}")),
        (None, Some(_)) => None,
        // What its clients will still ask for is not known from a state.
        (None, None) if walk.opened.system.is_simulated() => None,
        (None, None) => Some("all is done: nothing that can happen changes anybody any more".to_owned()),
    })
}

fn is_byzantine(system: &System, who: Principal) -> bool {
    who.replica().is_some_and(|id| system.bound().byzantine.contains(&id))
}

/// Who stands in the diagram.
pub(super) fn lanes(system: &System) -> Vec<Value> {
    let lane = |who: Principal| {
        json!({
            "id": who.to_string(),
            "kind": if who.replica().is_some() { "replica" } else { "client" },
            "byzantine": is_byzantine(system, who),
        })
    };
    everybody(system).into_iter().map(lane).collect()
}

/// Words about a message, and what of it a picture needs.
fn message(system: &System, message: &Message) -> Value {
    let (view, slot) = match message {
        Message::PrePrepare(m) => (Some(m.view().0), Some(m.seq().0)),
        Message::Prepare(m) => (Some(m.view.0), Some(m.seq.0)),
        Message::Commit(m) => (Some(m.view.0), Some(m.seq.0)),
        Message::Checkpoint(m) => (None, Some(m.seq.0)),
        Message::ViewChange(m) => (Some(m.new_view.0), None),
        Message::NewView(m) => (Some(m.view.0), None),
        _ => (None, None),
    };
    json!({
        "kind": options::kind(message), "words": describe(system, message), "view": view, "slot": slot,
    })
}

/// At which step before this one somebody honest sent a message.
fn sent_before(walk: &Walk, number: usize, message: &Message) -> Option<usize> {
    walk.sent_at(message).filter(|at| *at < number)
}

/// Whether somebody Byzantine had said what arrives in a step, in whatever name.
fn is_lie(walk: &Walk, number: usize, message: &Message) -> bool {
    walk.is_byzantine(message) || walk.sent_at(message).is_some_and(|at| at >= number)
}

fn event(walk: &Walk, number: usize, name: &str, deed: &Deed, decides: Vec<Value>) -> Value {
    let system = &*walk.opened.system;
    match deed {
        Deed::Step(step) => step_to_json(walk, number, name, step, decides),
        Deed::Dropped(to, worded) => json!({
            "number": number, "name": name, "kind": "drop", "at": to.to_string(),
            "from": worded.from.to_string(), "sent_at": sent_before(walk, number, &worded.message),
            "message": message(system, &worded.message),
            "words": format!("{} is lost", describe(system, &worded.message)),
            "by_byzantine": is_lie(walk, number, &worded.message),
            "outcome": [], "sends": [], "view_before": null, "view_after": null, "decides": [], "quorum": null,
        }),
        Deed::Stopped(who) => json!({
            "number": number, "name": name, "kind": "stop", "at": who.to_string(), "from": null,
            "sent_at": null, "message": null, "words": "stops for good", "by_byzantine": false,
            "outcome": [], "sends": [], "view_before": null, "view_after": null, "decides": [], "quorum": null,
        }),
    }
}

fn step_to_json(walk: &Walk, number: usize, name: &str, step: &Step, decides: Vec<Value>) -> Value {
    let system = &*walk.opened.system;
    let (kind, arrived) = match &step.event {
        Event::Deliver(message) => ("message", Some(message)),
        Event::Timeout(_) => ("timeout", None),
        Event::Crash => ("crash", None),
        Event::Invoke => ("read", None),
        Event::Resend => ("resend", None),
    };
    let words = match arrived {
        Some(message) => describe(system, message),
        None => in_words(&step.event).unwrap_or_default(),
    };
    let sends: Vec<_> = step
        .taken()
        .sent(system)
        .iter()
        .map(|(to, message)| {
            let to = to.map_or_else(|| "all".to_owned(), |to| to.to_string());
            json!({ "to": to, "words": describe(system, message), "kind": options::kind(message) })
        })
        .collect();
    let view = |local: &crate::model::Local| local.replica().map(|state| state.view().0);
    json!({
        "number": number,
        "name": name,
        "kind": kind,
        "at": step.to.to_string(),
        "from": arrived.map(|message| message.signer().to_string()),
        "sent_at": arrived.and_then(|message| sent_before(walk, number, message)),
        "message": arrived.map(|it| message(system, it)),
        "words": words,
        "by_byzantine": arrived.is_some_and(|message| is_lie(walk, number, message)),
        "outcome": outcome_of(walk, step),
        "sends": sends,
        "view_before": view(&step.before),
        "view_after": view(&step.after),
        "active_after": step.after.replica().map(|state| state.is_active()),
        "decides": decides,
        "quorum": null,
    })
}

/// What everybody believes, and what of it the last step changed.
fn nodes(walk: &Walk) -> Vec<Value> {
    let system = &*walk.opened.system;
    let last = match walk.deeds.last() {
        Some(Deed::Step(step)) => Some(step),
        _ => None,
    };
    let one = |who: Principal| {
        let base = |lines: Vec<Value>, panicked: Option<String>, changed: bool| {
            json!({
                "id": who.to_string(),
                "kind": if who.replica().is_some() { "replica" } else { "client" },
                "byzantine": is_byzantine(system, who),
                "stopped": walk.is_stopped(who),
                "panicked": panicked,
                "changed": changed,
                "lines": lines,
            })
        };
        let participant = walk.participants().iter().find(|participant| participant.id() == who);
        let Some((participant, local)) = participant.zip(walk.local(who)) else {
            return base(Vec::new(), None, false);
        };
        let now = lines(system, participant, local);
        let before = last.filter(|step| step.to == who).map(|step| lines(system, participant, &step.before));
        let compared = compared(&now, before.as_deref());
        let changed = compared.iter().any(|line| line["changed"] == json!(true));
        base(compared, local.wreck().map(|wreck| wreck.panicked.to_string()), changed)
    };
    everybody(system).into_iter().map(one).collect()
}

/// Lines, and how they were before if that was otherwise; lines that are gone stand at the end.
fn compared(now: &[Line], before: Option<&[Line]>) -> Vec<Value> {
    let old = |line: &Line| before.and_then(|before| before.iter().find(|old| old.key == line.key));
    let mut out: Vec<_> = now
        .iter()
        .map(|line| {
            let was = old(line).map(|old| old.text.clone());
            let changed = before.is_some() && was.as_ref() != Some(&line.text);
            json!({
                "key": line.key, "label": line.label, "text": line.text, "changed": changed,
                "before": was.filter(|_| changed),
            })
        })
        .collect();
    let gone = before.into_iter().flatten().filter(|old| now.iter().all(|line| line.key != old.key));
    out.extend(gone.map(|old| {
        json!({ "key": old.key, "label": old.label, "text": "none", "changed": true, "before": old.text })
    }));
    out
}
