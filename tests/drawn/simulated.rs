//! What simulation finds, acted out within a bound that a judge has called clean.

use std::sync::Arc;

use bft_check::check::JudgeKind;
use bft_check::model::{Bound, Event, Load, Property, Scope, System};
use bft_check::pbft::{Principal, ReplicaId, Rules};
use bft_check::simulate::{End, Settings, StrategyKind, run};
use bft_check::trace::{ReplayError, Trace};

use crate::question::Question;

/// A violation that simulation has found.
#[derive(Clone, Debug)]
pub struct Found {
    pub settings: Settings,
    pub seed: u64,
    pub property: Property,
    pub byzantine: Vec<ReplicaId>,
    /// The run, with what it does not need left out.
    pub events: Vec<(Principal, Event)>,
}

/// A small system, so that much of what it does lies within a bound of the judges.
fn settings(checkpoint: Option<u64>, clients: u32) -> Settings {
    let calm = Settings::new("castro99", 4);
    let load = Load { operations: 1, batch: 1, in_flight: 1 };
    let scope = Scope {
        requests: clients,
        checkpoint,
        window: checkpoint,
        crashes: 1,
        load: Some(load),
        ..calm.scope
    };
    Settings { scope, strategy: StrategyKind::Mixed, steps: 4000, ..calm }
}

/// Runs so many seeds of each kind of system; of each property the first violation.
pub fn simulate(rules: &'static dyn Rules, seeds: std::ops::Range<u64>) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for settings in [settings(None, 2), settings(Some(1), 2), settings(None, 1)] {
        for seed in seeds.clone() {
            let Ok(outcome) = run(rules, &settings, seed, true, None) else { continue };
            let End::Violated { property, .. } = &outcome.end else { continue };
            let known = Some(*property).filter(|known| Property::SAFETY.contains(known));
            let Some(property) = known else { continue };
            let byzantine = outcome.system.bound().byzantine.clone();
            let is_new = found
                .iter()
                .all(|it| it.property != property || it.byzantine != byzantine || it.settings != settings);
            if !is_new {
                continue;
            }
            let events = outcome.happened();
            let events = Trace::replay(&outcome.system, &events)
                .map(|trace| trace.shrunk(property))
                .map(|trace| trace.steps().iter().map(|step| (step.to, step.event.clone())).collect())
                .unwrap_or(events);
            found.push(Found { settings: settings.clone(), seed, property, byzantine, events });
        }
    }
    found
}

/// What a run that was simulated comes to within a bound, if it violates the property there too: without what cannot
/// happen within the bound.
pub fn within(found: &Found, question: &Question, rules: &'static dyn Rules) -> Option<Trace> {
    let scope = question.job.bound.scope;
    let views = if question.job.judge == JudgeKind::Unbounded { 12 } else { scope.views };
    let is_placed =
        question.job.judge == JudgeKind::Unbounded || question.job.bound.byzantine == found.byzantine;
    if !is_placed || question.job.bound.byzantine.len() != found.byzantine.len() {
        return None;
    }
    let bound = Bound::new(Scope { views, ..scope }, found.byzantine.iter().copied());
    let system = Arc::new(System::new(bound, rules).ok()?);
    let mut events = found.events.clone();
    loop {
        match Trace::replay(&system, &events) {
            Ok(trace) => {
                return trace.violation(found.property).is_some().then_some(trace);
            }
            Err(error) => {
                let (ReplayError::NotHonest(step, ..)
                | ReplayError::NeverSent(step, ..)
                | ReplayError::Impossible(step, ..)
                | ReplayError::Refused(step, ..)
                | ReplayError::Unfit(step, ..)) = error;
                events.remove(step - 1);
            }
        }
    }
}
