//! A view as it is explored: the real replicas under judge *guards*.

use std::sync::Arc;

use super::boundary::{BatchNumber, CarriedState};
use super::context::Context;
use super::error::Unexplorable;
use super::forge::Maker;
use super::premise;
use super::setup::Setup;
use crate::model::bounds::{Bound, Scope};
use crate::model::guards::GuardModel;
use crate::model::participant::Participant;
use crate::model::property::Judge as _;
use crate::model::system::System;
use crate::pbft::{KeySet, Replica, State, View};

/// A view, with everybody who takes part.
pub(super) struct Arena {
    pub judge: GuardModel,
    pub setup: Setup,
    keys: KeySet,
}

impl Arena {
    /// # Errors
    /// Why it cannot be explored.
    pub fn new(context: &Context, setup: Setup) -> Result<Self, Unexplorable> {
        let scope = Scope { views: setup.view.0 + 1, ..context.scope };
        let bound = Bound::new(scope, context.byzantine.iter().copied());
        let system = System::of_last_view(bound, context.rules)?;
        Ok(Arena {
            judge: GuardModel::new(Arc::new(system)).counting(context.reductions.counting),
            setup,
            keys: KeySet::symbolic(context.scope.replicas, context.scope.requests),
        })
    }

    pub fn maker(&self) -> Maker<'_> {
        let system = self.judge.system();
        Maker { keys: &self.keys, setting: system.setting(), rules: system.rules() }
    }

    /// The honest replica at that place.
    pub fn replica(&self, place: usize) -> Result<&Replica, Unexplorable> {
        match self.judge.participants().get(place) {
            Some(Participant::Replica(replica, _)) => Ok(replica),
            _ => Err(Unexplorable::NoReplica),
        }
    }

    /// The state of a replica that has nothing but this, in view 0.
    pub fn rebuilt(
        &self,
        context: &Context,
        replica: &Replica,
        carried: &CarriedState<View>,
    ) -> Result<State, Unexplorable> {
        let batch = |number: BatchNumber| context.batch(number);
        let decided: Vec<_> = carried.decided.iter().map(|decided| decided.map(batch)).collect();
        let prepared = carried.prepared.iter();
        let prepared: Vec<_> =
            prepared.map(|held| held.map(|(view, number)| (view, batch(number)))).collect();
        let state = self.maker().state(replica, &decided, &prepared);
        state.map_err(Unexplorable::FullCertificate)
    }

    /// Whether its certificates and decisions are all that a replica carries out of the view in this state, and it takes
    /// nothing of another view. `left` is its state once it has left.
    ///
    /// # Errors
    /// What else it carries or takes.
    pub fn check(
        &self,
        context: &Context,
        replica: &Replica,
        state: &State,
        left: &State,
        carried: &CarriedState<View>,
    ) -> Result<(), Unexplorable> {
        let view = self.setup.view;
        let rebuilt = self.rebuilt(context, replica, carried)?;
        let (expected, _) = replica.after_giving_up(&rebuilt, view.next());
        if replica.durable(left) != replica.durable(&expected) {
            return Err(Unexplorable::CarriesMore(replica.id()));
        }
        let maker = self.maker();
        premise::check_closed(&maker, replica, state, view, context.scope.slots, &context.batches)?;
        premise::check_jump(&maker, replica, state)
    }
}
