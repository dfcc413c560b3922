//! A run of a protocol of one's own, told step by step: in words with lanes, and in a file that can be read again.

mod draw;
mod file;
mod itf;
mod lanes;
mod shrink;

use std::fmt::Write as _;

use itertools::Itertools;
use serde::{Deserialize, Serialize};

use super::Form;
use super::plain::plain;
use crate::engine::{
    Bound, Graph, GraphState, Happening, Kind, LIVENESS, Participants, Place, Refusal, Step, Violation,
    nodes_in_words,
};
use crate::protocol::{NodeId, Protocol};

pub use file::{ReadStoryError, StoryFile};

/// A run that has happened, and where it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Story {
    /// What the protocol is called.
    pub protocol: String,
    /// Who took part.
    pub participants: Participants,
    /// Who was Byzantine, how many crashes there could be, and what became of messages.
    pub bound: Bound,
    /// How many of the steps are the prelude.
    pub opening: usize,
    /// The steps, the prelude first.
    pub steps: Vec<Happening>,
    /// What is wrong with the last state; or what never comes.
    pub violation: Option<Violation>,
    /// How a run goes on that never gets where it must get.
    pub end: Option<StoryEnd>,
}

/// How a run goes on for ever.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoryEnd {
    /// After how many of the steps behind the prelude the network is stable.
    pub stable_after: usize,
    /// After how many of these steps what follows is repeated for ever; none if the run stops.
    pub repeats_after: Option<usize>,
    /// What happens then, in words.
    pub then: String,
}

impl StoryEnd {
    /// [`StoryEnd::then`] of a run into a state in which nothing can happen.
    pub(super) const DEAD_END: &'static str = "nothing can happen any more";

    /// The end of a run that stops: nothing can happen any more.
    pub(crate) fn dead_end(stable_after: usize) -> Self {
        StoryEnd::stopping(stable_after, StoryEnd::DEAD_END)
    }

    /// The end of a run that may stop: what can still happen, such as what a Byzantine node says, need not.
    pub(crate) fn at_rest(stable_after: usize) -> Self {
        StoryEnd::stopping(stable_after, "nothing that is left has to happen")
    }

    fn stopping(stable_after: usize, then: &str) -> Self {
        StoryEnd { stable_after, repeats_after: None, then: then.to_owned() }
    }

    /// The end of a run that repeats for ever what comes after so many steps.
    pub(crate) fn repeating(stable_after: usize, repeats_after: usize) -> Self {
        let then = "and so on for ever".to_owned();
        StoryEnd { stable_after, repeats_after: Some(repeats_after), then }
    }
}

impl Story {
    /// Makes a run happen again, after the prelude, and tells it.
    ///
    /// # Errors
    /// A step does not happen again.
    pub fn of<P: Protocol>(graph: &Graph<P>, path: &[Step]) -> Result<Self, Refusal> {
        let (steps, last) = graph.tell(path)?;
        Ok(Story::told(graph, steps, &last))
    }

    /// Makes a run happen again whose honest nodes do not all get where they must get, and tells it.
    pub(crate) fn never<P: Protocol>(
        graph: &Graph<P>,
        path: &[Step],
        end: StoryEnd,
    ) -> Result<Self, Refusal> {
        let (steps, last) = graph.tell(path)?;
        let who = nodes_in_words(&graph.undone(&last));
        let violation = Violation { property: LIVENESS.to_owned(), why: format!("{who} never gets there") };
        Ok(Story { violation: Some(violation), end: Some(end), ..Story::told(graph, steps, &last) })
    }

    fn told<P: Protocol>(graph: &Graph<P>, steps: Vec<Happening>, last: &GraphState) -> Self {
        Story {
            protocol: graph.protocol().name(),
            participants: graph.participants().told(),
            bound: graph.bound(),
            opening: graph.opening().len(),
            steps,
            violation: graph.violation(last),
            end: None,
        }
    }

    /// The story in a form.
    ///
    /// # Errors
    /// It cannot be put into JSON.
    pub fn written(&self, form: Form) -> serde_json::Result<String> {
        match form {
            Form::Json => self.to_json(),
            Form::Itf => self.to_itf(),
            Form::Mermaid => Ok(self.to_mermaid()),
            Form::Text => Ok(self.to_text()),
            Form::Shiviz => Ok(self.to_shiviz()),
            Form::Html => Ok(plain(&self.protocol, &self.to_svg(), &self.to_text())),
        }
    }

    /// The run in words, with a lane for each who takes part.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        if let Some(Violation { property, why }) = &self.violation {
            let _ = writeln!(out, "Violated: {property}: {why}\n");
        }
        if self.opening > 0 {
            let events = self.steps.iter().take(self.opening).filter(|step| step.kind == Kind::Timer);
            let events = events.map(|step| format!("{} {}", step.at, step.words)).join(", ");
            let _ = writeln!(
                out,
                "Before the search begins, {} steps: {events}; all messages arrive.\n",
                self.opening
            );
        }
        let places = self.participants.places();
        let _ = writeln!(out, "{}", lanes::header(places));
        for (number, step) in self.steps.iter().skip(self.opening).enumerate() {
            self.mark(&mut out, number);
            out.push_str(&lanes::row(places, number + 1, step));
            for line in outcome(step) {
                let _ = writeln!(out, "{}{line}", lanes::margin(places));
            }
        }
        self.mark(&mut out, self.steps.len() - self.opening);
        if let Some(end) = &self.end {
            let _ = writeln!(out, "      ↻ {}", end.then);
        }
        out
    }

    /// What begins before the step of that number.
    fn mark(&self, out: &mut String, number: usize) {
        let Some(end) = &self.end else { return };
        if end.stable_after == number {
            out.push_str("      ── from here on the network is stable\n");
        }
        if end.repeats_after == Some(number) {
            out.push_str("      ↻ from here on, for ever\n");
        }
    }
}

/// What comes of a step, a line each.
fn outcome(step: &Happening) -> Vec<String> {
    let mut lines: Vec<_> = step
        .cuts
        .iter()
        .map(|(one, other)| format!("  the link between {one} and {other} is down"))
        .collect();
    let mut sends: Vec<(&str, Vec<NodeId>)> = Vec::new();
    for (to, words) in &step.sends {
        match sends.iter_mut().find(|(known, receivers)| known == words && !receivers.contains(to)) {
            Some((_, receivers)) => receivers.push(*to),
            None => sends.push((words, vec![*to])),
        }
    }
    lines
        .extend(sends.into_iter().map(|(words, to)| format!("  sends to {}: {words}", to.iter().join(", "))));
    lines.extend(step.decides.iter().map(|decided| format!("  {} DECIDES {decided}", step.at)));
    lines.extend(step.panics.iter().map(|panics| format!("  {} PANICS: {panics}", step.at)));
    lines
}

/// The lane of a node: the first, if it has several.
fn lane(places: &[Place], node: NodeId) -> usize {
    places.iter().position(|place| place.node == node).unwrap_or_default()
}
