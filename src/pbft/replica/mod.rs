//! The replica: what is fixed, what changes, and the step from one state to the next.

mod checkpoint;
mod execution;
mod log;
mod normal_case;
mod recovery;
mod rename;
mod retransmission;
mod timer;
mod transfer;
mod view_change;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::block::{Batch, Block, Chain, RequestId, SignedRequest};
use super::certificate::{CommitCertificate, StableCheckpoint};
use super::evidence::Evidence;
use super::id::{ClientId, ReplicaId, SeqNum, Timestamp, View};
use super::message::{Checkpoint, Message, NewView, Reply, ViewChange};
use super::quorum::{Tally, TallyKey};
use super::rules::{Refusal, Rules, Setting, Standing};
use super::signature::{Signed, SigningKey};
use super::snapshot::{LastReply, Snapshot};
use super::uncompared::Uncompared;

pub use log::{Log, Slot};
pub use recovery::Record;
pub use timer::Timer;

/// What is fixed about a replica: its number, its keys, its setting and its rulebook.
#[derive(Clone, Debug)]
pub struct Replica {
    id: ReplicaId,
    key: SigningKey,
    setting: Arc<Setting>,
    rules: &'static dyn Rules,
}

/// What changes: the whole state of a replica. Ordered collections only, so that equal states print
/// and hash alike on every machine.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct State {
    view: View,
    active: bool,
    log: Log,
    stable: StableCheckpoint,
    checkpoints: BTreeMap<SeqNum, Tally<Checkpoint>>,
    pending: BTreeMap<RequestId, SignedRequest>,
    view_changes: BTreeMap<ReplicaId, Arc<Signed<ViewChange>>>,
    chain: Chain,
    /// Shared with the states before, as most steps leave it alone; so are the next.
    clients: Arc<BTreeMap<ClientId, LastReply>>,
    /// The states at its last stable checkpoint and at those that it has announced since.
    snapshots: Arc<BTreeMap<SeqNum, Arc<Snapshot>>>,
    /// What began its view, to be sent again; what it brought about stands elsewhere in the state.
    new_view: Uncompared<Option<Arc<Signed<NewView>>>>,
    doublings: u32,
    /// The timer that runs, or ran last. Whether one runs follows from the rest; this says since when, and for
    /// which request, which makes no difference to what the replica does when it runs out.
    timer: Uncompared<Option<Timer>>,
}

/// What a replica reacts to.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A message arrived. Who brought it does not matter: its signature says whose it is.
    Deliver(&'a Message),
    /// The timer that the last [`Effect::Timer`] set has run out.
    Timeout,
    /// Messages may have been lost for a while: tell the others how far this replica is. Whoever runs
    /// replicas over a network that loses messages gives this input from time to time.
    Retransmit,
}

/// What a replica asks of the world around it, in this order: what is to be persisted must be on stable
/// storage before a message that comes after it leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Send to all other replicas.
    Broadcast(Message),
    /// Send to one replica.
    Send(ReplicaId, Message),
    /// Send to the client that the reply names.
    Reply(Signed<Reply>),
    /// A batch is decided: committed-local holds (OSDI'99 §4.2).
    Committed(CommitCertificate),
    /// A decided batch was executed: the next block of the chain.
    Executed(Arc<Block>),
    /// A checkpoint became stable; what lies below it may be discarded (OSDI'99 §4.3).
    Stable(StableCheckpoint),
    /// Append this to stable storage.
    Persist(Record),
    /// A quorum is past this sequence number, which this replica has not reached: it asks the others for
    /// the state.
    Behind(SeqNum),
    /// It has taken over the state at a stable checkpoint from another.
    Transferred(SeqNum),
    /// Replace the timer; `None` stops it.
    Timer(Option<Timer>),
    /// Somebody is caught. Boxed: it is the largest effect, and the rarest.
    Evidence(Box<Evidence>),
}

/// A place where deliveries add up before they have a consequence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TallyId {
    /// Prepares that count together.
    Prepare(SeqNum, TallyKey),
    /// Commits that count together.
    Commit(SeqNum, TallyKey),
    /// CHECKPOINTs for a sequence number.
    Checkpoint(SeqNum),
    /// Replies to a client.
    Reply,
    /// Waiting requests and view changes, which start the timer and move the replica to another view.
    ViewChange,
}

impl Replica {
    /// A replica that signs with `key` and follows `rules`.
    ///
    /// # Errors
    /// [`Refusal::NotAReplica`] if the key is not that of a member of the committee.
    pub fn new(key: SigningKey, setting: Arc<Setting>, rules: &'static dyn Rules) -> Result<Self, Refusal> {
        let id =
            key.owner().replica().filter(|&id| setting.committee.contains(id)).ok_or(Refusal::NotAReplica)?;
        Ok(Replica { id, key, setting, rules })
    }

    /// This replica's number.
    pub fn id(&self) -> ReplicaId {
        self.id
    }

    /// The setting.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// The rulebook.
    pub fn rules(&self) -> &'static dyn Rules {
        self.rules
    }

    /// The state in which every replica starts: view 0, nothing executed.
    pub fn init(&self) -> State {
        let view = View::default();
        State {
            view,
            active: true,
            log: Log::default(),
            stable: StableCheckpoint::genesis(),
            checkpoints: BTreeMap::new(),
            pending: BTreeMap::new(),
            view_changes: BTreeMap::new(),
            chain: Chain::genesis(),
            clients: Arc::default(),
            snapshots: Arc::new(BTreeMap::from([(SeqNum::GENESIS, Arc::new(Snapshot::genesis()))])),
            new_view: Uncompared(None),
            doublings: 0,
            timer: Uncompared(None),
        }
    }

    /// Whether this replica would act on the input: all guards, no effects.
    ///
    /// # Errors
    /// The guard that refuses.
    pub fn check(&self, state: &State, input: Input<'_>) -> Result<(), Refusal> {
        match input {
            Input::Deliver(Message::Request(m)) => self.check_request(state, m),
            Input::Deliver(Message::PrePrepare(m)) => self.check_pre_prepare(state, m),
            Input::Deliver(Message::Prepare(m)) => self.check_prepare(state, m),
            Input::Deliver(Message::Commit(m)) => self.check_commit(state, m),
            Input::Deliver(Message::Checkpoint(m)) => self.check_checkpoint(state, m),
            Input::Deliver(Message::ViewChange(m)) => self.check_view_change(state, m),
            Input::Deliver(Message::NewView(m)) => self.check_new_view(state, m),
            Input::Deliver(Message::Read(m)) => self.check_read(m),
            Input::Deliver(Message::Reply(_)) => Err(Refusal::ForClients),
            Input::Deliver(Message::Status(m)) => self.check_status(m),
            Input::Deliver(Message::State(m)) => self.check_state(state, m),
            Input::Retransmit => Ok(()),
            Input::Timeout => self.timer(state).map(|_| ()).ok_or(Refusal::NoTimer),
        }
    }

    /// Takes one step: the next state, and its effects appended to `out`. The same state and input
    /// give the same result on every machine.
    ///
    /// # Errors
    /// The guard that refuses the input; the state is then unchanged, and `out` holds at most
    /// evidence against the sender.
    pub fn step(&self, state: &mut State, input: Input<'_>, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        if let Err(refusal) = self.check(state, input) {
            if let (Refusal::ConflictingProposal, Input::Deliver(Message::PrePrepare(m))) = (refusal, input) {
                out.extend(self.conflict(state, m).map(Box::new).map(Effect::Evidence));
            }
            return Err(refusal);
        }
        self.apply(state, input, out);
        Ok(())
    }

    /// The same step without touching the state before: what a checker wants, which keeps that.
    ///
    /// # Errors
    /// The guard that refuses the input.
    pub fn successor(
        &self,
        state: &State,
        input: Input<'_>,
        out: &mut Vec<Effect>,
    ) -> Result<State, Refusal> {
        self.check(state, input)?;
        let mut next = state.clone();
        self.apply(&mut next, input, out);
        Ok(next)
    }

    /// Acts on an input that has passed all guards.
    fn apply(&self, state: &mut State, input: Input<'_>, out: &mut Vec<Effect>) {
        // A vote that decides nothing, as most do, leaves the timer alone.
        let goes_on = match input {
            Input::Deliver(Message::Prepare(m)) => self.apply_prepare(state, m, out),
            Input::Deliver(Message::Commit(m)) => self.apply_commit(state, m, out),
            _ => true,
        };
        if !goes_on {
            return;
        }
        let timer = self.timer(state);
        match input {
            Input::Deliver(Message::Request(m)) => self.apply_request(state, m, out),
            Input::Deliver(Message::PrePrepare(m)) => self.accept(state, m, out),
            Input::Deliver(Message::Prepare(m)) => self.execute_from(state, m.seq, out),
            Input::Deliver(Message::Commit(m)) => self.execute_from(state, m.seq, out),
            Input::Deliver(Message::Checkpoint(m)) => self.apply_checkpoint(state, m, out),
            Input::Deliver(Message::ViewChange(m)) => self.apply_view_change(state, m, out),
            Input::Deliver(Message::NewView(m)) => self.apply_new_view(state, m, out),
            Input::Deliver(Message::Read(m)) => self.answer_read(state, m, out),
            Input::Deliver(Message::Reply(_)) => {}
            Input::Deliver(Message::Status(m)) => self.send_again(state, m, out),
            Input::Deliver(Message::State(m)) => self.catch_up(state, m, out),
            Input::Retransmit => self.retransmit(state, out),
            Input::Timeout => self.start_view_change(state, state.view.next(), out),
        }
        let timer_now = self.timer(state);
        state.timer = Uncompared(timer_now.or(state.timer.0));
        if timer != timer_now {
            out.push(Effect::Timer(timer_now));
        }
    }

    /// Whether the rulebook lets this replica give up its view: what prepared there may keep it.
    pub(super) fn may_leave(&self, state: &State) -> bool {
        let holds = |slot: &Slot| slot.is_prepared() && slot.decision.is_none();
        self.rules.leaves_prepared() || !state.log.iter().any(|(_, slot)| holds(slot))
    }

    /// The state without what could be received again and has had no consequence yet: partial tallies
    /// of others' votes, others' view changes, waiting requests, and how long the timer would run. Two
    /// states that agree in this *control part* differ only in such deliveries. A replica that is about
    /// to become primary keeps its waiting requests: it proposes them with the new view.
    pub fn control(&self, state: &State) -> State {
        let mut state = state.clone();
        if state.active {
            state.pending.clear();
        }
        state.view_changes.retain(|&from, _| from == self.id);
        state.checkpoints.values_mut().for_each(|tally| tally.retain_voter(self.id));
        state.checkpoints.retain(|_, tally| !tally.is_empty());
        state.log.retain_voter(self.id);
        state.forget_backoff();
        state
    }

    /// Emits a record, if the rulebook has it persisted.
    fn persist(&self, record: Record, out: &mut Vec<Effect>) {
        if self.rules.persists(&record) {
            out.push(Effect::Persist(record));
        }
    }

    fn may_propose(&self, view: View) -> bool {
        self.rules.may_propose(self.setting.committee, view, self.id)
    }

    fn is_primary(&self, view: View) -> bool {
        self.rules.primary(self.setting.committee, view) == self.id
    }
}

impl State {
    /// The view that the replica is in, or moving to.
    pub fn view(&self) -> View {
        self.view
    }

    /// Whether it takes part in that view: false between VIEW-CHANGE and NEW-VIEW.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// The log between the watermarks.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// What it has executed.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The state of the service after the last executed sequence number.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { seq: self.chain.height(), head: self.chain.head(), clients: (*self.clients).clone() }
    }

    /// The states at its last stable checkpoint and at those that it has announced since.
    pub fn checkpoint_states(&self) -> impl Iterator<Item = &Snapshot> {
        self.snapshots.values().map(Arc::as_ref)
    }

    /// The last reply to a client.
    pub fn last_reply(&self, client: ClientId) -> Option<&LastReply> {
        self.clients.get(&client)
    }

    /// The NEW-VIEW that it entered last, which it sends to whoever has missed it.
    pub fn new_view(&self) -> Option<&Arc<Signed<NewView>>> {
        self.new_view.0.as_ref()
    }

    /// Its last stable checkpoint.
    pub fn stable(&self) -> &StableCheckpoint {
        &self.stable
    }

    /// The requests that it waits for, besides those in proposals that it has accepted.
    pub fn pending(&self) -> impl Iterator<Item = &SignedRequest> {
        self.pending.values()
    }

    /// The view changes that it has received, and its own.
    #[cfg(feature = "explore")]
    pub(crate) fn view_changes(&self) -> impl Iterator<Item = (ReplicaId, &Signed<ViewChange>)> {
        self.view_changes.iter().map(|(&from, change)| (from, &**change))
    }

    /// The CHECKPOINTs that are counted, by sequence number.
    #[cfg(feature = "explore")]
    pub(crate) fn checkpoint_votes(&self) -> impl Iterator<Item = (SeqNum, &Tally<Checkpoint>)> {
        self.checkpoints.iter().map(|(&seq, tally)| (seq, tally))
    }

    /// The batch decided at a sequence number, if it is still in the log.
    pub fn committed(&self, seq: SeqNum) -> Option<&Batch> {
        self.log.get(seq).and_then(|slot| slot.committed())
    }

    /// Forgets how often the timer has doubled, and which one runs: that says how long it runs, not what it
    /// may do.
    pub fn forget_backoff(&mut self) {
        self.doublings = 0;
        self.timer = Uncompared(None);
    }

    /// Where the tallies of two states differ; the states are the same otherwise.
    pub fn differing_tallies(&self, other: &State) -> BTreeSet<TallyId> {
        let mut sites = BTreeSet::new();
        if self.pending != other.pending || self.view_changes != other.view_changes {
            sites.insert(TallyId::ViewChange);
        }
        let checkpoints = self.checkpoints.keys().chain(other.checkpoints.keys());
        for &seq in checkpoints {
            if self.checkpoints.get(&seq) != other.checkpoints.get(&seq) {
                sites.insert(TallyId::Checkpoint(seq));
            }
        }
        let empty = Slot::default();
        for (seq, _) in self.log.iter().chain(other.log.iter()) {
            let (a, b) = (self.log.get(seq).unwrap_or(&empty), other.log.get(seq).unwrap_or(&empty));
            sites.extend(a.prepares.differing(&b.prepares).map(|key| TallyId::Prepare(seq, key)));
            sites.extend(a.commits.differing(&b.commits).map(|key| TallyId::Commit(seq, key)));
        }
        sites
    }

    /// The timestamp of the last request of a client that was executed.
    fn last_timestamp(&self, client: ClientId) -> Option<Timestamp> {
        self.clients.get(&client).map(|last| last.timestamp)
    }

    fn standing(&self) -> Standing {
        Standing { view: self.view, active: self.active }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct(if self.active { "Active" } else { "ChangingTo" });
        out.field("view", &self.view);
        for (seq, slot) in self.log.iter() {
            out.field(&seq.to_string(), slot);
        }
        if self.stable.seq() > SeqNum::GENESIS {
            out.field("stable", &self.stable.seq());
        }
        if !self.pending.is_empty() {
            out.field("waiting_for", &self.pending.keys());
        }
        if !self.view_changes.is_empty() {
            out.field("view_changes", &self.view_changes.values());
        }
        out.field("chain", &self.chain).finish()
    }
}
