//! A clock that says when work is to pause, so that what it has come to can be kept.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::interrupt::End;

/// Does work, and says when it is time to pause, if it is to pause every so often.
pub(super) fn pausing(every: Option<Duration>, pause: &AtomicBool, work: impl FnOnce()) {
    let Some(every) = every else { return work() };
    let next = Instant::now() + every;
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clock = scope.spawn(|| {
            while !is_done.load(Relaxed) && !pause.load(Relaxed) {
                match next.checked_duration_since(Instant::now()) {
                    Some(left) => std::thread::park_timeout(left),
                    None => pause.store(true, Relaxed),
                }
            }
        });
        let _end = End(&is_done, clock.thread().clone());
        work();
    });
}
