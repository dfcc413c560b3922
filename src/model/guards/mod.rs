//! Judge *guards*: whole guards at a time.
//!
//! The network is a set that only grows, so whatever exists can be delivered later. A delivery that
//! only adds to a tally is therefore no step: a step *fires a guard*, which is to feed a replica, at
//! once, a smallest set of messages that makes it do something. A replica's local state is its state
//! without tallies ([`Replica::control`]) and what it has sent; a global state is one small number for
//! each honest replica.
//!
//! **Why nothing is lost.** Take any run of judge *message*. Between two consequences, a replica collects
//! deliveries that have none. They can be put off until just before the consequence that they take
//! part in, since the messages stay in the network; and those that take part in none can be left out.
//! That needs such a delivery to commute with every consequence of other deliveries. It is not
//! assumed: for each local state, each such delivery and each consequence of others, the real replica is
//! run both ways. Where the two differ, the delivery becomes a step of its own and its tally part of the local
//! state, as in judge *message*.
//!
//! **Why nothing is added.** Every step is a sequence of deliveries of messages that exist, so judge *message*
//! can make it too. A replica may here forget a vote that it has received, which it does not really;
//! but it could as well not have received it yet. Whether that ever matters is a test: the local
//! states that the two judges reach together are compared as sets. And a counterexample is replayed
//! message by message before it is shown.
//!
//! **How it is fast.** An honest replica has few local states. Each is interned, and the guards that
//! can fire in it are found once, by running the replica; after that a step is a look-up.

mod ahead;
mod certificates;
mod collect;
mod events;
mod exists;
mod explored;
mod fair;
mod find;
mod guard;
mod histories;
mod ids;
mod judged;
mod local_steps;
mod locals;
mod messages;
mod met;
mod plan;
#[cfg(feature = "distributed")]
mod portable;
mod renamed;
mod saved;
mod start;
mod state;
mod tables;
mod transition_cache;
mod warm_up;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use stateright::Model;

pub(super) use fair::Choice;
pub(super) use guard::{Guard, Needs, numbered};
pub use ids::LocalId;
pub(super) use ids::{GuardId, KnowledgeId, MessageId, MessageSet};
pub(super) use saved::OF_OTHERS;
pub(crate) use state::EventIds;
pub use state::{GuardState, LocalIds, Move};

use super::adversary::Adversary;
use super::histories::HistoryId;
use super::numbers::Number as _;
use super::participant::{Participant, participants};
use super::property::{GlobalView, Judge, Property, Verdicts, first_history, properties};
use super::system::System;
use crate::pbft::{Message, State};
use guard::enabled;
use locals::Node;
use messages::Messages;
use tables::Tables;

/// PBFT with whole guards as steps.
pub struct GuardModel {
    system: Arc<System>,
    adversary: Adversary,
    honest: Vec<Participant>,
    /// How many views a replica can be behind a message that exists, if that is known.
    horizon: Option<u64>,
    /// Whether it is counted how many have sent the same, not looked at who, where that makes no difference.
    counts: bool,
    tables: RwLock<Tables>,
    is_any_wrecked: Arc<AtomicBool>,
    verdicts: Verdicts,
    /// What each participant says at the start of how far it is.
    first_statuses: Vec<OnceLock<Option<Message>>>,
    /// Where the runs begin, if not at the start.
    start: Option<GuardState>,
}

impl GuardModel {
    /// The model of a system.
    pub fn new(system: Arc<System>) -> Self {
        let adversary = Adversary::new(Arc::clone(&system));
        let tables = Tables::of(Messages::at_the_start(&system, &adversary));
        let honest = participants(&system);
        let first_statuses = honest.iter().map(|_| OnceLock::new()).collect();
        GuardModel {
            system,
            first_statuses,
            adversary,
            honest,
            horizon: None,
            counts: false,
            is_any_wrecked: tables.locals.is_any_wrecked(),
            tables: RwLock::new(tables),
            verdicts: Verdicts::default(),
            start: None,
        }
    }

    /// This model without a look at messages that are further ahead of a replica's view than so many views: for
    /// who sees to it that none exists.
    pub(super) fn with_horizon(self, views: u64) -> Self {
        GuardModel { horizon: Some(views), ..self }
    }

    /// This model where it is counted how many have sent the same, if that is found to be all that matters: for who
    /// does not ask which events a step stands for.
    pub(super) fn counting(self, counts: bool) -> Self {
        GuardModel { counts, ..self }
    }

    /// The system.
    pub(super) fn shared_system(&self) -> Arc<System> {
        Arc::clone(&self.system)
    }

    /// How many deliveries had to be made steps of their own, because they did not commute. None under
    /// a rulebook whose tallies are sets of votes.
    pub fn stepped(&self) -> u64 {
        self.read().stepped
    }

    /// Why this judge cannot judge this rulebook, if it cannot: then no verdict of it counts.
    pub fn refusal(&self) -> Option<String> {
        self.read().refusal.clone()
    }

    /// Whether somebody's code panics, over messages that were met, whether or not they can exist together.
    pub(super) fn is_any_wrecked(&self) -> bool {
        self.is_any_wrecked.load(Relaxed)
    }

    /// The numbers of the honest participants' local states, in the order of [`participants`].
    pub fn numbers<'a>(&self, state: &'a GuardState) -> LocalIds<'a> {
        state.locals(self.honest.len())
    }

    /// Whose local state this is.
    fn participant(&self, node: &Node) -> &Participant {
        &self.honest[usize::from(node.participant)]
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The participants, in the order of their moves.
    pub(super) fn participants(&self) -> &[Participant] {
        &self.honest
    }

    /// The actions of a state, if the tables hold all that they depend on.
    fn known_actions(&self, tables: &Tables, state: &GuardState, actions: &mut Vec<Move>) -> bool {
        let locals = self.numbers(state);
        if tables.locals.is_over(locals) {
            return true;
        }
        let Some(available) = tables.exists.known(&tables.locals.sets(locals)) else { return false };
        let may_crash = self.may_crash(tables, state);
        let before = actions.len();
        for (participant, local) in (0..).zip(locals.iter()) {
            if !tables.locals.is_up_to(local, &tables.messages) {
                actions.truncate(before);
                return false;
            }
            tables.locals.enabled(local, participant, available, may_crash, actions);
        }
        true
    }

    /// Whether there may be another crash.
    pub(super) fn may_crash_in(&self, state: &GuardState) -> bool {
        self.may_crash(&self.read(), state)
    }

    fn may_crash(&self, tables: &Tables, state: &GuardState) -> bool {
        let most = self.system.bound().scope.crashes;
        if most == 0 {
            return false;
        }
        tables.locals.crashes(self.numbers(state)) < most
    }
}

impl Model for GuardModel {
    type State = GuardState;
    type Action = Move;

    fn init_states(&self) -> Vec<GuardState> {
        if let Some(start) = &self.start {
            return vec![start.clone()];
        }
        let mut tables = self.write();
        let locals = self.honest.iter().zip(0..).map(|(participant, index)| {
            let local = participant.control(&participant.init(&self.system));
            tables.locals.intern(Node {
                participant: index,
                local,
                sent: MessageSet::default(),
                resends: None,
                changes: None,
            })
        });
        let mut state = GuardState::of(locals);
        if let Some(history) = first_history(&self.system, &self.honest) {
            state.0.push(tables.histories.intern(history).word());
        }
        vec![state]
    }

    fn actions(&self, state: &GuardState, actions: &mut Vec<Move>) {
        if self.known_actions(&self.read(), state, actions) {
            return;
        }
        let available = self.available(state);
        if self.known_actions(&self.read(), state, actions) {
            return;
        }
        let may_crash = self.may_crash(&self.read(), state);
        for (participant, local) in (0..).zip(self.numbers(state).iter()) {
            let guards = self.guards(local);
            actions.extend(enabled(&guards, participant, &available, may_crash));
        }
    }

    fn next_state(&self, state: &GuardState, step: Move) -> Option<GuardState> {
        let mut next = state.clone();
        let local = &mut next.0[usize::from(step.participant)];
        if *local == step.next.word() {
            return None;
        }
        let before = LocalId::of_word(std::mem::replace(local, step.next.word()));
        if let Participant::Client(_) = &self.honest[usize::from(step.participant)]
            && let Some(history) = next.0.last_mut()
        {
            let told = HistoryId::of_word(*history);
            *history = self.history(step.participant, told, before, step.next).word();
        }
        Some(next)
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        properties(&self.system)
    }
}

impl Judge for GuardModel {
    fn system(&self) -> &System {
        &self.system
    }

    fn holds(&self, state: &GuardState, property: Property) -> bool {
        if property.is_of_replicas() {
            return !self.violated(state).contains(property);
        }
        if property == Property::Panics {
            return !self.is_any_wrecked() || !self.read().locals.is_over(self.numbers(state));
        }
        self.with_view(state, |view| property.violation(view).is_none())
    }

    fn every_replica_reaches(&self, state: &GuardState, good: &dyn Fn(&State) -> bool) -> bool {
        let tables = self.read();
        let nodes = self.numbers(state).iter().filter_map(|local| tables.locals.node(local));
        nodes.filter_map(|node| node.local.replica()).all(good)
    }

    fn some_replica_reaches(&self, state: &GuardState, good: &dyn Fn(&State) -> bool) -> bool {
        let tables = self.read();
        let nodes = self.numbers(state).iter().filter_map(|local| tables.locals.node(local));
        nodes.filter_map(|node| node.local.replica()).any(good)
    }

    fn with_view<R>(&self, state: &GuardState, see: impl FnOnce(&GlobalView<'_>) -> R) -> R {
        let tables = self.read();
        let locals =
            self.numbers(state).iter().filter_map(|local| tables.locals.node(local).map(|node| &node.local));
        let history = state.beside(self.honest.len()).map(HistoryId::of_word);
        let history = history.and_then(|history| tables.histories.get(history));
        GlobalView::with(&self.system, locals, history, see)
    }
}

impl fmt::Debug for GuardModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardModel").field("system", &self.system.bound()).finish()
    }
}
