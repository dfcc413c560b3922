//! The judges whose steps are those of judge 2.

use crate::model::absorbed::{Absorbed, AbsorbedState, Move};
use crate::model::property::Judge;
use crate::model::reduced::Reduced;

/// A judge whose steps are those of judge 2.
pub trait ByGuards: Judge<State = AbsorbedState> {
    /// Judge 2.
    fn judge(&self) -> &Absorbed;

    /// The steps of judge 2 on this path from the first state; none if it turns out that there is no such path.
    fn steps(&self, path: &[Self::Action]) -> Option<Vec<Move>>;

    /// The steps from a state, which stands for it, to one without this property.
    fn to_violation(&self, _state: &AbsorbedState, _property: &str) -> Vec<Move> {
        Vec::new()
    }

    /// Why this cannot judge this rulebook, if it cannot, as far as that is known when all states were visited.
    fn refused(&self) -> Option<String> {
        self.judge().refusal()
    }
}

impl ByGuards for Absorbed {
    fn judge(&self) -> &Absorbed {
        self
    }

    fn steps(&self, path: &[Move]) -> Option<Vec<Move>> {
        Some(path.to_vec())
    }
}

impl ByGuards for Reduced {
    fn judge(&self) -> &Absorbed {
        Reduced::judge(self)
    }

    fn steps(&self, path: &[Self::Action]) -> Option<Vec<Move>> {
        Some(path.iter().flat_map(|stretch| stretch.steps()).copied().collect())
    }

    fn to_violation(&self, state: &AbsorbedState, property: &str) -> Vec<Move> {
        Reduced::to_violation(self, state, property)
    }
}
