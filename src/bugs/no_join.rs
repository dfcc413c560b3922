//! A replica changes its view only when its own timer runs out, and not with f + 1 others.
//!
//! The primary of a view has no timer there, and where a Byzantine replica is silent the new view needs it.
//! Seen in: tendermint#7452, cothority#1835.

use crate::pbft::{Committee, Rules, View};

/// A replica changes its view only when its own timer runs out, and not with f + 1 others.
#[derive(Clone, Copy, Debug)]
pub struct NoJoin;

impl Rules for NoJoin {
    fn join(&self, _committee: Committee, _views: &[View]) -> Option<View> {
        None
    }
}
