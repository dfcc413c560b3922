//! A replica changes its view with others only if f + 1 of them name the same view.
//!
//! Those that have left a view one after the other name different views: who has no timer stays behind.
//! Seen in: FISCO-BCOS#2212, electroneum-sc#36 and SmartBFT#499, each time as a repair.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Committee, ReplicaId, Rules, View};

/// A replica changes its view with others only if f + 1 of them name the same view.
#[derive(Clone, Copy, Debug)]
struct SameViewJoin;

impl Rules for SameViewJoin {
    fn join(&self, committee: Committee, views: &[View]) -> Option<View> {
        let named = |view: View| views.iter().filter(|&&other| other == view).count();
        views.iter().copied().filter(|&view| named(view) >= committee.weak_quorum()).min()
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "same-view-join",
    breaks: Some("a replica changes its view with f + 1 others only if they name the same view"),
    number: None,
    class: Class::Liveness,
    source: "FISCO-BCOS#2212, electroneum-sc#36, SmartBFT#499: three projects took it for a repair",
    overrides: &["join"],
    runs: &[Run::violates(
        Property::Executed,
        Scope { views: 3, requests: 1, lossy: true, ..Scope::DEFAULT },
    )
    .by(&[ReplicaId(3)])],
    rules: &SameViewJoin,
};
