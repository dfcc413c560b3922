//! Whoever looks on while the rows of a check run.

use crate::check::limits::Progress;

/// Somebody who looks on while work is done.
pub(crate) trait Onlooker: Sync {
    /// Calls `work` once, and may show meanwhile how far it has come. `whose` says in words what the work is about.
    fn during(&self, whose: &str, progress: &Progress, work: &mut dyn FnMut());
}

/// Nobody looks on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nobody;

impl Onlooker for Nobody {
    fn during(&self, _whose: &str, _progress: &Progress, work: &mut dyn FnMut()) {
        work();
    }
}
