//! The referee: whether something can still be broken from here, by a search message by message.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::watched::of_the_referee;
use super::opened::{Asked, Opened, Subject};
use super::search::{Came, Ended, searched};
use super::walk::Walk;
use crate::check::{Coverage, Progress};
use crate::engine::LIVENESS;
use crate::protocol::Protocol;
use crate::trace::thousands;

/// The answer about a property, after a search of so long at most.
pub(super) fn rule<P: Protocol>(
    subject: &Subject<P>,
    opened: &Opened<P>,
    walk: &Walk,
    property: &str,
    time: Duration,
    progress: &Progress,
) -> Value {
    let none = Coverage::default();
    if property == LIVENESS {
        let why = "Whether a run goes on for ever is not searched for from a state in the middle: start from the story.";
        return answer("refused", property, None, &none, why.to_owned(), None);
    }
    let verdicts = opened.graph.verdicts(&walk.seen.state);
    if let Some((_, Some(why))) = verdicts.into_iter().find(|(name, _)| *name == property) {
        let sentence = format!("This very state breaks {property}.");
        return answer("already", property, Some(&[]), &none, sentence, Some(why));
    }
    let asked = Asked { property: Some(property.to_owned()), ..subject.at(opened.bound.clone(), None) };
    let limits = of_the_referee(time);
    let Came { coverage, end } = searched(subject, &asked, &walk.names, &limits, progress);
    let states = thousands(coverage.states);
    match end {
        Ended::Violated(names, _) => {
            let late = match walk.leaves_out() {
                true => " What was dropped or stopped may only be late: here it may still happen.",
                false => "",
            };
            let steps = if names.len() == 1 { "step" } else { "steps" };
            let sentence =
                format!("Yes: {property} can still be broken, in {} more {steps}.{late}", names.len());
            answer("yes", property, Some(&names), &coverage, sentence, None)
        }
        Ended::Exhausted => {
            let sentence = format!(
                "No: all {states} states that can be reached from here within the bound were visited, and {property} holds in \
                 each."
            );
            answer("no", property, None, &coverage, sentence, None)
        }
        Ended::Limited => {
            let sentence = format!(
                "Not exhausted: {states} states were visited without a violation of {property}, and nothing is known of the \
                 others."
            );
            answer("not-exhausted", property, None, &coverage, sentence, None)
        }
        Ended::Refused(why) => {
            answer("refused", property, None, &coverage, format!("No verdict: {why}."), None)
        }
    }
}

fn answer(
    answer: &str,
    property: &str,
    continuation: Option<&[String]>,
    coverage: &Coverage,
    sentence: String,
    why: Option<String>,
) -> Value {
    json!({
        "answer": answer,
        "property": property,
        "steps": continuation.map(<[String]>::len),
        "continuation": continuation.unwrap_or_default(),
        "states": coverage.states,
        "seconds": coverage.elapsed.as_secs_f64(),
        "sentence": sentence,
        "why": why,
    })
}
