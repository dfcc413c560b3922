//! Time on a processor instead of time on the wall: other work on the machine does not lengthen it.

// Every bench that measures it compiles this module, and none needs all of it.
#![allow(dead_code)]

use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};

/// Whose time counts, as Linux tells it.
#[derive(Clone, Copy)]
pub enum CpuTime {
    /// That of the thread that measures. It moves on some thousand times a second at most: what is measured at a time has
    /// to take longer.
    OfThread,
    /// That of all threads of the process together, in ticks of 10 ms.
    OfProcess,
}

impl CpuTime {
    /// How long they have run.
    pub fn now(self) -> Duration {
        let told = |file| std::fs::read_to_string(file).expect("this bench needs Linux's /proc");
        match self {
            CpuTime::OfThread => {
                let stat = told("/proc/thread-self/schedstat");
                let ran = stat.split_whitespace().next().and_then(|field| field.parse().ok());
                Duration::from_nanos(ran.expect("the first field is a number of nanoseconds"))
            }
            CpuTime::OfProcess => {
                let stat = told("/proc/self/stat");
                // The name of the process, in brackets, may hold blanks; utime and stime are fields 14 and 15.
                let (_, fields) = stat.rsplit_once(')').expect("the name is in brackets");
                let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>());
                let ticks = ticks.map(|ticks| ticks.expect("ticks are numbers"));
                Duration::from_millis(10 * ticks.sum::<u64>())
            }
        }
    }
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        self.now()
    }

    fn end(&self, start: Duration) -> Duration {
        self.now() - start
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// Whether anything is measured. Under `cargo test`, which does not say `--bench`, benches are only tried.
pub fn is_measured() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}
