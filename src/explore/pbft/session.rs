//! What is looked at: the rulebook, the bound, and what the adversary wants.

use serde_json::{Value, json};

use super::opened::Opened;
use crate::bugs;
use crate::model::{Property, guarded, looked_at};
use crate::pbft::Principal;

/// What the adversary wants, in a sentence.
fn goal(property: Property) -> Value {
    let (kind, sentence) = match property {
        Property::Agreement => {
            ("safety", "Make two honest replicas decide different batches at one sequence number.".to_owned())
        }
        Property::NoDeadEnd => (
            "dead-end",
            "Bring the honest replicas to where nothing can happen, while a request waits.".to_owned(),
        ),
        Property::Executed | Property::Answered => {
            ("liveness", "Keep the honest replicas from executing what clients ask for, for ever.".to_owned())
        }
        other => ("safety", format!("Break this: {}.", other.statement())),
    };
    json!({ "kind": kind, "property": property.name(), "sentence": sentence })
}

/// Why the referee cannot be asked, if it cannot.
fn unasked(opened: &Opened) -> Option<&'static str> {
    opened.system.is_simulated().then_some(
        "The referee searches all runs within a bound. This is a simulated run, which has none: from here on the adversary \
         may say anything and clients ask for more, and no search comes to an end.",
    )
}

/// What is looked at, as the page is told.
pub(super) fn session(opened: &Opened) -> Value {
    let Opened { query, subject, system, property, story, .. } = opened;
    let bound = system.bound();
    let committee = system.setting().committee;
    let ids = |ids: &mut dyn Iterator<Item = Principal>| ids.map(|id| id.to_string()).collect::<Vec<_>>();
    let mut properties: Vec<_> = looked_at(system).collect();
    if !properties.contains(property) {
        properties.insert(0, *property);
    }
    json!({
        "query": query,
        "rules": subject.name(),
        "breaks": subject.departs(),
        "source": bugs::find(subject.name()).map(|rulebook| rulebook.source),
        "overrides": subject.overrides(),
        "bound": bound.scope.to_string(),
        "replicas": bound.scope.replicas, "faults": bound.scope.faults, "views": bound.scope.views,
        "slots": bound.scope.slots, "requests": bound.scope.requests,
        "is_open": system.is_open(),
        "byzantine": bound.byzantine.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "honest": ids(&mut system.honest().iter().map(|replica| Principal::Replica(replica.id()))),
        "clients": ids(&mut crate::trace::everybody(system).into_iter().filter(|who| who.replica().is_none())),
        "quorum": guarded(|| system.rules().quorum(committee)).unwrap_or(committee.quorum()),
        "property": property.name(),
        "properties": properties
            .iter()
            .map(|it| json!({ "name": it.name(), "statement": it.statement() }))
            .collect::<Vec<_>>(),
        "goal": goal(*property),
        "story": story.as_ref().map(|story| story.to_json(query)),
        "lists_adversary": opened.adversary.is_some(),
        "simulated": system.is_simulated(),
        "no_referee": unasked(opened),
        "stateright": opened.adversary.is_some() && !system.is_open(),
    })
}
