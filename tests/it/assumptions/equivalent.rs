//! The rules of the paper in other words, and rules that make no difference to what is safe.

use std::collections::BTreeMap;

use bft_check::pbft::{
    Batch, Castro99, Committee, NewView, PreparedClaim, Refusal, ReplicaId, Rules, SeqNum, Setting, View,
    ViewChange, VoteSet, check_proposal,
};

rulebook! { FoldsSelect:
    fn select<'a>(&self, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
        claims.iter().rev().fold(None, |highest: Option<&PreparedClaim>, &claim| match highest {
            Some(other) if other.view() >= claim.view() => Some(other),
            _ => Some(claim),
        })
    }
}

rulebook! { MapsBatches:
    fn new_view_batches(&self, changes: &[&ViewChange]) -> Vec<(SeqNum, Batch)> {
        let mut highest: BTreeMap<SeqNum, &PreparedClaim> = BTreeMap::new();
        for claim in changes.iter().rev().flat_map(|change| change.prepared.iter().rev()) {
            let held = highest.entry(claim.seq()).or_insert(claim);
            if claim.view() > held.view() {
                *held = claim;
            }
        }
        let last = highest.keys().last().map_or(0, |seq| seq.0);
        let batch = |seq| highest.get(&seq).map_or_else(Batch::null, |claim| claim.proposal.batch.clone());
        (1..=last).map(|n| (SeqNum(n), batch(SeqNum(n)))).collect()
    }
}

rulebook! { CountsBits:
    fn check_prepared(&self, setting: &Setting, claim: &PreparedClaim) -> Result<(), Refusal> {
        check_proposal(self, setting, &claim.proposal)?;
        let (view, seq, digest) = (claim.view(), claim.seq(), claim.digest());
        let voters: VoteSet = claim
            .prepares
            .0
            .iter()
            .filter(|vote| (vote.view, vote.seq, vote.digest) == (view, seq, digest) && setting.keys.verify(*vote))
            .filter_map(|vote| vote.signer().replica())
            .filter(|&id| id != self.primary(setting.committee, view) && setting.committee.contains(id))
            .collect();
        if voters.len() + 1 >= setting.committee.quorum() { Ok(()) } else { Err(Refusal::NoQuorum) }
    }
}

rulebook! { NeverJoins:
    fn join(&self, _: Committee, _: &[View]) -> Option<View> {
        None
    }
}

rulebook! { JoinsTheHighest:
    fn join(&self, committee: Committee, views: &[View]) -> Option<View> {
        (views.len() >= committee.weak_quorum()).then(|| views.iter().copied().max())?
    }
}

rulebook! { ComparesLists:
    fn follows(&self, new_view: &NewView, changes: &[&ViewChange]) -> bool {
        let due = self.new_view_batches(changes);
        new_view.proposals.len() == due.len()
            && new_view.proposals.iter().zip(&due).all(|(proposal, (seq, batch))| {
                proposal.view() == new_view.view && proposal.seq() == *seq && proposal.digest() == batch.digest()
            })
    }
}

rulebook! { BackupsPrepare:
    fn may_prepare(&self, committee: Committee, view: View, from: ReplicaId) -> bool {
        !self.may_propose(committee, view, from)
    }
}

rulebook! { KeepsPrepared:
    fn leaves_prepared(&self) -> bool {
        Castro99.leaves_prepared()
    }
}

/// All of them.
pub const ALL: &[&dyn Rules] = &[
    &Castro99,
    &FoldsSelect,
    &MapsBatches,
    &CountsBits,
    &NeverJoins,
    &JoinsTheHighest,
    &ComparesLists,
    &BackupsPrepare,
    &KeepsPrepared,
];
