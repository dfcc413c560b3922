//! How fast the judges explore: distinct states a second, side by side on the same system.
//!
//! `search` is this crate's engine, `dfs` and `bfs` are stateright's checkers on the same model.

#![allow(clippy::expect_used, reason = "a bench that cannot set itself up has to stop")]

use std::hint::black_box;
use std::sync::Arc;

use bft_check::check::{Limits, Progress, search};
use bft_check::model::{Absorbed, Bound, MessageModel, Scope, System};
use bft_check::pbft::{Castro99, ReplicaId};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stateright::{Checker as _, Model};

fn system(replicas: u16, byzantine: &[u16], views: u64, requests: u32) -> Arc<System> {
    let faults = (replicas - 1) / 3;
    let scope = Scope { replicas, faults, views, requests, ..Scope::DEFAULT };
    let bound = Bound::new(scope, byzantine.iter().copied().map(ReplicaId));
    Arc::new(System::new(bound, &Castro99).expect("the bound is sound"))
}

fn states<M>(model: &M) -> u64
where
    M: Model + Sync,
    M::State: std::hash::Hash + Send + Sync,
    M::Action: Clone,
{
    search(model, &model.properties(), &Limits::default(), &Progress::default(), |_| {}).coverage.states
}

fn message(c: &mut Criterion) {
    let mut group = c.benchmark_group("message");
    group.sample_size(10);
    let system = system(3, &[], 2, 1);
    let id = "n=3,views=2";
    group.throughput(Throughput::Elements(states(&MessageModel::new(Arc::clone(&system)))));
    group.bench_function(BenchmarkId::new("search", id), |b| {
        b.iter(|| black_box(states(&MessageModel::new(Arc::clone(&system)))));
    });
    group.bench_function(BenchmarkId::new("dfs", id), |b| {
        b.iter(|| MessageModel::new(Arc::clone(&system)).checker().spawn_dfs().join().unique_state_count());
    });
    group.bench_function(BenchmarkId::new("bfs", id), |b| {
        b.iter(|| MessageModel::new(Arc::clone(&system)).checker().spawn_bfs().join().unique_state_count());
    });
    group.finish();
}

fn absorbed(c: &mut Criterion) {
    let mut group = c.benchmark_group("absorbed");
    group.sample_size(10);
    for (id, byzantine, views) in [("r0,views=1", 0, 1), ("r0,views=2", 0, 2), ("r1,views=2", 1, 2)] {
        let system = system(4, &[byzantine], views, 2);
        group.throughput(Throughput::Elements(states(&Absorbed::new(Arc::clone(&system)))));
        group.bench_function(BenchmarkId::new("search", id), |b| {
            b.iter(|| black_box(states(&Absorbed::new(Arc::clone(&system)))));
        });
    }
    let system = system(4, &[0], 2, 2);
    group.bench_function(BenchmarkId::new("dfs", "r0,views=2"), |b| {
        b.iter(|| Absorbed::new(Arc::clone(&system)).checker().spawn_dfs().join().unique_state_count());
    });
    group.finish();
}

criterion_group!(benches, message, absorbed);
criterion_main!(benches);
