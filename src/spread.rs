//! Work on many things at once.

use rayon::prelude::*;

use crate::interrupt;

/// Fewer things than that are not worth another thread.
const FEW: usize = 16;

/// What comes of each of these things, in their order. The threads are those of the pool in which this is called; all of them
/// end where they are interrupted.
pub(crate) fn spread<T: Sync, R: Send>(
    threads: usize,
    things: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let one = |thing: &T| {
        interrupt::poll();
        work(thing)
    };
    if threads <= 1 || things.len() <= FEW {
        return things.iter().map(one).collect();
    }
    let over = interrupt::current();
    let enter = || interrupt::enter(over.clone());
    things.par_iter().with_min_len(FEW).map_init(enter, |_, thing| one(thing)).collect()
}
