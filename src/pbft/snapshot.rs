//! The agreed state at a checkpoint (OSDI'99 §4.3).

use std::collections::BTreeMap;

use super::block::Chain;
use super::digest::{Digest, Encoder, Tag};
use super::id::{ClientId, SeqNum, Timestamp};
use super::message::Outcome;

/// The last request of a client that was executed, and what it returned (OSDI'99 §4.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LastReply {
    /// The request's timestamp.
    pub timestamp: Timestamp,
    /// The result.
    pub result: Outcome,
}

/// The state of the replicated service after executing a sequence number: the same on every honest
/// replica, so that a replica which lags behind can be given it and can verify it by its digest.
///
/// It holds the hash of the chain, not the blocks: those below a checkpoint are history.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Snapshot {
    /// The last executed sequence number.
    pub seq: SeqNum,
    /// The hash of the block with that number.
    pub head: Digest,
    /// The last reply to each client.
    pub clients: BTreeMap<ClientId, LastReply>,
}

impl Snapshot {
    /// The state that everybody starts from.
    pub fn genesis() -> Self {
        Snapshot { seq: SeqNum::GENESIS, head: Chain::genesis().head(), clients: BTreeMap::new() }
    }

    /// What CHECKPOINTs for this state vote for: SHA-256 over all of it.
    pub fn digest(&self) -> Digest {
        let encoder =
            Encoder::new(Tag::Snapshot).u64(self.seq.0).digest(&self.head).u64(self.clients.len() as u64);
        let encoder = self.clients.iter().fold(encoder, |encoder, (client, last)| {
            last.result.append_to(encoder.u32(client.0).u64(last.timestamp.0))
        });
        encoder.finish()
    }
}
