//! Sets of what replicas can leave behind and be observed as, by the local states in which they may be.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::numbers::{Interned, Locals, Number, ObservationId, ObservationSet, OutcomeNumber, OutcomeSet};

/// Numbers in order, each once.
pub(super) type Set<N> = SmallVec<[N; 4]>;

/// The sets that were met.
#[derive(Default)]
pub(super) struct EndSets {
    pub outcomes: Interned<OutcomeSet, Set<OutcomeNumber>>,
    pub observations: Interned<ObservationSet, Set<ObservationId>>,
    by_locals: FxHashMap<Locals, (OutcomeSet, ObservationSet)>,
}

impl EndSets {
    pub fn of(&self, locals: &Locals) -> Option<(OutcomeSet, ObservationSet)> {
        self.by_locals.get(locals).copied()
    }

    /// Notes what can be left behind and observed in these local states.
    pub fn note(
        &mut self,
        locals: &Locals,
        outcomes: Set<OutcomeNumber>,
        observations: Set<ObservationId>,
    ) -> (OutcomeSet, ObservationSet) {
        let outcomes = self.outcomes.number(in_order(outcomes));
        let observations = self.observations.number(in_order(observations));
        self.by_locals.insert(locals.clone(), (outcomes, observations));
        (outcomes, observations)
    }
}

fn in_order<N: Number + Ord>(mut numbers: Set<N>) -> Set<N> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
