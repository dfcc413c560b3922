//! Judge 1: message by message, on stateright's [`ActorModel`].
//!
//! Every delivery is a step: the real interleavings, without any reduction of ours but one that is
//! the network's own meaning: a message that a replica refuses is no step.
//!
//! What of stateright is worked round, and why:
//! - its timers hash badly, so timeouts are events in the network, and whether one may fire is read
//!   off the replica's state;
//! - its duplicating network remembers the last delivery, which tells states apart that behave alike:
//!   [`MessageState`] compares and hashes without it;
//! - its hash of a set does not cover the set's size; this one does.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher as _, Hash, Hasher};
use std::sync::Arc;

use stateright::actor::{Actor, ActorModel, ActorModelAction, ActorModelState, Envelope, Id, Network, Out};
use stateright::{Model, Property};

use super::adversary::Adversary;
use super::bounds::System;
use super::property::{Judge, properties};
use crate::pbft::{Effect, Input, Message, Principal, Replica, ReplicaId, State, View};

/// What can happen to a replica.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// A message is delivered to it.
    Deliver(Message),
    /// Its timer runs out while it is in, or moving to, this view.
    Timeout(View),
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Deliver(message) => message.fmt(f),
            Event::Timeout(view) => write!(f, "timeout in {view}"),
        }
    }
}

impl Event {
    /// The event as a replica takes it, if it can happen in this state.
    pub fn as_input<'a>(&'a self, state: &State) -> Option<Input<'a>> {
        match self {
            Event::Deliver(message) => Some(Input::Deliver(message)),
            Event::Timeout(view) => (state.view() == *view).then_some(Input::Timeout),
        }
    }
}

/// A replica as stateright's actor. A Byzantine one does nothing by itself: what it can send is in
/// the network.
#[derive(Clone, Debug)]
pub enum PbftActor {
    /// Runs the protocol.
    Honest(Replica),
    /// Sends what the adversary can.
    Byzantine,
}

impl Actor for PbftActor {
    type Msg = Event;
    type State = Option<State>;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, _: Id, _: &Option<()>, _: &mut Out<Self>) -> Self::State {
        match self {
            PbftActor::Honest(replica) => Some(replica.init()),
            PbftActor::Byzantine => None,
        }
    }

    fn on_msg(&self, _: Id, state: &mut Cow<'_, Self::State>, _: Id, event: Event, out: &mut Out<Self>) {
        let (PbftActor::Honest(replica), Some(before)) = (self, state.as_ref().as_ref()) else { return };
        let Some(input) = event.as_input(before) else { return };
        let mut effects = Vec::new();
        let Ok(next) = replica.successor(before, input, &mut effects) else { return };
        *state = Cow::Owned(Some(next));
        for effect in effects {
            let (to, message) = match effect {
                Effect::Broadcast(message) => (None, message),
                Effect::Send(to, message) => (Some(to), message),
                _ => continue,
            };
            let all = replica.setting().committee.replicas();
            for to in all.filter(|&id| id != replica.id() && to.is_none_or(|to| to == id)) {
                out.send(Id::from(to.index()), Event::Deliver(message.clone()));
            }
        }
    }

    fn name(&self) -> String {
        match self {
            PbftActor::Honest(replica) => replica.id().to_string(),
            PbftActor::Byzantine => "Byzantine".to_owned(),
        }
    }
}

type Inner = ActorModel<PbftActor, (), ()>;

/// PBFT message by message.
pub struct MessageModel {
    system: Arc<System>,
    adversary: Adversary,
    inner: Inner,
}

/// A state of [`MessageModel`]: the honest replicas' states and the set of messages.
#[derive(Clone)]
pub struct MessageState {
    inner: ActorModelState<PbftActor, ()>,
    /// The number of envelopes, and the sum of their hashes: the network's hash, whatever its order.
    network: (usize, u64),
}

/// A step of [`MessageModel`]: an event at a replica.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageAction {
    /// Where it happens.
    pub to: ReplicaId,
    /// What happens.
    pub event: Event,
}

impl MessageModel {
    /// The model of a system.
    pub fn new(system: Arc<System>) -> Self {
        let adversary = Adversary::new(Arc::clone(&system));
        let actors = system.setting().committee.replicas().map(|id| {
            let replica = system.honest().iter().find(|replica| replica.id() == id);
            replica.map_or(PbftActor::Byzantine, |replica| PbftActor::Honest(replica.clone()))
        });
        let inner =
            ActorModel::new((), ()).actors(actors).init_network(Network::new_unordered_duplicating([]));
        let mut this = MessageModel { system, adversary, inner };
        let mut network = Network::new_unordered_duplicating([]);
        for replica in this.system.honest() {
            let id = replica.id();
            if this.system.hears_requests(id) {
                for request in this.system.requests() {
                    send(&mut network, this.envelope(id, Message::Request(request.clone())));
                }
            }
            for view in (0..this.system.bound().views).map(View).filter(|&v| this.system.may_time_out(v)) {
                send(&mut network, Envelope { src: id.into(), dst: id.into(), msg: Event::Timeout(view) });
            }
            for message in this.adversary.unconditional_messages() {
                send(&mut network, this.envelope(id, message.clone()));
            }
        }
        this.inner.init_network = network;
        this
    }

    /// The adversary.
    pub fn adversary(&self) -> &Adversary {
        &self.adversary
    }

    fn envelope(&self, to: ReplicaId, message: Message) -> Envelope<Event> {
        let from = match message.signer() {
            Principal::Replica(id) => Id::from(id.index()),
            // A client stands behind the last replica.
            Principal::Client(id) => Id::from(usize::from(self.system.bound().replicas) + id.0 as usize),
        };
        Envelope { src: from, dst: to.into(), msg: Event::Deliver(message) }
    }

    /// Adds what the adversary can send now.
    fn close(
        &self,
        before: Option<&MessageState>,
        mut after: ActorModelState<PbftActor, ()>,
    ) -> MessageState {
        let count = size(&after.network);
        if let Some(before) = before.filter(|before| before.network.0 == count) {
            return MessageState { inner: after, network: before.network };
        }
        let learnt = before.is_none_or(|before| {
            envelopes(&after.network).any(|envelope| match &envelope.msg {
                Event::Deliver(m) => Adversary::learns_from(m) && !contains(&before.inner.network, envelope),
                Event::Timeout(_) => false,
            })
        });
        if learnt && !self.system.byzantine().is_empty() {
            let byzantine = &self.system.bound().byzantine;
            let own = |m: &&Message| m.signer().replica().is_some_and(|id| byzantine.contains(&id));
            let mut sent: Vec<_> =
                envelopes(&after.network).filter_map(delivered).filter(|m| !own(m)).cloned().collect();
            sent.sort_unstable();
            sent.dedup();
            for message in self.adversary.messages(&sent) {
                for replica in self.system.honest() {
                    send(&mut after.network, self.envelope(replica.id(), message.clone()));
                }
            }
        }
        let hash = envelopes(&after.network).fold(0u64, |sum, envelope| {
            let hash = rustc_hash::FxBuildHasher.hash_one(envelope);
            sum.wrapping_add(hash.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32))
        });
        let network = (size(&after.network), hash);
        MessageState { inner: after, network }
    }

    fn replica(&self, id: Id) -> Option<&Replica> {
        match self.inner.actors.get(usize::from(id))? {
            PbftActor::Honest(replica) => Some(replica),
            PbftActor::Byzantine => None,
        }
    }

    fn is_enabled(&self, state: &MessageState, envelope: &Envelope<Event>) -> bool {
        let index = usize::from(envelope.dst);
        let (Some(replica), Some(local)) =
            (self.replica(envelope.dst), state.inner.actor_states[index].as_ref())
        else {
            return false;
        };
        envelope.msg.as_input(local).is_some_and(|input| replica.check(local, input).is_ok())
    }
}

fn envelopes(network: &Network<Event>) -> impl Iterator<Item = &Envelope<Event>> {
    match network {
        Network::UnorderedDuplicating(set, _) => Some(set.iter()),
        _ => None,
    }
    .into_iter()
    .flatten()
}

fn size(network: &Network<Event>) -> usize {
    match network {
        Network::UnorderedDuplicating(set, _) => set.len(),
        _ => 0,
    }
}

fn send(network: &mut Network<Event>, envelope: Envelope<Event>) {
    if let Network::UnorderedDuplicating(set, _) = network {
        set.insert(envelope);
    }
}

fn contains(network: &Network<Event>, envelope: &Envelope<Event>) -> bool {
    matches!(network, Network::UnorderedDuplicating(set, _) if set.contains(envelope))
}

fn delivered(envelope: &Envelope<Event>) -> Option<&Message> {
    match &envelope.msg {
        Event::Deliver(message) => Some(message),
        Event::Timeout(_) => None,
    }
}

impl From<ReplicaId> for Id {
    fn from(id: ReplicaId) -> Id {
        Id::from(id.index())
    }
}

impl MessageState {
    /// The state of a replica; none for a Byzantine one.
    pub fn replica(&self, id: ReplicaId) -> Option<&State> {
        (*self.inner.actor_states[id.index()]).as_ref()
    }
}

impl PartialEq for MessageState {
    fn eq(&self, other: &Self) -> bool {
        self.network == other.network
            && self.inner.actor_states == other.inner.actor_states
            && envelopes(&self.inner.network).all(|envelope| contains(&other.inner.network, envelope))
    }
}

impl Eq for MessageState {}

impl Hash for MessageState {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.inner.actor_states.hash(hasher);
        self.network.hash(hasher);
    }
}

impl fmt::Debug for MessageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_map();
        for (i, state) in self.inner.actor_states.iter().enumerate() {
            let id = ReplicaId(i as u16);
            match state.as_ref() {
                Some(state) => out.entry(&id, state),
                None => out.entry(&id, &format_args!("Byzantine")),
            };
        }
        out.finish()
    }
}

impl fmt::Debug for MessageAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.event {
            Event::Deliver(message) => write!(f, "{} → {}: {message:?}", message.signer(), self.to),
            Event::Timeout(view) => write!(f, "{}: timer of {view} runs out", self.to),
        }
    }
}

impl Model for MessageModel {
    type State = MessageState;
    type Action = MessageAction;

    fn init_states(&self) -> Vec<MessageState> {
        self.inner.init_states().into_iter().map(|state| self.close(None, state)).collect()
    }

    fn actions(&self, state: &MessageState, actions: &mut Vec<MessageAction>) {
        let enabled = envelopes(&state.inner.network).filter(|envelope| self.is_enabled(state, envelope));
        actions.extend(enabled.map(|envelope| MessageAction {
            to: ReplicaId(usize::from(envelope.dst) as u16),
            event: envelope.msg.clone(),
        }));
        actions.sort_unstable();
    }

    fn next_state(&self, state: &MessageState, action: MessageAction) -> Option<MessageState> {
        let deliver =
            ActorModelAction::Deliver { src: action.to.into(), dst: action.to.into(), msg: action.event };
        let after = self.inner.next_state(&state.inner, deliver)?;
        Some(self.close(Some(state), after))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties(self.system.bound().views)
    }
}

impl Judge for MessageModel {
    fn system(&self) -> &System {
        &self.system
    }

    fn with_honest<R>(&self, state: &MessageState, see: impl FnOnce(&[&State]) -> R) -> R {
        let states: smallvec::SmallVec<[&State; 8]> =
            state.inner.actor_states.iter().filter_map(|s| s.as_ref().as_ref()).collect();
        see(&states)
    }
}
