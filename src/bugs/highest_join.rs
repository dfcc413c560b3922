//! A replica that changes its view with f + 1 others moves to the highest view that they name.
//!
//! One Byzantine replica names it: always the next view that it leads, and it is silent there.
//! Seen in: FISCO-BCOS#2312, quorum#935.

use crate::pbft::{Committee, Rules, View};

/// A replica that changes its view with f + 1 others moves to the highest view that they name.
#[derive(Clone, Copy, Debug)]
pub struct HighestJoin;

impl Rules for HighestJoin {
    fn join(&self, committee: Committee, views: &[View]) -> Option<View> {
        (views.len() >= committee.weak_quorum()).then(|| views.iter().copied().max())?
    }
}
