//! Rules of one's own: two that fork, and one that does not.

use bft_check::pbft::{Committee, Rules};

/// A decision takes one COMMIT less than a quorum: 2f of them. Two such sets need not share an honest replica.
#[derive(Debug)]
pub struct FewCommits;

impl Rules for FewCommits {
    fn commit_quorum(&self, committee: Committee) -> usize {
        committee.quorum() - 1
    }
}

/// A decision takes the COMMITs of all. It is safe, and one silent replica is enough to stop it.
#[derive(Debug)]
pub struct EveryCommit;

impl Rules for EveryCommit {
    fn commit_quorum(&self, committee: Committee) -> usize {
        usize::from(committee.n())
    }
}

/// A quorum is half of the replicas. Two such sets need not share anybody.
#[derive(Debug)]
pub struct HalfQuorum;

impl Rules for HalfQuorum {
    fn quorum(&self, committee: Committee) -> usize {
        usize::from(committee.n()) / 2
    }
}
