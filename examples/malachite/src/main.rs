//! Malachite's driver under the checker: `cargo run --release -- check`.

mod bound;
mod message;
mod release_0_5;
mod release_0_8;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use bft_check::engine::guards::{GuardOptions, Guards, Ended};
use bft_check::protocol::{NodeId, Protocol};

fn try_out<P: Protocol>(protocol: P, walks: u64, puts_off: bool, renames: bool) {
    let begin = Instant::now();
    let threads = std::env::var("THREADS").map_or(1, |t| t.parse().unwrap());
    let guards = Guards::new(Arc::new(protocol), threads, &AtomicBool::new(false)).unwrap().unwrap();
    println!("controls {} runs {} alphabet {} in {:.1} s", guards.controls(), guards.runs(), guards.alphabet(), begin.elapsed().as_secs_f64());
    for byzantine in 0..4u16 {
        let begin = Instant::now();
        let options = GuardOptions { walks, puts_off, renames };
        match guards.explore(&[NodeId(byzantine)], None, options, &|_, _| true) {
            Ok(explored) => {
                let end = match &explored.end { Ended::Violated(acted) => {
                    for (n, step) in acted.steps.iter().enumerate() { println!("{n} {} <- {:?} {} | {:?} {:?}", step.at, step.from, step.words, step.sends.iter().map(|s| &s.1).collect::<std::collections::BTreeSet<_>>(), step.decides); }
                    format!("violated {:?} in {} steps", acted.violation, acted.steps.len()) }, other => format!("{other:?}") };
                println!("byz {byzantine}: states {} trans {} depth {} locals {:?} sym {} decided {} {end} {:.1} s", explored.states, explored.transitions, explored.depth, explored.locals, explored.symmetries, explored.is_decided, begin.elapsed().as_secs_f64());
            }
            Err(why) => println!("byz {byzantine}: {why} {:.1} s", begin.elapsed().as_secs_f64()),
        }
    }
}

fn main() {
    let arg = |n: usize, or: u64| std::env::args().nth(n).map_or(or, |a| a.parse().unwrap());
    let bound = bound::Bound { nodes: 4, rounds: arg(2, 1) as u32, value_count: arg(3, 1) as u8 };
    let (walks, puts_off, renames) = (arg(4, 1000), arg(5, 1) == 1, arg(6, 1) == 1);
    match arg(1, 8) {
        8 => try_out(release_0_8::adapter::Malachite(bound), walks, puts_off, renames),
        _ => try_out(release_0_5::adapter::Malachite(bound), walks, puts_off, renames),
    }
}
