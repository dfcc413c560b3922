//! The client (OSDI'99 §4.1): sends a request, waits for f + 1 matching replies, sends it again to all.
//!
//! Like the replica it is a pure state machine: [`Client::step`] takes a state and an input to the next
//! state and the effects.

use std::sync::Arc;

use super::block::{Request, RequestId, SignedRequest};
use super::id::{ClientId, ReplicaId, Timestamp, View};
use super::message::{Message, Outcome, Reply};
use super::quorum::{Tally, Votes};
use super::rules::{Refusal, Rules, Setting, SignedPart, replica_of};
use super::signature::{Principal, Signed, SigningKey};

/// How many different results of one replica are kept. An honest replica has one for a request that was
/// ordered, and a few for a read that was delivered to it more than once; memory is bounded.
const MAX_RESULTS_PER_REPLICA: usize = 4;

/// What is fixed about a client: its number, its key, the replicas it talks to and their rulebook.
#[derive(Clone, Debug)]
pub struct Client {
    id: ClientId,
    key: SigningKey,
    setting: Arc<Setting>,
    rules: &'static dyn Rules,
}

/// What changes: what it waits for, and the last result that it has accepted.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ClientState {
    view: View,
    timestamp: Timestamp,
    waiting: Option<Waiting>,
    accepted: Option<(Timestamp, Outcome)>,
    doublings: u32,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Waiting {
    request: SignedRequest,
    /// Whether the replicas were asked to answer without ordering it.
    reads: bool,
    replies: Tally<Reply>,
}

/// What a client reacts to.
#[derive(Clone, Copy, Debug)]
pub enum ClientInput<'a> {
    /// Its user wants an operation executed.
    Invoke {
        /// The operation.
        operation: &'a [u8],
        /// Whether it only reads, and may be answered without being ordered (OSDI'99 §5.1.3).
        reads: bool,
    },
    /// A message arrived.
    Deliver(&'a Message),
    /// The timer that the last [`ClientEffect::Timer`] set has run out.
    Timeout,
}

/// What a client asks of the world around it, in this order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientEffect {
    /// Send to all replicas.
    Broadcast(Message),
    /// Send to one replica.
    Send(ReplicaId, Message),
    /// Enough replies match: this is the result.
    Accepted(RequestId, Outcome),
    /// Replace the timer: it runs for the base period times two to this power; `None` stops it.
    Timer(Option<u32>),
}

impl Client {
    /// A client that signs with `key` and believes what `rules` say is enough.
    ///
    /// # Errors
    /// [`Refusal::InauthenticRequest`] if the key is no client's: its requests would be refused.
    pub fn new(key: SigningKey, setting: Arc<Setting>, rules: &'static dyn Rules) -> Result<Self, Refusal> {
        match key.owner() {
            Principal::Client(id) => Ok(Client { id, key, setting, rules }),
            Principal::Replica(_) => Err(Refusal::InauthenticRequest),
        }
    }

    /// This client's number.
    pub fn id(&self) -> ClientId {
        self.id
    }

    /// The state in which every client starts: nothing was asked yet.
    pub fn init(&self) -> ClientState {
        ClientState::default()
    }

    /// Whether this client would act on the input: all guards, no effects.
    ///
    /// # Errors
    /// The guard that refuses.
    pub fn check(&self, state: &ClientState, input: ClientInput<'_>) -> Result<(), Refusal> {
        match input {
            ClientInput::Invoke { .. } if state.waiting.is_some() => Err(Refusal::Full),
            ClientInput::Invoke { .. } => Ok(()),
            ClientInput::Deliver(Message::Reply(reply)) => self.check_reply(state, reply),
            ClientInput::Deliver(_) => Err(Refusal::NotForClients),
            ClientInput::Timeout => state.waiting.as_ref().map(|_| ()).ok_or(Refusal::NoTimer),
        }
    }

    /// Takes one step: the next state, and its effects appended to `out`.
    ///
    /// # Errors
    /// The guard that refuses the input; the state is then unchanged.
    pub fn step(
        &self,
        state: &mut ClientState,
        input: ClientInput<'_>,
        out: &mut Vec<ClientEffect>,
    ) -> Result<(), Refusal> {
        self.check(state, input)?;
        match input {
            ClientInput::Invoke { operation, reads } => self.invoke(state, operation, reads, out),
            ClientInput::Deliver(Message::Reply(reply)) => self.count(state, reply, out),
            ClientInput::Deliver(_) => {}
            ClientInput::Timeout => self.send_to_all(state, out),
        }
        Ok(())
    }

    /// The state without replies that were not enough: those can be received again.
    pub fn control(&self, state: &ClientState) -> ClientState {
        let mut state = state.clone();
        if let Some(waiting) = &mut state.waiting {
            waiting.replies = Tally::default();
        }
        state.doublings = 0;
        state
    }

    fn invoke(&self, state: &mut ClientState, operation: &[u8], reads: bool, out: &mut Vec<ClientEffect>) {
        state.timestamp = Timestamp(state.timestamp.0 + 1);
        let request = self.key.sign(Request {
            client: self.id,
            timestamp: state.timestamp,
            operation: Arc::from(operation),
        });
        let reads = reads && self.rules.serves_reads();
        out.push(if reads {
            ClientEffect::Broadcast(Message::Read(request.clone()))
        } else {
            let primary = self.rules.primary(self.setting.committee, state.view);
            ClientEffect::Send(primary, Message::Request(request.clone()))
        });
        out.push(ClientEffect::Timer(Some(0)));
        state.waiting = Some(Waiting { request, reads, replies: Tally::default() });
        state.doublings = 0;
    }

    fn check_reply(&self, state: &ClientState, reply: &Signed<Reply>) -> Result<(), Refusal> {
        let from = replica_of(&self.setting, reply)?;
        let waiting = state.waiting.as_ref().ok_or(Refusal::NotAwaited)?;
        let id = waiting.request.id();
        let fits = matches!(reply.result, Outcome::Read { .. }) == waiting.reads;
        if (reply.client, reply.timestamp) != (id.client, id.timestamp) || !fits {
            return Err(Refusal::NotAwaited);
        }
        let key = self.rules.reply_key(reply);
        let votes = waiting.replies.get(&key);
        if !self.rules.counts_vote(votes.map(Votes::voters), from) {
            return Err(Refusal::Duplicate);
        }
        if waiting.replies.digests_of(&key, from) >= MAX_RESULTS_PER_REPLICA {
            return Err(Refusal::TooManyVotes);
        }
        let genuine = self.setting.keys.verify(reply);
        if self.rules.verifies(SignedPart::Reply, genuine) { Ok(()) } else { Err(Refusal::BadSignature) }
    }

    /// Counts a reply; accepts the result once enough match.
    fn count(&self, state: &mut ClientState, reply: &Signed<Reply>, out: &mut Vec<ClientEffect>) {
        let (Some(waiting), Some(from)) = (&mut state.waiting, reply.signer().replica()) else { return };
        let key = self.rules.reply_key(reply);
        waiting.replies.add(key, from, reply.clone());
        let committee = self.setting.committee;
        let needed = if waiting.reads {
            self.rules.read_quorum(committee)
        } else {
            self.rules.reply_quorum(committee)
        };
        let matching = waiting.replies.get(&key).filter(|votes| votes.count() >= needed);
        let Some(votes) = matching else { return };
        // Of f + 1 replicas one is honest: some honest replica was in this view, or a later one.
        let view = votes.signed().iter().map(|reply| reply.view).min();
        let id = waiting.request.id();
        state.view = state.view.max(view.unwrap_or_default());
        state.accepted = Some((id.timestamp, reply.result));
        state.waiting = None;
        out.push(ClientEffect::Accepted(id, reply.result));
        out.push(ClientEffect::Timer(None));
    }

    /// §4.1: 'if the client does not receive replies soon enough, it broadcasts the request to all
    /// replicas'; a read is then ordered like any request (§5.1.3).
    fn send_to_all(&self, state: &mut ClientState, out: &mut Vec<ClientEffect>) {
        let Some(waiting) = &mut state.waiting else { return };
        if waiting.reads {
            waiting.reads = false;
            waiting.replies = Tally::default();
        }
        state.doublings = state.doublings.saturating_add(1);
        out.push(ClientEffect::Broadcast(Message::Request(waiting.request.clone())));
        out.push(ClientEffect::Timer(Some(state.doublings)));
    }
}

impl ClientState {
    /// The request that it waits for.
    pub fn waiting_for(&self) -> Option<&SignedRequest> {
        self.waiting.as_ref().map(|waiting| &waiting.request)
    }

    /// Whether it waits for replies to a read that is not ordered.
    pub fn reads(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.reads)
    }

    /// The last request that was answered, by its timestamp, and the result.
    pub fn accepted(&self) -> Option<(Timestamp, Outcome)> {
        self.accepted
    }

    /// The view in which it believes the replicas to be.
    pub fn view(&self) -> View {
        self.view
    }
}
