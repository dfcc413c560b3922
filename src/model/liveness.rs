//! The protocol after the network has become stable: what must happen then.
//!
//! In an asynchronous network no consensus protocol is live (Fischer, Lynch and Paterson, JACM 1985). The
//! paper assumes that delays do not grow faster than time for ever (OSDI'99 §3), and the usual form of that
//! assumption is a *global stabilisation time* (Dwork, Lynch and Stockmeyer, JACM 1988) that nobody
//! knows. Here it is a step, [`LivenessMove::Stabilise`], which is taken once, whenever the search likes.
//!
//! **Before it** everything that [`GuardModel`] can do may happen, within the views of the bound.
//!
//! **After it**
//! - what honest principals have sent, and clients' requests, arrives: each replica owes the steps that it can
//!   take with such messages alone ([`Owed::Delivery`]);
//! - honest replicas tell each other how far they are, and send again what the other lacks: what they
//!   would send in their present states arrives too, whoever has signed it;
//! - a timer is longer than any of that takes: it runs out only where no honest replica can take a step that it
//!   owes. There it does run out, some time ([`Owed::Timer`]);
//! - a step that needs a Byzantine replica's message is owed by nobody. It may be taken at any time, or
//!   never.
//!
//! All of it is found by running the replica, as everywhere: no rule is known here, not even which
//! messages count.
//!
//! **Why quiescence is a fair reading of 'the timeout is long enough'.** The paper doubles the timeout in each view
//! change (§4.5.2), so that in the end it exceeds every delay. What happens before that is what may happen
//! before stabilisation. In an untimed model nothing else of the doubling is visible: that a timeout
//! never grows, or grows too slowly, is out of reach; that a timer never starts is not.
//!
//! **Views.** Before stabilisation timers fire in all views of the bound but the last, as in a check of safety.
//! After it they may go on, by [`Stabilisation::further`] views; a state beyond is outside the
//! [boundary](stateright::Model::within_boundary), and a run that could get there before the goal leaves
//! the check without a verdict. Where the goal is reached by then on every run, nothing was cut off.
//!
//! **Far views.** A Byzantine replica may ask for any view. Of those beyond the bound one is offered, which stands for all of
//! them, if no rule tells them apart ([`Liveness::far_views_are_alike`]). Whoever moves there leaves the boundary.
//!
//! **Views without end.** [`Liveness::endless`] has no such boundary. It follows few of the runs, in which
//! Byzantine replicas do little, and the same in every view ([`Conduct`]), the network is stable from where they begin or from
//! any state that can be reached before ([`Beginning`]), and from then on of all honest participants that owe
//! a step the first one takes one, of what it can do. As soon as everybody is n views past the first, a state is taken for the one with all
//! these views n lower: the same state ([`Rename`](crate::pbft::Rename)) but for what was sent in the n
//! views that it skips, and only if everybody refuses all of that by now; views only grow, so everybody
//! always will. A loop of this model is a run of the protocol without end. Whether it is fair is judged by
//! all that is owed ([`Liveness::owed_in`]), not by what is followed. So what is found is a violation; that
//! nothing is found says nothing. A replica whose messages hold what others have signed is not followed: that is left to the
//! views of the bound.
//!
//! **What is forgotten.** As in [`GuardModel`], a replica's votes and view changes of others are no part of its
//! local state, although it may have received them before. For the honest ones that changes nothing: they arrive
//! again. Of a Byzantine replica's it makes the model allow more than the protocol does: a step that the
//! replica owes because it has such a message already is here owed by nobody. So what holds here holds; a
//! violation is checked on the real replicas, which forget nothing, and is no verdict if they do not show it.
//!
//! **Where it ends.** What was executed stays executed, so a state in which every goal is reached is not
//! explored further.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::hashed::{IndexMap, IndexSet};
use serde::{Deserialize, Serialize};
use stateright::Model;

use super::bounds::{Bound, BoundError};
use super::conduct::Conduct;
use super::guards::{Choice, EventIds, GuardModel, GuardState, MessageSet, Move};
use super::numbers::{Number as _, numbers};
use super::panics::guarded;
use super::participant::Event;
use super::property::{GlobalView, Judge};
use super::run::NoStep;
use super::system::System;
use crate::pbft::{Principal, Rules, View};

/// How many views there are in [`Liveness::endless`] besides those before stabilisation and n more: in them those are
/// forgotten in which a batch prepared.
const BESIDES: u64 = 4;

/// Where the runs of [`Liveness::endless`] begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Beginning {
    /// At the start, with a network that is stable.
    Stable,
    /// At the start, with a network that becomes stable some time.
    Unstable,
}

/// How the network becomes stable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stabilisation {
    /// How many views may begin after it, besides those that may begin before. f suffice for an
    /// honest primary: it is one of the last view before or of f views after it.
    pub further: u64,
}

/// PBFT with a global stabilisation time.
pub struct Liveness {
    judge: GuardModel,
    /// Views that timers may begin before stabilisation.
    before: u64,
    endless: Option<Endless>,
    pub(super) lost: RwLock<IndexSet<MessageSet>>,
}

/// How views go on without end.
#[derive(Clone, Copy, Debug)]
struct Endless {
    /// After how many views the same primaries come again.
    round: u64,
    /// How many views somebody may be ahead of the others; further is outside the boundary.
    ahead: u64,
    beginning: Beginning,
}

numbers! {
    /// A set of messages that were lost, by number.
    pub(super) LostId
}

/// A state of [`Liveness`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct LivenessState {
    pub(super) at: GuardState,
    /// None before stabilisation; after it, the messages that were lost.
    pub(super) stable: Option<LostId>,
}

/// A step of [`Liveness`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LivenessMove {
    /// The network becomes stable.
    Stabilise,
    /// A guard fires, and who owes that.
    Fire(Move, Option<Owed>),
}

/// What is owed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Owed {
    /// The network becomes stable.
    Stabilisation,
    /// What honest principals have sent arrives at this one, and it acts.
    Delivery(Principal),
    /// This one's timer runs out, when nothing else is left to happen.
    Timer(Principal),
}

impl LivenessState {
    /// Whether the network is stable.
    pub fn is_stable(&self) -> bool {
        self.stable.is_some()
    }

    /// What honest participants are in.
    pub(crate) fn at(&self) -> &GuardState {
        &self.at
    }
}

impl Liveness {
    /// The model of a bound, whose views are those that may begin before stabilisation.
    ///
    /// # Errors
    /// A bound that makes no sense.
    pub fn new(
        bound: Bound,
        rules: &'static dyn Rules,
        stabilisation: Stabilisation,
    ) -> Result<Self, BoundError> {
        bound.validate()?;
        let before = bound.scope.views;
        let mut scope = bound.scope;
        scope.views += stabilisation.further;
        let system = System::open(Bound::new(scope, bound.byzantine), rules)?;
        Ok(Liveness::of(system, before, None))
    }

    /// A model of some runs of a bound, in which views go on without end. None under a rulebook whose primaries do not take turns, or with clients or crashes in the
    /// bound.
    ///
    /// # Errors
    /// A bound that makes no sense.
    pub fn endless(
        bound: Bound,
        rules: &'static dyn Rules,
        conduct: Conduct,
        beginning: Beginning,
    ) -> Result<Option<Self>, BoundError> {
        let committee = bound.validate()?;
        let (before, round) = (bound.scope.views, u64::from(committee.n()));
        let ahead = match beginning {
            _ if conduct.is_far() => round,
            Beginning::Stable => 1,
            Beginning::Unstable => before,
        };
        let mut scope = bound.scope;
        scope.views += round + ahead.max(BESIDES);
        let takes_turns = guarded(|| {
            (0..scope.views).map(View).all(|view| {
                let next = View(view.0 + round);
                rules.primary(committee, view) == rules.primary(committee, next)
                    && committee.replicas().all(|id| {
                        rules.may_propose(committee, view, id) == rules.may_propose(committee, next, id)
                    })
            })
        });
        if !takes_turns.unwrap_or(false) || scope.clients || scope.reads > 0 || scope.crashes > 0 {
            return Ok(None);
        }
        let system = System::open_with_conduct(Bound::new(scope, bound.byzantine), rules, conduct)?;
        Ok(Some(Liveness::of(system, before, Some(Endless { round, ahead, beginning }))))
    }

    fn of(system: System, before: u64, endless: Option<Endless>) -> Self {
        let lost = RwLock::new(IndexSet::from_iter([MessageSet::default()]));
        let judge = GuardModel::new(Arc::new(system));
        let judge = match endless {
            Some(Endless { ahead, .. }) => judge.with_horizon(ahead),
            None => judge,
        };
        Liveness { judge, before, endless, lost }
    }

    /// This model of the runs that begin with these events, before the network is stable; see
    /// [`GuardModel::beginning_with`].
    ///
    /// # Errors
    /// The number of the first event that cannot happen, counted from 1, and why.
    pub(crate) fn beginning_with(
        self,
        events: &[(Principal, Event)],
        keeps_tallies: bool,
    ) -> Result<Self, (usize, NoStep)> {
        let judge = self.judge.beginning_with(events, keeps_tallies)?;
        Ok(Liveness { judge, ..self })
    }

    /// The first view that only begins after stabilisation.
    pub(crate) fn first_after(&self) -> View {
        View(self.before)
    }

    /// By how many views the state after a step was taken to be lower than it is.
    pub(crate) fn skips(&self, state: &LivenessState, step: &LivenessMove) -> u64 {
        let LivenessMove::Fire(step, _) = step else { return 0 };
        let next = self.judge.next_state(&state.at, *step);
        next.and_then(|next| self.lowered(state, &next))
            .map_or(0, |_| self.endless.map_or(0, |endless| endless.round))
    }

    /// The state after a step with lower view numbers, if that is the same.
    fn lowered(&self, state: &LivenessState, next: &GuardState) -> Option<GuardState> {
        let endless = self.endless.filter(|_| state.is_stable())?;
        self.judge.renumbered(next, self.first_after(), endless.round)
    }

    /// The system that runs. Its bound has all views.
    pub fn shared_system(&self) -> Arc<System> {
        self.judge.shared_system()
    }

    /// Why this model cannot judge the rulebook, if it cannot.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.judge.refusal()
    }

    /// Whether somebody panics over messages that were met, whether or not they can exist together.
    pub(crate) fn meets_panics(&self) -> bool {
        self.judge.is_any_wrecked()
    }

    /// Whether it makes no difference to the rulebook which view beyond the bound a Byzantine replica asks for.
    pub fn far_views_are_alike(&self) -> bool {
        self.judge.system().far_views_are_alike()
    }

    /// What is owed in a state.
    pub(crate) fn owed_in(&self, state: &LivenessState) -> BTreeSet<Owed> {
        if !state.is_stable() {
            return BTreeSet::from([Owed::Stabilisation]);
        }
        self.all_choices(state).iter().filter_map(|choice| self.owed(state, choice)).collect()
    }

    fn choices(&self, state: &LivenessState) -> Vec<Choice> {
        let Some(endless) = self.endless else { return self.all_choices(state) };
        if endless.beginning == Beginning::Stable && !state.is_stable() {
            return Vec::new();
        }
        let mut choices = self.all_choices(state);
        if state.is_stable() {
            let owing = choices.iter().filter(|choice| choice.owed);
            let first = owing.map(|choice| choice.step.participant).min();
            choices.retain(|choice| Some(choice.step.participant) == first);
        }
        choices
    }

    fn all_choices(&self, state: &LivenessState) -> Vec<Choice> {
        let lost = self.lost.read().unwrap_or_else(PoisonError::into_inner);
        let lost = state.stable.and_then(|number| lost.get_index(number.place())).cloned();
        let mut choices = self.judge.choices(&state.at, &lost.unwrap_or_default());
        if state.stable.is_none() {
            choices.retain(|choice| choice.timer.is_none_or(|view| view.0 + 1 < self.before));
        } else if choices.iter().any(|choice| choice.owed && choice.timer.is_none()) {
            choices.retain(|choice| choice.timer.is_none());
        }
        choices
    }

    /// Who owes a choice.
    fn owed(&self, state: &LivenessState, choice: &Choice) -> Option<Owed> {
        let who = self.judge.participants()[usize::from(choice.step.participant)].id();
        let owed = state.stable.is_some() && choice.owed;
        owed.then_some(if choice.timer.is_some() { Owed::Timer(who) } else { Owed::Delivery(who) })
    }

    /// Every step of a state, with the sets of messages that bring it about, as [`GuardModel::ways`] has them.
    pub(crate) fn ways(&self, state: &LivenessState) -> Vec<(LivenessMove, Vec<EventIds>)> {
        let mut all = Vec::new();
        if self.with_view(state, |seen| seen.is_executed() && seen.is_answered()) {
            return all;
        }
        if state.stable.is_none() {
            all.push((LivenessMove::Stabilise, Vec::new()));
        }
        // What is owed for one reason is owed, whatever else could bring it about.
        let mut steps: IndexMap<Move, (Option<Owed>, Vec<EventIds>)> = IndexMap::default();
        for choice in self.choices(state) {
            let owed = self.owed(state, &choice);
            let (known, ways) = steps.entry(choice.step).or_default();
            *known = known.or(owed);
            ways.push(choice.feed);
        }
        all.extend(steps.into_iter().map(|(step, (owed, ways))| (LivenessMove::Fire(step, owed), ways)));
        all
    }

    /// The model whose steps these are, as long as the network is not stable.
    pub(crate) fn judge(&self) -> &GuardModel {
        &self.judge
    }

    /// A step as the events that it stands for, none for [`LivenessMove::Stabilise`]; not a step of this
    /// state, no events.
    pub fn expand(&self, state: &LivenessState, step: &LivenessMove) -> Vec<(Principal, Event)> {
        let LivenessMove::Fire(step, owed) = step else { return Vec::new() };
        let choices = self.choices(state);
        let is_it = |choice: &&Choice| choice.step == *step && self.owed(state, choice) == *owed;
        choices.iter().find(is_it).map_or_else(Vec::new, |choice| self.judge.told(&state.at, choice))
    }

    /// Whether every honest replica has executed the requests.
    pub fn is_executed(&self, state: &LivenessState) -> bool {
        self.with_view(state, |seen| seen.is_executed())
    }

    /// Whether the clients have their answers.
    pub(crate) fn is_answered(&self, state: &LivenessState) -> bool {
        self.with_view(state, |seen| seen.is_answered())
    }

    /// Whether the sequence numbers of the bound are used up, and not for the requests: a Byzantine
    /// primary can have a request ordered twice. Then it is the bound that lets the others wait.
    pub(crate) fn is_used_up(&self, state: &LivenessState) -> bool {
        self.with_view(state, |seen| {
            let slots = seen.system.bound().scope.slots;
            let mut at_end = seen.replicas.iter().filter(|replica| replica.chain().height().0 >= slots);
            at_end.any(|replica| seen.executed_by(replica) < seen.due())
        })
    }

    /// Calls `see` with what the honest participants believe.
    pub fn with_view<R>(&self, state: &LivenessState, see: impl FnOnce(&GlobalView<'_>) -> R) -> R {
        self.judge.with_view(&state.at, see)
    }
}

impl Model for Liveness {
    type State = LivenessState;
    type Action = LivenessMove;

    fn init_states(&self) -> Vec<LivenessState> {
        self.judge.init_states().into_iter().map(|at| LivenessState { at, stable: None }).collect()
    }

    fn actions(&self, state: &LivenessState, actions: &mut Vec<LivenessMove>) {
        actions.extend(self.ways(state).into_iter().map(|(action, _)| action));
    }

    fn next_state(&self, state: &LivenessState, action: LivenessMove) -> Option<LivenessState> {
        match action {
            LivenessMove::Stabilise => {
                let mut stable = LostId::at(0);
                if self.judge.system().bound().scope.lossy {
                    stable = self.lose(self.judge.sent(&state.at));
                }
                Some(LivenessState { at: state.at.clone(), stable: Some(stable) })
            }
            LivenessMove::Fire(step, _) => {
                let next = self.judge.next_state(&state.at, step)?;
                let at = self.lowered(state, &next).unwrap_or(next);
                Some(LivenessState { at, stable: state.stable })
            }
        }
    }

    fn within_boundary(&self, state: &LivenessState) -> bool {
        let views = self.judge.system().bound().scope.views;
        self.with_view(state, |seen| {
            let views_of = || seen.replicas.iter().map(|replica| replica.view().0);
            let is_near = match (self.endless, views_of().min(), views_of().max()) {
                (Some(endless), Some(least), Some(most)) => most - least <= endless.ahead,
                _ => true,
            };
            is_near && views_of().all(|view| view < views)
        })
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        Vec::new()
    }
}

impl fmt::Debug for Liveness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Liveness").field("before", &self.before).field("judge", &self.judge).finish()
    }
}
