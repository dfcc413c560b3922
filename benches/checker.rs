//! How fast the judges explore, on the same system and in one run: distinct states per second of CPU time.
//!
//! `search` is this crate's engine, `dfs` and `bfs` are stateright's checkers. `actor` is judge *message* on stateright's
//! ActorModel, `numbers` the same graph as the judge that `bft check --judge message` runs. The times are of the
//! processor, all threads together: other work on the machine does not count. At the end it prints how many bytes
//! a visited state takes, and how many times more CPU time stateright's checkers take for judge *message*.

#![allow(clippy::expect_used, reason = "a bench that cannot set itself up has to stop")]

use std::hash::Hash;
use std::hint::black_box;
use std::sync::Arc;

use bft_check::check::{Limits, Progress, search, search_on};
use bft_check::model::{Bound, GuardModel, MessageGraph, MessageModel, Scope, System};
use bft_check::pbft::{Castro99, ReplicaId};
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};
use stateright::{Checker as _, Model};

mod processor;

use processor::CpuTime;

fn system(replicas: u16, byzantine: &[u16], views: u64, requests: u32) -> Arc<System> {
    let faults = (replicas - 1) / 3;
    let scope = Scope { replicas, faults, views, requests, ..Scope::DEFAULT };
    let bound = Bound::new(scope, byzantine.iter().copied().map(ReplicaId));
    Arc::new(System::new(bound, &Castro99).expect("the bound is sound"))
}

/// The distinct states that the crate's own engine visits.
fn states<M>(model: &M) -> u64
where
    M: Model + Sync,
    M::State: Hash + Send + Sync,
    M::Action: Clone,
{
    search(model, &model.properties(), &Limits::default(), &Progress::default(), |_| {}).coverage.states
}

/// Bytes that a visited state takes in the crate's own engine, its parent included, when all but one are visited.
fn bytes<M>(model: &M, states: u64) -> f64
where
    M: Model + Sync,
    M::State: Hash + Send + Sync,
    M::Action: Clone,
{
    let limits = Limits { max_states: Some(states - 1), ..Limits::default() };
    let (_, halted) = search_on(model, &model.properties(), &limits, &Progress::default(), None, |_| {});
    halted.map_or(0.0, |halted| halted.bytes() as f64 / halted.states() as f64)
}

/// The engine and stateright's checkers on one model.
fn measure<M>(group: &mut BenchmarkGroup<'_, CpuTime>, name: &str, id: &str, model: impl Fn() -> M)
where
    M: Model + Send + Sync + 'static,
    M::State: Hash + Clone + PartialEq + std::fmt::Debug + Send + Sync,
    M::Action: Clone + PartialEq + std::fmt::Debug + Send + Sync,
{
    group.bench_function(BenchmarkId::new(format!("{name}search"), id), |b| {
        b.iter(|| black_box(states(&model())));
    });
    group.bench_function(BenchmarkId::new(format!("{name}dfs"), id), |b| {
        b.iter(|| model().checker().spawn_dfs().join().unique_state_count());
    });
    group.bench_function(BenchmarkId::new(format!("{name}bfs"), id), |b| {
        b.iter(|| model().checker().spawn_bfs().join().unique_state_count());
    });
}

/// The time of one run.
fn once(run: impl FnOnce() -> u64) -> f64 {
    let start = CpuTime::OfProcess.now();
    black_box(run());
    (CpuTime::OfProcess.now() - start).as_secs_f64()
}

/// How many times the CPU time of the crate's own engine stateright's checkers take for judge *message*, on one run of each.
fn compare(id: &str, system: &Arc<System>) {
    let numbers = || MessageGraph::new(Arc::clone(system));
    let actor = || MessageModel::new(Arc::clone(system));
    let count = states(&numbers());
    let own = once(|| states(&numbers()));
    let dfs = once(|| actor().checker().spawn_dfs().join().unique_state_count() as u64);
    let bfs = once(|| actor().checker().spawn_bfs().join().unique_state_count() as u64);
    println!(
        "message/{id}: {count} states; CPU seconds: {own:.2} own, {dfs:.2} stateright's dfs ({:.1} times), {bfs:.2} its \
         bfs ({:.1} times); {:.1} bytes a state",
        dfs / own,
        bfs / own,
        bytes(&numbers(), count)
    );
}

fn message(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("message");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (id, system) in [("n=3,views=2", system(3, &[], 2, 1)), ("n=4,views=1,r0", system(4, &[0], 1, 1))] {
        let numbers = || MessageGraph::new(Arc::clone(&system));
        group.throughput(Throughput::Elements(states(&numbers())));
        measure(&mut group, "numbers/", id, numbers);
        measure(&mut group, "actor/", id, || MessageModel::new(Arc::clone(&system)));
    }
    group.finish();
    let requests = if processor::is_measured() { 2 } else { 1 };
    compare(&format!("n=4,views=1,requests={requests},r0"), &system(4, &[0], 1, requests));
}

fn guards(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("guards");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (id, byzantine, views, requests) in [("r0,views=2", 0, 2, 2), ("r1,views=3", 1, 3, 1)] {
        let system = system(4, &[byzantine], views, requests);
        let model = || GuardModel::new(Arc::clone(&system));
        let count = states(&model());
        group.throughput(Throughput::Elements(count));
        measure(&mut group, "", id, model);
        println!("guards/{id}: {count} states, {:.1} bytes each", bytes(&model(), count));
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().with_measurement(CpuTime::OfProcess).configure_from_args();
    message(&mut criterion);
    guards(&mut criterion);
    criterion.final_summary();
}
