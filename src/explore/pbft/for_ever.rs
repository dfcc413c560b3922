//! The referee about liveness: whether they can still be stopped for ever from here.

use std::sync::Arc;

use serde_json::json;

use super::name::JOINT;
use super::opened::{Opened, address};
use super::referee::{Ruling, late, refused};
use super::walk::Walk;
use crate::check::{self, Limit, Limits, Outcome, Progress, Verdict};
use crate::model::{Property, System};
use crate::trace::{Trace, thousands};

/// The answer about a property of liveness.
pub(super) fn ruled(
    walk: &Walk,
    property: Property,
    limits: &Limits,
    progress: &Progress,
) -> (Ruling, Option<Outcome>) {
    if walk.run.with_view(|seen| seen.reaches(property)) {
        let sentence =
            format!("No: {property} is reached in this very state, and what was executed stays executed.");
        return (Ruling::of("no", sentence), None);
    }
    let begun = match walk.trace() {
        Ok(begun) => begun,
        Err(why) => return (refused(why), None),
    };
    match check::run_from(&begun, Some(property), limits, progress) {
        Ok(outcome) => (told(walk, property, begun.steps().len(), &outcome), Some(outcome)),
        Err(why) => (refused(format!("This cannot be searched: {why}.")), None),
    }
}

/// What a search says that began after so many steps.
fn told(walk: &Walk, property: Property, begun: usize, outcome: &Outcome) -> Ruling {
    let states = thousands(outcome.coverage.states);
    let unknown = "no fair run among them goes on for ever without it";
    match &outcome.verdict {
        Verdict::Violated { trace, property: found, .. } => match shown(walk, trace, *found) {
            Ok((query, names)) => broken(walk, trace, *found, begun, &query, &names),
            Err(why) => refused(why),
        },
        Verdict::Holds | Verdict::Vacuous => Ruling::of(
            "no",
            format!(
                "No: all {states} states that can be reached from here within the bound were visited, and on every fair run \
                 {property} is reached, whenever the network becomes stable."
            ),
        ),
        Verdict::NotExhausted(Limit::Stopped) => Ruling::of(
            "not-exhausted",
            format!(
                "Cancelled: {states} states were visited, and {unknown}. Nothing is known of the others."
            ),
        ),
        Verdict::NotExhausted(Limit::Bound) => Ruling::of(
            "not-exhausted",
            format!(
                "Not exhausted: {states} states were visited, and {unknown}. But some runs go on beyond the views or numbers \
                 of the bound, and nothing is known of those."
            ),
        ),
        Verdict::NotExhausted(_) => Ruling::of(
            "not-exhausted",
            format!(
                "Not exhausted: {states} states were visited, and {unknown}. Nothing is known of the others."
            ),
        ),
        Verdict::Refused(why) => refused(format!("No verdict: {why}.")),
    }
}

/// The answer where a run was found: what it is, and where it stands.
fn broken(
    walk: &Walk,
    trace: &Trace,
    found: Property,
    begun: usize,
    query: &str,
    names: &[String],
) -> Ruling {
    let further = names.len().saturating_sub(begun);
    let plural = if further == 1 { "step" } else { "steps" };
    let late = late(walk);
    let sentence = match trace.lasso() {
        Some(lasso) if further == 0 => {
            format!(
                "Yes: from here {found} need never be reached, without another step: {}.{late}",
                lasso.then
            )
        }
        Some(lasso) => format!(
            "Yes: from here {found} need never be reached, in {further} more {plural} and then: {}.{late}",
            lasso.then
        ),
        None => format!("Yes: {found} can be broken, in {further} more {plural}.{late}"),
    };
    Ruling {
        continuation: Some(names.get(begun..).unwrap_or_default().to_vec()),
        run: Some(json!({ "query": query, "steps": names, "at": begun })),
        ..Ruling::of("yes", sentence)
    }
}

/// Where a run stands that the page can show: in the system that is shown if it is one of that, otherwise in its own, where
/// nothing is withheld and views go on after the network is stable.
fn shown(walk: &Walk, trace: &Trace, found: Property) -> Result<(String, Vec<String>), String> {
    let (own, system) = (&walk.opened, trace.system());
    let is_own = system.bound() == own.system.bound() && system.is_open() == own.system.is_open();
    let opened = match is_own {
        true => Arc::clone(own),
        false => {
            // In a system of few of the runs Byzantine replicas do little: an address is one of all of them.
            let (subject, bound) = (&own.subject, system.bound().clone());
            let query = address(subject.name(), &bound, true, found);
            let all = System::open(bound, subject.rules()).map_err(|why| why.to_string())?;
            Arc::new(Opened::of_system(query, subject, Arc::new(all), found))
        }
    };
    let mut on = Walk::new(&opened);
    for step in trace.steps() {
        on.happen(step.to, step.event.clone())?;
    }
    let (_, unfit) = Walk::along(&opened, &on.names.join(&JOINT.to_string()));
    if let Some(unfit) = unfit {
        return Err(format!(
            "A run was found that goes on so for ever, and no address tells it (step {}: {}).",
            unfit.step, unfit.why
        ));
    }
    let places = trace.lasso().map_or_else(String::new, |lasso| {
        format!("&stable={}&repeats={}", lasso.stable_after, lasso.repeats_after)
    });
    Ok((format!("{}{places}", opened.query), on.names))
}
