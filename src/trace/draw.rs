//! A trace as a sequence diagram: Mermaid for documents, SVG for the explorer.

use std::fmt::Write as _;

use super::RunLasso;
use super::sheet::{COLUMN, ROW, TOP, sheet};
use super::text::describe;
use crate::model::{Event, System};
use crate::pbft::{Client, Message, Principal};

/// An arrow of a sequence diagram, or an event without a sender.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Arrow {
    /// Whose message it is.
    pub from: Option<Principal>,
    /// To whom it comes.
    pub to: Principal,
    /// What it is.
    pub label: String,
    /// What came of it; may be empty.
    pub note: String,
}

/// Everybody who can stand in a diagram: the clients, those that only read too, then the replicas.
pub(crate) fn participants(system: &System) -> Vec<Principal> {
    let writers = system.requests().iter().map(|request| request.client);
    let mut clients: Vec<_> = writers.chain(system.clients().iter().map(Client::id)).collect();
    clients.sort_unstable();
    clients.dedup();
    let replicas = system.setting().committee.replicas().map(Principal::Replica);
    clients.into_iter().map(Principal::Client).chain(replicas).collect()
}

fn is_byzantine(system: &System, who: Principal) -> bool {
    who.replica().is_some_and(|id| system.bound().byzantine.contains(&id))
}

/// A Mermaid sequence diagram, with remarks at its end; where the run stays, if it does, is marked.
pub(crate) fn mermaid(system: &System, arrows: &[Arrow], lasso: Option<&RunLasso>, end: &[String]) -> String {
    let mut out = String::from("sequenceDiagram\n");
    for who in participants(system) {
        let used =
            who.replica().is_some() || arrows.iter().any(|arrow| arrow.from == Some(who) || arrow.to == who);
        let suffix = if is_byzantine(system, who) { " (Byzantine)" } else { "" };
        if used {
            let _ = writeln!(out, "    participant {who} as {who}{suffix}");
        }
    }
    // A semicolon ends a statement in Mermaid, a hash starts an entity code.
    let clean = |text: &str| text.replace(';', ",").replace('#', "no.");
    let everybody = participants(system);
    let (first, last) = (everybody.first().copied(), everybody.last().copied());
    // A client that sends nothing has no column.
    let first = system.honest().first().map(|replica| Principal::Replica(replica.id())).or(first);
    let across = first.zip(last).map(|(first, last)| format!("{first},{last}")).unwrap_or_default();
    let stable = |at: usize| lasso.is_some_and(|lasso| lasso.stable_after == at);
    let repeats = |at: usize| lasso.is_some_and(|lasso| lasso.is_loop() && lasso.repeats_after == at);
    let mark = |out: &mut String, at: usize| {
        if stable(at) {
            let _ = writeln!(out, "    Note over {across}: the network is stable");
        }
        if repeats(at) {
            let _ = writeln!(out, "    loop for ever");
        }
    };
    for (at, arrow) in arrows.iter().enumerate() {
        mark(&mut out, at);
        let _ = match arrow.from {
            Some(from) => writeln!(out, "    {from}->>{}: {}", arrow.to, clean(&arrow.label)),
            None => writeln!(out, "    Note over {}: {}", arrow.to, clean(&arrow.label)),
        };
        if !arrow.note.is_empty() {
            let _ = writeln!(out, "    Note right of {}: {}", arrow.to, clean(&arrow.note));
        }
    }
    mark(&mut out, arrows.len());
    match lasso {
        Some(lasso) if lasso.is_loop() => out.push_str("    end\n"),
        Some(lasso) => drop(writeln!(out, "    Note over {across}: {}", clean(lasso.then))),
        None => {}
    }
    for (remark, replica) in end.iter().zip(system.honest().last().into_iter().cycle()) {
        let _ = writeln!(out, "    Note over {}: {}", replica.id(), clean(remark));
    }
    out
}

/// An SVG sequence diagram of the events at replicas: time runs down, a column for each client and
/// replica, an arrow for each delivery. Where the run stays, if it does, is marked.
pub(crate) fn svg(system: &System, events: &[(Principal, Event)], lasso: Option<&RunLasso>) -> String {
    let everybody = participants(system);
    let x = |who: Principal| everybody.iter().position(|&p| p == who).unwrap_or(0) * COLUMN + COLUMN / 2;
    // Events in the last column are told to its right.
    let (width, height) = (everybody.len() * COLUMN + COLUMN / 2, TOP + (events.len() + 1) * ROW);
    let mut out = sheet(width, height);
    for &who in &everybody {
        let byzantine = is_byzantine(system, who);
        let (colour, suffix) = if byzantine { ("#b00", " (Byzantine)") } else { ("#333", "") };
        let _ = write!(
            out,
            "<text x='{x}' y='22' text-anchor='middle' font-weight='bold' fill='{colour}'>{who}{suffix}</text>\
             <line x1='{x}' y1='30' x2='{x}' y2='{height}' stroke='#bbb'/>",
            x = x(who)
        );
    }
    if let Some(lasso) = lasso {
        svg_lasso(&mut out, lasso, events.len(), width);
    }
    for (row, (to, event)) in events.iter().enumerate() {
        svg_event(&mut out, system, row, x(*to), event, &x);
    }
    out.push_str("</svg>");
    out
}

/// Where the network is stable from, and what repeats for ever.
fn svg_lasso(out: &mut String, lasso: &RunLasso, events: usize, width: usize) {
    let rule = |out: &mut String, after: usize, words: &str, colour: &str| {
        let y = TOP + after * ROW;
        let _ = write!(
            out,
            "<line x1='0' y1='{y}' x2='{width}' y2='{y}' stroke='{colour}' stroke-dasharray='6 4'/>\
             <text x='4' y='{}' fill='{colour}'>{words}</text>",
            y - 3
        );
    };
    if lasso.is_loop() {
        let (top, height) = (TOP + lasso.repeats_after * ROW, (events - lasso.repeats_after) * ROW);
        let _ = write!(out, "<rect y='{top}' width='{width}' height='{height}' fill='#ffeec2'/>");
    }
    rule(out, lasso.stable_after, "from here on the network is stable", "#06c");
    let repeats = if lasso.is_loop() { "from here on, for ever" } else { lasso.then };
    // Both can stand at one place.
    let below = if lasso.stable_after == lasso.repeats_after { "&#8195;".repeat(18) } else { String::new() };
    rule(out, lasso.repeats_after, &format!("{below}↻ {repeats}"), "#c30");
}

/// What happens to somebody, as an arrow from its sender or a mark at its place.
fn svg_event(
    out: &mut String,
    system: &System,
    row: usize,
    to: usize,
    event: &Event,
    x: &impl Fn(Principal) -> usize,
) {
    let y = TOP + row * ROW + ROW / 2;
    let (from, label) = match event {
        Event::Deliver(message) => (x(message.signer()), describe(system, message)),
        Event::Timeout(view) => (to, format!("timer of {view} runs out")),
        Event::Crash => (to, "crashes and recovers".to_owned()),
        Event::Invoke => (to, "is asked to read".to_owned()),
        Event::Resend => (to, "sends again".to_owned()),
    };
    let colour = match event {
        Event::Deliver(m) if is_byzantine(system, m.signer()) => "#b00",
        Event::Deliver(Message::Commit(_)) => "#070",
        _ => "#246",
    };
    let label = label.replace('&', "&amp;").replace('<', "&lt;");
    if from == to {
        let _ = write!(
            out,
            "<circle cx='{to}' cy='{y}' r='5' fill='#c70'/><text x='{}' y='{}' fill='#c70'>{label}</text>",
            to + 10,
            y + 4
        );
    } else {
        let end = if from < to { to - 2 } else { to + 2 };
        let _ = write!(
            out,
            "<line x1='{from}' y1='{y}' x2='{end}' y2='{y}' stroke='{colour}' marker-end='url(#arrow)'/>\
             <text x='{}' y='{}' text-anchor='middle' fill='{colour}'>{label}</text>",
            usize::midpoint(from, to),
            y - 4
        );
    }
}
