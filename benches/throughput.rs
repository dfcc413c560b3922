//! Decisions per second of a whole cluster in one process, all checks on.
//!
//! - `throughput/symbolic/<n>` and `throughput/ed25519/<n>`: one request at a time; every message
//!   that a decision causes is delivered before the next request is submitted. An element is a block
//!   that all n replicas have executed.
//! - `throughput/messages/<n>`: the same as `symbolic`, but an element is a delivered message.
//! - `throughput/pipelined/<n>`: many requests wait at once, up to 16 batches of up to 64 are in
//!   flight. An element is a request that all n replicas have executed.
//! - `throughput/malachite/<n>`: the peer, n of malachite's `Driver` that decide one height after the
//!   other over the same kind of queue. An element is a value that all n have decided; without requests
//!   of clients, blocks, checkpoints or signatures.
//!
//! Times are of the processor. Clients sign outside the timing. What a message costs includes the guards that refuse it: votes
//! that come after a quorum are delivered and counted like any other.

#![allow(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::sync::Arc;
use std::time::Duration;

use bft_check::pbft::{
    Castro99, ClientId, Committee, Effect, Input, KeySet, Message, Replica, ReplicaId, Request, Setting,
    SignedRequest, SigningKey, State, Timestamp,
};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};

mod malachite;
mod processor;

use processor::CpuTime;

const SIZES: [u16; 3] = [4, 16, 64];
const CLIENTS: u32 = 64;
/// Requests that wait at once in the pipelined bench; [`Setting::max_pending`] allows 4096.
const BURST: usize = 1024;

/// A message under way.
struct Envelope {
    from: ReplicaId,
    /// `None`: to all replicas but the sender.
    to: Option<ReplicaId>,
    message: Message,
}

/// n replicas and what is under way between them. The broadcasts stand in one queue, and each
/// replica reads it at its own pace: a FIFO queue for each, without a copy for each.
struct Cluster {
    nodes: Vec<Node>,
    queue: Vec<Envelope>,
    effects: Vec<Effect>,
    delivered: u64,
}

struct Node {
    replica: Replica,
    state: State,
    /// How much of the queue it has read.
    read: usize,
    /// How many requests it has executed.
    executed: usize,
}

impl Cluster {
    fn new(n: u16, keys: &KeySet) -> Self {
        let committee = Committee::of(n).expect("a committee");
        let setting = Arc::new(Setting::new(committee, keys.ring.clone()));
        let nodes = keys
            .replicas
            .iter()
            .map(|key| {
                let replica =
                    Replica::new(key.clone(), Arc::clone(&setting), &Castro99).expect("a member's key");
                Node { state: replica.init(), replica, read: 0, executed: 0 }
            })
            .collect();
        Cluster { nodes, queue: Vec::new(), effects: Vec::new(), delivered: 0 }
    }

    /// The most messages that may be under way: for each batch in flight three phases, and a
    /// checkpoint now and then.
    fn bound(&self) -> usize {
        let in_flight = self.nodes[0].replica.setting().max_in_flight as usize;
        4 * self.nodes.len() * in_flight
    }

    /// Gives requests to the primary of view 0 and delivers until nothing is under way.
    fn execute(&mut self, requests: &[Message]) {
        let before = self.nodes[0].executed;
        for request in requests {
            self.step(0, request);
        }
        while !self.queue.is_empty() {
            (0..self.nodes.len()).for_each(|at| self.read(at));
            // Read by everybody: only what came up in the meantime stays.
            let done = self.nodes.iter().map(|node| node.read).min().unwrap_or(0);
            self.queue.drain(..done);
            self.nodes.iter_mut().for_each(|node| node.read -= done);
        }
        let after = before + requests.len();
        assert!(self.nodes.iter().all(|node| node.executed == after), "everybody executes everything");
    }

    /// Delivers all that is under way to one replica.
    fn read(&mut self, at: usize) {
        let id = self.nodes[at].replica.id();
        while let Some(envelope) = self.queue.get(self.nodes[at].read) {
            self.nodes[at].read += 1;
            if envelope.to.unwrap_or(id) == id && envelope.from != id {
                self.delivered += 1;
                let node = &mut self.nodes[at];
                let input = Input::Deliver(&envelope.message);
                let _ = node.replica.step(&mut node.state, input, &mut self.effects);
                if !self.effects.is_empty() {
                    self.perform(at);
                }
            }
        }
    }

    fn step(&mut self, at: usize, message: &Message) {
        let node = &mut self.nodes[at];
        let accepted = node.replica.step(&mut node.state, Input::Deliver(message), &mut self.effects);
        assert_eq!(accepted, Ok(()), "the primary accepts the request");
        self.perform(at);
    }

    /// Does what a replica asked for.
    fn perform(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let from = node.replica.id();
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Broadcast(message) => self.queue.push(Envelope { from, to: None, message }),
                Effect::Send(to, message) => self.queue.push(Envelope { from, to: Some(to), message }),
                Effect::Executed(block) => node.executed += block.executed().len(),
                Effect::Behind(_) | Effect::Transferred(_) | Effect::Evidence(_) => {
                    unreachable!("nobody is late or lies")
                }
                Effect::Reply(_)
                | Effect::Committed(_)
                | Effect::Stable(_)
                | Effect::Persist(_)
                | Effect::Timer(_) => {}
            }
        }
        assert!(self.queue.len() <= self.bound(), "more messages are under way than there can be");
    }
}

/// Clients that take turns.
struct Clients {
    keys: Vec<SigningKey>,
    issued: u64,
    operation: Arc<[u8]>,
}

impl Clients {
    fn new(keys: &KeySet) -> Self {
        Clients { keys: keys.clients.clone(), issued: 0, operation: Arc::from(&b"transfer 1"[..]) }
    }

    fn next(&mut self) -> Message {
        let client = (self.issued % self.keys.len() as u64) as u32;
        self.issued += 1;
        let request: SignedRequest = self.keys[client as usize].sign(Request {
            client: ClientId(client),
            timestamp: Timestamp(self.issued),
            operation: Arc::clone(&self.operation),
        });
        Message::Request(request)
    }

    fn burst(&mut self, size: usize) -> Vec<Message> {
        (0..size).map(|_| self.next()).collect()
    }
}

/// Messages delivered for one decision, checkpoints included: counted over a checkpoint interval.
fn messages_per_decision(n: u16) -> u64 {
    let keys = KeySet::symbolic(n, CLIENTS);
    let (mut cluster, mut clients) = (Cluster::new(n, &keys), Clients::new(&keys));
    let decisions = cluster.nodes[0].replica.setting().checkpoint_interval;
    for _ in 0..decisions {
        cluster.execute(&clients.burst(1));
    }
    let all = cluster.delivered;
    println!("n={n}: {:.1} messages a decision", all as f64 / decisions as f64);
    (all + decisions / 2) / decisions
}

fn bench(
    criterion: &mut Criterion<CpuTime>,
    (id, elements): (BenchmarkId, u64),
    (n, keys): (u16, &KeySet),
    burst: usize,
) {
    let (mut cluster, mut clients) = (Cluster::new(n, keys), Clients::new(keys));
    let mut group = criterion.benchmark_group("throughput");
    group.throughput(Throughput::Elements(elements)).sample_size(10);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    group.bench_function(id, |bencher| {
        bencher.iter_batched_ref(
            || clients.burst(burst),
            |requests| cluster.execute(requests),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn bench_malachite(criterion: &mut Criterion<CpuTime>, n: u16) {
    let mut cluster = malachite::Cluster::new(n);
    let mut group = criterion.benchmark_group("throughput");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    group.bench_function(BenchmarkId::new("malachite", n), |bencher| {
        bencher.iter(|| assert_eq!(cluster.decide([7; 32]), usize::from(n), "everybody decides"));
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().with_measurement(CpuTime::OfThread).configure_from_args();
    for n in SIZES {
        let symbolic = KeySet::symbolic(n, CLIENTS);
        let messages = messages_per_decision(n);
        bench(&mut criterion, (BenchmarkId::new("symbolic", n), 1), (n, &symbolic), 1);
        bench(&mut criterion, (BenchmarkId::new("messages", n), messages), (n, &symbolic), 1);
        bench(&mut criterion, (BenchmarkId::new("pipelined", n), BURST as u64), (n, &symbolic), BURST);
        bench_malachite(&mut criterion, n);
        let ed25519 = KeySet::ed25519(n, CLIENTS, 1);
        bench(&mut criterion, (BenchmarkId::new("ed25519", n), 1), (n, &ed25519), 1);
    }
    criterion.final_summary();
}
