//! What holds in the state that is shown, and what does not: asked of the properties that the judges look at.

use serde_json::{Value, json};

use super::walk::Walk;
use crate::model::{Property, looked_at};
use crate::trace::RunLasso;

/// Each property that the bound can look at, in this state. `at_end`: nothing that can happen changes anybody, if that was
/// looked at; `lasso`: how the run goes on for ever.
pub(super) fn properties(walk: &Walk, at_end: bool, is_known: bool, lasso: Option<&RunLasso>) -> Vec<Value> {
    let goal = walk.opened.property;
    let system = &*walk.opened.system;
    let mut all: Vec<_> = looked_at(system).collect();
    if !all.contains(&goal) && goal != Property::Evidence {
        all.insert(0, goal);
    }
    if !all.contains(&Property::Executed) && system.is_open() {
        all.push(Property::Executed);
    }
    all.into_iter()
        .map(|property| {
            let (verdict, why) = one(walk, property, at_end, is_known, lasso);
            json!({
                "name": property.name(),
                "statement": property.statement(),
                "verdict": verdict,
                "why": why,
                "is_goal": property == goal,
            })
        })
        .collect()
}

fn one(
    walk: &Walk,
    property: Property,
    at_end: bool,
    is_known: bool,
    lasso: Option<&RunLasso>,
) -> (&'static str, Option<String>) {
    let no_bound = walk.opened.system.is_simulated().then(|| {
        (
            "unknown",
            Some("a simulated run has no bound that says what must be executed in the end".to_owned()),
        )
    });
    if property == Property::NoDeadEnd {
        return no_bound.unwrap_or_else(|| dead_end(walk, at_end, is_known));
    }
    if property.is_liveness() {
        if let Some(lasso) = lasso.filter(|lasso| lasso.property == property) {
            return ("violated", Some(format!("it is never reached: {}", lasso.then)));
        }
        if let Some(unknown) = no_bound {
            return unknown;
        }
        if walk.run.with_view(|seen| seen.reaches(property)) {
            return ("holds", None);
        }
        return (
            "not-yet",
            Some("not in this state: whether every fair run comes to it, no state shows".to_owned()),
        );
    }
    match walk.run.with_view(|seen| property.violation(seen)) {
        Some(why) => ("violated", Some(why)),
        None => ("holds", None),
    }
}

fn dead_end(walk: &Walk, at_end: bool, is_known: bool) -> (&'static str, Option<String>) {
    let waits = walk.run.with_view(|seen| seen.unserved().filter(|_| seen.panicked.is_none()));
    match waits {
        None => ("holds", None),
        Some(_) if !is_known || walk.opened.adversary.is_none() => {
            ("unknown", Some("what can still happen was not looked at".to_owned()))
        }
        Some(waits) if at_end => ("violated", Some(waits)),
        Some(_) => ("not-yet", Some("a request still waits, and something can still happen".to_owned())),
    }
}
