//! What rules are asked about.

use super::super::forge::Maker;
use crate::pbft::{Batch, Digest, PrePrepare, Proposal, ReplicaId, SeqNum, View};

/// A rulebook, and the parts that the arguments of its rules are made of.
pub(super) struct Trial<'a> {
    pub maker: &'a Maker<'a>,
    pub slots: u64,
    /// The batches of one request each that clients have asked for, the one that nobody has, and the null one.
    pub requests: &'a [Batch],
    pub forged: &'a Batch,
    pub null: &'a Batch,
}

impl Trial<'_> {
    pub fn n(&self) -> u64 {
        u64::from(self.maker.setting.committee.n())
    }

    /// Views that are asked about.
    pub fn views(&self) -> impl Iterator<Item = View> + Clone {
        let near = 0..=2 * self.n() + 1;
        near.chain([63, 64, 65, 1 << 20, (1 << 32) + 3]).map(View)
    }

    /// A few of them, of different primaries.
    pub fn few_views(&self) -> Vec<View> {
        let n = self.n();
        [0, 1, n - 1, n, n + 2].map(View).to_vec()
    }

    /// A proposal by somebody, for a batch under the digest of another.
    pub fn proposal_by(
        &self,
        id: ReplicaId,
        (view, seq): (View, SeqNum),
        named: Digest,
        batch: &Batch,
    ) -> Proposal {
        let pre_prepare = self.maker.keys.replicas[id.index()].sign(PrePrepare { view, seq, digest: named });
        Proposal { pre_prepare, batch: batch.clone() }
    }
}
