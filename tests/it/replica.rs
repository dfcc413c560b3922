//! Clusters of real replicas under random schedules: any order, duplication, loss, timeouts whenever
//! a timer runs, and up to f Byzantine replicas that sign whatever may do harm. Checked after every
//! step: agreement, that what is executed was asked for and is executed once, that a refusal leaves
//! the state alone, and that only Byzantine replicas are convicted. And that a network which delivers
//! everything in the end gets every request executed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::common::{self, CLIENTS, System, commit, digest, new_view, prepare, proposal, request};
use bft_check::pbft::{
    Batch, Block, Castro99, Chain, ClientId, CommitCertificate, Committee, Digest, Effect, Input, LastReply,
    Message, Outcome, PreparedClaim, Principal, Proposal, Record, Refusal, Replica, ReplicaId, Reply,
    RequestId, Rules, SeqNum, Setting, Signed, SignedRequest, Snapshot, StableCheckpoint, State, Timestamp,
    Uncompared, View, ViewChange,
};
use proptest::prelude::*;

/// SplitMix64: what one number of the generated schedule unfolds into, so that dropping a number
/// leaves the rest of the schedule as it is.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}

/// What happens to a replica.
#[derive(Clone, Debug)]
enum Event {
    Deliver(Arc<Message>),
    Timeout,
    Retransmit,
    /// It crashes and recovers.
    Crash,
}

impl Event {
    fn input(&self) -> Option<Input<'_>> {
        match self {
            Event::Deliver(message) => Some(Input::Deliver(message)),
            Event::Timeout => Some(Input::Timeout),
            Event::Retransmit => Some(Input::Retransmit),
            Event::Crash => None,
        }
    }
}

/// One event, and what came of it. Of the effects of a step during which the replica crashed only the
/// first ones took place.
struct Step {
    replica: usize,
    event: Event,
    outcome: Result<(), Refusal>,
    effects: Vec<Effect>,
    crashed: bool,
}

/// How often what happened; so that no property holds just because nothing ever happens.
#[derive(Default, Debug)]
struct Seen {
    steps: usize,
    executed: usize,
    stable: usize,
    new_views: usize,
    evidence: usize,
    crashes: usize,
    transferred: usize,
    refusals: BTreeMap<String, usize>,
}

struct Cluster {
    system: System,
    byzantine: BTreeSet<usize>,
    /// Honest, but neither does a message leave them nor does one arrive.
    cut_off: BTreeSet<usize>,
    states: Vec<State>,
    /// All messages ever sent, and for each replica the ones on their way to it.
    pool: Vec<Arc<Message>>,
    inboxes: Vec<Vec<Arc<Message>>>,
    history: Vec<Step>,
    issued: BTreeSet<SignedRequest>,
    /// The batch and the block at each number of the chain that all have to agree on.
    agreed: BTreeMap<SeqNum, (Digest, Digest)>,
    executed: Vec<BTreeSet<RequestId>>,
    heads: Vec<(SeqNum, Digest)>,
    /// The state of the service that follows from the agreed blocks, and its digests at every number.
    service: BTreeMap<SeqNum, Snapshot>,
    blocks: BTreeMap<SeqNum, Vec<RequestId>>,
    replies: Vec<Signed<Reply>>,
    /// For each replica, what its storage holds: the records, and what they add up to.
    records: Vec<Vec<Record>>,
    stored: Vec<State>,
    seen: Seen,
    /// Certificates with too few votes: told at the end, because what they lead to is told first.
    unproved: Option<String>,
}

macro_rules! ensure {
    ($condition:expr, $($why:tt)+) => {
        if !$condition {
            return Err(format!($($why)+));
        }
    };
}

impl Cluster {
    fn new(system: System, byzantine: BTreeSet<usize>) -> Self {
        let n = usize::from(system.n);
        let states: Vec<_> = system.replicas.iter().map(Replica::init).collect();
        Cluster {
            states: states.clone(),
            system,
            byzantine,
            cut_off: BTreeSet::new(),
            pool: Vec::new(),
            inboxes: vec![Vec::new(); n],
            history: Vec::new(),
            issued: BTreeSet::new(),
            agreed: BTreeMap::new(),
            executed: vec![BTreeSet::new(); n],
            blocks: BTreeMap::new(),
            replies: Vec::new(),
            service: BTreeMap::from([(SeqNum::GENESIS, Snapshot::genesis())]),
            records: vec![Vec::new(); n],
            stored: states,
            heads: vec![(SeqNum::GENESIS, Chain::genesis().head()); n],
            seen: Seen::default(),
            unproved: None,
        }
    }

    fn honest(&self) -> Vec<usize> {
        (0..self.states.len()).filter(|i| !self.byzantine.contains(i)).collect()
    }

    /// Puts a message on its way to these replicas.
    fn send(&mut self, message: Message, to: impl IntoIterator<Item = usize>) {
        let message = Arc::new(message);
        self.pool.push(Arc::clone(&message));
        for to in to {
            if !self.byzantine.contains(&to) && !self.cut_off.contains(&to) {
                self.inboxes[to].push(Arc::clone(&message));
            }
        }
    }

    /// What a replica sends that is cut off is lost.
    fn send_from(&mut self, at: usize, message: &Message, to: impl IntoIterator<Item = usize>) {
        if !self.cut_off.contains(&at) {
            self.send(message.clone(), to);
        }
    }

    fn issue(&mut self, client: u32, timestamp: u64, to: impl IntoIterator<Item = usize>) {
        let request = self.system.request(client, timestamp);
        self.issued.insert(request.clone());
        self.send(Message::Request(request), to);
    }

    /// Lets one honest replica take a step, and checks everything that one step can show.
    fn step(&mut self, at: usize, event: Event) -> Result<Result<(), Refusal>, String> {
        self.step_and_crash(at, event, None)
    }

    /// Lets it take a step, of which only the first `done` effects take place, if it crashes then.
    fn step_and_crash(
        &mut self,
        at: usize,
        event: Event,
        done: Option<usize>,
    ) -> Result<Result<(), Refusal>, String> {
        let Some(input) = event.input() else { return Err("not a step".to_owned()) };
        let replica = &self.system.replicas[at];
        let before = self.states[at].clone();
        let timer = replica.timer(&before);
        let verdict = replica.check(&before, input);
        let mut effects = Vec::new();
        let outcome = replica.step(&mut self.states[at], input, &mut effects);

        ensure!(verdict == outcome, "check says {verdict:?}, step {outcome:?} to {input:?}");
        if let Err(refusal) = outcome {
            ensure!(self.states[at] == before, "the refused {input:?} changed the state");
            let harmless = effects.iter().all(|effect| matches!(effect, Effect::Evidence(_)));
            ensure!(harmless, "the refused {input:?} has effects: {effects:?}");
            *self.seen.refusals.entry(format!("{refusal:?}")).or_default() += 1;
        }
        let timer_now = replica.timer(&self.states[at]);
        let set: Vec<_> = effects.iter().filter(|effect| matches!(effect, Effect::Timer(_))).collect();
        let due = if timer == timer_now { vec![] } else { vec![Effect::Timer(timer_now)] };
        ensure!(set.into_iter().eq(&due), "the timer goes to {timer_now:?} with effects {effects:?}");

        let lost = effects.split_off(done.unwrap_or(effects.len()).min(effects.len()));
        for effect in &effects {
            self.observe(at, effect)?;
        }
        let replica = &self.system.replicas[at];
        if done.is_some() {
            self.seen.crashes += 1;
            self.states[at] = self.stored[at].clone();
            self.redo_unannounced(at, &lost)?;
        } else {
            let durable = replica.durable(&self.states[at]);
            let stored = replica.control(&self.stored[at]);
            ensure!(stored == durable, "r{at}: after {input:?}, storage holds {stored:?}, not {durable:?}");
        }
        self.check_head(at)?;
        self.seen.steps += 1;
        self.history.push(Step { replica: at, event, outcome, effects, crashed: done.is_some() });
        Ok(outcome)
    }

    /// A replica crashes and recovers what its storage holds.
    fn crash(&mut self, at: usize) -> Result<(), String> {
        let recovered = self.system.replicas[at].recover(&self.records[at]);
        ensure!(recovered == self.stored[at], "r{at} recovers {recovered:?}, not {:?}", self.stored[at]);
        self.states[at] = recovered;
        self.check_head(at)?;
        self.seen.crashes += 1;
        let step = Step { replica: at, event: Event::Crash, outcome: Ok(()), effects: vec![], crashed: true };
        self.history.push(step);
        Ok(())
    }

    /// What was recorded is done when the records are read again, also where the crash kept it from being
    /// announced: a decided batch is executed, and a state taken over. Its block may be discarded already.
    fn redo_unannounced(&mut self, at: usize, lost: &[Effect]) -> Result<(), String> {
        let height = self.states[at].chain().height();
        for effect in lost {
            let redone = match effect {
                Effect::Executed(block) => block.seq() <= height,
                Effect::Transferred(seq) => *seq <= height,
                _ => false,
            };
            if redone {
                self.observe(at, effect)?;
            }
        }
        Ok(())
    }

    fn check_head(&self, at: usize) -> Result<(), String> {
        let head = (self.states[at].chain().height(), self.states[at].chain().head());
        ensure!(head == self.heads[at], "r{at}: the chain ends at {head:?}, not {:?}", self.heads[at]);
        Ok(())
    }

    fn check_block(&mut self, at: usize, block: &Block) -> Result<(), String> {
        let (seq, parent) = (block.seq(), block.parent());
        let follows = (SeqNum(self.heads[at].0.0 + 1), self.heads[at].1) == (seq, parent);
        ensure!(follows, "r{at}: {block:?} does not follow {:?}", self.heads[at]);
        self.heads[at] = (seq, block.digest());
        let mine = (block.batch().digest(), block.digest());
        let agreed = *self.agreed.entry(seq).or_insert(mine);
        ensure!(agreed == mine, "agreement: r{at} executes {block:?}, others {agreed:?}");
        self.serve(seq, parent, block.digest(), block.executed());
        self.blocks.entry(seq).or_insert_with(|| block.executed().to_vec());
        for id in block.executed() {
            ensure!(self.executed[at].insert(*id), "r{at} executes {id} twice");
            let mut of_batch = block.batch().requests().iter().filter(|r| r.id() == *id);
            let genuine = of_batch.next().is_some_and(|request| self.issued.contains(request));
            ensure!(genuine, "r{at} executes {id}, which its client never asked for");
        }
        self.seen.executed += 1;
        Ok(())
    }

    /// Whether storage holds what makes a replica remember this vote of its own.
    fn check_recorded(&self, at: usize, message: &Message) -> Result<(), String> {
        let stored = &self.stored[at];
        let slot = |seq| stored.log().get(seq);
        let accepted = |view, seq, digest| {
            slot(seq).and_then(|s| s.proposal()).is_some_and(|p| (p.view(), p.digest()) == (view, digest))
        };
        let recorded = match message {
            Message::PrePrepare(p) => accepted(p.view(), p.seq(), p.digest()),
            Message::Prepare(m) => accepted(m.view, m.seq, m.digest),
            Message::Commit(m) => slot(m.seq)
                .and_then(|s| s.prepared())
                .is_some_and(|c| (c.view(), c.digest()) == (m.view, m.digest)),
            Message::ViewChange(m) => stored.view() == m.new_view && !stored.is_active(),
            Message::NewView(m) => stored.view() >= m.view,
            Message::Checkpoint(m) => stored.chain().height() >= m.seq,
            _ => true,
        };
        ensure!(recorded, "r{at} sends {message:?}, of which storage knows nothing");
        Ok(())
    }

    /// Executes a block on the service, if it is the first replica's that gets there.
    fn serve(&mut self, seq: SeqNum, parent: Digest, head: Digest, executed: &[RequestId]) {
        if self.service.contains_key(&seq) {
            return;
        }
        let Some((_, last)) = self.service.last_key_value() else { return };
        let mut clients = last.clients.clone();
        for (position, id) in (0..).zip(executed) {
            let result = Outcome::Appended { seq, position, parent };
            clients.insert(id.client, LastReply { timestamp: id.timestamp, result });
        }
        self.service.insert(seq, Snapshot { seq, head, clients });
    }

    fn observe(&mut self, at: usize, effect: &Effect) -> Result<(), String> {
        let ring = self.system.setting.keys.clone();
        let own = Principal::Replica(ReplicaId(at as u16));
        match effect {
            Effect::Broadcast(message) => {
                ensure!(message.signer() == own, "r{at} broadcasts {message:?}");
                self.check_recorded(at, message)?;
                self.seen.new_views += usize::from(matches!(message, Message::NewView(_)));
                let others: Vec<_> = self.honest().into_iter().filter(|&to| to != at).collect();
                self.send_from(at, message, others);
            }
            Effect::Send(to, message) => {
                if message.signer() == own {
                    self.check_recorded(at, message)?;
                }
                self.send_from(at, message, [to.index()]);
            }
            Effect::Persist(record) => {
                self.records[at].push(record.clone());
                self.system.replicas[at].redo(&mut self.stored[at], record);
            }
            Effect::Transferred(seq) => {
                ensure!(*seq > self.heads[at].0, "r{at} goes back to {seq}");
                let Some(state) = self.service.get(seq) else {
                    return Err(format!("r{at} takes over a state at {seq}, where nobody is"));
                };
                self.heads[at] = (*seq, state.head);
                let skipped = self.blocks.range(..=*seq).flat_map(|(_, ids)| ids);
                self.executed[at].extend(skipped);
                self.seen.transferred += 1;
            }
            Effect::Reply(reply) => {
                ensure!(reply.signer() == own && ring.verify(reply), "r{at} replies {reply:?}");
                let request = self.system.request(reply.client.0, reply.timestamp.0);
                ensure!(self.issued.contains(&request), "r{at} replies to nothing: {reply:?}");
                self.replies.push(reply.clone());
            }
            Effect::Committed(certificate) => self.check_decision(at, certificate),
            Effect::Executed(block) => self.check_block(at, block)?,
            Effect::Stable(stable) => self.check_stable(at, stable)?,
            Effect::Behind(seq) => ensure!(*seq > self.heads[at].0, "r{at} is not behind {seq}"),
            Effect::Evidence(evidence) => {
                let culprit = evidence.culprit().map(ReplicaId::index);
                let guilty = culprit.is_some_and(|id| self.byzantine.contains(&id));
                ensure!(evidence.verify(&ring) && guilty, "r{at} convicts {evidence:?}");
                self.seen.evidence += 1;
            }
            Effect::Timer(_) => {}
        }
        Ok(())
    }

    /// Whether a quorum's votes are behind a decision.
    fn check_decision(&mut self, at: usize, certificate: &CommitCertificate) {
        let (quorum, ring) = (self.system.quorum(), self.system.setting.keys.clone());
        let statement = (certificate.view(), certificate.seq(), certificate.digest());
        let voters: BTreeSet<_> = certificate
            .commits()
            .iter()
            .filter(|vote| (vote.view, vote.seq, vote.digest) == statement && ring.verify(vote))
            .map(|vote| vote.signer())
            .collect();
        if voters.len() < quorum {
            self.unproved = Some(format!("r{at} decides {statement:?} with {voters:?}"));
        }
    }

    /// Whether a quorum's votes are behind a stable checkpoint, and whether it is the service's.
    fn check_stable(&mut self, at: usize, stable: &StableCheckpoint) -> Result<(), String> {
        let (quorum, ring) = (self.system.quorum(), self.system.setting.keys.clone());
        let claim = stable.claim();
        let voters: BTreeSet<_> = claim
            .checkpoints
            .0
            .iter()
            .filter(|vote| (vote.seq, vote.state) == (claim.seq, claim.state) && ring.verify(vote))
            .map(|vote| vote.signer())
            .collect();
        if voters.len() < quorum {
            self.unproved = Some(format!("r{at} has {stable:?} stable with {voters:?}"));
        }
        let state = self.service.get(&claim.seq).map(Snapshot::digest);
        ensure!(state == Some(claim.state), "r{at}: another state is stable: {stable:?}");
        self.seen.stable += 1;
        Ok(())
    }

    /// One move of the scheduler or the adversary.
    fn act(&mut self, choice: u64) -> Result<(), String> {
        let mut rng = Rng(choice);
        let honest = self.honest();
        let at = honest[rng.below(honest.len())];
        match rng.below(100) {
            0..8 => {
                let (client, timestamp) = (rng.below(CLIENTS as usize) as u32, 1 + rng.next() % 3);
                let to: Vec<_> = honest.into_iter().filter(|_| !rng.chance(4)).collect();
                self.issue(client, timestamp, to);
            }
            8..83 => {
                for _ in 0..1 + rng.below(12) {
                    if self.inboxes[at].is_empty() {
                        break;
                    }
                    let index = rng.below(self.inboxes[at].len());
                    let message = match rng.below(32) {
                        // Lost.
                        0 => {
                            self.inboxes[at].swap_remove(index);
                            continue;
                        }
                        // To be delivered again.
                        1 => Arc::clone(&self.inboxes[at][index]),
                        // Old messages first, mostly: otherwise hardly anything is in order.
                        2..12 => self.inboxes[at].swap_remove(index),
                        _ => self.inboxes[at].remove(0),
                    };
                    if rng.chance(100) {
                        // It crashes in the middle of what the message leads to.
                        let done = rng.below(6);
                        let _ = self.step_and_crash(at, Event::Deliver(message), Some(done))?;
                    } else {
                        let _ = self.step(at, Event::Deliver(message))?;
                    }
                }
            }
            83..87 => {
                let _ = self.step(at, Event::Retransmit)?;
            }
            87 => {
                self.crash(at)?;
                if rng.chance(2) {
                    self.inboxes[at].clear();
                }
            }
            88..91 => {
                if let Some(message) = rng.pick(&self.pool).map(Arc::clone) {
                    let _ = self.step(at, Event::Deliver(message))?;
                }
            }
            91 => {
                let _ = self.step(at, Event::Timeout)?;
            }
            _ => self.attack(&mut rng),
        }
        Ok(())
    }

    fn attack(&mut self, rng: &mut Rng) {
        let byzantine: Vec<_> = self.byzantine.iter().copied().collect();
        let honest = self.honest();
        let (Some(&by), Some(&victim)) = (rng.pick(&byzantine), rng.pick(&honest)) else { return };
        let key = self.system.keys.replicas[by].clone();
        let n = u64::from(self.system.n);
        let view = self.states[victim].view().0;
        // The view, at or after the victim's, in which the Byzantine replica is primary.
        let reign = view + (by as u64 + n - view % n) % n;
        let low = self.states[victim].log().low().0;
        let seq = low + 1 + rng.next() % 4;
        let proposals: Vec<Proposal> = self.pool.iter().filter_map(proposal_in).collect();
        let some: Vec<usize> = honest.iter().copied().filter(|_| rng.chance(2)).collect();
        let rest: Vec<usize> = honest.iter().copied().filter(|i| !some.contains(i)).collect();
        match rng.below(9) {
            0..3 => self.equivocate(rng, by, reign, seq, [some, rest]),
            // Votes for everything, and for nothing.
            3 => {
                let (view, seq, digest) = match rng.pick(&proposals) {
                    Some(p) if !rng.chance(4) => (p.view().0, p.seq().0, p.digest()),
                    _ => (view, seq, digest(rng.next() % 3)),
                };
                self.send(Message::Prepare(prepare(&key, view, seq, digest)), some.clone());
                self.send(Message::Commit(commit(&key, view, seq, digest)), some);
            }
            // A view change, with none, one or two of the certificates that can be put together.
            4 | 5 => {
                let target = view + rng.next() % 3;
                let mut prepared: Vec<PreparedClaim> = Vec::new();
                for _ in 0..rng.below(3) {
                    prepared.extend(rng.pick(&proposals).map(|p| self.assemble(p)));
                }
                prepared.sort_by_key(PreparedClaim::seq);
                let stable = self.states[victim].stable().claim().clone();
                let change = key.sign(ViewChange { new_view: View(target), stable, prepared });
                self.send(Message::ViewChange(Arc::new(change)), honest);
            }
            6 => self.claim_view(rng, by, reign, some),
            // A checkpoint that is right, or is not.
            7 => {
                let at = low + 2 - low % 2;
                let right = self.service.get(&SeqNum(at)).map(Snapshot::digest);
                let state = right.filter(|_| rng.chance(2)).unwrap_or(digest(rng.next() % 2));
                let message = Message::Checkpoint(common::checkpoint(&key, at, state));
                self.send(message, honest);
            }
            _ => self.junk(rng, by, view, seq, some),
        }
    }

    /// One or two of the requests that were issued, if there are any.
    fn some_batch(&self, rng: &mut Rng) -> Batch {
        let issued: Vec<_> = self.issued.iter().cloned().collect();
        Batch::new((0..1 + rng.below(2)).filter_map(|_| rng.pick(&issued).cloned()).collect::<Vec<_>>())
    }

    /// Equivocation, and both halves supported by whatever else the Byzantine can sign.
    fn equivocate(&mut self, rng: &mut Rng, by: usize, reign: u64, seq: u64, halves: [Vec<usize>; 2]) {
        let key = self.system.keys.replicas[by].clone();
        for half in halves {
            let message = proposal(&key, reign, seq, &self.some_batch(rng));
            let digest = message.digest();
            self.send(Message::PrePrepare(message), half.clone());
            for ally in self.byzantine.clone() {
                let key = self.system.keys.replicas[ally].clone();
                self.send(Message::Prepare(prepare(&key, reign, seq, digest)), half.clone());
                self.send(Message::Commit(commit(&key, reign, seq, digest)), half.clone());
            }
        }
    }

    /// A new view from the view changes that were sent, right or wrong.
    fn claim_view(&mut self, rng: &mut Rng, by: usize, reign: u64, to: Vec<usize>) {
        let key = self.system.keys.replicas[by].clone();
        let mut latest: BTreeMap<Principal, Arc<Signed<ViewChange>>> = BTreeMap::new();
        for message in &self.pool {
            if let Message::ViewChange(change) = &**message
                && change.new_view == View(reign)
            {
                latest.insert(change.signer(), Arc::clone(change));
            }
        }
        let changes: Vec<_> = latest.into_values().collect();
        let contents: Vec<_> = changes.iter().map(|change| change.message()).collect();
        let due = Castro99.new_view_batches(&contents);
        let wrong = rng.chance(2);
        let batches = due.into_iter().map(|(seq, due)| (seq, if wrong { self.some_batch(rng) } else { due }));
        let proposed: Vec<_> =
            batches.collect::<Vec<_>>().iter().map(|(n, b)| proposal(&key, reign, n.0, b)).collect();
        self.send(new_view(&key, reign, changes, proposed), to);
    }

    /// What no honest replica would send, and none may fall for.
    fn junk(&mut self, rng: &mut Rng, by: usize, view: u64, seq: u64, to: Vec<usize>) {
        let keys = self.system.keys.clone();
        let (key, client) = (&keys.replicas[by], rng.below(CLIENTS as usize) as u32);
        let another = &keys.clients[(client as usize + 1) % CLIENTS as usize];
        let outsider = &keys.replicas[usize::from(self.system.n)];
        // Requests that their client did not sign.
        let forged = [request(key, client, 7), request(another, client, 8)][rng.below(2)].clone();
        let batch = Batch::new([forged.clone()]);
        let any = digest(0);
        let message = match rng.below(12) {
            0 => Message::Request(forged),
            1 | 2 => Message::PrePrepare(proposal(key, view, seq, &batch)),
            3 => Message::PrePrepare(proposal(key, view, seq, &Batch::null())),
            4 => Message::PrePrepare(proposal(another, view, seq, &batch)),
            5 => Message::Prepare(prepare([another, outsider][rng.below(2)], view, seq, any)),
            6 => Message::Commit(commit([another, outsider][rng.below(2)], view, seq, any)),
            7 => Message::Prepare(prepare(key, u64::MAX, seq, any)),
            8 => Message::Commit(commit(key, view, u64::MAX, any)),
            9 => Message::Checkpoint(common::checkpoint(key, seq | 1, any)),
            10 => {
                let pre_prepare = proposal(key, view, seq, &Batch::null()).pre_prepare;
                Message::PrePrepare(Proposal { pre_prepare, batch })
            }
            _ => {
                let stable = self.system.stable_claim(u64::MAX, any, 1);
                let change = ViewChange { new_view: View(u64::MAX), stable, prepared: vec![] };
                Message::ViewChange(Arc::new(key.sign(change)))
            }
        };
        self.send(message, to);
    }

    /// A certificate for a proposal from the prepares that were sent; it may hold too few.
    fn assemble(&self, proposal: &Proposal) -> PreparedClaim {
        let statement = (proposal.view(), proposal.seq(), proposal.digest());
        let prepares: Vec<_> = self
            .pool
            .iter()
            .filter_map(|message| match &**message {
                Message::Prepare(vote) if (vote.view, vote.seq, vote.digest) == statement => {
                    Some(vote.clone())
                }
                _ => None,
            })
            .collect();
        PreparedClaim { proposal: proposal.clone(), prepares: Uncompared(Arc::from(prepares)) }
    }

    /// Takes the recorded steps again, from the start.
    fn replay(&self) -> Result<(), String> {
        let mut states: Vec<_> = self.system.replicas.iter().map(Replica::init).collect();
        let mut records = vec![Vec::new(); states.len()];
        for step in &self.history {
            let (at, replica) = (step.replica, &self.system.replicas[step.replica]);
            let mut effects = Vec::new();
            if let Some(input) = step.event.input() {
                let outcome = replica.step(&mut states[at], input, &mut effects);
                ensure!(outcome == step.outcome, "replay: {outcome:?}, not {:?}", step.outcome);
                effects.truncate(step.effects.len());
                ensure!(effects == step.effects, "replay: {effects:?}, not {:?}", step.effects);
            }
            records[at].extend(effects.into_iter().filter_map(|effect| match effect {
                Effect::Persist(record) => Some(record),
                _ => None,
            }));
            if step.crashed {
                states[at] = replica.recover(&records[at]);
            }
        }
        ensure!(states == self.states, "replay ends in another state");
        Ok(())
    }
}

fn proposal_in(message: &Arc<Message>) -> Option<Proposal> {
    match &**message {
        Message::PrePrepare(proposal) => Some(proposal.clone()),
        _ => None,
    }
}

/// Small limits, so that short schedules get past checkpoints and fill the window.
fn small(setting: &mut Setting) {
    setting.checkpoint_interval = 2;
    setting.window = 6;
    setting.max_batch = 2;
    setting.max_in_flight = 3;
    setting.max_pending = 8;
}

fn run(
    n: u16,
    byzantine: BTreeSet<usize>,
    choices: &[u64],
    rules: &'static dyn Rules,
) -> Result<Cluster, String> {
    let mut cluster = Cluster::new(System::with(n, rules, small), byzantine);
    for &choice in choices {
        cluster.act(choice)?;
    }
    cluster.replay()?;
    match cluster.unproved.take() {
        Some(why) => Err(why),
        None => Ok(cluster),
    }
}

/// A committee, and up to f of its members.
fn clusters() -> impl Strategy<Value = (u16, BTreeSet<usize>)> {
    prop_oneof![Just(1u16), Just(4), Just(5), Just(7)].prop_flat_map(|n| {
        let members: Vec<usize> = (0..usize::from(n)).collect();
        let f = (usize::from(n) - 1) / 3;
        let some = proptest::sample::subsequence(members, 0..=f);
        (Just(n), some.prop_map(|ids| ids.into_iter().collect()))
    })
}

proptest! {
    #![proptest_config(common::cases(96))]

    #[test]
    fn safe_and_deterministic_under_any_schedule(
        (n, byzantine) in clusters(),
        choices in prop::collection::vec(any::<u64>(), 0..600),
    ) {
        if let Err(violation) = run(n, byzantine, &choices, &Castro99) {
            return Err(TestCaseError::fail(violation));
        }
    }
}

/// The schedule that a seed unfolds into.
fn schedule(seed: u64, length: usize) -> Vec<u64> {
    let mut rng = Rng(seed);
    (0..length).map(|_| rng.next()).collect()
}

fn byzantine_of(n: u16, seed: u64) -> BTreeSet<usize> {
    let f = (usize::from(n) - 1) / 3;
    (0..f).map(|i| (seed as usize + i) % usize::from(n)).collect()
}

/// The schedules must get somewhere, or the property above says nothing.
#[test]
fn random_schedules_reach_everything_that_can_happen() {
    let mut seen = Seen::default();
    for n in [4, 5, 7] {
        let mut at_n = Seen::default();
        for seed in 0..12 {
            let cluster = run(n, byzantine_of(n, seed), &schedule(seed, 600), &Castro99).unwrap();
            at_n.steps += cluster.seen.steps;
            at_n.executed += cluster.seen.executed;
            at_n.stable += cluster.seen.stable;
            at_n.new_views += cluster.seen.new_views;
            at_n.evidence += cluster.seen.evidence;
            at_n.crashes += cluster.seen.crashes;
            for (refusal, times) in cluster.seen.refusals {
                *seen.refusals.entry(refusal).or_default() += times;
            }
        }
        let counts = [at_n.executed, at_n.stable, at_n.new_views, at_n.evidence, at_n.crashes];
        let least = counts.into_iter().min();
        assert!(least > Some(0), "n = {n}: {at_n:?}");
    }
    // There are 23; a symbolic signature cannot be forged, and one or two more may be missed.
    assert!(seen.refusals.len() >= 20, "{:?}", seen.refusals);
}

/// The properties must be able to fail: broken rulebooks are found out.
#[test]
fn random_schedules_find_broken_rulebooks() {
    macro_rules! broken {
        ($name:ident: $($body:tt)*) => {
            #[derive(Debug)]
            struct $name;

            impl Rules for $name {
                $($body)*
            }
        };
    }
    broken! { WeakQuorum: fn quorum(&self, committee: Committee) -> usize { committee.weak_quorum() } }
    broken! { TwiceExecuted: fn executes(&self, _: Option<Timestamp>, _: Timestamp) -> bool { true } }
    broken! { AnyRequest: fn authentic(&self, _: &Setting, _: &SignedRequest) -> bool { true } }
    broken! { AnyOrder: fn is_next(&self, _: SeqNum, _: SeqNum) -> bool { true } }

    let cases: [(&'static dyn Rules, &str); 4] = [
        (&WeakQuorum, "agreement"),
        (&TwiceExecuted, "twice"),
        (&AnyRequest, "replies to nothing"),
        (&AnyOrder, "agreement"),
    ];
    for (rules, violation) in cases {
        let found = (0..200).any(|seed| {
            let outcome = run(4, byzantine_of(4, seed), &schedule(seed, 600), rules);
            outcome.is_err_and(|why| why.contains(violation))
        });
        assert!(found, "no schedule shows what is wrong with {rules:?}");
    }
}

/// Delivers everything to everybody, in an order that `rng` draws. What a replica refuses because it
/// is not yet in the right view or window is kept, as a link that retransmits would, until nothing
/// moves any more.
fn deliver_all(cluster: &mut Cluster, rng: &mut Rng) -> Result<(), String> {
    loop {
        let mut progress = false;
        for at in cluster.honest() {
            let mut messages = std::mem::take(&mut cluster.inboxes[at]);
            for i in (1..messages.len()).rev() {
                messages.swap(i, rng.below(i + 1));
            }
            for message in messages {
                match cluster.step(at, Event::Deliver(Arc::clone(&message)))? {
                    Ok(()) => progress = true,
                    Err(Refusal::OtherView | Refusal::OutsideWindow) => cluster.inboxes[at].push(message),
                    Err(_) => {}
                }
            }
        }
        if !progress {
            return Ok(());
        }
    }
}

/// Lets every client ask for three things, one after the other, of a cluster of which some replicas
/// are silent. Returns how often a timer had to run out.
fn serve(n: u16, silent: BTreeSet<usize>, seed: u64) -> Result<usize, String> {
    let tune = |setting: &mut Setting| {
        small(setting);
        // Nobody falls so far behind that it would need another's state.
        setting.window = 64;
    };
    let (mut rng, mut timeouts) = (Rng(seed), 0);
    let mut cluster = Cluster::new(System::with(n, &Castro99, tune), silent);
    for timestamp in 1..=3 {
        for client in 0..CLIENTS {
            cluster.issue(client, timestamp, 0..usize::from(n));
        }
        deliver_all(&mut cluster, &mut rng)?;
        let all = cluster.issued.iter().map(|request| request.id()).collect::<BTreeSet<_>>();
        for round in 0.. {
            let live = cluster.honest();
            if live.iter().all(|&at| cluster.executed[at] == all) {
                break;
            }
            ensure!(round < 8 * usize::from(n), "no progress: {:?}", cluster.states);
            for at in live {
                if cluster.system.replicas[at].timer(&cluster.states[at]).is_some() {
                    let _ = cluster.step(at, Event::Timeout)?;
                    timeouts += 1;
                }
            }
            deliver_all(&mut cluster, &mut rng)?;
        }
    }
    Ok(timeouts)
}

proptest! {
    #![proptest_config(common::cases(64))]

    #[test]
    fn everything_is_executed_everywhere_if_everything_is_delivered(
        n in prop_oneof![Just(1u16), Just(4), Just(5), Just(7)],
        seed in any::<u64>(),
    ) {
        // With honest replicas and nothing lost there is no need for a view change.
        prop_assert_eq!(serve(n, BTreeSet::new(), seed), Ok(0));
    }

    #[test]
    fn everything_is_executed_at_the_others_if_f_replicas_are_silent(
        (n, silent) in clusters(),
        seed in any::<u64>(),
    ) {
        let primary_is_silent = silent.contains(&0);
        let timeouts = serve(n, silent, seed);
        prop_assert!(timeouts.is_ok(), "{}", timeouts.unwrap_err());
        prop_assert_eq!(timeouts.unwrap() > 0, primary_is_silent);
    }
}

// --- messages are lost for a while ------------------------------------------------------------

/// What goes wrong before the network is repaired.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    /// One message in so many is lost.
    loss: usize,
    /// One event in so many is a crash, and one a timeout.
    crash: usize,
    timeout: usize,
    /// Whether the replicas that are silent at last were silent from the start.
    silent_at_once: bool,
    /// How many may be cut off at a time, and how many events pass until others are.
    cut_off: usize,
    period: usize,
    events: usize,
}

/// Few requests a batch and few numbers a window: a replica that is cut off soon needs another's state.
fn tiny(setting: &mut Setting) {
    small(setting);
    setting.window = 4;
    setting.max_batch = 1;
}

impl Cluster {
    /// Clients ask for one thing after the other while the network loses messages and replicas crash.
    fn suffer(&mut self, trouble: &Trouble, rng: &mut Rng) -> Result<(), String> {
        let mut asked = vec![0; CLIENTS as usize];
        for event in 0..trouble.events {
            if event % trouble.period == 0 {
                let most = rng.below(trouble.cut_off + 1);
                let honest = self.honest();
                self.cut_off = (0..most).filter_map(|_| rng.pick(&honest).copied()).collect();
                for &at in &self.cut_off {
                    self.inboxes[at].clear();
                }
            }
            let honest = self.honest();
            let Some(&at) = rng.pick(&honest) else { break };
            if rng.chance(5) {
                let client = rng.below(asked.len());
                let last = RequestId { timestamp: Timestamp(asked[client]), client: ClientId(client as u32) };
                asked[client] += u64::from(asked[client] == 0 || self.is_answered(last));
                let to: Vec<_> = honest.iter().copied().filter(|_| !rng.chance(trouble.loss)).collect();
                self.issue(client as u32, asked[client], to);
            } else if rng.chance(trouble.crash) {
                self.crash(at)?;
            } else if rng.chance(trouble.timeout) {
                let _ = self.step(at, Event::Timeout)?;
            } else if rng.chance(40) {
                let _ = self.step(at, Event::Retransmit)?;
            } else {
                for message in std::mem::take(&mut self.inboxes[at]) {
                    if !rng.chance(trouble.loss) {
                        let _ = self.step(at, Event::Deliver(message))?;
                    }
                }
            }
        }
        self.cut_off.clear();
        Ok(())
    }

    /// Whether f + 1 replicas have given a client the same answer.
    fn is_answered(&self, id: RequestId) -> bool {
        let mut answers: BTreeMap<Outcome, BTreeSet<Principal>> = BTreeMap::new();
        let fits = |reply: &&Signed<Reply>| (reply.client, reply.timestamp) == (id.client, id.timestamp);
        for reply in self.replies.iter().filter(fits) {
            answers.entry(reply.result).or_default().insert(reply.signer());
        }
        answers.values().any(|voters| voters.len() > self.system.f())
    }

    /// The last request of every client: an earlier one need not be executed any more.
    fn last_requests(&self) -> Vec<RequestId> {
        let mut last: BTreeMap<ClientId, RequestId> = BTreeMap::new();
        for request in &self.issued {
            let id = request.id();
            let known = last.entry(id.client).or_insert(id);
            *known = id.max(*known);
        }
        last.into_values().collect()
    }

    /// Whether every honest replica has executed the same, with every client's last request, and waits
    /// for nothing.
    fn is_done(&self) -> bool {
        let last = self.last_requests();
        let honest = self.honest();
        honest.iter().all(|&at| {
            self.heads[at] == self.heads[honest[0]]
                && last.iter().all(|id| self.executed[at].contains(id))
                && self.system.replicas[at].timer(&self.states[at]).is_none()
        }) && last.iter().all(|id| self.is_answered(*id))
    }

    /// Delivers everything in an order that `rng` draws, but nothing twice: what is refused is gone.
    fn deliver_once(&mut self, rng: &mut Rng) -> Result<(), String> {
        for _ in 0..200_000 {
            let waiting: Vec<_> =
                self.honest().into_iter().filter(|&at| !self.inboxes[at].is_empty()).collect();
            let Some(&at) = rng.pick(&waiting) else { return Ok(()) };
            let index = rng.below(self.inboxes[at].len());
            let message = self.inboxes[at].swap_remove(index);
            let _ = self.step(at, Event::Deliver(message))?;
        }
        Err("the replicas send without end".to_owned())
    }

    /// From now on nothing is lost any more. How many rounds of retransmission, with a timeout where
    /// nothing else happens, it takes until everything is executed everywhere.
    fn converge(&mut self, rng: &mut Rng) -> Result<usize, String> {
        const ROUNDS: usize = 24;
        self.deliver_once(rng)?;
        for round in 0..ROUNDS {
            if self.is_done() {
                return Ok(round);
            }
            let before = self.progress();
            for id in self.last_requests() {
                if !self.is_answered(id) {
                    self.issue(id.client.0, id.timestamp.0, self.honest());
                }
            }
            for at in self.honest() {
                let _ = self.step(at, Event::Retransmit)?;
            }
            self.deliver_once(rng)?;
            if self.progress() == before {
                for at in self.honest() {
                    if self.system.replicas[at].timer(&self.states[at]).is_some() {
                        let _ = self.step(at, Event::Timeout)?;
                    }
                }
            }
        }
        let states: Vec<_> = self.honest().into_iter().map(|at| (at, &self.states[at])).collect();
        Err(format!("stalled: {states:#?}"))
    }

    fn progress(&self) -> Vec<State> {
        let honest = self.honest().into_iter();
        honest.map(|at| self.system.replicas[at].control(&self.states[at])).collect()
    }
}

/// How many rounds it takes, and the cluster then.
fn recover_from(
    n: u16,
    silent: &BTreeSet<usize>,
    trouble: &Trouble,
    seed: u64,
) -> Result<(usize, Cluster), String> {
    let mut rng = Rng(seed);
    let at_once = if trouble.silent_at_once { silent.clone() } else { BTreeSet::new() };
    let mut cluster = Cluster::new(System::with(n, &Castro99, tiny), at_once);
    cluster.suffer(trouble, &mut rng)?;
    cluster.byzantine.clone_from(silent);
    let rounds = cluster.converge(&mut rng)?;
    Ok((rounds, cluster))
}

fn troubles() -> impl Strategy<Value = Trouble> {
    let odds = (2..20usize, 20..200usize, 10..80usize);
    (odds, any::<bool>(), 0..4usize, 20..300usize, 0..600usize).prop_map(
        |((loss, crash, timeout), silent_at_once, cut_off, period, events)| Trouble {
            loss,
            crash,
            timeout,
            silent_at_once,
            cut_off,
            period,
            events,
        },
    )
}

proptest! {
    #![proptest_config(common::cases(64))]

    #[test]
    fn everything_is_executed_everywhere_once_the_network_is_repaired(
        (n, silent) in clusters(),
        trouble in troubles(),
        seed in any::<u64>(),
    ) {
        let recovered = recover_from(n, &silent, &trouble, seed);
        prop_assert!(recovered.is_ok(), "{}", recovered.err().unwrap_or_default());
    }
}

/// The troubles must be worth the name, or the property above says nothing; and for every placement of f
/// silent replicas among four and seven.
#[test]
fn troubles_bring_about_everything_that_can_go_wrong() {
    for n in [4, 7] {
        let (mut seen, mut most) = (Seen::default(), 0);
        let pairs = (0..n).flat_map(|a| (a..n).map(move |b| BTreeSet::from([a, b].map(usize::from))));
        for silent in pairs.filter(|silent| silent.len() == usize::from((n - 1) / 3)) {
            for seed in 0..8 {
                let (silent_at_once, events) = (seed % 2 == 0, 200 + 60 * seed as usize);
                let (loss, crash, timeout) = (4 + 3 * seed as usize, 60, 60);
                let trouble =
                    Trouble { loss, crash, timeout, silent_at_once, cut_off: 2, period: 150, events };
                let (rounds, cluster) = recover_from(n, &silent, &trouble, seed).unwrap();
                most = most.max(rounds);
                seen.crashes += cluster.seen.crashes;
                seen.transferred += cluster.seen.transferred;
                seen.new_views += cluster.seen.new_views;
                seen.stable += cluster.seen.stable;
            }
        }
        let least = [seen.crashes, seen.transferred, seen.new_views, seen.stable].into_iter().min();
        assert!(least > Some(10) && (1..=12).contains(&most), "n = {n}: {most} rounds, {seen:?}");
    }
}
