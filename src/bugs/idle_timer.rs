//! The timer starts with the next view, and not when the last one is given up.
//!
//! A new primary that is silent is waited for for ever.
//! Seen in: the class of albatross#53 and sawtooth-pbft#133.

use crate::pbft::{Rules, Standing};

/// The timer starts with the next view, and not when the last one is given up.
#[derive(Clone, Copy, Debug)]
pub struct IdleTimer;

impl Rules for IdleTimer {
    fn runs_timer(&self, standing: Standing) -> bool {
        standing.active
    }
}
