//! How fast simulated time passes: a calm network, nobody Byzantine, all properties checked on the way.
//!
//! - `simulate/blocks/<n>`: an element is a block that a replica has executed.
//! - `simulate/messages/<n>`: the same runs, and an element is a delivered message.
//!
//! Times are of the processor. Ten clients send five requests each, one after the other; K = 128 and L = 256 as in the paper.

#![allow(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::time::Duration;

use bft_check::model::{Load, Scope};
use bft_check::pbft::Castro99;
use bft_check::simulate::{End, Settings, run};
use criterion::{BenchmarkId, Criterion, Throughput};

mod processor;

const SIZES: [u16; 4] = [4, 16, 64, 100];
/// How many of them are tried where nothing is measured.
const TRIED: usize = 2;

fn settings(n: u16) -> Settings {
    let calm = Settings::calm("castro99", n);
    let load = Load { operations: 5, batch: 64, in_flight: 16 };
    Settings { scope: Scope { requests: 10, load: Some(load), ..calm.scope }, ..calm }
}

fn main() {
    let mut criterion =
        Criterion::default().with_measurement(processor::CpuTime::OfThread).configure_from_args();
    let sizes = if processor::is_measured() { &SIZES[..] } else { &SIZES[..TRIED] };
    for &n in sizes {
        let settings = settings(n);
        let once = run(&Castro99, &settings, 0, false, None).expect("sound settings");
        assert_eq!(once.end, End::Finished, "a calm run executes everything");
        println!("n={n}: {} blocks, {} messages", once.counts.blocks, once.counts.delivered);
        for (name, elements) in [("blocks", once.counts.blocks), ("messages", once.counts.delivered)] {
            let mut group = criterion.benchmark_group("simulate");
            group.throughput(Throughput::Elements(elements)).sample_size(10);
            group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
            group.bench_function(BenchmarkId::new(name, n), |bencher| {
                bencher.iter(|| run(&Castro99, &settings, 0, false, None));
            });
            group.finish();
        }
    }
    criterion.final_summary();
}
