//! What replicas leave behind, in numbers.

use std::collections::BTreeSet;
use std::ops::Index;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::boundary::{BatchNumber, CarriedState, Decided, is_part};
use super::context::Context;
use super::numbers::{CarriedNumber, DecisionNumber, GainedNumber, Interned, OutcomeNumber};
use crate::pbft::View;

/// What a replica leaves behind: what it carries on, and the decisions of which it does not count whose they are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Outcome {
    pub carried: CarriedNumber,
    /// What of it can be new.
    pub gained: GainedNumber,
    pub decided: DecisionNumber,
}

/// What a replica has at the end of a view and need not have had before: with the certificates of the view alone.
type Gained = CarriedState<()>;

/// All that was met of what replicas leave behind.
#[derive(Default)]
pub(super) struct Outcomes {
    outcomes: Interned<OutcomeNumber, Outcome>,
    pub carried: Interned<CarriedNumber, CarriedState<View>>,
    pub decisions: Interned<DecisionNumber, Decided>,
    gained: Interned<GainedNumber, Gained>,
    /// What is carried with what is gained besides.
    with_gained: FxHashMap<(CarriedNumber, GainedNumber), CarriedNumber>,
}

impl Outcomes {
    /// What a replica leaves behind that carries this out of that view.
    pub fn number(&mut self, context: &Context, view: View, carried: CarriedState<View>) -> OutcomeNumber {
        let (carried, decided) = if context.reductions.quotient {
            let decided = carried.decided.iter().map(|decided| decided.iter().copied().collect()).collect();
            (carried.undecided(), decided)
        } else {
            (carried, context.nothing())
        };
        let of_view = |held: &Option<(View, BatchNumber)>| {
            held.filter(|(of, _)| *of == view).map(|(_, number)| ((), number))
        };
        let prepared = carried.prepared.iter().map(of_view).collect();
        let gained = CarriedState { prepared, decided: carried.decided.clone() };
        let outcome = Outcome {
            gained: self.gained.number(gained),
            carried: self.carried.number(carried),
            decided: self.decisions.number(decided),
        };
        self.outcomes.number(outcome)
    }

    /// What whoever carries that carries on once it has gained this in that view.
    pub fn with_gained(&mut self, view: View, carried: CarriedNumber, gained: GainedNumber) -> CarriedNumber {
        if let Some(&with) = self.with_gained.get(&(carried, gained)) {
            return with;
        }
        let mut with = self.carried[carried].clone();
        let more = &self.gained[gained];
        for (held, gained) in with.prepared.iter_mut().zip(&more.prepared) {
            *held = gained.map(|((), number)| (view, number)).or(*held);
        }
        for (decided, gained) in with.decided.iter_mut().zip(&more.decided) {
            *decided = gained.or(*decided);
        }
        let with = self.carried.number(with);
        self.with_gained.insert((carried, gained), with);
        with
    }

    /// The batches that are decided with an outcome.
    pub fn decided_with(&self, outcome: OutcomeNumber) -> &[BTreeSet<BatchNumber>] {
        &self.decisions[self[outcome].decided]
    }

    /// Keeps of outcomes with which the same is carried those in which most is decided.
    pub fn keep_most(&self, outcomes: &mut SmallVec<[OutcomeNumber; 4]>) {
        let of = |number: OutcomeNumber| (self[number].carried, self.decided_with(number));
        let all = outcomes.clone();
        outcomes.retain(|&mut own| {
            let (carried, decided) = of(own);
            let beats = |other: OutcomeNumber| {
                of(other).0 == carried && of(other).1 != decided && is_part(decided, of(other).1)
            };
            !all.iter().any(|&other| beats(other))
        });
    }
}

impl Index<OutcomeNumber> for Outcomes {
    type Output = Outcome;

    fn index(&self, number: OutcomeNumber) -> &Outcome {
        &self.outcomes[number]
    }
}
