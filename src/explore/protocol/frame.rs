//! A run and its last state, as the page is told.

use serde_json::{Value, json};

use super::lines;
use super::name::possible;
use super::network::can_run;
use super::opened::{Opened, Told};
use super::options::{self, choices, outcome, sends};
use super::walk::{Deed, Happened, Unfit, Walk, kind};
use crate::engine::{AGREEMENT, Kind, LIVENESS, PANICS, Place, Step, VALIDITY};
use crate::protocol::Protocol;
use crate::trace::StoryEnd;

/// All that is told of a run. `story` is the counterexample that is known, `end` how this run goes on for ever.
///
/// # Errors
/// The code cannot be shown.
pub(super) fn state<P: Protocol>(
    opened: &Opened<P>,
    walk: &Walk,
    unfit: Option<&Unfit>,
    story: Option<&Told>,
    end: Option<&StoryEnd>,
) -> Result<Value, String> {
    let all = choices(opened, walk)?;
    let undelivered = undelivered(opened, walk);
    let goal = opened.goal(story);
    let events: Vec<_> = (1..)
        .zip(walk.deeds.iter().zip(&walk.names))
        .map(|(n, (deed, name))| event(opened, n, name, deed))
        .collect();
    let (messages, timers) = can_run(opened, walk);
    let ends = all.is_empty().then_some("within the bound nothing can happen any more");
    Ok(json!({
        "steps": walk.names,
        "unfit": unfit.map(|unfit| json!({ "step": unfit.step, "name": unfit.name, "why": unfit.why })),
        "lanes": lanes(opened),
        "counts": {
            "steps": walk.deeds.len(), "sent": walk.sent.len(), "undelivered": undelivered.len(), "choices": all.len(),
        },
        "events": events,
        "undelivered": undelivered,
        "quorums": [],
        "overlaps": [],
        "nodes": nodes(opened, walk)?,
        "properties": properties(opened, walk, goal, end),
        "choices": options::as_json(opened, walk, &all),
        "lasso": end.map(|end| lasso(end, walk.names.len())),
        "runs": { "messages": messages, "timers": timers },
        "ends": ends,
    }))
}

/// How a run of so many steps goes on for ever.
pub(super) fn lasso(end: &StoryEnd, steps: usize) -> Value {
    json!({
        "property": LIVENESS,
        "stable_after": end.stable_after,
        "repeats_after": end.repeats_after.unwrap_or(steps),
        "is_loop": end.repeats_after.is_some(),
        "then": end.then,
    })
}

fn lanes<P: Protocol>(opened: &Opened<P>) -> Vec<Value> {
    let participants = opened.graph.participants();
    let lane = |place: &Place| {
        let twin = place.twin.map(|_| place.node.to_string());
        let byzantine = twin.is_some() || participants.only_speaks(place.node);
        json!({ "id": place.to_string(), "kind": "replica", "byzantine": byzantine, "twin_of": twin })
    };
    participants.everybody().iter().map(lane).collect()
}

fn event<P: Protocol>(opened: &Opened<P>, number: usize, name: &str, deed: &Deed) -> Value {
    let blank = json!({
        "number": number, "name": name, "from": null, "sent_at": null, "message": null, "by_byzantine": false, "outcome": [],
        "sends": [], "view_before": null, "view_after": null, "decides": [], "quorum": null,
    });
    let mut out = blank;
    let (happened, is_dropped) = match deed {
        Deed::Stopped(place) => {
            out["kind"] = json!("stop");
            out["at"] = json!(opened.graph.place(*place).to_string());
            out["words"] = json!("stops for good");
            return out;
        }
        Deed::Step(happened) => (happened, false),
        Deed::Dropped(happened) => (happened, true),
    };
    let Happened { step, told, sent, news } = &**happened;
    let from = sent.map(|(from, at)| (opened.graph.place(from), at));
    let is_message = matches!(step, Step::Deliver(_) | Step::Lose(_));
    out["kind"] = json!(if is_dropped { "drop" } else { kind(told.kind) });
    out["at"] = json!(lane(opened, told));
    out["words"] = json!(options::words(told));
    if told.kind == Kind::Cut {
        out["from"] = json!(told.from.map(|from| from.to_string()));
    }
    if is_message {
        out["message"] = json!({ "kind": null, "words": told.words });
        out["from"] =
            json!(from.map(|(from, _)| from.to_string()).or(told.from.map(|from| from.to_string())));
        out["sent_at"] = json!(from.map(|(_, at)| at));
        let is_made_up = told.from.is_some_and(|from| opened.graph.participants().only_speaks(from));
        out["by_byzantine"] = json!(is_made_up || from.is_some_and(|(from, _)| from.twin.is_some()));
    }
    if !is_dropped {
        let nodes = opened.graph.participants().nodes();
        let sends = sends(told, nodes).into_iter();
        out["outcome"] = json!(outcome(told, news));
        out["sends"] = sends
            .map(|(words, to)| json!({ "to": to, "words": words, "kind": null }))
            .collect::<Vec<_>>()
            .into();
        out["decides"] =
            told.decides.iter().map(|words| json!({ "words": words })).collect::<Vec<_>>().into();
    }
    out
}

/// The lane of whom something happens to; of a cut link, of one end.
fn lane<P: Protocol>(opened: &Opened<P>, told: &crate::engine::Happening) -> String {
    let places = opened.graph.participants().places();
    let is_there = places.iter().any(|place| place.to_string() == told.at);
    let first = places.iter().find(|place| place.node == told.node).filter(|_| !is_there);
    first.map_or_else(|| told.at.clone(), ToString::to_string)
}

fn undelivered<P: Protocol>(opened: &Opened<P>, walk: &Walk) -> Vec<Value> {
    let graph = &opened.graph;
    let names = possible(graph, &walk.seen.state);
    let mut out = Vec::new();
    for delivery in walk.undelivered(opened) {
        if walk.is_stopped(delivery.to()) {
            continue;
        }
        let Some((from, _, words)) = graph.message_seen(delivery.message()) else { continue };
        // What can be said at any time is not on its way.
        if graph.participants().only_speaks(from) {
            continue;
        }
        let origin = walk.origin(opened, &walk.seen.state, delivery);
        let named = names.iter().find(|named| named.step == Step::Deliver(delivery));
        out.push(json!({
            "from": origin.map_or_else(|| from.to_string(), |(by, _)| graph.place(by).to_string()),
            "to": graph.place(delivery.to()).to_string(),
            "words": words,
            "kind": null,
            "sent_at": origin.map(|(_, at)| at),
            "name": named.map(super::name::Named::name),
            "lost": walk.is_dropped(delivery.to(), delivery.message()),
        }));
    }
    out
}

fn nodes<P: Protocol>(opened: &Opened<P>, walk: &Walk) -> Result<Vec<Value>, String> {
    let mut out = Vec::new();
    for place in opened.graph.everybody() {
        let who = opened.graph.place(place);
        let lines = opened.lines(&walk.seen, place).map_err(|why| why.to_string())?;
        let before = walk.before.get(place.index()).map(|before| before.as_slice());
        let panicked = lines.iter().find(|line| line.label == "panicked").map(|line| &line.text);
        let stopped = walk.is_stopped(place);
        out.push(json!({
            "id": who.to_string(), "kind": "replica", "byzantine": who.twin.is_some(), "stopped": stopped,
            "panicked": panicked, "changed": before.is_some_and(|before| before != lines.as_slice()),
            "lines": lines::as_json(before, &lines),
        }));
    }
    let participants = opened.graph.participants();
    let speakers = participants.byzantine().iter().filter(|node| participants.only_speaks(**node));
    out.extend(speakers.map(|node| {
        json!({
            "id": node.to_string(), "kind": "replica", "byzantine": true, "stopped": false, "panicked": null,
            "changed": false, "lines": [],
        })
    }));
    Ok(out)
}

/// What a property says, in a sentence.
pub(super) fn statement(property: &str) -> String {
    match property {
        AGREEMENT => "no two honest nodes decide different values in one slot".to_owned(),
        VALIDITY => "what an honest node decides is valid".to_owned(),
        PANICS => "no honest node panics".to_owned(),
        LIVENESS => "every honest node comes to what it must come to".to_owned(),
        own => format!("an invariant of the protocol: {own}"),
    }
}

fn properties<P: Protocol>(
    opened: &Opened<P>,
    walk: &Walk,
    goal: &str,
    end: Option<&StoryEnd>,
) -> Vec<Value> {
    let graph = &opened.graph;
    let mut all: Vec<(&str, &str, Option<String>)> = Vec::new();
    for (name, why) in graph.verdicts(&walk.seen.state) {
        all.push((name, if why.is_some() { "violated" } else { "holds" }, why));
    }
    if graph.protocol().layers().fair.is_some() {
        let is_done = graph.is_done(&walk.seen.state);
        all.push(match end {
            _ if is_done => (LIVENESS, "holds", None),
            Some(end) => (LIVENESS, "violated", Some(format!("it is never reached: {}", end.then))),
            None => {
                let why = "not in this state: whether every fair run comes to it, no state shows";
                (LIVENESS, "not-yet", Some(why.to_owned()))
            }
        });
    }
    let value = |(name, verdict, why): (&str, &str, Option<String>)| {
        json!({
            "name": name, "statement": statement(name), "verdict": verdict, "why": why, "is_goal": name == goal,
        })
    };
    all.into_iter().map(value).collect()
}
