//! The judges whose steps are those of judge *guards*.

use stateright::Model as _;

use crate::engine::record::Unfit;
use crate::model::guards::{GuardModel, GuardState, Move};
use crate::model::property::{Judge, Property};
use crate::model::reduced::Reduced;

/// A judge whose steps are those of judge *guards*.
pub trait ByGuards: Judge<State = GuardState> {
    /// Judge *guards*.
    fn judge(&self) -> &GuardModel;

    /// The steps of judge *guards* on this path from the first state; none if it turns out that there is no such path.
    fn steps(&self, path: &[Self::Action]) -> Option<Vec<Move>>;

    /// The steps from a state, which stands for it, to one without this property.
    fn to_violation(&self, _state: &GuardState, _property: Property) -> Vec<Move> {
        Vec::new()
    }

    /// The steps of judge *guards* to the violation at the end of this path; none, to where nothing is violated, if it turns out that
    /// there is no such path.
    fn violating(&self, path: &[Self::Action], property: Property) -> Vec<Move> {
        let Some(mut steps) = self.steps(path) else { return Vec::new() };
        let start = self.judge().init_states().swap_remove(0);
        let last = steps.iter().try_fold(start, |state, &step| self.judge().next_state(&state, step));
        steps.extend(last.into_iter().flat_map(|last| self.to_violation(&last, property)));
        steps
    }

    /// Takes in an entry of the journal that is not of judge *guards*.
    ///
    /// # Errors
    /// This cannot have written it.
    fn takes_in(&self, _kind: u32, _words: &[u32]) -> Result<(), Unfit> {
        Err(Unfit)
    }

    /// Why this cannot judge this rulebook, if it cannot, as far as that is known when all states were visited.
    fn refused(&self) -> Option<String> {
        self.judge().refusal()
    }
}

impl ByGuards for GuardModel {
    fn judge(&self) -> &GuardModel {
        self
    }

    fn steps(&self, path: &[Move]) -> Option<Vec<Move>> {
        Some(path.to_vec())
    }
}

impl ByGuards for Reduced {
    fn judge(&self) -> &GuardModel {
        Reduced::judge(self)
    }

    fn steps(&self, path: &[Self::Action]) -> Option<Vec<Move>> {
        Some(path.iter().flat_map(|stretch| stretch.steps()).copied().collect())
    }

    fn to_violation(&self, state: &GuardState, property: Property) -> Vec<Move> {
        Reduced::to_violation(self, state, property)
    }

    fn violating(&self, path: &[Self::Action], property: Property) -> Vec<Move> {
        self.run_along(path, property).unwrap_or_default()
    }

    fn takes_in(&self, kind: u32, words: &[u32]) -> Result<(), Unfit> {
        Reduced::takes_in(self, kind, words)
    }

    fn refused(&self) -> Option<String> {
        // To try what is assumed means to look at more local states, which can be too much too.
        self.judge().refusal().or_else(|| self.decisions_matter()).or_else(|| self.judge().refusal())
    }
}
