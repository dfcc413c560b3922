//! No timer ever runs: there is no view change unless a Byzantine replica helps.
//!
//! A mutant of OSDI'99 §4.4: a primary that is silent stops everything.

use crate::pbft::{Rules, Standing};

/// No timer ever runs.
#[derive(Clone, Copy, Debug)]
pub struct NoTimer;

impl Rules for NoTimer {
    fn runs_timer(&self, _standing: Standing) -> bool {
        false
    }
}
