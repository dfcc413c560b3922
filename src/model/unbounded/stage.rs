//! The next view under one kind of primary, whatever came before it: what is found out there once is kept for all
//! that can come before.

use std::collections::BTreeSet;

use smallvec::SmallVec;

use super::abstraction::{AnonymousState, Essence, Essences};
use super::arena::Arena;
use super::boundary::{CarriedState, Decided, Rank, is_part};
use super::context::Context;
use super::departures::Departures;
use super::ends::EndSets;
use super::error::Unexplorable;
use super::numbers::{
    AnonymousNumber, DecisionNumber, EssenceNumber, Interned, LocalId, Locals, Number as _, ObservationId,
    ObservationSet, OutcomeNumber, OutcomeSet, ShowableNumber,
};
use super::outcomes::{Outcome, Outcomes};
use super::setup::Setup;
use super::showable::Showables;
use super::starts::{Start, Starts};
use super::verdicts::Verdicts;
use super::view_messages::ViewMessages;
use crate::engine::{Fingerprint, fingerprint};
use crate::model::guards::MessageSet;
use crate::model::property::Properties;

/// What is known of a local state in the view.
#[derive(Clone, Debug)]
pub(super) struct LocalFacts {
    /// What it is, whoever is in it.
    pub anonymous: AnonymousNumber,
    /// Where that stands among all; it does not depend on which was met first.
    pub order: Fingerprint,
    /// What its replica leaves behind if it leaves now.
    pub outcome: OutcomeNumber,
    /// What the safety properties see of it.
    pub observation: ObservationId,
    /// What its replica has sent in the view.
    pub sent: MessageSet,
    /// Whether it has entered the view.
    pub is_active: bool,
    /// What of it can matter once all have entered the view.
    pub essence: EssenceNumber,
}

/// With which certificates to show, and which decisions, something can be left behind.
pub(super) type More = BTreeSet<(ShowableNumber, DecisionNumber)>;

/// A view under one kind of primary, with what was found out there.
pub(super) struct Stage {
    pub arena: Arena,
    pub messages: ViewMessages,
    pub outcomes: Outcomes,
    pub essences: Essences,
    pub showable: Showables,
    starts: Starts,
    anonymous: Interned<AnonymousNumber, AnonymousState>,
    /// By the number of the local state.
    known: Vec<Option<LocalFacts>>,
    ends: EndSets,
    verdicts: Verdicts,
    departures: Departures,
}

impl Stage {
    /// # Errors
    /// Why it cannot be explored.
    pub fn new(context: &Context, setup: Setup) -> Result<Self, Unexplorable> {
        Ok(Stage {
            arena: Arena::new(context, setup)?,
            messages: ViewMessages::default(),
            outcomes: Outcomes::default(),
            essences: Essences::default(),
            showable: Showables::default(),
            starts: Starts::default(),
            anonymous: Interned::default(),
            known: Vec::new(),
            ends: EndSets::default(),
            verdicts: Verdicts::default(),
            departures: Departures::default(),
        })
    }

    pub fn setup(&self) -> Setup {
        self.arena.setup
    }

    /// How the honest replica at that place begins the view with what it carries.
    pub fn start(
        &mut self,
        context: &Context,
        place: u16,
        carried: &CarriedState<Rank>,
    ) -> Result<Start, Unexplorable> {
        self.starts.of(context, &self.arena, place, carried)
    }

    /// The PRE-PREPAREs, PREPAREs and COMMITs of the view.
    pub fn votes(&mut self) -> &MessageSet {
        self.messages.votes(&self.arena)
    }

    /// The number of what these messages of the view make up.
    pub fn shown(&mut self, context: &Context, sent: &MessageSet) -> Result<ShowableNumber, Unexplorable> {
        let votes = sent.intersection(self.messages.proving(&self.arena));
        self.showable.number(context, &self.arena, votes)
    }

    /// What is known of a local state.
    pub fn known(&mut self, context: &Context, local: LocalId) -> Result<&LocalFacts, Unexplorable> {
        let place = local.place();
        if self.known.len() <= place {
            self.known.resize(place + 1, None);
        }
        if self.known[place].is_none() {
            self.known[place] = Some(self.learn(context, local)?);
        }
        self.known[place].as_ref().ok_or(Unexplorable::Unmet)
    }

    fn learn(&mut self, context: &Context, number: LocalId) -> Result<LocalFacts, Unexplorable> {
        let (arena, view) = (&self.arena, self.arena.setup.view);
        let (local, messages) = arena.judge.numbered(number).ok_or(Unexplorable::Unmet)?;
        let (place, _) = arena.judge.whose(number).ok_or(Unexplorable::Unmet)?;
        let state = local.replica().ok_or(Unexplorable::NoReplica)?;
        let replica = arena.replica(place)?;
        if state.view() != view {
            return Err(Unexplorable::MovesOn(replica.id(), state.view()));
        }
        let carried = context.carried(state);
        let carried = carried.map_err(|why| Unexplorable::At(replica.id(), Box::new(why)))?;
        let (left, _) = replica.after_giving_up(state, view.next());
        arena.check(context, replica, state, &left, &carried)?;
        let essence = self.essences.number(Essence::of(state, &messages, view));
        let anonymous = AnonymousState::of(state, messages, context.reductions.summaries);
        let is_active = state.is_active();
        let order = if is_active && context.reductions.summaries {
            self.essences[essence]
        } else {
            fingerprint(&anonymous)
        };
        let observation = arena.judge.observation_of(number);
        let sent = arena.judge.sent_by(number).intersection(self.messages.all(arena));
        self.departures.note(place, local.clone(), left);
        self.verdicts.observe(observation, number);
        Ok(LocalFacts {
            anonymous: self.anonymous.number(anonymous),
            order,
            outcome: self.outcomes.number(context, view, carried),
            observation,
            sent,
            is_active,
            essence,
        })
    }

    /// What a replica can leave behind that leaves in one of these local states, and what can be observed of it.
    pub fn ends_of(
        &mut self,
        context: &Context,
        locals: &Locals,
    ) -> Result<(OutcomeSet, ObservationSet), Unexplorable> {
        if let Some(ends) = self.ends.of(locals) {
            return Ok(ends);
        }
        let (mut outcomes, mut observations) = (SmallVec::new(), SmallVec::new());
        for &local in locals {
            let known = self.known(context, local)?;
            outcomes.push(known.outcome);
            observations.push(known.observation);
        }
        if context.reductions.maximal {
            self.outcomes.keep_most(&mut outcomes);
        }
        Ok(self.ends.note(locals, outcomes, observations))
    }

    /// The outcomes in a set.
    pub fn outcomes_in(&self, set: OutcomeSet) -> &[OutcomeNumber] {
        &self.ends.outcomes[set]
    }

    /// What a replica leaves behind in this local state.
    pub fn outcome_of(&mut self, context: &Context, local: LocalId) -> Result<Outcome, Unexplorable> {
        let outcome = self.known(context, local)?.outcome;
        Ok(self.outcomes[outcome])
    }

    /// Of what can be shown and was decided, that beside which nothing is more.
    pub fn most(&self, context: &Context, more: &More) -> Vec<(ShowableNumber, DecisionNumber)> {
        let of = |(shown, decided): (ShowableNumber, DecisionNumber)| {
            (&self.showable[shown], &self.outcomes.decisions[decided])
        };
        let is_less = |a, b| a != b && is_part(of(a).0, of(b).0) && is_part(of(a).1, of(b).1);
        let is_beaten = |a| context.reductions.maximal && more.iter().any(|&b| is_less(a, b));
        more.iter().copied().filter(|&a| !is_beaten(a)).collect()
    }

    /// Which properties of replicas alone are violated where any honest replica may have decided any of these batches.
    pub fn violated(&mut self, context: &Context, decided: &Decided) -> Result<Properties, Unexplorable> {
        self.verdicts.of_decided(context, &self.arena, decided)
    }

    /// Which properties of replicas alone are violated where two replicas are observed as one of each of these sets.
    pub fn violated_by(&mut self, one: ObservationSet, other: ObservationSet) -> Properties {
        let of = |set| &self.ends.observations[set][..];
        self.verdicts.of_observations(&self.arena, (one, other), of)
    }

    /// Whether whoever has left takes nothing of the view any more, of all that was ever sent in it.
    pub fn check_left(&mut self) -> Result<(), Unexplorable> {
        self.departures.check(&self.arena)
    }
}
