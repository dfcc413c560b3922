//! Shrinking: what a violation does not need is left out.

use super::stage::Stage;
use super::{Trace, violation};
use crate::model::Event;
use crate::pbft::Principal;

impl Trace {
    /// A part of this run that violates the property too, and no longer does if any one of its steps, with
    /// all that then cannot happen any more, is left out: locally minimal. The run itself if it does not
    /// violate the property.
    #[must_use]
    pub fn shrunk(&self, property: &str) -> Trace {
        let mut events: Vec<_> = self.steps.iter().map(|step| (step.to, step.event.clone())).collect();
        if self.violation(property).is_none() {
            return self.clone();
        }
        // From the end: what comes last depends on most, and nothing depends on it.
        let mut index = events.len();
        while index > 0 {
            index -= 1;
            if let Some(fewer) = self.without(&events, index, property) {
                events = fewer;
                // What needed the step that is gone, or stood in for it, may be superfluous now.
                index = events.len();
            }
        }
        Trace::replay(&self.system, &events).unwrap_or_else(|_| self.clone())
    }

    /// The events but for one and those that cannot happen without it, if they still violate the property.
    fn without(
        &self,
        events: &[(Principal, Event)],
        left_out: usize,
        property: &str,
    ) -> Option<Vec<(Principal, Event)>> {
        let mut stage = Stage::new(&self.system);
        let mut kept = Vec::new();
        for (index, (to, event)) in events.iter().enumerate() {
            if index == left_out {
                continue;
            }
            let event = match event {
                Event::Deliver(message) => {
                    let Some(real) = stage.real(message) else { continue };
                    Event::Deliver(real)
                }
                other => other.clone(),
            };
            if stage.step(*to, &event).is_ok() {
                kept.push((*to, event));
            }
        }
        violation(stage.run(), property).map(|_| kept)
    }
}
