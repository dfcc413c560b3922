//! COMMITs are counted without looking at their digest.
//!
//! A replica decides what has prepared at it, and in one view only one batch can: there nothing comes of it. But
//! whoever lags behind believes a decision on such COMMITs, and they are for another batch as well as for this one.

use super::{Class, Rulebook, Run};
use crate::model::{Property, Scope};
use crate::pbft::{Digest, Rules, TallyKey, View};

/// COMMITs are counted without looking at their digest.
#[derive(Clone, Copy, Debug)]
struct DigestBlindCommit;

impl Rules for DigestBlindCommit {
    fn commit_key(&self, view: View, _digest: Digest) -> TallyKey {
        TallyKey { view: Some(view), digest: None }
    }
}

pub(super) const RULEBOOK: Rulebook = Rulebook {
    name: "digest-blind-commit",
    breaks: Some("COMMITs are counted without looking at their digest"),
    number: Some("F3"),
    class: Class::Safety,
    source: "aptos-core#20335",
    overrides: &["commit_key"],
    runs: &[
        Run::violates(
            Property::Agreement,
            Scope { views: 1, requests: 1, checkpoint: Some(1), ..Scope::DEFAULT },
        ),
        Run::holds(Scope { views: 1, ..Scope::DEFAULT }),
    ],
    rules: &DigestBlindCommit,
};
