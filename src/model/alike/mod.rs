//! Certificates that say the same with other votes, and whether a rulebook treats them alike.
//!
//! Messages and states are compared by what they say, whoever vouches for it ([`Uncompared`](crate::pbft::Uncompared)). So a
//! judge takes two prepared certificates for one batch, number and view as one, whichever votes prove them, in whichever order;
//! and so it does with decisions and stable checkpoints. **The statement about the rules** is: of the certificates that an honest replica
//! can hold, and of those that others accept, each rule says of one what it says of every other that differs from it in
//! votes alone. It is tried here, for all views and batches that are asked about:
//!
//! - `check_prepared`, `check_decision` and `check_stable` accept all that an honest replica can hold, or none;
//! - `reports_prepared`, `keeps_prepared` and `check_view_change` say the same of each;
//! - `sift`, `new_view_start`, `new_view_batches` and `follows` say the same of a list of view changes, alone, first and last in
//!   it, whichever of them is reported;
//! - where a Byzantine replica can report certificates: the same of those that are for one batch, number and view under another
//!   digest, by another replica or with a forged signature; and `check_view_change` takes none that proves nothing, or that is
//!   for number 0. Of such the adversary puts one forward for all;
//! - `check_new_view` accepts all NEW-VIEWs of an honest primary that propose the same, or none, whoever's view changes justify
//!   them: two such are equal too.
//!
//! Which votes are tried: every set of voters of the sizes at which a certificate comes about, and all of them; where these are
//! too many, those that are neighbours; each in ascending and descending order; and beside them whatever else is accepted: votes
//! of the primary, of other views and for other batches, and votes that are there twice.

mod certificates;
mod statements;

use super::system::System;
use crate::pbft::{Batch, Rules, SeqNum, Setting, SigningKey, View};

/// That it matters which votes stand in a certificate.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VotesMatter {
    /// Of what prepared.
    #[error(
        "of two certificates for {0} at {1} in {2} that differ in their votes alone, {3} tells one from the other"
    )]
    Prepared(Batch, SeqNum, View, &'static str),
    /// Of what is said to be proposed.
    #[error(
        "of two certificates for {0} at {1} in {2} that differ in who has proposed it or under which digest, {3} tells one \
         from the other"
    )]
    Proposed(Batch, SeqNum, View, &'static str),
    /// Of what proves nothing.
    #[error(
        "a VIEW-CHANGE is taken with a certificate {0}, and more lists of certificates can be made of such than are tried"
    )]
    Unproved(&'static str),
    /// Of a new view.
    #[error(
        "of two NEW-VIEWs that propose the same, justified by other view changes, others accept one and refuse the other"
    )]
    NewView,
    /// Of what is decided.
    #[error(
        "of two proofs that differ in their COMMITs alone, check_decision accepts one and refuses the other"
    )]
    Decided,
    /// Of a checkpoint.
    #[error(
        "of two proofs that differ in their CHECKPOINTs alone, check_stable accepts one and refuses the other"
    )]
    Stable,
}

/// A rulebook, and what certificates are made of.
pub(super) struct Alike<'a> {
    pub setting: &'a Setting,
    pub rules: &'a dyn Rules,
    /// The replicas' keys, by number.
    pub keys: &'a [SigningKey],
    /// The batches that are certified; whatever others there are besides.
    pub batches: &'a [Batch],
    pub views: &'a [View],
    /// A view that begins after all of them.
    pub next: View,
    pub slots: u64,
}

/// Whether a rulebook treats the certificates of a system alike that say the same.
///
/// # Errors
/// Which it does not.
pub(crate) fn votes_matter(system: &System) -> Result<(), VotesMatter> {
    let bound = system.bound();
    let keys = system.keys();
    // Whoever panics over one of two treats them differently.
    let (setting, rules) = (system.setting(), system.rules().itself());
    let batches: Vec<Batch> = system.requests().iter().map(|r| Batch::new([r.clone()])).collect();
    let views: Vec<View> = (0..bound.scope.views.clamp(1, 4)).map(View).collect();
    let next = View(bound.scope.views);
    let replicas = &keys[..usize::from(bound.scope.replicas)];
    let batches = &batches[..batches.len().min(2)];
    let alike = Alike {
        setting,
        rules,
        keys: replicas,
        batches,
        views: &views,
        next,
        slots: bound.scope.slots.min(2),
    };
    if bound.scope.views > 1 || system.is_open() {
        alike.check_prepared()?;
        alike.check_new_views()?;
    }
    if bound.scope.views > 1 && !bound.byzantine.is_empty() {
        alike.check_reports()?;
    }
    if system.exchanges_states() { alike.check_states() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::bounds::{Bound, Scope};
    use crate::pbft::{Castro99, Digest, PreparedClaim, Refusal, ReplicaId, ViewChange};

    /// A certificate counts with the vote of the last replica alone.
    #[derive(Debug)]
    struct LastVote;

    impl Rules for LastVote {
        fn check_prepared(&self, setting: &Setting, claim: &PreparedClaim) -> Result<(), Refusal> {
            Castro99.check_prepared(setting, claim)?;
            let last = ReplicaId(setting.committee.n() - 1);
            let is_there = claim.prepares.0.iter().any(|vote| vote.signer().replica() == Some(last));
            if is_there { Ok(()) } else { Err(Refusal::NoQuorum) }
        }
    }

    /// Of several certificates the one with most votes is taken.
    #[derive(Debug)]
    struct MostVotes;

    impl Rules for MostVotes {
        fn select<'a>(&self, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
            claims.iter().copied().max_by_key(|claim| (claim.prepares.0.len(), claim.view()))
        }
    }

    /// A batch may stand under any digest, and of several certificates the one with the highest digest is taken.
    #[derive(Debug)]
    struct HighestDigest;

    impl Rules for HighestDigest {
        fn digest_matches(&self, _: Digest, _: &Batch) -> bool {
            true
        }

        fn select<'a>(&self, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
            claims.iter().copied().max_by_key(|claim| claim.digest())
        }
    }

    /// Certificates are taken from a view change without a look at them.
    #[derive(Debug)]
    struct TakesAll;

    impl Rules for TakesAll {
        fn check_view_change(&self, _: &Setting, _: &ViewChange) -> Result<(), Refusal> {
            Ok(())
        }
    }

    #[test]
    fn rulebooks_to_which_votes_matter_are_told_from_the_papers() {
        let asked = |rules: &'static dyn Rules, replicas| {
            let scope = Scope { replicas, faults: (replicas - 1) / 3, ..Scope::DEFAULT };
            votes_matter(&System::new(Bound::new(scope, [ReplicaId(1)]), rules).expect("a sound bound"))
        };
        for replicas in [4, 7, 16] {
            assert_eq!(asked(&Castro99, replicas), Ok(()));
        }
        let matters = |rules| match asked(rules, 4) {
            Err(VotesMatter::Prepared(.., rule)) => rule,
            other => panic!("{other:?}"),
        };
        assert_eq!(matters(&LastVote), "check_prepared");
        assert_eq!(matters(&MostVotes), "new_view_batches");
        let highest = asked(&HighestDigest, 4);
        assert!(matches!(highest, Err(VotesMatter::Proposed(.., "new_view_batches"))), "{highest:?}");
        let all = asked(&TakesAll, 4);
        assert!(matches!(all, Err(VotesMatter::Unproved(_))), "{all:?}");
    }
}
