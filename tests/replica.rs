//! Clusters of real replicas under random schedules: any order, duplication, loss, timeouts whenever
//! a timer runs, and up to f Byzantine replicas that sign whatever may do harm. Checked after every
//! step: agreement, that what is executed was asked for and is executed once, that a refusal leaves
//! the state alone, and that only Byzantine replicas are convicted. And that a network which delivers
//! everything in the end gets every request executed.

#![cfg(test)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bft_check::pbft::{
    Batch, Castro99, Chain, Committee, Digest, Effect, Input, Message, PreparedClaim, Principal, Proof,
    Proposal, Refusal, Replica, ReplicaId, RequestId, Rules, SeqNum, Setting, Signed, SignedRequest, State,
    Timestamp, View, ViewChange,
};
use common::{CLIENTS, System, commit, digest, new_view, prepare, proposal, request};
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

/// One step that was taken: `None` is a timeout.
struct Step {
    replica: usize,
    input: Option<Arc<Message>>,
    outcome: Result<(), Refusal>,
    effects: Vec<Effect>,
}

fn input(message: &Option<Arc<Message>>) -> Input<'_> {
    message.as_deref().map_or(Input::Timeout, Input::Deliver)
}

/// How often what happened; so that no property holds just because nothing ever happens.
#[derive(Default, Debug)]
struct Seen {
    steps: usize,
    executed: usize,
    stable: usize,
    new_views: usize,
    evidence: usize,
    refusals: BTreeMap<String, usize>,
}

struct Cluster {
    system: System,
    byzantine: BTreeSet<usize>,
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
        Cluster {
            states: system.replicas.iter().map(Replica::init).collect(),
            system,
            byzantine,
            pool: Vec::new(),
            inboxes: vec![Vec::new(); n],
            history: Vec::new(),
            issued: BTreeSet::new(),
            agreed: BTreeMap::new(),
            executed: vec![BTreeSet::new(); n],
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
            if !self.byzantine.contains(&to) {
                self.inboxes[to].push(Arc::clone(&message));
            }
        }
    }

    fn issue(&mut self, client: u32, timestamp: u64, to: impl IntoIterator<Item = usize>) {
        let request = self.system.request(client, timestamp);
        self.issued.insert(request.clone());
        self.send(Message::Request(request), to);
    }

    /// Lets one honest replica take a step, and checks everything that one step can show.
    fn step(&mut self, at: usize, message: Option<Arc<Message>>) -> Result<Result<(), Refusal>, String> {
        let replica = &self.system.replicas[at];
        let before = self.states[at].clone();
        let timer = replica.timer(&before);
        let verdict = replica.check(&before, input(&message));
        let mut effects = Vec::new();
        let outcome = replica.step(&mut self.states[at], input(&message), &mut effects);

        ensure!(verdict == outcome, "check says {verdict:?}, step {outcome:?} to {message:?}");
        if let Err(refusal) = outcome {
            ensure!(self.states[at] == before, "the refused {message:?} changed the state");
            let harmless = effects.iter().all(|effect| matches!(effect, Effect::Evidence(_)));
            ensure!(harmless, "the refused {message:?} has effects: {effects:?}");
            *self.seen.refusals.entry(format!("{refusal:?}")).or_default() += 1;
        }
        let timer_now = replica.timer(&self.states[at]);
        let set: Vec<_> = effects.iter().filter(|effect| matches!(effect, Effect::Timer(_))).collect();
        let due = if timer == timer_now { vec![] } else { vec![Effect::Timer(timer_now)] };
        ensure!(set.into_iter().eq(&due), "the timer goes to {timer_now:?} with effects {effects:?}");

        for effect in &effects {
            self.observe(at, effect)?;
        }
        let head = (self.states[at].chain().height(), self.states[at].chain().head());
        ensure!(head == self.heads[at], "r{at}: the chain ends at {head:?}, not {:?}", self.heads[at]);
        self.seen.steps += 1;
        self.history.push(Step { replica: at, input: message, outcome, effects });
        Ok(outcome)
    }

    fn observe(&mut self, at: usize, effect: &Effect) -> Result<(), String> {
        let (quorum, ring) = (self.system.quorum(), self.system.setting.keys.clone());
        let own = Principal::Replica(ReplicaId(at as u16));
        match effect {
            Effect::Broadcast(message) => {
                ensure!(message.signer() == own, "r{at} broadcasts {message:?}");
                self.seen.new_views += usize::from(matches!(message, Message::NewView(_)));
                let others: Vec<_> = self.honest().into_iter().filter(|&to| to != at).collect();
                self.send(message.clone(), others);
            }
            Effect::Send(to, message) => self.send(message.clone(), [to.index()]),
            Effect::Reply(reply) => {
                ensure!(reply.signer() == own && ring.verify(reply), "r{at} replies {reply:?}");
                let request = self.system.request(reply.client.0, reply.timestamp.0);
                ensure!(self.issued.contains(&request), "r{at} replies to nothing: {reply:?}");
            }
            Effect::Committed(certificate) => {
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
            Effect::Executed(block) => {
                let (seq, parent) = (block.seq(), block.parent());
                let follows = (SeqNum(self.heads[at].0.0 + 1), self.heads[at].1) == (seq, parent);
                ensure!(follows, "r{at}: {block:?} does not follow {:?}", self.heads[at]);
                self.heads[at] = (seq, block.digest());
                let mine = (block.batch().digest(), block.digest());
                let agreed = *self.agreed.entry(seq).or_insert(mine);
                ensure!(agreed == mine, "agreement: r{at} executes {block:?}, others {agreed:?}");
                for id in block.executed() {
                    ensure!(self.executed[at].insert(*id), "r{at} executes {id} twice");
                    let mut of_batch = block.batch().requests().iter().filter(|r| r.id() == *id);
                    let genuine = of_batch.next().is_some_and(|request| self.issued.contains(request));
                    ensure!(genuine, "r{at} executes {id}, which its client never asked for");
                }
                self.seen.executed += 1;
            }
            Effect::Stable(stable) => {
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
                let block = self.agreed.get(&claim.seq).map(|(_, block)| *block);
                ensure!(block == Some(claim.state), "r{at}: another state is stable: {stable:?}");
                self.seen.stable += 1;
            }
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
            8..88 => {
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
                    let _ = self.step(at, Some(message))?;
                }
            }
            88..91 => {
                if let Some(message) = rng.pick(&self.pool).map(Arc::clone) {
                    let _ = self.step(at, Some(message))?;
                }
            }
            91 => {
                let _ = self.step(at, None)?;
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
        let issued: Vec<_> = self.issued.iter().cloned().collect();
        let batch = |rng: &mut Rng| {
            Batch::new((0..1 + rng.below(2)).filter_map(|_| rng.pick(&issued).cloned()).collect::<Vec<_>>())
        };
        let proposals: Vec<Proposal> = self.pool.iter().filter_map(proposal_in).collect();
        let some: Vec<usize> = honest.iter().copied().filter(|_| rng.chance(2)).collect();
        let rest: Vec<usize> = honest.iter().copied().filter(|i| !some.contains(i)).collect();
        match rng.below(9) {
            // Equivocation, and both halves supported by whatever else the Byzantine can sign.
            0..3 => {
                for half in [some, rest] {
                    let message = proposal(&key, reign, seq, &batch(rng));
                    let digest = message.digest();
                    self.send(Message::PrePrepare(message), half.clone());
                    for &ally in &byzantine {
                        let key = self.system.keys.replicas[ally].clone();
                        self.send(Message::Prepare(prepare(&key, reign, seq, digest)), half.clone());
                        self.send(Message::Commit(commit(&key, reign, seq, digest)), half.clone());
                    }
                }
            }
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
            // A new view from the view changes that were sent, right or wrong.
            6 => {
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
                let batches = due.into_iter().map(|(seq, due)| (seq, if wrong { batch(rng) } else { due }));
                let proposed: Vec<_> =
                    batches.collect::<Vec<_>>().iter().map(|(n, b)| proposal(&key, reign, n.0, b)).collect();
                self.send(new_view(&key, reign, changes, proposed), some);
            }
            // A checkpoint that is right, or is not.
            7 => {
                let at = low + 2 - low % 2;
                let right = self.agreed.get(&SeqNum(at)).map(|(_, block)| *block);
                let state = right.filter(|_| rng.chance(2)).unwrap_or(digest(rng.next() % 2));
                let message = Message::Checkpoint(common::checkpoint(&key, at, state));
                self.send(message, honest);
            }
            _ => self.junk(rng, by, view, seq, some),
        }
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
        PreparedClaim { proposal: proposal.clone(), prepares: Proof(Arc::from(prepares)) }
    }

    /// Takes the recorded steps again, from the start.
    fn replay(&self) -> Result<(), String> {
        let mut states: Vec<_> = self.system.replicas.iter().map(Replica::init).collect();
        for step in &self.history {
            let mut effects = Vec::new();
            let at = step.replica;
            let outcome = self.system.replicas[at].step(&mut states[at], input(&step.input), &mut effects);
            ensure!(outcome == step.outcome, "replay: {outcome:?}, not {:?}", step.outcome);
            ensure!(effects == step.effects, "replay: {effects:?}, not {:?}", step.effects);
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
            for (refusal, times) in cluster.seen.refusals {
                *seen.refusals.entry(refusal).or_default() += times;
            }
        }
        let least = [at_n.executed, at_n.stable, at_n.new_views, at_n.evidence].into_iter().min();
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
                fn as_rules(&self) -> &dyn Rules {
                    self
                }

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
                match cluster.step(at, Some(Arc::clone(&message)))? {
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
                    let _ = cluster.step(at, None)?;
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
