//! The referee: whether something can still be broken from here.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::watched::of_the_referee;
use super::for_ever;
use super::name::JOINT;
use super::walk::{Deed, Walk};
use crate::check::{self, Limit, Limits, Outcome, Progress, Verdict};
use crate::model::Property;
use crate::trace::thousands;

/// What is said, and the continuation of the run if there is one.
pub(super) struct Ruling {
    pub answer: &'static str,
    pub continuation: Option<Vec<String>>,
    pub sentence: String,
    pub why: Option<String>,
    /// The whole run, where it stands at another address.
    pub run: Option<Value>,
}

impl Ruling {
    pub fn of(answer: &'static str, sentence: String) -> Self {
        Ruling { answer, continuation: None, sentence, why: None, run: None }
    }
}

/// The answer about a property, after a search of so long at most.
pub(super) fn rule(walk: &Walk, property: Property, time: Duration, progress: &Progress) -> Value {
    let limits = of_the_referee(time);
    let begun = Instant::now();
    let (ruling, outcome) = ruled(walk, property, &limits, progress);
    let coverage = outcome.map(|outcome| outcome.coverage).unwrap_or_default();
    json!({
        "answer": ruling.answer,
        "property": property.name(),
        "steps": ruling.continuation.as_ref().map(Vec::len),
        "continuation": ruling.continuation.unwrap_or_default(),
        "states": coverage.states,
        "seconds": begun.elapsed().as_secs_f64(),
        "sentence": ruling.sentence,
        "why": ruling.why,
        "run": ruling.run,
    })
}

pub(super) fn refused(sentence: String) -> Ruling {
    Ruling::of("refused", sentence)
}

/// What is said where the run that is shown has more than steps.
pub(super) fn late(walk: &Walk) -> &'static str {
    match walk.deeds.iter().any(|deed| !matches!(deed, Deed::Step(_))) {
        true => " What was lost or stopped may only be late: here it may still happen.",
        false => "",
    }
}

fn ruled(walk: &Walk, property: Property, limits: &Limits, progress: &Progress) -> (Ruling, Option<Outcome>) {
    if property.is_liveness() {
        return for_ever::ruled(walk, property, limits, progress);
    }
    let begun = match walk.trace() {
        Ok(begun) => begun,
        Err(why) => return (refused(why), None),
    };
    if let Some(why) = begun.violation(property) {
        let sentence = format!("{} is broken in this very state.", capital(property.name()));
        return (
            Ruling { continuation: Some(Vec::new()), why: Some(why), ..Ruling::of("already", sentence) },
            None,
        );
    }
    let outcome = match check::run_from(&begun, Some(property), limits, progress) {
        Ok(outcome) => outcome,
        Err(why) => return (refused(format!("This cannot be searched: {why}.")), None),
    };
    (told(walk, property, begun.steps().len(), &outcome), Some(outcome))
}

/// What a search says that began after so many steps.
fn told(walk: &Walk, property: Property, begun: usize, outcome: &Outcome) -> Ruling {
    let states = thousands(outcome.coverage.states);
    match &outcome.verdict {
        Verdict::Violated { trace, property: found, .. } => {
            match continuation(walk, trace.steps().iter().skip(begun)) {
                Ok(names) => {
                    let steps = names.len();
                    let plural = if steps == 1 { "step" } else { "steps" };
                    let sentence =
                        format!("Yes: {found} can still be broken, in {steps} more {plural}.{}", late(walk));
                    Ruling { continuation: Some(names), ..Ruling::of("yes", sentence) }
                }
                Err(why) => refused(why),
            }
        }
        Verdict::Holds | Verdict::Vacuous => {
            let sentence = format!(
                "No: all {states} states that can be reached from here within the bound were visited, and {property} \
                 holds in each."
            );
            Ruling { why: because(walk, property), ..Ruling::of("no", sentence) }
        }
        Verdict::NotExhausted(limit) => {
            let how = if *limit == Limit::Stopped { "Cancelled" } else { "Not exhausted" };
            let sentence = format!(
                "{how}: {states} states were visited without a violation of {property}, and nothing is known of the others."
            );
            Ruling::of("not-exhausted", sentence)
        }
        Verdict::Refused(why) => refused(format!("No verdict: {why}.")),
    }
}

/// The names of the steps that follow.
fn continuation<'a>(
    walk: &Walk,
    steps: impl Iterator<Item = &'a crate::trace::Step>,
) -> Result<Vec<String>, String> {
    let (mut on, unfit) = Walk::along(&walk.opened, &walk.names.join(&JOINT.to_string()));
    if let Some(unfit) = unfit {
        return Err(unfit.why);
    }
    let begun = on.names.len();
    for step in steps {
        on.happen(step.to, step.event.clone())?;
    }
    Ok(on.names.split_off(begun))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Why agreement cannot be broken, as far as the sizes of the quorums say it.
fn because(walk: &Walk, property: Property) -> Option<String> {
    let is_about_quorums =
        matches!(property, Property::Agreement | Property::CertificateUnique | Property::ChainPrefix);
    // Of a broken rule it is not said that quorums are enough.
    let subject = &walk.opened.subject;
    if subject.departs().is_some() || !subject.overrides().is_empty() {
        return None;
    }
    let system = &walk.opened.system;
    let committee = system.setting().committee;
    let rules = system.rules();
    let quorum =
        crate::model::guarded(|| rules.commit_quorum(committee).min(rules.prepare_quorum(committee))).ok()?;
    let (n, byzantine) = (usize::from(committee.n()), system.bound().byzantine.len());
    let shared = (2 * quorum).saturating_sub(n);
    (is_about_quorums && shared > byzantine).then(|| {
        let are = match byzantine {
            0 => "none of them is Byzantine".to_owned(),
            1 => "at most 1 of them is Byzantine".to_owned(),
            _ => format!("at most {byzantine} of them are Byzantine"),
        };
        format!(
            "Because of the quorums: any two of {quorum} among {n} replicas share at least {shared}, and {are}. So an \
             honest replica stands in both, and it votes once in a view and reports what it has prepared."
        )
    })
}
