//! Time on a processor instead of time on the wall: other work on the machine does not lengthen it.

use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};

/// How long the thread that measures has run, as Linux tells it, some thousand times a second at most: what is
/// measured at a time has to take longer.
pub struct ThreadTime;

impl ThreadTime {
    fn now() -> Duration {
        let stat =
            std::fs::read_to_string("/proc/thread-self/schedstat").expect("this bench needs Linux's /proc");
        let ran = stat.split_whitespace().next().and_then(|field| field.parse().ok());
        Duration::from_nanos(ran.expect("the first field is a number of nanoseconds"))
    }
}

impl Measurement for ThreadTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        Self::now()
    }

    fn end(&self, start: Duration) -> Duration {
        Self::now() - start
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
