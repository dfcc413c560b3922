//! The referee: whether something can still be broken from here, by a search message by message; or whether they can be stopped
//! for ever.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::watched::of_the_referee;
use super::opened::{Asked, Opened, Subject, Told};
use super::search::{Came, Ended, searched, stopped};
use super::walk::Walk;
use crate::check::{Coverage, Limit, Progress};
use crate::engine::LIVENESS;
use crate::protocol::Protocol;
use crate::trace::{count, thousands};

/// The answer about a property, after a search of so long at most.
pub(super) fn rule<P: Protocol>(
    subject: &Subject<P>,
    opened: &Opened<P>,
    walk: &Walk,
    property: &str,
    time: Duration,
    progress: &Progress,
) -> Value {
    if property == LIVENESS {
        return for_ever(subject, opened, walk, time, progress);
    }
    let none = Coverage::default();
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
            let late = late(walk);
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
        // That a run never gets there was not asked.
        Ended::Limited(_) | Ended::Never(_) => {
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

/// What is said where the run that is shown has more than steps.
fn late(walk: &Walk) -> &'static str {
    match walk.leaves_out() {
        true => " What was dropped or stopped may only be late: here it may still happen.",
        false => "",
    }
}

/// The answer about what must happen once the network is stable, on every fair run.
fn for_ever<P: Protocol>(
    subject: &Subject<P>,
    opened: &Opened<P>,
    walk: &Walk,
    time: Duration,
    progress: &Progress,
) -> Value {
    let none = Coverage::default();
    if opened.graph.is_done(&walk.seen.state) {
        let why = "No: in this very state every honest node has come to what it must come to.".to_owned();
        return answer("no", LIVENESS, None, &none, why, None);
    }
    let asked = subject.at(opened.bound.clone(), None);
    let Came { coverage, end } = stopped(subject, &asked, &walk.names, &of_the_referee(time), progress);
    let states = thousands(coverage.states);
    let said = |said: &str, sentence: String| answer(said, LIVENESS, None, &coverage, sentence, None);
    match end {
        Ended::Never(told) => never(opened, walk, &told, &coverage),
        Ended::Exhausted => said(
            "no",
            format!(
                "No: all {states} states that can be reached from here within the bound were visited, and on every fair run \
                 every honest node comes to what it must come to, whenever the network becomes stable."
            ),
        ),
        Ended::Limited(limit) => {
            let others = match limit {
                Limit::Bound => {
                    "But some runs go on beyond the bound of the protocol, and nothing is known of those."
                }
                _ => "Nothing is known of the others.",
            };
            let how = if limit == Limit::Stopped { "Cancelled" } else { "Not exhausted" };
            said(
                "not-exhausted",
                format!(
                    "{how}: {states} states were visited, and no fair run among them waits for ever. {others}"
                ),
            )
        }
        Ended::Violated(_, why) | Ended::Refused(why) => said("refused", format!("No verdict: {why}.")),
    }
}

/// The answer where a run was found: what it is, and where it stands.
fn never<P: Protocol>(opened: &Opened<P>, walk: &Walk, told: &Told, coverage: &Coverage) -> Value {
    let begun = walk.path().len();
    let rest = told.steps.get(begun..).unwrap_or_default();
    let then = told.end.as_ref().map_or("", |end| end.then.as_str());
    let late = late(walk);
    let sentence = match rest.len() {
        0 => format!("Yes: from here they need never get there, without another step: {then}.{late}"),
        n => {
            let steps = count(n as u64, "more step", "more steps");
            format!("Yes: from here they need never get there, in {steps} and then: {then}.{late}")
        }
    };
    let mut value = answer("yes", LIVENESS, Some(rest), coverage, sentence, None);
    let places = told.end.as_ref().map_or_else(String::new, |end| {
        let repeats = end.repeats_after.unwrap_or(told.steps.len());
        format!("&stable={}&repeats={repeats}", end.stable_after)
    });
    value["run"] = json!({
        "query": format!("{}{places}", opened.query), "steps": told.steps, "at": begun,
    });
    value
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
