//! A replica changes its view only when its own timer runs out, and not with f + 1 others.
//!
//! A mutant of OSDI'99 §4.4: the primary of a view has no timer there, and where a Byzantine replica is silent
//! the new view needs it.

use crate::pbft::{Committee, Rules, View};

/// A replica changes its view only when its own timer runs out, and not with f + 1 others.
#[derive(Clone, Copy, Debug)]
pub struct NoJoin;

impl Rules for NoJoin {
    fn join(&self, _committee: Committee, _views: &[View]) -> Option<View> {
        None
    }

    fn as_rules(&self) -> &dyn Rules {
        self
    }
}
