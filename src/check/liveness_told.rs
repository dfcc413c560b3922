//! Runs of the model of liveness, told by the real replicas: message by message, after events that are given.

use stateright::Model as _;

use super::fair::{Ending, FairModel as _, Lasso};
use crate::interrupt;
use crate::model::{Event, Liveness, LivenessMove, LivenessState, Owed, Property};
use crate::pbft::Principal;
use crate::trace::{RunLasso, Trace, raised};

type Events = Vec<(Principal, Event)>;

/// A run in which somebody panics on the real replicas, message by message.
pub(super) fn panics(
    model: &Liveness,
    given: &[(Principal, Event)],
    path: &[LivenessMove],
) -> Result<Trace, String> {
    let system = model.shared_system();
    let mut state = model.init_states().swap_remove(0);
    let (mut events, mut skipped): (Events, u64) = (given.to_vec(), 0);
    for step in path {
        events.extend(raised(&system, &model.expand(&state, step), model.first_after(), skipped)?);
        skipped += model.skips(&state, step);
        state = model.next_state(&state, *step).ok_or("a step is not there")?;
    }
    let trace = Trace::replayed(&system, &mut events, &mut [])?;
    trace.violation(Property::Panics).ok_or("nobody does")?;
    Ok(interrupt::late(|| trace.shrunk_after(Property::Panics, given.len())))
}

/// What is owed in all states in which a run stays and never taken by its steps, whatever the model follows.
fn unpaid(model: &Liveness, lasso: &Lasso<LivenessMove>, states: &[LivenessState]) -> Option<Owed> {
    let around = &states[lasso.prefix.len()..];
    let mut owed = model.owed_in(around.first()?);
    for state in around {
        let also = model.owed_in(state);
        owed.retain(|class| also.contains(class));
    }
    for (state, step) in around.iter().zip(lasso.cycle()) {
        if let Some(class) = model.class(state, step) {
            owed.remove(&class);
        }
    }
    owed.pop_first()
}

/// A counterexample on the real replicas, message by message. Where it stops, everything that must still
/// arrive is delivered to them, and neither may the goal be reached by that nor a timer run. Where its
/// views go on without end, they go round once more, and must be where they were but for the numbers.
pub(super) fn told(
    model: &Liveness,
    given: &[(Principal, Event)],
    property: Property,
    lasso: &Lasso<LivenessMove>,
) -> Result<Trace, String> {
    let states = lasso.states(model).ok_or("a step is not there")?;
    if let Some(owed) = unpaid(model, lasso, &states) {
        return Err(format!("{owed:?} is owed for ever"));
    }
    let system = model.shared_system();
    let from = model.first_after();
    let mut events: Events = given.to_vec();
    let (mut stable_after, mut repeats_after) = (usize::MAX, usize::MAX);
    let (mut skipped, mut skipped_before) = (0, 0);
    for (number, (state, step)) in states.iter().zip(lasso.prefix.iter().chain(lasso.cycle())).enumerate() {
        if number == lasso.prefix.len() {
            (repeats_after, skipped_before) = (events.len(), skipped);
        }
        if *step == LivenessMove::Stabilise {
            stable_after = events.len();
        }
        events.extend(raised(&system, &model.expand(state, step), from, skipped)?);
        skipped += model.skips(state, step);
    }
    let round = skipped - skipped_before;
    repeats_after = repeats_after.min(events.len());
    let mut places = [stable_after, repeats_after];
    let trace = Trace::replayed(&system, &mut events, &mut places)?;
    let [stable_after, repeats_after] = places;
    if round > 0 && !lasso.cycle().is_empty() {
        trace.goes_round_again(repeats_after, from, round)?;
    }
    let then = match lasso.ending {
        Ending::DeadEnd => RunLasso::DEAD_END,
        Ending::Rest => RunLasso::REST,
        Ending::Loop(_) if round > 0 => RunLasso::RISING,
        Ending::Loop(_) => RunLasso::LOOP,
    };
    let trace = trace.staying(RunLasso { property, stable_after, repeats_after, then });
    let trace = trace.map_err(|error| error.to_string())?;
    Ok(interrupt::late(|| trace.shrunk_after(property, given.len())))
}
