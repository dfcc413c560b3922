//! Pictures of a story: Mermaid, SVG, and logs for ShiViz.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Story, lane};
use crate::engine::{Happening, Kind};
use crate::trace::sheet::{COLUMN, ROW, TOP, sheet};

impl Story {
    fn events(&self) -> impl Iterator<Item = (usize, &Happening)> {
        self.steps.iter().skip(self.opening).enumerate()
    }

    /// The lane of whom something happens to, and that of the sender if it is another.
    fn lanes(&self, step: &Happening) -> (usize, Option<usize>) {
        let places = self.participants.places();
        let to = places.iter().position(|place| place.to_string() == step.at).unwrap_or_default();
        (to, step.from.map(|from| lane(places, from)).filter(|from| *from != to))
    }

    /// A Mermaid sequence diagram of what happens after the prelude.
    pub fn to_mermaid(&self) -> String {
        let mut out = String::from("sequenceDiagram\n");
        let places: Vec<_> =
            self.participants.places().iter().map(|place| (place.to_string(), place.twin)).collect();
        for (name, twin) in &places {
            let suffix = if twin.is_some() { " (twin)" } else { "" };
            let _ = writeln!(out, "    participant {name} as {name}{suffix}");
        }
        // A semicolon ends a statement in Mermaid, a hash starts an entity code.
        let clean = |text: &str| text.replace(';', ",").replace('#', "no.");
        let across = match (places.first(), places.last()) {
            (Some((first, _)), Some((last, _))) => format!("{first},{last}"),
            _ => String::new(),
        };
        let repeats = self.end.as_ref().and_then(|end| end.repeats_after);
        let mark = |out: &mut String, number: usize| {
            if self.end.as_ref().is_some_and(|end| end.stable_after == number) {
                let _ = writeln!(out, "    Note over {across}: the network is stable");
            }
            if repeats == Some(number) {
                let _ = writeln!(out, "    loop for ever");
            }
        };
        for (number, step) in self.events() {
            mark(&mut out, number);
            let (to, from) = self.lanes(step);
            let (at, words) = (&places[to].0, clean(&headline(step)));
            let _ = match (from, step.kind) {
                (Some(from), Kind::Message) => writeln!(out, "    {}->>{at}: {words}", places[from].0),
                (Some(from), Kind::Loss) => writeln!(out, "    {}--x{at}: {words}", places[from].0),
                (Some(from), _) => writeln!(out, "    Note over {at},{}: {words}", places[from].0),
                (None, _) => writeln!(out, "    Note over {at}: {words}"),
            };
            for said in remarks(step) {
                let _ = writeln!(out, "    Note right of {at}: {}", clean(&said));
            }
        }
        mark(&mut out, self.steps.len() - self.opening);
        match (&self.end, repeats) {
            (Some(_), Some(_)) => out.push_str("    end\n"),
            (Some(end), None) => drop(writeln!(out, "    Note over {across}: {}", clean(&end.then))),
            (None, _) => {}
        }
        if let Some(violation) = &self.violation {
            let _ =
                writeln!(out, "    Note over {across}: {}: {}", violation.property, clean(&violation.why));
        }
        out
    }

    /// An SVG sequence diagram of what happens after the prelude: time runs down, a column for each who takes part.
    pub fn to_svg(&self) -> String {
        let places = self.participants.places();
        let x = |lane: usize| lane * COLUMN + COLUMN / 2;
        let rows = self.steps.len() - self.opening;
        // Events in the last column are told to its right.
        let (width, height) = (places.len() * COLUMN + COLUMN, TOP + (rows + 1) * ROW);
        let mut out = sheet(width, height);
        for (lane, place) in places.iter().enumerate() {
            let (colour, suffix) = if place.twin.is_some() { ("#b00", " (twin)") } else { ("#333", "") };
            let _ = write!(
                out,
                "<text x='{x}' y='22' text-anchor='middle' font-weight='bold' fill='{colour}'>{place}{suffix}</text>\
                 <line x1='{x}' y1='30' x2='{x}' y2='{height}' stroke='#bbb'/>",
                x = x(lane)
            );
        }
        if let Some(end) = &self.end {
            let marks = [
                (end.stable_after, "the network is stable"),
                (end.repeats_after.unwrap_or(rows), &*end.then),
            ];
            for (after, words) in marks {
                let y = TOP + after * ROW;
                let _ = write!(
                    out,
                    "<line x1='0' y1='{y}' x2='{width}' y2='{y}' stroke='#06c' stroke-dasharray='6 4'/>\
                     <text x='4' y='{}' fill='#06c'>{}</text>",
                    y - 3,
                    escaped(words)
                );
            }
        }
        for (number, step) in self.events() {
            let (to, from) = self.lanes(step);
            svg_event(&mut out, TOP + number * ROW + ROW / 2, x(to), from.map(x), step);
        }
        out.push_str("</svg>");
        out
    }

    /// A log for ShiViz, with vector clocks.
    pub(super) fn to_shiviz(&self) -> String {
        let names: Vec<_> = self.participants.places().iter().map(ToString::to_string).collect();
        let mut clocks = vec![BTreeMap::<usize, u64>::new(); names.len()];
        // The clock that a message had when it was last sent, by sender's name and words.
        let mut sent = BTreeMap::<(String, String), BTreeMap<usize, u64>>::new();
        let mut out = String::from("(?<host>\\S*) (?<clock>{.*})\\n(?<event>.*)\n\n");
        for step in &self.steps {
            let (to, _) = self.lanes(step);
            if step.kind == Kind::Message
                && let Some(from) = step.from
                && let Some(clock) = sent.get(&(from.to_string(), step.words.clone()))
            {
                for (&who, &time) in clock {
                    let mine = clocks[to].entry(who).or_default();
                    *mine = time.max(*mine);
                }
            }
            *clocks[to].entry(to).or_default() += 1;
            for (_, words) in &step.sends {
                sent.insert((step.node.to_string(), words.clone()), clocks[to].clone());
            }
            let clock = clocks[to].iter().map(|(who, time)| format!("\"{}\":{time}", names[*who]));
            let clock = clock.collect::<Vec<_>>().join(",");
            let _ = writeln!(out, "{} {{{clock}}}\n{}", names[to], headline(step).replace('\n', " "));
        }
        out
    }
}

/// What happens, in a few words.
fn headline(step: &Happening) -> String {
    match step.kind {
        Kind::Timer => format!("timer: {}", step.words),
        Kind::Loss => format!("lost: {}", step.words),
        _ => step.words.clone(),
    }
}

/// What of that which comes of it is to be seen.
fn remarks(step: &Happening) -> Vec<String> {
    let cuts = step.cuts.iter().map(|(one, other)| format!("the link between {one} and {other} is down"));
    let decides = step.decides.iter().map(|decided| format!("DECIDES {decided}"));
    let panics = step.panics.iter().map(|panics| format!("PANICS: {panics}"));
    cuts.chain(decides).chain(panics).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn svg_event(out: &mut String, y: usize, to: usize, from: Option<usize>, step: &Happening) {
    let label = std::iter::once(headline(step)).chain(remarks(step)).collect::<Vec<_>>().join("; ");
    let label = escaped(&label);
    let colour = if remarks(step).is_empty() { "#246" } else { "#070" };
    match from {
        None => {
            let _ = write!(
                out,
                "<circle cx='{to}' cy='{y}' r='5' fill='#c70'/><text x='{}' y='{}' fill='#c70'>{label}</text>",
                to + 10,
                y + 4
            );
        }
        Some(from) => {
            let end = if from < to { to - 2 } else { to + 2 };
            let dashes = if step.kind == Kind::Message { "" } else { " stroke-dasharray='4 4'" };
            let _ = write!(
                out,
                "<line x1='{from}' y1='{y}' x2='{end}' y2='{y}' stroke='{colour}'{dashes} marker-end='url(#arrow)'/>\
                 <text x='{}' y='{}' text-anchor='middle' fill='{colour}'>{label}</text>",
                usize::midpoint(from, to),
                y - 4
            );
        }
    }
}
