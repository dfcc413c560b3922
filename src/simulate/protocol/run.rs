//! One run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::SimulationError;
use super::drawn::Drawn;
use crate::engine::{Bound, Ends, Graph, LIVENESS, OneRun, Refusal, Sort, Step};
use crate::interrupt;
use crate::protocol::Protocol;
use crate::trace::{Story, StoryEnd};

/// What came of a run.
#[derive(Debug)]
pub(super) struct Outcome {
    pub steps: usize,
    pub ending: Ending,
}

/// How a run ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// Every honest node has come to what it must come to.
    Done,
    /// Nothing can happen any more, and not all have come to it.
    Quiet,
    /// It has taken the steps that it may take.
    Long,
    /// Something is violated.
    Violated(Box<Story>),
}

impl Outcome {
    pub(super) fn is_finding(&self) -> bool {
        matches!(self.ending, Ending::Violated(_))
    }
}

/// A run under way, and what is known of its messages.
struct Running<P: Protocol> {
    run: OneRun<P>,
    drawn: Drawn,
    /// What has arrived, where a message stays on its way.
    arrived: BTreeSet<Step>,
    /// What is known of each message that can arrive.
    seen: BTreeMap<Step, Seen>,
    /// How many messages there were when all was last delivered again.
    lull: usize,
    is_stable: bool,
    looks_at_safety: bool,
    looks_at_liveness: bool,
}

/// A message that can arrive.
#[derive(Clone, Copy)]
struct Seen {
    /// How many were seen before it.
    number: usize,
    /// Whether it is held back until the network is stable.
    is_held: bool,
    /// Whether it is a word that is not said in this run.
    is_unsaid: bool,
}

/// Lets a run happen.
pub(super) fn run<P: Protocol>(
    protocol: &Arc<P>,
    bound: &Bound,
    property: Option<&str>,
    drawn: Drawn,
    seed: u64,
) -> Result<Outcome, SimulationError> {
    let refused = |why: Refusal| SimulationError::Refused(seed, why);
    let asked = property.filter(|asked| *asked != LIVENESS);
    let is_fair = protocol.layers().fair.is_some();
    if property == Some(LIVENESS) && !is_fair {
        return Err(crate::engine::SetupError::NoGoal.into());
    }
    let graph = Graph::of_one_run(Arc::clone(protocol), bound, asked, Arc::default())?;
    let mut running = Running {
        run: OneRun::of(graph).map_err(refused)?,
        drawn,
        arrived: BTreeSet::new(),
        seen: BTreeMap::new(),
        lull: 0,
        is_stable: false,
        looks_at_safety: property != Some(LIVENESS),
        looks_at_liveness: is_fair && property.is_none_or(|asked| asked == LIVENESS),
    };
    running.go().map_err(refused)
}

impl<P: Protocol> Running<P> {
    fn go(&mut self) -> Result<Outcome, Refusal> {
        let mut stable_after = None;
        for number in 0..self.drawn.steps {
            if self.looks_at_safety && self.run.violation().is_some() {
                return self.violated(None);
            }
            interrupt::poll();
            let step = match self.is_stable {
                true => self.next_when_stable(),
                false => self.next(),
            };
            self.is_stable |= number >= self.drawn.stable_at || step.is_none();
            if self.is_stable && stable_after.is_none() {
                stable_after = Some(number);
            }
            let Some(step) = step.or_else(|| self.next_when_stable()) else {
                return self.quiet(stable_after.unwrap_or(number));
            };
            self.arrived.insert(step);
            if let Step::Crash(place) = step {
                // It has lost what had arrived.
                self.arrived
                    .retain(|step| !matches!(step, Step::Deliver(delivery) if delivery.to() == place));
            }
            self.run.take(step)?;
            if self.is_stable && self.run.is_done() {
                break;
            }
            self.drawn.tick();
        }
        if self.looks_at_safety && self.run.violation().is_some() {
            return self.violated(None);
        }
        self.run.confirm()?;
        let ending = if self.run.is_done() { Ending::Done } else { Ending::Long };
        Ok(Outcome { steps: self.run.path().len(), ending })
    }

    fn violated(&self, end: Option<StoryEnd>) -> Result<Outcome, Refusal> {
        self.run.confirm()?;
        let (graph, path) = (self.run.graph(), self.run.path());
        let story = match end {
            None => Story::of(graph, path)?,
            Some(end) => Story::never(graph, path, end)?,
        };
        Ok(Outcome { steps: path.len(), ending: Ending::Violated(Box::new(story)) })
    }

    /// Nothing can happen any more.
    fn quiet(&self, stable_after: usize) -> Result<Outcome, Refusal> {
        let steps = self.run.path().len();
        if self.run.is_done() {
            self.run.confirm()?;
            return Ok(Outcome { steps, ending: Ending::Done });
        }
        // A link that is cut, or a message that is lost, may be what it waits for.
        let is_owed = self.looks_at_liveness && !self.run.is_cut() && !self.run.is_in_order();
        if is_owed {
            let end = match self.run.graph().participants().byzantine().is_empty() {
                true => StoryEnd::dead_end(stable_after),
                false => StoryEnd::at_rest(stable_after),
            };
            return self.violated(Some(end));
        }
        self.run.confirm()?;
        Ok(Outcome { steps, ending: Ending::Quiet })
    }

    /// What can happen, by what it is; deliveries with their ends.
    fn sorted(&mut self) -> Sorted {
        let mut sorted = Sorted::default();
        let in_order = self.run.is_in_order();
        for (step, sort) in self.run.possible() {
            match sort {
                Sort::Delivery(ends) if in_order || !self.arrived.contains(&step) => {
                    let number = self.seen.len();
                    let seen = *self.seen.entry(step).or_insert_with(|| Seen {
                        number,
                        is_held: self.drawn.is_held() && !in_order,
                        is_unsaid: ends.is_lie && self.drawn.is_unsaid(),
                    });
                    if !seen.is_unsaid {
                        sorted.fresh.push((step, ends, seen));
                    }
                }
                Sort::Delivery(_) if self.run.graph().is_keyed() => sorted.again.push(step),
                Sort::Delivery(_) => {}
                Sort::LeavingOut => sorted.faults.push(step),
                Sort::Event => sorted.events.push(step),
                Sort::Timer(_) => sorted.timers.push(step),
                Sort::Crash | Sort::Loss | Sort::Cut => sorted.faults.push(step),
            }
        }
        sorted
    }

    /// What comes next while the network is bad.
    fn next(&mut self) -> Option<Step> {
        let Sorted { fresh, again, events, timers, faults } = self.sorted();
        let drawn = &mut self.drawn;
        let mut can_arrive = fresh;
        can_arrive.retain(|(_, ends, seen)| !seen.is_held && drawn.connects(*ends));
        if !faults.is_empty() && drawn.chance(drawn.faults) {
            return drawn.pick(&faults);
        }
        if !events.is_empty() && (can_arrive.is_empty() || drawn.chance(150)) {
            return drawn.pick(&events);
        }
        if !timers.is_empty() && (can_arrive.is_empty() || drawn.chance(drawn.timers)) {
            return drawn.pick(&timers);
        }
        if !again.is_empty() && drawn.chance(drawn.repeated) {
            return drawn.pick(&again);
        }
        let is_lie = |(_, ends, _): &(Step, Ends, Seen)| ends.is_lie;
        if let Some(spoken) = drawn.spoken
            && can_arrive.iter().any(is_lie)
            && !can_arrive.iter().all(is_lie)
        {
            let comes = drawn.chance(spoken);
            can_arrive.retain(|arriving| is_lie(arriving) == comes);
        }
        let ranked = can_arrive.into_iter().map(|(step, ends, _)| (drawn.slowness(ends), step));
        ranked.min().map(|(_, step)| step)
    }

    /// What comes next once the network is stable: what was sent first arrives first, and timers come last.
    fn next_when_stable(&mut self) -> Option<Step> {
        let Sorted { fresh, events, timers, .. } = self.sorted();
        let are_silent = self.drawn.are_silent;
        let owed = fresh.into_iter().filter(|(_, ends, _)| !(are_silent && ends.is_byzantine));
        if let Some((step, ..)) = owed.min_by_key(|(.., seen)| seen.number) {
            return Some(step);
        }
        // What came too early may be of use now; it comes again as long as that makes somebody send something new.
        if self.run.graph().is_keyed() && !self.run.is_in_order() && self.lull < self.seen.len() {
            self.lull = self.seen.len();
            self.arrived.clear();
            return self.next_when_stable();
        }
        if !events.is_empty() {
            return self.drawn.pick(&events);
        }
        let timer = self.drawn.pick(&timers);
        self.lull = if timer.is_some() { 0 } else { self.lull };
        timer
    }
}

#[derive(Default)]
struct Sorted {
    fresh: Vec<(Step, Ends, Seen)>,
    again: Vec<Step>,
    events: Vec<Step>,
    timers: Vec<Step>,
    faults: Vec<Step>,
}
