//! A system of replicas, and the messages that its principals can sign.

#[macro_use]
mod rulebook;
pub mod definitions;
pub mod live;
pub mod matrix;
pub mod notes;
pub mod vote;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use bft_check::pbft::{
    Batch, Castro99, Checkpoint, ClientId, Commit, Committee, Decision, Digest, Effect, Input, KeySet,
    Message, NewView, Outcome, PrePrepare, Prepare, PreparedClaim, Proposal, Refusal, Replica, ReplicaId,
    Reply, Request, Rules, SeqNum, Setting, Signable, Signed, SignedRequest, SigningKey, Snapshot,
    StableCheckpoint, StableClaim, State, StateTransfer, Status, Timestamp, Uncompared, View, ViewChange,
};
use proptest::test_runner::{Config as ProptestConfig, FileFailurePersistence};

/// How many clients every system has.
pub const CLIENTS: u32 = 4;
/// How many keys of replicas outside the committee the tests hold besides.
pub const OUTSIDERS: u16 = 2;

/// The replicas, their setting, and everybody's keys: those of `OUTSIDERS` further replicas and of one
/// further client too, which the setting's key ring does not know.
pub struct System {
    pub n: u16,
    pub keys: KeySet,
    pub setting: Arc<Setting>,
    pub replicas: Vec<Replica>,
}

impl System {
    pub fn new(n: u16) -> Self {
        Self::with(n, &Castro99, |_| {})
    }

    pub fn following(n: u16, rules: &'static dyn Rules) -> Self {
        Self::with(n, rules, |_| {})
    }

    pub fn with(n: u16, rules: &'static dyn Rules, tune: impl FnOnce(&mut Setting)) -> Self {
        let keys = KeySet::symbolic(n + OUTSIDERS, CLIENTS + 1);
        let ring = KeySet::symbolic(n, CLIENTS).ring;
        let mut setting = Setting::new(Committee::of(n).unwrap(), ring);
        tune(&mut setting);
        Self::of(keys, setting, rules)
    }

    /// Signatures that can be forged, and refused: with symbolic ones there is nothing to forge.
    pub fn ed25519(n: u16, seed: u64) -> Self {
        let keys = KeySet::ed25519(n, CLIENTS, seed);
        let setting = Setting::new(Committee::of(n).unwrap(), keys.ring.clone());
        Self::of(keys, setting, &Castro99)
    }

    fn of(keys: KeySet, setting: Setting, rules: &'static dyn Rules) -> Self {
        let (n, setting) = (setting.committee.n(), Arc::new(setting));
        let replicas = (0..usize::from(n))
            .map(|i| Replica::new(keys.replicas[i].clone(), Arc::clone(&setting), rules).unwrap())
            .collect();
        System { n, keys, setting, replicas }
    }

    /// f, computed here and not by the committee.
    pub fn f(&self) -> usize {
        (usize::from(self.n) - 1) / 3
    }

    /// The least q for which two sets of q replicas share f + 1.
    pub fn quorum(&self) -> usize {
        least_quorum(usize::from(self.n), self.f())
    }

    pub fn primary(&self, view: u64) -> usize {
        (view % u64::from(self.n)) as usize
    }

    pub fn request(&self, client: u32, timestamp: u64) -> SignedRequest {
        request(&self.keys.clients[client as usize], client, timestamp)
    }

    /// The batch of one request of each of these clients, with this timestamp.
    pub fn batch(&self, clients: &[u32], timestamp: u64) -> Batch {
        Batch::new(clients.iter().map(|&client| self.request(client, timestamp)))
    }

    /// The proposal by the primary of the view.
    pub fn proposal(&self, view: u64, seq: u64, batch: &Batch) -> Proposal {
        proposal(&self.keys.replicas[self.primary(view)], view, seq, batch)
    }

    pub fn pre_prepare(&self, view: u64, seq: u64, batch: &Batch) -> Message {
        Message::PrePrepare(self.proposal(view, seq, batch))
    }

    pub fn prepare(&self, from: usize, view: u64, seq: u64, digest: Digest) -> Message {
        Message::Prepare(prepare(&self.keys.replicas[from], view, seq, digest))
    }

    pub fn commit(&self, from: usize, view: u64, seq: u64, digest: Digest) -> Message {
        Message::Commit(commit(&self.keys.replicas[from], view, seq, digest))
    }

    pub fn checkpoint(&self, from: usize, seq: u64, state: Digest) -> Message {
        Message::Checkpoint(checkpoint(&self.keys.replicas[from], seq, state))
    }

    pub fn status(&self, from: usize, view: u64, active: bool, stable: u64, height: u64) -> Message {
        let status = Status { view: View(view), active, stable: SeqNum(stable), height: SeqNum(height) };
        Message::Status(self.keys.replicas[from].sign(status))
    }

    /// The state at a checkpoint with that many votes, and what was decided since.
    pub fn state(&self, from: usize, snapshot: &Snapshot, votes: usize, decided: Vec<Decision>) -> Message {
        let stable = self.stable_claim(snapshot.seq.0, snapshot.digest(), votes);
        let transfer = StateTransfer { stable, snapshot: Some(Arc::new(snapshot.clone())), decided };
        Message::State(Arc::new(self.keys.replicas[from].sign(transfer)))
    }

    pub fn reply(&self, from: usize, view: u64, request: &Request, result: Outcome) -> Message {
        let (client, timestamp) = (request.client, request.timestamp);
        Message::Reply(self.keys.replicas[from].sign(Reply { view: View(view), timestamp, client, result }))
    }

    /// A decided batch with that many commits.
    pub fn decision(&self, view: u64, seq: u64, batch: &Batch, commits: usize) -> Decision {
        let commits: Arc<[_]> =
            (0..commits).map(|i| commit(&self.keys.replicas[i], view, seq, batch.digest())).collect();
        Decision { seq: SeqNum(seq), batch: batch.clone(), commits: Uncompared((View(view), commits)) }
    }

    /// What a view change reports about a batch that prepared: the proposal and the prepares of as many
    /// backups as it takes.
    pub fn claim(&self, view: u64, seq: u64, batch: &Batch) -> PreparedClaim {
        self.claim_with(view, seq, batch, self.quorum() - 1)
    }

    pub fn claim_with(&self, view: u64, seq: u64, batch: &Batch, prepares: usize) -> PreparedClaim {
        let backups = (0..usize::from(self.n)).filter(|&i| i != self.primary(view));
        let prepares = backups
            .take(prepares)
            .map(|i| prepare(&self.keys.replicas[i], view, seq, batch.digest()))
            .collect::<Arc<[_]>>();
        PreparedClaim { proposal: self.proposal(view, seq, batch), prepares: Uncompared(prepares) }
    }

    /// The claim that a checkpoint is stable, with that many votes.
    pub fn stable_claim(&self, seq: u64, state: Digest, votes: usize) -> StableClaim {
        let checkpoints =
            (0..votes).map(|i| checkpoint(&self.keys.replicas[i], seq, state)).collect::<Arc<[_]>>();
        StableClaim { seq: SeqNum(seq), state, checkpoints: Uncompared(checkpoints) }
    }

    /// A view change that starts from the genesis checkpoint.
    pub fn view_change(
        &self,
        from: usize,
        view: u64,
        prepared: Vec<PreparedClaim>,
    ) -> Arc<Signed<ViewChange>> {
        self.view_change_from(from, view, StableCheckpoint::genesis().claim().clone(), prepared)
    }

    pub fn view_change_from(
        &self,
        from: usize,
        view: u64,
        stable: StableClaim,
        prepared: Vec<PreparedClaim>,
    ) -> Arc<Signed<ViewChange>> {
        let change = ViewChange { new_view: View(view), stable, prepared };
        Arc::new(self.keys.replicas[from].sign(change))
    }

    /// The new view that the primary of `view` announces; it proposes these batches.
    pub fn new_view(
        &self,
        view: u64,
        changes: Vec<Arc<Signed<ViewChange>>>,
        batches: &[(u64, Batch)],
    ) -> Message {
        let proposals = batches.iter().map(|(seq, batch)| self.proposal(view, *seq, batch)).collect();
        new_view(&self.keys.replicas[self.primary(view)], view, changes, proposals)
    }
}

/// Where the failing cases of this test program are kept, to be tried first from then on.
const REGRESSIONS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/", env!("CARGO_CRATE_NAME"), ".txt");

/// That many cases, after those that have failed before.
pub fn cases(cases: u32) -> ProptestConfig {
    let kept = FileFailurePersistence::Direct(REGRESSIONS);
    ProptestConfig { cases, failure_persistence: Some(Box::new(kept)), ..ProptestConfig::default() }
}

/// The least q such that two sets of q out of n replicas share at least f + 1, by trying.
pub fn least_quorum(n: usize, f: usize) -> usize {
    (0..=n).find(|q| 2 * q > n + f).unwrap()
}

pub fn request(key: &SigningKey, client: u32, timestamp: u64) -> SignedRequest {
    key.sign(Request {
        client: ClientId(client),
        timestamp: Timestamp(timestamp),
        operation: Arc::from(&b"operation"[..]),
    })
}

pub fn proposal(key: &SigningKey, view: u64, seq: u64, batch: &Batch) -> Proposal {
    let pre_prepare = PrePrepare { view: View(view), seq: SeqNum(seq), digest: batch.digest() };
    Proposal { pre_prepare: key.sign(pre_prepare), batch: batch.clone() }
}

pub fn prepare(key: &SigningKey, view: u64, seq: u64, digest: Digest) -> Signed<Prepare> {
    key.sign(Prepare { view: View(view), seq: SeqNum(seq), digest })
}

pub fn commit(key: &SigningKey, view: u64, seq: u64, digest: Digest) -> Signed<Commit> {
    key.sign(Commit { view: View(view), seq: SeqNum(seq), digest })
}

pub fn checkpoint(key: &SigningKey, seq: u64, state: Digest) -> Signed<Checkpoint> {
    key.sign(Checkpoint { seq: SeqNum(seq), state })
}

pub fn new_view(
    key: &SigningKey,
    view: u64,
    changes: Vec<Arc<Signed<ViewChange>>>,
    proposals: Vec<Proposal>,
) -> Message {
    Message::NewView(Arc::new(key.sign(NewView {
        view: View(view),
        view_changes: Uncompared(changes),
        proposals,
    })))
}

/// A digest of nothing that any test proposes.
pub fn digest(number: u64) -> Digest {
    checkpoint(&KeySet::symbolic(1, 0).replicas[0], number, Digest::ZERO).message().encode().finish()
}

/// Steps and expects the input to be accepted; `check` must say the same. Without what is persisted.
pub fn accepted(replica: &Replica, state: &mut State, input: Input<'_>) -> Vec<Effect> {
    let mut out = accepted_with_records(replica, state, input);
    out.retain(|effect| !matches!(effect, Effect::Persist(_)));
    out
}

/// Steps and expects the input to be accepted; `check` must say the same.
pub fn accepted_with_records(replica: &Replica, state: &mut State, input: Input<'_>) -> Vec<Effect> {
    let mut out = Vec::new();
    let verdict = replica.check(state, input);
    assert_eq!(replica.step(state, input, &mut out), Ok(()), "{input:?} at {}", replica.id());
    assert_eq!(verdict, Ok(()), "`check` and `step` disagree on {input:?}");
    out
}

/// Steps and expects exactly this refusal, and the state to stay as it is; returns the effects.
pub fn refused(replica: &Replica, state: &State, input: Input<'_>, refusal: Refusal) -> Vec<Effect> {
    let (mut after, mut out) = (state.clone(), Vec::new());
    let verdict = replica.check(state, input);
    assert_eq!(replica.step(&mut after, input, &mut out), Err(refusal), "{input:?} at {}", replica.id());
    assert_eq!(verdict, Err(refusal), "`check` and `step` disagree on {input:?}");
    assert_eq!(&after, state, "the refused {input:?} changed the state");
    out
}

/// Replicas over a network that delivers in the order of sending, and loses what it is told to lose.
/// Those that are down neither receive nor send.
pub struct Net {
    pub system: System,
    pub states: Vec<State>,
    pub down: BTreeSet<usize>,
    pub loses: fn(&Message) -> bool,
    pub queue: VecDeque<(usize, Message)>,
    pub effects: Vec<(usize, Effect)>,
}

impl Net {
    pub fn new(system: System) -> Self {
        let states = system.replicas.iter().map(Replica::init).collect();
        let (queue, effects) = (VecDeque::new(), Vec::new());
        Net { system, states, down: BTreeSet::new(), loses: |_| false, queue, effects }
    }

    /// Puts a message on its way to every replica that is up.
    pub fn broadcast(&mut self, message: &Message) {
        for to in 0..self.states.len() {
            self.queue.push_back((to, message.clone()));
        }
    }

    pub fn timeout(&mut self, at: usize) {
        let effects = accepted(&self.system.replicas[at], &mut self.states[at], Input::Timeout);
        self.perform(at, effects);
    }

    /// Everybody who is up says how far it is.
    pub fn retransmit(&mut self) {
        for at in (0..self.states.len()).filter(|at| !self.down.contains(at)).collect::<Vec<_>>() {
            let effects = accepted(&self.system.replicas[at], &mut self.states[at], Input::Retransmit);
            self.perform(at, effects);
        }
    }

    /// Delivers everything, and everything that is sent meanwhile. Replicas may refuse.
    pub fn run(&mut self) {
        while let Some((to, message)) = self.queue.pop_front() {
            if !self.down.contains(&to) && !(self.loses)(&message) {
                let mut out = Vec::new();
                let _ =
                    self.system.replicas[to].step(&mut self.states[to], Input::Deliver(&message), &mut out);
                self.perform(to, out);
            }
        }
    }

    fn perform(&mut self, at: usize, effects: Vec<Effect>) {
        for effect in effects {
            match &effect {
                Effect::Broadcast(message) => {
                    for to in (0..self.states.len()).filter(|&to| to != at) {
                        self.queue.push_back((to, message.clone()));
                    }
                }
                Effect::Send(ReplicaId(to), message) => {
                    self.queue.push_back((usize::from(*to), message.clone()));
                }
                _ => {}
            }
            self.effects.push((at, effect));
        }
    }

    /// The batches of every replica's chain, as text.
    pub fn chains(&self) -> Vec<String> {
        self.states.iter().map(|state| format!("{:?}", state.chain())).collect()
    }
}
