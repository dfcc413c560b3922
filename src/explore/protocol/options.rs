//! What can happen next, by who does it, each thing once.

use serde_json::{Value, json};
use stateright::Model as _;

use super::lines::news;
use super::name::{Named, possible};
use super::opened::Opened;
use super::walk::{Walk, kind};
use crate::engine::{GraphState, Happening, Kind, PlaceId, Step};
use crate::protocol::{NodeId, Protocol};

/// Something that can happen, and what comes of it.
pub(super) struct Choice {
    pub named: Named,
    /// To whom; to nobody if it happens to a link.
    pub to: Option<PlaceId>,
    /// What comes of it.
    pub told: Happening,
    /// What of the node is new then.
    news: Vec<String>,
    /// What tells it from others that read alike.
    variant: Option<String>,
    /// The step by which the message does not arrive, if there is one.
    drop: Option<String>,
    /// Where it leads.
    next: GraphState,
}

/// All that changes somebody or something, in the order of nodes; of what reads alike and leads to the same only the first.
///
/// # Errors
/// The code cannot be shown.
pub(super) fn choices<P: Protocol>(opened: &Opened<P>, walk: &Walk) -> Result<Vec<Choice>, String> {
    let (graph, state) = (&opened.graph, &walk.seen.state);
    // A node that is known by its history gets nothing twice.
    let mut offered = Vec::new();
    graph.actions(state, &mut offered);
    let all = possible(graph, state);
    let mut out: Vec<Choice> = Vec::new();
    for named in all.iter().filter(|named| offered.contains(&named.step)) {
        let is_out = match named.step {
            Step::Deliver(delivery) => walk.is_dropped(delivery.to(), delivery.message()),
            Step::Lose(_) => true,
            _ => false,
        };
        if is_out || named.step.place().is_some_and(|place| walk.is_stopped(place)) {
            continue;
        }
        let choice = choice(opened, walk, named, &all)?;
        let alike: Vec<_> = out.iter().filter(|other| other.named.reads_as(named)).collect();
        if choice.next == *state || alike.iter().any(|other| other.next == choice.next) {
            continue;
        }
        let number = (!alike.is_empty()).then(|| format!("variant {}", alike.len() + 1));
        out.push(Choice { variant: choice.variant.clone().or(number), ..choice });
    }
    Ok(out)
}

fn choice<P: Protocol>(
    opened: &Opened<P>,
    walk: &Walk,
    named: &Named,
    all: &[Named],
) -> Result<Choice, String> {
    let graph = &opened.graph;
    let refused = |why: crate::engine::Refusal| why.to_string();
    let mut seen = walk.seen.clone();
    let told = graph.go_on(&mut seen, named.step).map_err(refused)?;
    let to = named.step.place();
    let news = match to {
        Some(place) => {
            let [before, after] = [&walk.seen, &seen].map(|seen| opened.lines(seen, place).map_err(refused));
            news(&before?, &after?)
        }
        None => Vec::new(),
    };
    let (mut drop, mut variant) = (None, None);
    if let Step::Deliver(delivery) = named.step {
        let loss = all.iter().find(|other| other.step == Step::Lose(delivery));
        let is_set = !graph.is_in_order();
        drop = loss.map(Named::name).or_else(|| is_set.then(|| format!("x-{}", named.name())));
        variant = delivery.leaves_out().then(|| "older ones are left out".to_owned());
    }
    Ok(Choice { named: named.clone(), to, told, news, variant, drop, next: seen.state })
}

/// A step in the protocol's own words.
pub(super) fn words(told: &Happening) -> String {
    match told.kind {
        Kind::Timer => format!("timer {} runs out", told.words),
        _ => told.words.clone(),
    }
}

/// What comes of a step, in words; but for what is sent.
pub(super) fn outcome(told: &Happening, news: &[String]) -> Vec<String> {
    let cuts = told.cuts.iter().map(|(one, other)| format!("the link between {one} and {other} is down"));
    let decides = told.decides.iter().map(|decided| format!("DECIDES {decided}"));
    let panics = told.panics.iter().map(|panics| format!("PANICS: {panics}"));
    cuts.chain(decides).chain(panics).chain(news.iter().cloned()).collect()
}

/// What is sent, each message once, with those to whom.
pub(super) fn sends(told: &Happening, nodes: usize) -> Vec<(String, String)> {
    let mut all: Vec<(&str, Vec<NodeId>)> = Vec::new();
    for (to, words) in &told.sends {
        match all.iter_mut().find(|(known, receivers)| known == words && !receivers.contains(to)) {
            Some((_, receivers)) => receivers.push(*to),
            None => all.push((words, vec![*to])),
        }
    }
    let whom = |to: Vec<NodeId>| match nodes > 2 && to.len() + 1 >= nodes && !to.contains(&told.node) {
        true => "all".to_owned(),
        false => to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    all.into_iter().map(|(words, to)| (words.to_owned(), whom(to))).collect()
}

fn option<P: Protocol>(opened: &Opened<P>, walk: &Walk, choice: &Choice) -> Value {
    let told = &choice.told;
    let sends = sends(told, opened.graph.participants().nodes());
    let sends: Vec<_> = sends.into_iter().map(|(words, to)| format!("{words} to {to}")).collect();
    let from = match choice.named.step {
        Step::Deliver(delivery) => walk.origin(opened, &walk.seen.state, delivery),
        _ => None,
    };
    let from = from.map(|(from, _)| opened.graph.place(from).to_string());
    let does = outcome(told, &choice.news);
    json!({
        "name": choice.named.name(),
        "kind": kind(told.kind),
        "words": words(told),
        "variant": choice.variant,
        "from": from.or_else(|| told.from.map(|from| from.to_string())),
        "to": told.at,
        "message": null,
        "quiet": does.is_empty() && sends.is_empty(),
        "does": does,
        "sends": sends,
        "drop": choice.drop,
    })
}

/// Who says what arrives, if it is a Byzantine node that runs nothing.
fn speaker<P: Protocol>(opened: &Opened<P>, choice: &Choice) -> Option<NodeId> {
    let is_message = matches!(choice.named.step, Step::Deliver(_));
    choice.told.from.filter(|from| is_message && opened.graph.participants().only_speaks(*from))
}

/// What Byzantine nodes that run nothing can say, by the first word of it, each with those to whom.
fn palettes<P: Protocol>(opened: &Opened<P>, walk: &Walk, choices: &[Choice]) -> Vec<Value> {
    let participants = opened.graph.participants();
    let mut out = Vec::new();
    for &node in participants.byzantine().iter().filter(|node| participants.only_speaks(**node)) {
        let mut groups: Vec<(String, Vec<Value>)> = Vec::new();
        for choice in choices.iter().filter(|choice| speaker(opened, choice) == Some(node)) {
            let to = option(opened, walk, choice);
            let said = words(&choice.told);
            let title =
                said.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').next().unwrap_or_default();
            let title = if title.is_empty() { "says" } else { title };
            let place = groups.iter().position(|(known, _)| known == title).unwrap_or_else(|| {
                groups.push((title.to_owned(), Vec::new()));
                groups.len() - 1
            });
            let options = &mut groups[place].1;
            let same =
                options.iter_mut().find(|one| one["words"] == to["words"] && one["variant"] == to["variant"]);
            match same.and_then(|one| one["to"].as_array_mut()) {
                Some(all) => all.push(to),
                None => options.push(json!({
                    "words": said, "message": null, "kind": "says", "from": node.to_string(), "variant": to["variant"],
                    "to": [to],
                })),
            }
        }
        let groups: Vec<_> = groups
            .into_iter()
            .map(|(title, options)| json!({ "title": title, "options": options }))
            .collect();
        out.push(json!({ "who": node.to_string(), "byzantine": true, "twin": false, "groups": groups }));
    }
    out
}

/// The choices, by who does something: honest nodes, twins, and the network.
pub(super) fn as_json<P: Protocol>(opened: &Opened<P>, walk: &Walk, choices: &[Choice]) -> Value {
    let graph = &opened.graph;
    let mut out = Vec::new();
    let group = |title: &str, of: &[&Choice]| {
        let options: Vec<_> = of.iter().map(|choice| option(opened, walk, choice)).collect();
        json!({ "title": title, "options": options })
    };
    for place in graph.everybody().filter(|place| !walk.is_stopped(*place)) {
        let (who, twin) = (graph.place(place).to_string(), graph.place(place).twin.is_some());
        let own =
            choices.iter().filter(|choice| choice.to == Some(place) && speaker(opened, choice).is_none());
        let is_message = |choice: &&Choice| matches!(choice.named.step, Step::Deliver(_));
        let (receives, does): (Vec<_>, Vec<_>) = own.partition(is_message);
        let mut groups = Vec::new();
        if !receives.is_empty() {
            groups.push(group("receives", &receives));
        }
        let mut own = group("its own", &does);
        if let (false, Some(options)) = (twin, own["options"].as_array_mut()) {
            options.push(json!({
                "name": format!("stop-{who}"), "kind": "stop", "words": "stops for good", "variant": null,
                "from": null, "to": who, "message": null, "does": [], "sends": [], "quiet": true, "drop": null,
            }));
        }
        if !twin || !does.is_empty() {
            groups.push(own);
        }
        if !groups.is_empty() {
            out.push(json!({ "who": who, "byzantine": twin, "twin": twin, "groups": groups }));
        }
    }
    let links: Vec<_> = choices.iter().filter(|choice| choice.to.is_none()).collect();
    if !links.is_empty() {
        let groups = [group("links", &links)];
        out.push(json!({ "who": "the network", "byzantine": false, "twin": false, "groups": groups }));
    }
    out.extend(palettes(opened, walk, choices));
    // Who is honest first.
    out.sort_by_key(|choice| choice["byzantine"].as_bool());
    Value::from(out)
}
