//! Whoever looks on while the rows of a check run.

use super::limits::Progress;

/// Somebody who looks on while rows run.
pub trait Watch: Sync {
    /// Calls `work` once, which runs a row, and may show meanwhile how far it has come. `whose` says in words which row it is.
    fn watch(&self, whose: &str, progress: &Progress, work: &mut dyn FnMut());
}

/// Nobody looks on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unwatched;

impl Watch for Unwatched {
    fn watch(&self, _whose: &str, _progress: &Progress, work: &mut dyn FnMut()) {
        work();
    }
}
