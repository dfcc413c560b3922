//! The certificates that are held against each other: those that an honest replica can hold, and others that say the same.

use itertools::Itertools as _;

use super::Alike;
use crate::pbft::{
    Batch, Digest, PrePrepare, Prepare, PreparedClaim, Proposal, ReplicaId, SeqNum, Signable, Signed,
    SigningKey, Uncompared, View,
};

/// The most sets of voters of one size: where there are more, voters are neighbours.
const MOST_SETS: usize = 128;

/// All sets of so many of these, or of neighbours among them; in either order.
pub(super) fn sets<T: Clone>(of: &[T], size: usize) -> Vec<Vec<T>> {
    let size = size.min(of.len());
    let count = (0..size).fold(1_usize, |count, place| count.saturating_mul(of.len() - place) / (place + 1));
    let mut sets: Vec<Vec<T>> = if count <= MOST_SETS {
        of.iter().cloned().combinations(size).collect()
    } else {
        (0..of.len()).map(|first| of.iter().cycle().skip(first).take(size).cloned().collect()).collect()
    };
    for place in 0..sets.len() {
        let mut reversed = sets[place].clone();
        reversed.reverse();
        sets.push(reversed);
    }
    sets
}

impl Alike<'_> {
    pub(super) fn key(&self, id: ReplicaId) -> &SigningKey {
        &self.keys[id.index()]
    }

    pub(super) fn proposal(&self, view: View, seq: SeqNum, batch: &Batch) -> Proposal {
        let pre_prepare = PrePrepare { view, seq, digest: batch.digest() };
        let primary = self.rules.primary(self.setting.committee, view);
        Proposal { pre_prepare: self.key(primary).sign(pre_prepare), batch: batch.clone() }
    }

    /// The votes that count for a proposal at an honest replica: of each who votes those for it, and those for
    /// something else that count as such.
    fn votes(&self, view: View, seq: SeqNum, batch: &Batch) -> Vec<Vec<Signed<Prepare>>> {
        let (rules, committee) = (self.rules, self.setting.committee);
        let digest = batch.digest();
        let due = rules.prepare_key(view, digest);
        let other =
            self.batches.iter().map(Batch::digest).find(|other| *other != digest).unwrap_or(Digest::ZERO);
        let contents = [(view, digest), (view, other), (view.next(), digest), (view.next(), other)];
        let same: Vec<_> =
            contents.into_iter().filter(|&(view, digest)| rules.prepare_key(view, digest) == due).collect();
        let counts = |&id: &ReplicaId| rules.may_prepare(committee, view, id) && rules.counts_vote(None, id);
        let voters = committee.replicas().filter(counts);
        voters
            .map(|id| {
                let vote =
                    |&(view, digest): &(View, Digest)| self.key(id).sign(Prepare { view, seq, digest });
                same.iter().map(vote).collect()
            })
            .collect()
    }

    /// Certificates for a proposal that an honest replica can hold, and others that differ from them in votes alone.
    pub(in crate::model) fn certificates(
        &self,
        view: View,
        seq: SeqNum,
        batch: &Batch,
    ) -> (Vec<PreparedClaim>, Vec<PreparedClaim>) {
        let quorum = self.rules.prepare_quorum(self.setting.committee);
        let proposal = self.proposal(view, seq, batch);
        let votes = self.votes(view, seq, batch);
        let claim = |prepares: Vec<Signed<Prepare>>| PreparedClaim {
            proposal: proposal.clone(),
            prepares: Uncompared(prepares.into()),
        };
        let mut held = Vec::new();
        for size in [quorum.saturating_sub(1), quorum] {
            if size > votes.len() {
                continue;
            }
            for voters in sets(&votes, size) {
                let most = voters.iter().map(Vec::len).max().unwrap_or(1);
                // All vote for it, then all for what else counts, then every second.
                for kind in 0..most {
                    let pick = |votes: &Vec<Signed<Prepare>>| votes[kind.min(votes.len() - 1)].clone();
                    held.push(claim(voters.iter().map(pick).collect()));
                    let pick = |(place, votes): (usize, &Vec<Signed<Prepare>>)| {
                        votes[if place % 2 == 0 { 0 } else { kind.min(votes.len() - 1) }].clone()
                    };
                    held.push(claim(voters.iter().enumerate().map(pick).collect()));
                }
            }
        }
        let every = || self.keys.iter().map(|key| key.sign(Prepare { view, seq, digest: batch.digest() }));
        let elsewhere = || {
            self.keys.iter().map(|key| key.sign(Prepare { view: view.next(), seq, digest: batch.digest() }))
        };
        let first: Vec<_> = votes.iter().filter_map(|votes| votes.first().cloned()).collect();
        let twice = || first.iter().flat_map(|vote| [vote.clone(), vote.clone()]);
        let once = || first.first().cloned().into_iter().cycle().take(self.keys.len());
        let other: Vec<Vec<Signed<Prepare>>> = vec![
            first.clone(),
            every().collect(),
            every().chain(elsewhere()).collect(),
            elsewhere().chain(every()).collect(),
            twice().collect(),
            once().collect(),
            Vec::new(),
        ];
        (held, other.into_iter().map(claim).collect())
    }

    /// Certificates for the same batch, number and view: under other digests, by other replicas, with a forged signature; each
    /// with the votes for it of all others, and with none.
    pub(super) fn proposed_otherwise(&self, held: &PreparedClaim) -> Vec<PreparedClaim> {
        let (view, seq, batch) = (held.view(), held.seq(), &held.proposal.batch);
        let digests = self.batches.iter().chain([batch]).map(Batch::digest).chain([Digest::ZERO]);
        let mut all = Vec::new();
        for digest in digests.unique() {
            let content = PrePrepare { view, seq, digest };
            let forged = Signed::forged(held.proposal.pre_prepare.signer(), content);
            let signed = self.keys.iter().map(|key| key.sign(content));
            for pre_prepare in signed.chain([forged]) {
                let voters = self.keys.iter().filter(|key| key.owner() != pre_prepare.signer());
                let votes: Vec<_> = voters.map(|key| key.sign(Prepare { view, seq, digest })).collect();
                let proposal = Proposal { pre_prepare, batch: batch.clone() };
                for votes in [votes, Vec::new()] {
                    let (proposal, prepares) = (proposal.clone(), Uncompared(votes.into()));
                    all.push(PreparedClaim { proposal, prepares });
                }
            }
        }
        all
    }

    pub(super) fn signed<M: Signable + Copy>(&self, message: M) -> Vec<Signed<M>> {
        self.keys.iter().map(|key| key.sign(message)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_voters_are_all_or_neighbours() {
        assert_eq!(sets(&[1, 2, 3], 2).len(), 6);
        assert_eq!(sets(&(0..15).collect::<Vec<_>>(), 7).len(), 30);
    }
}
