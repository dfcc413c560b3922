//! Which properties of replicas alone are violated: cached by what the properties see.

use rustc_hash::FxHashMap;

use super::arena::Arena;
use super::boundary::{BatchNumber, CarriedState, Decided, choices};
use super::context::Context;
use super::error::Unexplorable;
use super::numbers::{LocalId, ObservationId, ObservationSet};
use crate::model::participant::Local;
use crate::model::property::Properties;

/// What was found to be violated.
#[derive(Default)]
pub(super) struct Verdicts {
    /// Where these batches are decided.
    by_decided: FxHashMap<Decided, Properties>,
    /// A local state with each observation.
    examples: FxHashMap<ObservationId, LocalId>,
    /// Where two replicas are observed as one of a set each.
    by_observations: FxHashMap<(ObservationSet, ObservationSet), Properties>,
}

impl Verdicts {
    /// Notes that the properties see this of that local state.
    pub fn observe(&mut self, observation: ObservationId, local: LocalId) {
        self.examples.entry(observation).or_insert(local);
    }

    /// What is violated where any honest replica may have decided any of these batches. Each property looks at one
    /// replica or at two.
    pub fn of_decided(
        &mut self,
        context: &Context,
        arena: &Arena,
        decided: &Decided,
    ) -> Result<Properties, Unexplorable> {
        if let Some(&violated) = self.by_decided.get(decided) {
            return Ok(violated);
        }
        let state = |place: usize, decided: &[Option<BatchNumber>]| {
            let carried = CarriedState { prepared: vec![None; decided.len()], decided: decided.to_vec() };
            arena.rebuilt(context, arena.replica(place)?, &carried).map(Local::of)
        };
        let mut violated = Properties::NONE;
        for one in choices(decided) {
            for other in choices(decided) {
                let mut locals = vec![state(0, &one)?];
                if arena.judge.participants().len() > 1 {
                    locals.push(state(1, &other)?);
                }
                violated |= arena.judge.violated_of(locals.iter());
            }
        }
        self.by_decided.insert(decided.clone(), violated);
        Ok(violated)
    }

    /// What is violated where two replicas are observed as one of each of these sets, whose members are given by `of`.
    pub fn of_observations<'a>(
        &mut self,
        arena: &Arena,
        (one, other): (ObservationSet, ObservationSet),
        of: impl Fn(ObservationSet) -> &'a [ObservationId],
    ) -> Properties {
        let sets = (one.min(other), one.max(other));
        if let Some(&violated) = self.by_observations.get(&sets) {
            return violated;
        }
        let mut violated = Properties::NONE;
        for one in of(one) {
            for other in of(other) {
                violated |= arena.judge.violated_with([self.examples[one], self.examples[other]]);
            }
        }
        self.by_observations.insert(sets, violated);
        violated
    }
}
