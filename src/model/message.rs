//! Judge *message*: message by message, on stateright's [`ActorModel`].
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
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use stateright::actor::{Actor, ActorModel, ActorModelAction, ActorModelState, Envelope, Id, Network, Out};
use stateright::{Model, Property};

use super::adversary::Adversary;
use super::history::History;
use super::network::{concerned, first_events, receivers};
#[cfg(feature = "explore")]
use super::participant::Transition;
use super::participant::{Event, Local, Participant, participants};
use super::property::{GlobalView, Judge, first_history, properties};
use super::system::System;
use crate::engine::{Fingerprint, fingerprint};
use crate::pbft::{ClientId, Message, Principal, ReplicaId};

/// A participant as stateright's actor. A Byzantine replica does nothing by itself: what it can send is
/// in the network.
#[derive(Clone, Debug)]
pub enum PbftActor {
    /// Runs the protocol.
    Honest(Arc<System>, Participant),
    /// Sends what the adversary can.
    Byzantine,
}

impl Actor for PbftActor {
    type Msg = Event;
    type State = Option<Local>;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, _: Id, _: &Option<()>, _: &mut Out<Self>) -> Self::State {
        match self {
            PbftActor::Honest(system, participant) => Some(participant.init(system)),
            PbftActor::Byzantine => None,
        }
    }

    fn on_msg(&self, _: Id, state: &mut Cow<'_, Self::State>, _: Id, event: Event, out: &mut Out<Self>) {
        let (PbftActor::Honest(system, participant), Some(before)) = (self, state.as_ref().as_ref()) else {
            return;
        };
        let Some(stimulus) = event.as_stimulus(before) else { return };
        let Some(taken) = participant.step(system, before, stimulus) else { return };
        let sent = taken.sent(system);
        *state = Cow::Owned(Some(taken.after));
        for (to, message) in sent {
            for to in receivers(system, to).filter(|&to| to != participant.id()) {
                out.send(id(system, to), Event::Deliver(message.clone()));
            }
        }
    }

    fn name(&self) -> String {
        match self {
            PbftActor::Honest(_, participant) => participant.id().to_string(),
            PbftActor::Byzantine => "Byzantine".to_owned(),
        }
    }
}

/// The actor's number: clients stand behind the last replica.
fn id(system: &System, who: Principal) -> Id {
    match who {
        Principal::Replica(id) => Id::from(id.index()),
        Principal::Client(id) => Id::from(usize::from(system.bound().scope.replicas) + id.0 as usize),
    }
}

type Inner = ActorModel<PbftActor, (), ()>;

/// PBFT message by message.
pub struct MessageModel {
    system: Arc<System>,
    adversary: Adversary,
    honest: Vec<Participant>,
    inner: Inner,
}

/// A state of [`MessageModel`]: the honest replicas' states and the set of messages.
#[derive(Clone)]
pub struct MessageState {
    inner: ActorModelState<PbftActor, ()>,
    /// The number of envelopes, and the sum of their 128-bit hashes: the network's hash, whatever its order.
    network: (usize, Fingerprint),
    /// What clients were told, if they take part.
    history: Option<Arc<History>>,
}

/// A step of [`MessageModel`]: an event at a replica.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageAction {
    /// Where it happens.
    pub to: Principal,
    /// What happens.
    pub event: Event,
}

impl MessageModel {
    /// The model of a system.
    pub fn new(system: Arc<System>) -> Self {
        let adversary = Adversary::new(Arc::clone(&system));
        let honest = participants(&system);
        let replicas = system.setting().committee.replicas().map(Principal::Replica);
        let clients = system.clients().iter().map(|client| Principal::Client(client.id()));
        let actors = replicas.chain(clients).map(|who| {
            let participant = honest.iter().find(|participant| participant.id() == who);
            participant.map_or(PbftActor::Byzantine, |p| PbftActor::Honest(Arc::clone(&system), p.clone()))
        });
        let inner =
            ActorModel::new((), ()).actors(actors).init_network(Network::new_unordered_duplicating([]));
        let mut this = MessageModel { system, adversary, honest, inner };
        let mut network = Network::new_unordered_duplicating([]);
        for (from, to, event) in first_events(&this.system, &this.honest) {
            send(&mut network, this.envelope(from, to, event));
        }
        for message in this.adversary.unconditional_messages() {
            this.spread(&mut network, message);
        }
        this.inner.init_network = network;
        this
    }

    /// What a participant believes, and what would come of an action.
    #[cfg(feature = "explore")]
    pub(crate) fn try_out(
        &self,
        state: &MessageState,
        action: &MessageAction,
    ) -> Option<(Local, Transition)> {
        let participant = self.honest.iter().find(|participant| participant.id() == action.to)?;
        let before = state.local(id(&self.system, action.to))?;
        let taken = participant.step(&self.system, before, action.event.as_stimulus(before)?)?;
        Some((before.clone(), taken))
    }

    fn envelope(&self, from: Principal, to: Principal, event: Event) -> Envelope<Event> {
        Envelope { src: id(&self.system, from), dst: id(&self.system, to), msg: event }
    }

    /// Puts a message of the adversary into the network, for everybody whom it concerns; the sum of the hashes
    /// of what is new there.
    fn spread(&self, network: &mut Network<Event>, message: &Message) -> Fingerprint {
        concerned(&self.system, message).fold(0, |sum: Fingerprint, to| {
            let envelope = self.envelope(message.signer(), to, Event::Deliver(message.clone()));
            let hash = if contains(network, &envelope) { 0 } else { fingerprint(&envelope) };
            send(network, envelope);
            sum.wrapping_add(hash)
        })
    }

    /// Adds what the adversary can send now, and brings the network's hash up to date: only what is new is
    /// looked at.
    fn close(
        &self,
        before: Option<&MessageState>,
        mut after: ActorModelState<PbftActor, ()>,
    ) -> MessageState {
        let (known, mut sum) = before.map_or((0, 0), |before| before.network);
        if known == size(&after.network) {
            return MessageState { inner: after, network: (known, sum), history: None };
        }
        let is_new = |e: &&Envelope<Event>| before.is_none_or(|b| !contains(&b.inner.network, e));
        let mut learnt = before.is_none();
        for envelope in envelopes(&after.network).filter(is_new) {
            sum = fingerprint(envelope).wrapping_add(sum);
            learnt |= delivered(envelope).is_some_and(|message| self.adversary.learns_from(message));
        }
        if learnt && !self.system.byzantine().is_empty() {
            let byzantine = &self.system.bound().byzantine;
            let own = |m: &&Message| m.signer().replica().is_some_and(|id| byzantine.contains(&id));
            let mut sent: Vec<_> =
                envelopes(&after.network).filter_map(delivered).filter(|m| !own(m)).cloned().collect();
            sent.sort_unstable();
            sent.dedup();
            for message in self.adversary.messages(&sent) {
                sum = self.spread(&mut after.network, &message).wrapping_add(sum);
            }
        }
        let network = (size(&after.network), sum);
        MessageState { inner: after, network, history: None }
    }

    /// What clients were told, after a step of this actor.
    fn history(&self, before: &MessageState, after: &MessageState, actor: Id) -> Option<Arc<History>> {
        let history = before.history.as_ref()?;
        let at = |state: &MessageState| state.local(actor).and_then(|local| local.client().cloned());
        let client = usize::from(actor).checked_sub(usize::from(self.system.bound().scope.replicas));
        let (Some(client), Some(old), Some(new)) = (client, at(before), at(after)) else {
            return Some(Arc::clone(history));
        };
        Some(Arc::new(history.after(ClientId(client as u32), &old, &new)))
    }

    fn is_enabled(&self, state: &MessageState, envelope: &Envelope<Event>) -> bool {
        let actor = self.inner.actors.get(usize::from(envelope.dst));
        let (Some(PbftActor::Honest(_, participant)), Some(local)) = (actor, state.local(envelope.dst))
        else {
            return false;
        };
        if envelope.msg == Event::Crash && state.crashes() >= self.system.bound().scope.crashes {
            return false;
        }
        let stimulus = envelope.msg.as_stimulus(local);
        stimulus.is_some_and(|stimulus| participant.admits(&self.system, local, stimulus))
    }

    fn who(&self, id: Id) -> Principal {
        let (id, replicas) = (usize::from(id), usize::from(self.system.bound().scope.replicas));
        match id.checked_sub(replicas) {
            None => Principal::Replica(ReplicaId(id as u16)),
            Some(client) => Principal::Client(ClientId(client as u32)),
        }
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
        _ => None,
    }
}

impl MessageState {
    /// What a participant believes; nothing for a Byzantine replica.
    fn local(&self, actor: Id) -> Option<&Local> {
        (**self.inner.actor_states.get(usize::from(actor))?).as_ref()
    }

    fn locals(&self) -> impl Iterator<Item = &Local> {
        self.inner.actor_states.iter().filter_map(|local| local.as_ref().as_ref())
    }

    /// How often replicas have crashed.
    fn crashes(&self) -> u32 {
        self.locals().map(Local::crashes).sum()
    }
}

impl PartialEq for MessageState {
    fn eq(&self, other: &Self) -> bool {
        self.network == other.network
            && self.history == other.history
            && self.inner.actor_states == other.inner.actor_states
            && envelopes(&self.inner.network).all(|envelope| contains(&other.inner.network, envelope))
    }
}

impl Eq for MessageState {}

impl Hash for MessageState {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.inner.actor_states.hash(hasher);
        self.network.hash(hasher);
        self.history.hash(hasher);
    }
}

impl fmt::Debug for MessageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_map();
        for (i, state) in self.inner.actor_states.iter().enumerate() {
            match state.as_ref() {
                Some(local) => out.entry(&i, local),
                None => out.entry(&i, &format_args!("Byzantine")),
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
            Event::Crash => write!(f, "{} crashes and recovers", self.to),
            Event::Invoke => write!(f, "{} asks to read", self.to),
            Event::Resend => write!(f, "{} sends again", self.to),
        }
    }
}

impl Model for MessageModel {
    type State = MessageState;
    type Action = MessageAction;

    fn init_states(&self) -> Vec<MessageState> {
        let mut state =
            self.inner.init_states().into_iter().map(|state| self.close(None, state)).collect::<Vec<_>>();
        for state in &mut state {
            state.history = first_history(&self.system, &self.honest).map(Arc::new);
        }
        state
    }

    fn actions(&self, state: &MessageState, actions: &mut Vec<MessageAction>) {
        // What else can go wrong goes wrong where nobody has panicked.
        if state.locals().any(|local| local.wreck().is_some()) {
            return;
        }
        let enabled = envelopes(&state.inner.network).filter(|envelope| self.is_enabled(state, envelope));
        actions.extend(
            enabled.map(|envelope| MessageAction { to: self.who(envelope.dst), event: envelope.msg.clone() }),
        );
        actions.sort_unstable();
    }

    fn next_state(&self, state: &MessageState, action: MessageAction) -> Option<MessageState> {
        let actor = id(&self.system, action.to);
        let deliver = ActorModelAction::Deliver { src: actor, dst: actor, msg: action.event };
        let after = self.inner.next_state(&state.inner, deliver)?;
        let mut next = self.close(Some(state), after);
        next.history = self.history(state, &next, actor);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties(&self.system)
    }
}

impl Judge for MessageModel {
    fn system(&self) -> &System {
        &self.system
    }

    fn with_view<R>(&self, state: &MessageState, see: impl FnOnce(&GlobalView<'_>) -> R) -> R {
        GlobalView::with(&self.system, state.locals(), state.history.as_deref(), see)
    }
}
