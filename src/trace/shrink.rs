//! Shrinking: what a violation does not need is left out.

use super::dead_end::{Oracle, changes};
use super::stage::Stage;
use super::{RunLasso, Trace};
use crate::interrupt;
use crate::model::{Event, Property};
use crate::pbft::Principal;

type Happened = (Principal, Event);

impl Trace {
    /// A part of this run that violates the property too, and no longer does if any one of its steps, with
    /// all that then cannot happen any more, is left out: locally minimal. The run itself if it does not
    /// violate the property.
    ///
    /// Of a run that [stays](Trace::lasso) without what it owes, the steps before it stays are left out as far as it
    /// remains [fair](Trace::fair); those that repeat are left as they are.
    #[must_use]
    pub fn shrunk(&self, property: Property) -> Trace {
        self.shrunk_after(property, 0)
    }

    /// This run without what its violation does not need, where so many steps at the beginning are given and none of them is
    /// left out. Where it is interrupted, it is what is left by then.
    #[must_use]
    pub(crate) fn shrunk_after(&self, property: Property, given: usize) -> Trace {
        if interrupt::undisturbed(|| self.violation(property)).is_none() {
            let is_fair = || interrupt::undisturbed(|| self.fair()).is_ok();
            let stays = self.lasso.as_ref().filter(|lasso| lasso.property == property && is_fair());
            return stays.map_or_else(|| self.clone(), |_| self.shrunk_lasso(given));
        }
        let oracle = Oracle::of(&self.system);
        let mut events: Vec<_> = self.steps.iter().map(|step| (step.to, step.event.clone())).collect();
        // From the end: what comes last depends on most, and nothing depends on it.
        let mut index = events.len();
        while index > given {
            index -= 1;
            let without = interrupt::caught(|| self.without(&events, index, property, &oracle));
            let Ok(fewer) = without else { break };
            if let Some(fewer) = fewer {
                events = fewer;
                // What needed the step that is gone, or stood in for it, may be superfluous now.
                index = events.len();
            }
        }
        let replayed = interrupt::undisturbed(|| Trace::replay(&self.system, &events));
        replayed.unwrap_or_else(|_| self.clone())
    }

    /// The events but for one and those that cannot happen without it, if they still violate the property.
    fn without(
        &self,
        events: &[Happened],
        left_out: usize,
        property: Property,
        oracle: &Oracle,
    ) -> Option<Vec<Happened>> {
        let (stage, kept) = self.possible(events.iter(), left_out);
        let (who, event) = &events[left_out];
        // It is no dead end where what was left out can still happen; most of the time that is quickly seen.
        if property == Property::NoDeadEnd
            && changes(stage.run(), *who, event)
            && Self::still_exists(&stage, event)
        {
            return None;
        }
        oracle.violation(stage.run(), property)?;
        Some(kept.into_iter().map(|(_, event)| event).collect())
    }

    /// Whether what happened can still happen: a message has to exist.
    fn still_exists(stage: &Stage, event: &Event) -> bool {
        match event {
            Event::Deliver(message) => stage.real(message).is_some(),
            _ => true,
        }
    }

    fn shrunk_lasso(&self, given: usize) -> Trace {
        let mut shrunk = self.clone();
        let mut index = self.steps.len();
        while index > given {
            index -= 1;
            let Ok(fewer) = interrupt::caught(|| shrunk.staying_without(index)) else { break };
            if let Some(fewer) = fewer {
                shrunk = fewer;
                index = shrunk.steps.len();
            }
        }
        shrunk
    }

    /// This run without one of the steps before it stays, and without those that cannot happen without that step, if it
    /// still stays without what it owes, and is fair.
    fn staying_without(&self, left_out: usize) -> Option<Trace> {
        let lasso = self.lasso.as_ref().filter(|lasso| left_out < lasso.repeats_after)?;
        let events: Vec<_> = self.steps.iter().map(|step| (step.to, step.event.clone())).collect();
        let (_, kept) = self.possible(events.iter(), left_out);
        let before = |place: usize| kept.iter().filter(|(index, _)| *index < place).count();
        let (stable_after, repeats_after) = (before(lasso.stable_after), before(lasso.repeats_after));
        if kept.len() - repeats_after != events.len() - lasso.repeats_after {
            return None;
        }
        // Whether a Byzantine replica could still do something there is not known.
        let is_known = lasso.then != RunLasso::DEAD_END || self.system.byzantine().is_empty();
        let then = if is_known { lasso.then } else { RunLasso::REST };
        let events: Vec<_> = kept.into_iter().map(|(_, event)| event).collect();
        let trace = Trace::replay(&self.system, &events).ok()?;
        let lasso = RunLasso { property: lasso.property, stable_after, repeats_after, then };
        trace.staying(lasso).ok().filter(|trace| trace.fair().is_ok())
    }

    /// Acts out the events but for one; of the others those that can happen then, with their places.
    fn possible<'e>(
        &self,
        events: impl Iterator<Item = &'e Happened>,
        left_out: usize,
    ) -> (Stage, Vec<(usize, Happened)>) {
        let mut stage = Stage::new(&self.system);
        let mut kept = Vec::new();
        for (index, (to, event)) in events.enumerate() {
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
                kept.push((index, (*to, event)));
            }
        }
        (stage, kept)
    }
}
