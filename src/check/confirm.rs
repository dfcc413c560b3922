//! A counterexample, replayed on the real replicas before it is shown.

use std::sync::Arc;

use super::outcome::Verdict;
use crate::interrupt;
use crate::model::{Event, NoSuchProperty, Property, System};
use crate::pbft::{Principal, Refusal};
use crate::trace::{ReplayError, Trace};

/// The verdict on a violation that a search has come to, once the replicas have shown it. `run` says how many steps of the
/// judge it is, and what the replicas show. It is shown even if the time is over meanwhile, shrunk as far as there is a moment
/// for it.
pub(super) fn shown(
    property: &str,
    run: impl FnOnce(Property) -> Result<(usize, Trace), String>,
) -> Result<Verdict, String> {
    let property = property.parse().map_err(|error: NoSuchProperty| error.to_string())?;
    let (steps, trace) = interrupt::undisturbed(|| run(property))?;
    Ok(Verdict::Violated { property, steps, trace: Box::new(trace) })
}

/// Replays a counterexample on the real replicas, and looks at the property again. Judge *guards* lets a replica
/// forget what it has received and receive it again; the replica, which has not forgotten, refuses that as received, or as
/// a vote that comes too late, and the delivery is left out. So is whatever else the violation does not need.
pub(super) fn confirm(
    system: &Arc<System>,
    property: Property,
    events: Vec<(Principal, Event)>,
) -> Result<Trace, String> {
    confirm_after(system, property, &[], events)
}

/// Replays a counterexample that begins with events that are given, all of which stay.
pub(super) fn confirm_after(
    system: &Arc<System>,
    property: Property,
    given: &[(Principal, Event)],
    further: Vec<(Principal, Event)>,
) -> Result<Trace, String> {
    let mut events = given.to_vec();
    events.extend(further);
    let internal = |error: ReplayError| {
        format!(
            "the judge found a violation of {property} that the replicas do not show ({error}); please report this"
        )
    };
    let trace = loop {
        match Trace::replay(system, &events) {
            Err(ReplayError::Refused(
                step,
                ..,
                Refusal::Duplicate | Refusal::TallyFull | Refusal::Decided,
            )) if step > given.len() => drop(events.remove(step - 1)),
            // Who has not forgotten refuses what comes again by then for whatever reason.
            Err(ReplayError::Refused(step, ..))
                if step > given.len() && events[..step - 1].contains(&events[step - 1]) =>
            {
                events.remove(step - 1);
            }
            // Who has not forgotten may panic earlier.
            Err(ReplayError::Impossible(step, ..)) if property == Property::Panics && step > given.len() => {
                events.truncate(step - 1);
            }
            replayed => break replayed.map_err(internal)?,
        }
    };
    // Whole guards at a time leave out what only is counted, and counts: it still can happen.
    let trace = if property == Property::NoDeadEnd { trace.to_the_end() } else { trace };
    if trace.violation(property).is_none() {
        return Err(format!(
            "the judge found a violation of {property} that is not there when the run is replayed; please report this"
        ));
    }
    Ok(interrupt::late(|| trace.shrunk_after(property, given.len())))
}
