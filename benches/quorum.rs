//! Counting votes until there is a quorum, without signature checks: ids `quorum/<operation>/<n>`.
//! Votes arrive in one fixed shuffled order; the keeper is built outside the timing. An element is a
//! vote.
//!
//! - `floor`: a bitset of words and a running counter, in this file.
//! - `voteset`: [`VoteSet::insert`] and a counter.
//! - `tally`: all that a replica does with a prepare besides checking its signature: whether it
//!   counts, whether its sender voted otherwise, and storing it; the last one makes the quorum's
//!   proof.
//! - `step`: a whole [`Replica::step`] for each prepare, all guards and the certificate included;
//!   that takes two votes less than elsewhere, since the pre-prepare counts as the primary's and the
//!   replica has its own prepare.
//! - `malachite`: the peer, `VoteKeeper::apply_vote` of prevotes for one value.

#![allow(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use arc_malachitebft_core_types::Round;
use bft_check::pbft::{
    Batch, Castro99, ClientId, Committee, Effect, Input, KeySet, Message, PrePrepare, Prepare, Proposal,
    Replica, ReplicaId, Request, Rules, SeqNum, Setting, Signed, Tally, Timestamp, Uncompared, View, VoteSet,
    Votes,
};
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput};

mod malachite;

const SIZES: [u16; 4] = [4, 31, 100, 1000];
const VIEW: View = View(0);
const SEQ: SeqNum = SeqNum(1);
/// Keepers that are made at a time: few enough to stay in the cache.
const KEEPERS: BatchSize = BatchSize::NumIterations(64);

/// The floor: no more than a word and a counter.
struct Floor {
    words: Vec<u64>,
    count: usize,
}

impl Floor {
    fn insert(&mut self, id: ReplicaId) {
        let (word, bit) = (id.index() / 64, 1u64 << (id.index() % 64));
        if self.words[word] & bit == 0 {
            self.words[word] |= bit;
            self.count += 1;
        }
    }
}

/// All replicas but the primary of view 0, shuffled; always the same order.
fn shuffled(n: u16) -> Vec<ReplicaId> {
    let mut ids: Vec<_> = (1..n).map(ReplicaId).collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for i in (1..ids.len()).rev() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        ids.swap(i, (random % (i as u64 + 1)) as usize);
    }
    ids
}

fn proposal(keys: &KeySet) -> Proposal {
    let request = Request { client: ClientId(0), timestamp: Timestamp(1), operation: Arc::from(&b"op"[..]) };
    let batch = Batch::new([keys.clients[0].sign(request)]);
    let pre_prepare = PrePrepare { view: VIEW, seq: SEQ, digest: batch.digest() };
    Proposal { pre_prepare: keys.replicas[0].sign(pre_prepare), batch }
}

fn prepares(keys: &KeySet, order: &[ReplicaId]) -> Vec<Signed<Prepare>> {
    let prepare = Prepare { view: VIEW, seq: SEQ, digest: proposal(keys).digest() };
    order.iter().map(|id| keys.replicas[id.index()].sign(prepare)).collect()
}

/// The quorum's proof, if the tally holds one after this vote.
fn count(
    rules: &dyn Rules,
    quorum: usize,
    tally: &mut Tally<Prepare>,
    vote: &Signed<Prepare>,
) -> Option<Uncompared<Arc<[Signed<Prepare>]>>> {
    let from = vote.signer().replica()?;
    let key = rules.prepare_key(vote.view, vote.digest);
    let counts = rules.counts_vote(tally.get(&key).map(Votes::voters), from)
        && tally.digests_of(&key, from) < 2
        && tally.elsewhere(&key, from).is_none();
    if !counts {
        return None;
    }
    tally.add(key, from, vote.clone());
    let votes = tally.get(&key).filter(|votes| votes.count() >= quorum)?;
    Some(Uncompared(Arc::from(votes.signed())))
}

fn bench_sets(group: &mut BenchmarkGroup<'_, WallTime>, n: u16, voters: &[ReplicaId]) {
    group.bench_function(BenchmarkId::new("floor", n), |bencher| {
        bencher.iter_batched_ref(
            || Floor { words: vec![0; usize::from(n).div_ceil(64)], count: 0 },
            |floor| {
                black_box(voters).iter().for_each(|&id| floor.insert(id));
                assert_eq!(floor.count, voters.len());
            },
            KEEPERS,
        );
    });
    group.bench_function(BenchmarkId::new("voteset", n), |bencher| {
        bencher.iter_batched_ref(
            VoteSet::new,
            |set| {
                let count = black_box(voters).iter().filter(|&&id| set.insert(id)).count();
                assert_eq!(count, voters.len());
            },
            KEEPERS,
        );
    });
}

fn bench_tally(group: &mut BenchmarkGroup<'_, WallTime>, n: u16, votes: &[Signed<Prepare>]) {
    let rules: &dyn Rules = black_box(&Castro99);
    group.bench_function(BenchmarkId::new("tally", n), |bencher| {
        bencher.iter_batched_ref(
            Tally::default,
            |tally| votes.iter().find_map(|vote| count(rules, votes.len(), tally, black_box(vote))),
            KEEPERS,
        );
    });
}

fn bench_step(group: &mut BenchmarkGroup<'_, WallTime>, n: u16, keys: &KeySet, order: &[ReplicaId]) {
    let setting = Arc::new(Setting::new(Committee::of(n).expect("a committee"), keys.ring.clone()));
    // The last backup in the order is the one that counts, and its own prepare is one of them.
    let Some((own, others)) = order.split_last() else { return };
    let replica =
        Replica::new(keys.replicas[own.index()].clone(), setting, &Castro99).expect("a member's key");
    let mut state = replica.init();
    let pre_prepare = Message::PrePrepare(proposal(keys));
    assert_eq!(replica.step(&mut state, Input::Deliver(&pre_prepare), &mut Vec::new()), Ok(()));
    let needed = Castro99.prepare_quorum(replica.setting().committee) - 2;
    let votes: Vec<_> = prepares(keys, &others[..needed]).into_iter().map(Message::Prepare).collect();

    group.throughput(Throughput::Elements(needed as u64));
    group.bench_function(BenchmarkId::new("step", n), |bencher| {
        bencher.iter_batched_ref(
            || (state.clone(), Vec::with_capacity(4)),
            |(state, effects)| {
                for vote in &votes {
                    let _ = replica.step(state, Input::Deliver(black_box(vote)), effects);
                }
                // Its own record of the certificate precedes the COMMIT.
                let last = effects.last();
                assert!(
                    matches!(last, Some(Effect::Broadcast(Message::Commit(_)))),
                    "it prepared: {effects:?}"
                );
            },
            KEEPERS,
        );
    });
}

fn bench_malachite(group: &mut BenchmarkGroup<'_, WallTime>, n: u16, voters: &[ReplicaId]) {
    let votes: Vec<_> = voters.iter().map(|id| malachite::prevote(id.0, [7; 32])).collect();
    group.bench_function(BenchmarkId::new("malachite", n), |bencher| {
        bencher.iter_batched_ref(
            || malachite::keeper(n),
            |keeper| {
                let outputs = votes
                    .iter()
                    .filter_map(|vote| keeper.apply_vote(black_box(vote).clone(), Round::new(0)))
                    .count();
                assert!(outputs > 0, "a quorum");
            },
            KEEPERS,
        );
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for n in SIZES {
        let keys = KeySet::symbolic(n, 1);
        let order = shuffled(n);
        let quorum = Committee::of(n).expect("a committee").quorum();
        let mut group = criterion.benchmark_group("quorum");
        group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
        group.sample_size(50).throughput(Throughput::Elements(quorum as u64));
        bench_sets(&mut group, n, &order[..quorum]);
        bench_tally(&mut group, n, &prepares(&keys, &order[..quorum]));
        bench_malachite(&mut group, n, &order[..quorum]);
        bench_step(&mut group, n, &keys, &order);
        group.finish();
    }
    criterion.final_summary();
}
