//! A replica changes its view with others only if f + 1 of them name the same view.
//!
//! Those that have left a view one after the other name different views: who has no timer stays behind.
//! Seen in: FISCO-BCOS#2212, electroneum-sc#36 and SmartBFT#499, each time as a repair.

use crate::pbft::{Committee, Rules, View};

/// A replica changes its view with others only if f + 1 of them name the same view.
#[derive(Clone, Copy, Debug)]
pub struct SameViewJoin;

impl Rules for SameViewJoin {
    fn join(&self, committee: Committee, views: &[View]) -> Option<View> {
        let named = |view: View| views.iter().filter(|&&other| other == view).count();
        views.iter().copied().filter(|&view| named(view) >= committee.weak_quorum()).min()
    }
}
