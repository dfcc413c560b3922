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

mod certificates;
mod collect;
mod exists;
mod fair;
mod find;
mod guard;
mod histories;
mod local_steps;
mod locals;
mod messages;
mod saved;
mod state;
mod tables;
mod transition_cache;

pub(super) use fair::Choice;
pub(super) use guard::{Guard, Needs};
pub use state::{EventIds, GuardState, Move};

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use stateright::Model;

use super::adversary::Adversary;
use super::bits::Bits;
use super::bounds::System;
use super::participant::{Event, EventRef, Local, Participant, participants};
use super::property::{
    Certificates, Decided, GlobalView, Judge, Properties, Property, first_history, properties,
};
use crate::pbft::{Message, Principal, Rename as _, Renaming, State, View};
use guard::enabled;
use locals::Node;
use messages::Messages;
use tables::Tables;
use transition_cache::{CRASH, INVOKE, TIMEOUT};

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
    /// Of the aspects of all honest replicas, which properties states with these lack, a bit each.
    judged: RwLock<FxHashMap<SmallVec<[u32; 4]>, Properties>>,
    /// The same of the state that was asked about last: one property after the other is.
    last: Mutex<Option<(GuardState, Properties)>>,
}

impl GuardModel {
    /// The model of a system.
    pub fn new(system: Arc<System>) -> Self {
        let adversary = Adversary::new(Arc::clone(&system));
        let tables = Tables::of(Messages::at_the_start(&system, &adversary));
        let honest = participants(&system);
        GuardModel {
            system,
            adversary,
            honest,
            horizon: None,
            counts: false,
            is_any_wrecked: tables.locals.is_any_wrecked(),
            tables: RwLock::new(tables),
            judged: RwLock::default(),
            last: Mutex::default(),
        }
    }

    /// The same without looking at messages that are further ahead of a replica's view than so many views: for
    /// who sees to it that none exists.
    pub(super) fn with_horizon(self, views: u64) -> Self {
        GuardModel { horizon: Some(views), ..self }
    }

    /// The same where it is counted how many have sent the same, if that is found to be all that matters: for who does
    /// not ask which events a step stands for.
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

    /// How many local states and messages were met.
    pub fn interned(&self) -> (usize, usize) {
        let tables = self.read();
        (tables.locals.met(), tables.messages.met() as usize)
    }

    /// The numbers of the honest participants' local states, in the order of [`participants`].
    pub fn numbers<'a>(&self, state: &'a GuardState) -> &'a [u32] {
        self.locals(state)
    }

    /// The local state of that number, and what its participant has sent; none if it was not met.
    pub fn numbered(&self, number: u32) -> Option<(Local, Vec<Message>)> {
        let tables = self.read();
        let node = tables.locals.node(number)?;
        Some((node.local.clone(), tables.messages.of(&node.sent).cloned().collect()))
    }

    /// A step, as the events that it stands for.
    pub fn expand(&self, state: &GuardState, step: &Move) -> Vec<(Principal, Event)> {
        let ways = self.ways(state, step);
        self.fed(self.locals(state), step.participant, ways.first().map_or(&[], |way| way))
    }

    /// The sets of messages which exist that bring a step about, each in the order in which it is delivered
    /// and by numbers that [`Self::fed`] understands. A set that holds another of them is left out.
    pub fn ways(&self, state: &GuardState, step: &Move) -> Vec<EventIds> {
        let available = self.available(state);
        let tables = self.read();
        let local = state.0[usize::from(step.participant)];
        let Some(guards) = tables.locals.guards(local) else { return Vec::new() };
        let Some(guard) = guards.guards.get(step.guard as usize) else { return Vec::new() };
        let ways = guard.ways.iter().filter(|way| way.needs.are_met(&available));
        ways.map(|way| way.feed.clone()).collect()
    }

    /// What happens when a participant is fed this; `numbers` are those of a state.
    pub fn fed(&self, numbers: &[u32], participant: u16, way: &[u32]) -> Vec<(Principal, Event)> {
        let who = self.honest[usize::from(participant)].id();
        let tables = self.read();
        let local = numbers[usize::from(participant)];
        let Some(node) = tables.locals.node(local) else { return Vec::new() };
        way.iter()
            .map(|&id| {
                let event = match id {
                    TIMEOUT => Event::Timeout(node.local.replica().map_or(View(0), State::view)),
                    CRASH => Event::Crash,
                    INVOKE => Event::Invoke,
                    id => Event::Deliver(tables.messages[id].clone()),
                };
                (who, event)
            })
            .collect()
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

    /// The local states of a state, without the history.
    pub(super) fn locals<'a>(&self, state: &'a GuardState) -> &'a [u32] {
        &state.0[..self.honest.len()]
    }

    /// The number of the local state in which an honest replica, by place among the participants, is in this state,
    /// has sent these messages and is offered no VIEW-CHANGEs but these.
    pub(super) fn placed(&self, participant: u16, local: &Local, sent: Bits, changes: Bits) -> u32 {
        let local = self.honest[usize::from(participant)].control(local);
        let changes = Some(Arc::new(changes));
        self.write().locals.intern(Node { participant, local, sent, resends: None, changes })
    }

    /// The same for its participant in this state, which has sent the same and is offered the same, as in the local state of
    /// that number.
    pub(super) fn placed_like(&self, number: u32, local: &Local) -> Option<u32> {
        let mut tables = self.write();
        let node = tables.locals.node(number)?.clone();
        let local = self.honest[usize::from(node.participant)].control(local);
        Some(tables.locals.intern(Node { local, ..node }))
    }

    /// The state of these local states.
    pub(super) fn state(locals: &[u32]) -> GuardState {
        GuardState(locals.into())
    }

    /// What somebody in this local state has sent.
    pub(super) fn sent_by(&self, local: u32) -> Bits {
        self.read().locals.sent(&[local])
    }

    /// How many messages were met.
    pub(super) fn met(&self) -> u32 {
        self.read().messages.met()
    }

    /// Those of the messages from that number on which are like this.
    pub(super) fn which(&self, from: u32, is_such: impl Fn(&Message) -> bool) -> Bits {
        let tables = self.read();
        let numbered = tables.messages.from(from);
        numbered.filter(|(_, message)| is_such(message)).map(|(number, _)| number).collect()
    }

    /// Looks at the messages that were met, from that number on.
    pub(super) fn look_from(&self, from: u32, mut look: impl FnMut(u32, &Message)) {
        let tables = self.read();
        tables.messages.from(from).for_each(|(number, message)| look(number, message));
    }

    /// The numbers of these messages.
    pub(super) fn numbers_of(&self, messages: impl IntoIterator<Item = Message>) -> Bits {
        let mut tables = self.write();
        messages.into_iter().map(|message| tables.messages.intern(message)).collect()
    }

    /// Whose local state has that number, by place among the participants, and what it is.
    pub(super) fn whose(&self, number: u32) -> Option<(usize, Local)> {
        let tables = self.read();
        let node = tables.locals.node(number)?;
        Some((usize::from(node.participant), node.local.clone()))
    }

    /// The messages that were met, from that number on.
    pub(super) fn messages_from(&self, from: usize) -> Vec<Message> {
        self.read().messages.all().iter().skip(from).cloned().collect()
    }

    /// These messages.
    pub(super) fn messages_of(&self, numbers: &Bits) -> Vec<Message> {
        let tables = self.read();
        tables.messages.of(numbers).cloned().collect()
    }

    /// Those of these messages that somebody honest has signed.
    pub(super) fn honest_of(&self, numbers: &Bits) -> Bits {
        let tables = self.read();
        let honest = |&number: &u32| {
            let signer = tables.messages[number].signer();
            self.honest.iter().any(|participant| participant.id() == signer)
        };
        numbers.iter().filter(honest).collect()
    }

    /// Which of the properties of replicas alone a state lacks.
    pub(super) fn violated(&self, state: &GuardState) -> Properties {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, violated)) if known == state => *violated,
            _ => last.insert((state.clone(), self.judge_aspects(state))).1,
        }
    }

    fn judge_aspects(&self, state: &GuardState) -> Properties {
        let replicas = &state.0[..self.system.honest().len()];
        let aspects: SmallVec<[u32; 4]> = {
            let tables = self.read();
            replicas.iter().map(|&local| tables.locals.observation_in(local)).collect()
        };
        let judged = self.judged.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(&violated) = judged.get(&aspects) {
            return violated;
        }
        drop(judged);
        let violated = self.with_view(state, violated_of);
        self.judged.write().unwrap_or_else(PoisonError::into_inner).insert(aspects, violated);
        violated
    }

    /// The same where some of the honest replicas, the first ones, are in these states.
    pub(super) fn violated_of<'a>(&self, locals: impl Iterator<Item = &'a Local>) -> Properties {
        GlobalView::with(&self.system, locals, None, violated_of)
    }

    /// Which properties of replicas alone are violated where the honest replicas, the first ones, are in these local states.
    pub(super) fn violated_with(&self, locals: &[u32]) -> Properties {
        let tables = self.read();
        let nodes = locals.iter().filter_map(|&local| tables.locals.node(local));
        self.violated_of(nodes.map(|node| &node.local))
    }

    /// Whether the same was sent in two local states.
    pub(super) fn has_sent_the_same(&self, one: u32, other: u32) -> bool {
        let tables = self.read();
        let node = |local: u32| tables.locals.node(local).map(|node| &node.sent);
        node(one) == node(other)
    }

    /// What a replica has decided, and which certificates it holds, if the properties see this of it.
    pub(super) fn seen(&self, observation: u32) -> (Decided, Certificates) {
        self.read().locals.observation(observation).parts()
    }

    /// The number of what the properties see of a replica in this local state.
    pub(super) fn aspect(&self, local: u32) -> u32 {
        self.read().locals.observation_in(local)
    }

    /// Walks here and there before the search begins. Each message that is met is a reason to look for the guards of
    /// a local state again, so it is better to have met most of them first: here that is done once in each round of
    /// walks. Not where clients take part: some deliveries to them are steps of their own as soon as others are met,
    /// and to have met those too early only adds states. Ends early when it `is_stopped`.
    pub(crate) fn warm_up(&self, is_stopped: &dyn Fn() -> bool) {
        if !self.system.clients().is_empty() {
            return;
        }
        /// So many walks without a message that is new end a round.
        const IDLE: u32 = 256;
        /// The most steps of a walk, which can go in circles.
        const LONGEST: u32 = 64;
        /// The most steps of all walks.
        const MOST: u32 = 1 << 15;
        let (mut steps, mut moves) = (0, Vec::new());
        // A linear congruential generator (Knuth, MMIX): it only has to lead elsewhere each time.
        let mut drawn = 0u64;
        let start = self.init_states().swap_remove(0);
        loop {
            let (before, mut idle, mut looked_at) = (self.met(), 0, FxHashMap::default());
            while idle < IDLE && steps < MOST {
                let (mut state, met) = (start.clone(), self.met());
                for _ in 0..LONGEST {
                    if is_stopped() {
                        return;
                    }
                    moves.clear();
                    let available = self.available(&state);
                    let may_crash = self.may_crash(&self.read(), &state);
                    for (participant, &local) in (0..).zip(self.locals(&state)) {
                        let guards = looked_at.entry(local).or_insert_with(|| self.guards(local));
                        moves.extend(enabled(guards, participant, &available, may_crash));
                    }
                    drawn = drawn.wrapping_mul(6_364_136_223_846_793_005);
                    drawn = drawn.wrapping_add(1_442_695_040_888_963_407);
                    steps += 1;
                    let place = ((u128::from(drawn) * moves.len() as u128) >> 64) as usize;
                    let step = moves.get(place).and_then(|&step| self.next_state(&state, step));
                    let Some(next) = step else { break };
                    state = next;
                }
                idle = if self.met() == met { idle + 1 } else { 0 };
            }
            if self.met() == before || steps >= MOST {
                return;
            }
        }
    }

    /// A choice, as the events that it stands for. A state that is taken over was asked for first.
    pub(super) fn told(&self, state: &GuardState, choice: &Choice) -> Vec<(Principal, Event)> {
        let to = usize::from(choice.step.participant);
        let who = self.honest[to].id();
        let tables = self.read();
        let mut events = Vec::new();
        for &id in &choice.feed {
            let event = match id {
                TIMEOUT => Event::Timeout(choice.timer.unwrap_or_default()),
                CRASH => Event::Crash,
                INVOKE => Event::Invoke,
                id => Event::Deliver(tables.messages[id].clone()),
            };
            if let Event::Deliver(message @ Message::State(_)) = &event
                && let Some(status) = tables.sent_again.status(self.locals(state)[to])
                && self.honest.iter().any(|other| other.id() == message.signer() && other.id() != who)
            {
                events.push((message.signer(), Event::Deliver(status.clone())));
            }
            events.push((who, event));
        }
        events
    }

    /// The same state with all views from `from` on `by` lower, if everybody has come that far and all that is
    /// left out for it is of views which everybody has left.
    pub(super) fn renumbered(&self, state: &GuardState, from: View, by: u64) -> Option<GuardState> {
        let nodes: Vec<Node> = {
            let tables = self.read();
            let node = |&local: &u32| tables.locals.node(local);
            let nodes: Vec<_> = self.locals(state).iter().map(node).collect::<Option<_>>()?;
            let is_past = |node: &&Node| node.local.replica().is_some_and(|s| s.view().0 >= from.0 + by);
            if !nodes.iter().all(is_past) {
                return None;
            }
            nodes.into_iter().cloned().collect()
        };
        let renumbering = self.system.renumbering(from, -i64::try_from(by).ok()?);
        // A status is answered with what is sent again anyway.
        let is_over = |message: &Message| {
            let refuses = |(participant, node): (&Participant, &Node)| {
                !participant.admits(&self.system, &node.local, EventRef::Deliver(message))
            };
            matches!(message, Message::Status(_)) || self.honest.iter().zip(&nodes).all(refuses)
        };
        let mut tables = self.write();
        let mut moved = state.clone();
        for (number, node) in moved.0.iter_mut().zip(&nodes) {
            let local = node.local.renamed(&renumbering)?;
            let mut sent = Bits::default();
            for id in node.sent.iter() {
                let message = &tables.messages[id];
                match message.renamed(&renumbering) {
                    Some(message) => sent.insert(tables.messages.intern(message)),
                    None if is_over(message) => {}
                    None => return None,
                }
            }
            let moved = Node::new(&self.system, node.participant, local, sent, node.changes.clone());
            *number = tables.locals.intern(moved);
        }
        Some(moved)
    }

    /// The number of a message with other names.
    pub(super) fn renamed_message(&self, number: u32, by: &Renaming<'_>) -> Option<u32> {
        let mut tables = self.write();
        let renamed = tables.messages.get(number)?.renamed(by)?;
        Some(tables.messages.intern(renamed))
    }

    /// The number of a local state with other names, of the participants at these places and of these messages.
    pub(super) fn renamed_local(
        &self,
        number: u32,
        by: &Renaming<'_>,
        places: &[u16],
        messages: &mut dyn FnMut(u32) -> Option<u32>,
    ) -> Option<u32> {
        let node = self.read().locals.node(number)?.clone();
        let sent = node.sent.iter().map(messages).collect::<Option<_>>()?;
        let (local, resends) = (node.local.renamed(by)?, node.resends.renamed(by)?);
        let participant = *places.get(usize::from(node.participant))?;
        Some(self.write().locals.intern(Node { participant, local, sent, resends, changes: None }))
    }

    /// The local states of which the guards were looked for.
    pub(super) fn explored(&self) -> Vec<u32> {
        self.read().locals.explored().collect()
    }

    /// The participants, in the order of their moves.
    pub(super) fn participants(&self) -> &[Participant] {
        &self.honest
    }

    /// The actions of a state, if the tables hold all that they depend on.
    fn known_actions(&self, tables: &Tables, state: &GuardState, actions: &mut Vec<Move>) -> bool {
        let locals = self.locals(state);
        if tables.locals.is_over(locals) {
            return true;
        }
        let Some(available) = tables.exists.known(&tables.locals.sent(locals)) else { return false };
        let may_crash = self.may_crash(tables, state);
        let before = actions.len();
        for (participant, &local) in (0..).zip(locals) {
            let Some(guards) = tables.locals.guards(local) else { continue };
            if !guards.are_up_to(&tables.messages) {
                actions.truncate(before);
                return false;
            }
            actions.extend(enabled(&guards.guards, participant, available, may_crash));
        }
        true
    }

    /// Whether there may be another crash.
    pub(super) fn may_crash_in(&self, state: &GuardState) -> bool {
        self.may_crash(&self.read(), state)
    }

    fn may_crash(&self, tables: &Tables, state: &GuardState) -> bool {
        let most = self.system.bound().crashes;
        if most == 0 {
            return false;
        }
        tables.locals.crashes(self.locals(state)) < most
    }
}

/// Which of the properties of replicas alone are violated.
fn violated_of(seen: &GlobalView<'_>) -> Properties {
    let of_replicas = Property::SAFETY.into_iter().filter(|property| property.is_of_replicas());
    of_replicas.filter(|property| property.violation(seen).is_some()).collect()
}

impl Model for GuardModel {
    type State = GuardState;
    type Action = Move;

    fn init_states(&self) -> Vec<GuardState> {
        let mut tables = self.write();
        let locals = self.honest.iter().zip(0..).map(|(participant, index)| {
            let local = participant.control(&participant.init(&self.system));
            tables.locals.intern(Node {
                participant: index,
                local,
                sent: Bits::default(),
                resends: None,
                changes: None,
            })
        });
        let mut state = GuardState(locals.collect());
        if let Some(history) = first_history(&self.system, &self.honest) {
            state.0.push(tables.histories.intern(history));
        }
        vec![state]
    }

    fn actions(&self, state: &GuardState, actions: &mut Vec<Move>) {
        if self.known_actions(&self.read(), state, actions) {
            return;
        }
        let available = self.available(state);
        let may_crash = self.may_crash(&self.read(), state);
        for (participant, &local) in (0..).zip(self.locals(state)) {
            let guards = self.guards(local);
            actions.extend(enabled(&guards, participant, &available, may_crash));
        }
    }

    fn next_state(&self, state: &GuardState, step: Move) -> Option<GuardState> {
        let mut next = state.clone();
        let local = &mut next.0[usize::from(step.participant)];
        if *local == step.next {
            return None;
        }
        let before = std::mem::replace(local, step.next);
        if let Participant::Client(_) = &self.honest[usize::from(step.participant)]
            && let Some(history) = next.0.last_mut()
        {
            *history = self.history(step.participant, *history, before, step.next);
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
            return !self.is_any_wrecked() || !self.read().locals.is_over(self.locals(state));
        }
        self.with_view(state, |seen| property.violation(seen).is_none())
    }

    fn with_view<R>(&self, state: &GuardState, see: impl FnOnce(&GlobalView<'_>) -> R) -> R {
        let tables = self.read();
        let locals =
            self.locals(state).iter().filter_map(|&local| tables.locals.node(local).map(|node| &node.local));
        let history = state.0.get(self.honest.len());
        let history = history.and_then(|&index| tables.histories.get(index));
        GlobalView::with(&self.system, locals, history, see)
    }
}

impl fmt::Debug for GuardModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardModel").field("system", &self.system.bound()).finish()
    }
}
