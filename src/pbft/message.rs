//! The messages of the protocol (OSDI'99 §4).
//!
//! Whoever sends a message signs it; the signer stands in [`Signed`], not in the message.

use std::fmt;
use std::sync::Arc;

use super::block::{Batch, SignedRequest};
use super::certificate::{PreparedClaim, StableClaim};
use super::digest::{Digest, Encoder, Tag};
use super::id::{ClientId, SeqNum, Timestamp, View};
use super::proof::Proof;
use super::signature::{Principal, Signable, Signed};

macro_rules! ballot {
    ($(#[$doc:meta])* $name:ident, $label:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// The view in which it is cast.
            pub view: View,
            /// The sequence number.
            pub seq: SeqNum,
            /// The digest of the batch.
            pub digest: Digest,
        }

        impl Signable for $name {
            fn encode(&self) -> Encoder {
                Encoder::new(Tag::$name).u64(self.view.0).u64(self.seq.0).digest(&self.digest)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($label, " {} {} {}"), self.view, self.seq, self.digest)
            }
        }
    };
}

ballot!(
    /// ⟨PRE-PREPARE, v, n, d⟩: the primary assigns sequence number n to the batch with digest d
    /// (OSDI'99 §4.2).
    PrePrepare, "PRE-PREPARE"
);
ballot!(
    /// ⟨PREPARE, v, n, d, i⟩: a backup accepted that assignment (OSDI'99 §4.2).
    Prepare, "PREPARE"
);
ballot!(
    /// ⟨COMMIT, v, n, d, i⟩: a replica holds a prepared certificate for it (OSDI'99 §4.2).
    Commit, "COMMIT"
);

/// ⟨⟨PRE-PREPARE, v, n, d⟩, m⟩: the signed assignment, and the batch itself, which the signature
/// covers by its digest only (OSDI'99 §4.2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Proposal {
    /// The primary's signed assignment.
    pub pre_prepare: Signed<PrePrepare>,
    /// What it assigns the sequence number to.
    pub batch: Batch,
}

impl Proposal {
    /// The sequence number.
    pub fn seq(&self) -> SeqNum {
        self.pre_prepare.seq
    }

    /// The view in which it was proposed.
    pub fn view(&self) -> View {
        self.pre_prepare.view
    }

    /// The digest that was signed.
    pub fn digest(&self) -> Digest {
        self.pre_prepare.digest
    }
}

/// ⟨CHECKPOINT, n, d, i⟩: the state after executing up to n has digest d (OSDI'99 §4.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Checkpoint {
    /// The last executed sequence number.
    pub seq: SeqNum,
    /// The digest of the state: the hash of the chain's head.
    pub state: Digest,
}

impl Signable for Checkpoint {
    fn encode(&self) -> Encoder {
        Encoder::new(Tag::Checkpoint).u64(self.seq.0).digest(&self.state)
    }
}

/// ⟨VIEW-CHANGE, v + 1, n, C, P, i⟩ (OSDI'99 §4.4). The prepared certificates carry their batches,
/// so that a new primary can propose them again without having to fetch them.
///
/// The signature covers what is claimed; the votes that prove it carry their own signatures.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewChange {
    /// The view that the sender moves to.
    pub new_view: View,
    /// n and C: its last stable checkpoint.
    pub stable: StableClaim,
    /// P: for each sequence number above n at which a batch prepared at the sender, the
    /// certificate of the highest view; ordered by sequence number.
    pub prepared: Vec<PreparedClaim>,
}

impl Signable for ViewChange {
    fn encode(&self) -> Encoder {
        let encoder = Encoder::new(Tag::ViewChange)
            .u64(self.new_view.0)
            .u64(self.stable.seq.0)
            .digest(&self.stable.state)
            .u64(self.prepared.len() as u64);
        self.prepared.iter().fold(encoder, |encoder, claim| {
            encoder.u64(claim.view().0).u64(claim.seq().0).digest(&claim.digest())
        })
    }
}

impl fmt::Debug for ViewChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "VIEW-CHANGE to {}, stable {}, prepared {:?}",
            self.new_view, self.stable.seq, self.prepared
        )
    }
}

/// ⟨NEW-VIEW, v + 1, V, O⟩ (OSDI'99 §4.4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NewView {
    /// The view that begins.
    pub view: View,
    /// V: the view changes that justify it, ordered by sender.
    pub view_changes: Proof<Vec<Arc<Signed<ViewChange>>>>,
    /// O: a pre-prepare for every sequence number between the latest stable checkpoint and the
    /// highest prepared certificate in V.
    pub proposals: Vec<Proposal>,
}

impl Signable for NewView {
    fn encode(&self) -> Encoder {
        let encoder = Encoder::new(Tag::NewView).u64(self.view.0).u64(self.view_changes.0.len() as u64);
        let encoder = self.view_changes.0.iter().fold(encoder, |encoder, change| {
            let signer = change.signer().replica().map_or(u16::MAX, |id| id.0);
            encoder.u16(signer).digest(&change.encode().finish())
        });
        self.proposals
            .iter()
            .fold(encoder, |encoder, proposal| encoder.u64(proposal.seq().0).digest(&proposal.digest()))
    }
}

impl fmt::Debug for NewView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NEW-VIEW {} proposing {:?}", self.view, self.proposals)
    }
}

/// ⟨REPLY, v, t, c, i, r⟩ (OSDI'99 §4.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reply {
    /// The view that the replica was in; tells the client who is primary.
    pub view: View,
    /// The timestamp of the request.
    pub timestamp: Timestamp,
    /// The client that asked.
    pub client: ClientId,
    /// What execution returned.
    pub result: Outcome,
}

impl Signable for Reply {
    fn encode(&self) -> Encoder {
        Encoder::new(Tag::Reply)
            .u64(self.view.0)
            .u64(self.timestamp.0)
            .u32(self.client.0)
            .u64(self.result.seq.0)
            .u32(self.result.position)
            .digest(&self.result.state)
    }
}

/// The result of an operation of the ledger service: where the request was executed, and the hash
/// of everything before it. Replicas whose histories differ return different results.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Outcome {
    /// The block in which the request was executed.
    pub seq: SeqNum,
    /// Its place among the requests that the block executed, from 0.
    pub position: u32,
    /// The hash of the block before.
    pub state: Digest,
}

/// Any message that a replica can receive or send.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// A client's request, from the client or relayed by a backup.
    Request(SignedRequest),
    /// The primary's proposal.
    PrePrepare(Proposal),
    /// A backup's vote for a proposal.
    Prepare(Signed<Prepare>),
    /// A vote to decide.
    Commit(Signed<Commit>),
    /// A vote for a checkpoint.
    Checkpoint(Signed<Checkpoint>),
    /// A vote to change the view.
    ViewChange(Arc<Signed<ViewChange>>),
    /// The new primary's announcement.
    NewView(Arc<Signed<NewView>>),
}

impl Message {
    /// Who signed it.
    pub fn signer(&self) -> Principal {
        match self {
            Message::Request(m) => m.signer(),
            Message::PrePrepare(m) => m.pre_prepare.signer(),
            Message::Prepare(m) => m.signer(),
            Message::Commit(m) => m.signer(),
            Message::Checkpoint(m) => m.signer(),
            Message::ViewChange(m) => m.signer(),
            Message::NewView(m) => m.signer(),
        }
    }

    /// Its name, as the paper writes it.
    pub fn kind(&self) -> &'static str {
        match self {
            Message::Request(_) => "REQUEST",
            Message::PrePrepare(_) => "PRE-PREPARE",
            Message::Prepare(_) => "PREPARE",
            Message::Commit(_) => "COMMIT",
            Message::Checkpoint(_) => "CHECKPOINT",
            Message::ViewChange(_) => "VIEW-CHANGE",
            Message::NewView(_) => "NEW-VIEW",
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Request(m) => write!(f, "REQUEST {m:?}"),
            Message::PrePrepare(m) => {
                write!(f, "PRE-PREPARE {} {} {} by {}", m.view(), m.seq(), m.batch, m.pre_prepare.signer())
            }
            Message::Prepare(m) => m.fmt(f),
            Message::Commit(m) => m.fmt(f),
            Message::Checkpoint(m) => m.fmt(f),
            Message::ViewChange(m) => m.fmt(f),
            Message::NewView(m) => m.fmt(f),
        }
    }
}
