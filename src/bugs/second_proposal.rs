//! A backup accepts a second pre-prepare for a view and sequence number.
//!
//! It then votes for both batches of a primary that equivocates.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Proposal, Rules};

/// A backup accepts a second pre-prepare for a view and sequence number.
#[derive(Clone, Copy, Debug)]
struct SecondProposal;

impl Rules for SecondProposal {
    fn accepts_second_proposal(&self, _accepted: &Proposal, _second: &Proposal) -> bool {
        true
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "second-proposal",
    breaks: Some("a backup accepts a second pre-prepare for a view and sequence number"),
    number: Some("12"),
    class: Class::Safety,
    source: "cf. HotShot#3971",
    overrides: &["accepts_second_proposal"],
    runs: &[
        Run::violates(Property::CertificateUnique, Scope { views: 1, ..Scope::DEFAULT }),
        Run::violates(Property::Agreement, Scope::DEFAULT),
    ],
    rules: &SecondProposal,
};
