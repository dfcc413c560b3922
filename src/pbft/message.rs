//! The messages of the protocol (OSDI'99 §4).
//!
//! Whoever sends a message signs it; the signer stands in [`Signed`], not in the message.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use super::block::{Batch, RequestId, SignedRequest};
use super::certificate::{Decision, PreparedClaim, StableClaim};
use super::digest::{Digest, Encoder, Tag};
use super::id::{ClientId, SeqNum, Timestamp, View};
use super::signature::{Principal, Signable, Signed};
use super::snapshot::Snapshot;
use super::uncompared::Uncompared;

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
    /// The digest of the state.
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

/// ⟨NEW-VIEW, v + 1, V, O⟩ (OSDI'99 §4.4). Two of them are the same if they begin the same view with the same proposals, and
/// their view changes name the same stable checkpoints, whichever view changes these are.
#[derive(Clone)]
pub struct NewView {
    /// The view that begins.
    pub view: View,
    /// V: the view changes that justify it, ordered by sender.
    pub view_changes: Uncompared<Vec<Arc<Signed<ViewChange>>>>,
    /// O: a pre-prepare for every sequence number between the latest stable checkpoint and the
    /// highest prepared certificate in V.
    pub proposals: Vec<Proposal>,
}

/// Stable checkpoints that are named: number and digest.
type Named = SmallVec<[(SeqNum, Digest); 2]>;

impl NewView {
    /// The latest stable checkpoint in V, with which the view begins: number and digest. It is proved once
    /// the view changes are verified.
    pub fn start(&self) -> Option<(SeqNum, Digest)> {
        self.view_changes.0.iter().map(|change| (change.stable.seq, change.stable.state)).max()
    }

    /// The stable checkpoints in V, each once: where the view starts is up to the rulebook.
    fn checkpoints(&self) -> Named {
        let mut all: SmallVec<_> = SmallVec::new();
        for change in &self.view_changes.0 {
            let checkpoint = (change.stable.seq, change.stable.state);
            if !all.contains(&checkpoint) {
                all.push(checkpoint);
            }
        }
        all.sort_unstable();
        all
    }

    fn statement(&self) -> (View, Named, &[Proposal]) {
        (self.view, self.checkpoints(), &self.proposals)
    }
}

impl PartialEq for NewView {
    fn eq(&self, other: &Self) -> bool {
        self.statement() == other.statement()
    }
}

impl Eq for NewView {}

impl PartialOrd for NewView {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NewView {
    fn cmp(&self, other: &Self) -> Ordering {
        self.statement().cmp(&other.statement())
    }
}

impl Hash for NewView {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.statement().hash(state);
    }
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
        let encoder = Encoder::new(Tag::Reply).u64(self.view.0).u64(self.timestamp.0).u32(self.client.0);
        self.result.append_to(encoder)
    }
}

/// The result of an operation of the ledger service. Replicas whose histories differ return different
/// results.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The operation was appended to the ledger.
    Appended {
        /// The block in which it was executed.
        seq: SeqNum,
        /// Its place among the requests that the block executed, from 0.
        position: u32,
        /// The hash of the block before: of everything that was executed earlier.
        parent: Digest,
    },
    /// The operation only read the ledger.
    Read {
        /// The last block then.
        height: SeqNum,
        /// Its hash.
        head: Digest,
    },
}

impl Outcome {
    /// The digest by which replies are compared.
    pub fn digest(&self) -> Digest {
        self.append_to(Encoder::new(Tag::Outcome)).finish()
    }

    /// Appends its canonical encoding.
    pub(crate) fn append_to(&self, encoder: Encoder) -> Encoder {
        match self {
            Outcome::Appended { seq, position, parent } => {
                encoder.u16(0).u64(seq.0).u32(*position).digest(parent)
            }
            Outcome::Read { height, head } => encoder.u16(1).u64(height.0).digest(head),
        }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Appended { seq, position, parent } => {
                write!(f, "appended at {seq}, place {position}, after {parent}")
            }
            Outcome::Read { height, head } => write!(f, "read up to {height}, {head}"),
        }
    }
}

/// ⟨STATUS, v, a, h, n, i⟩: how far a replica is, so that others can send again what it misses. The
/// paper leaves retransmission open; Castro's thesis (MIT, 2001, §5.2) has such messages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Status {
    /// The view that the replica is in, or moving to.
    pub view: View,
    /// Whether it takes part in that view.
    pub active: bool,
    /// Its last stable checkpoint.
    pub stable: SeqNum,
    /// The last sequence number that it has executed.
    pub height: SeqNum,
}

impl Signable for Status {
    fn encode(&self) -> Encoder {
        Encoder::new(Tag::Status)
            .u64(self.view.0)
            .u16(u16::from(self.active))
            .u64(self.stable.0)
            .u64(self.height.0)
    }
}

/// ⟨STATE, n, C, s, D, i⟩: a stable checkpoint with its proof (OSDI'99 §4.3, §5.1.2), the state there, and
/// what was decided after it, for a replica that lags behind.
///
/// A replica can know that a checkpoint is stable without having its state. It sends the proof alone then:
/// those who have the state may lack just that, and cannot pass it on without.
///
/// The paper leaves open how a replica gets a batch that the others have decided and that it has
/// missed. It may have left their view alone, and then none of their votes counts for it; the proof that
/// a batch is decided counts in every view.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StateTransfer {
    /// n and C: the checkpoint, and what proves it stable.
    pub stable: StableClaim,
    /// s: the state, which has the digest that the checkpoint names, if the sender has it.
    pub snapshot: Option<Arc<Snapshot>>,
    /// D: batches decided above n, ordered by sequence number.
    pub decided: Vec<Decision>,
}

impl Signable for StateTransfer {
    fn encode(&self) -> Encoder {
        let encoder = Encoder::new(Tag::State)
            .u64(self.stable.seq.0)
            .digest(&self.stable.state)
            .digest(&self.snapshot.as_ref().map_or(Digest::ZERO, |snapshot| snapshot.digest()))
            .u64(self.decided.len() as u64);
        self.decided
            .iter()
            .fold(encoder, |encoder, decision| encoder.u64(decision.seq.0).digest(&decision.batch.digest()))
    }
}

/// Any message that a replica or a client can receive or send.
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
    /// A client's request to read, which is not to be ordered (OSDI'99 §5.1.3).
    Read(SignedRequest),
    /// A replica's answer to a client.
    Reply(Signed<Reply>),
    /// How far a replica is.
    Status(Signed<Status>),
    /// The agreed state, for a replica that lags behind.
    State(Arc<Signed<StateTransfer>>),
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
            Message::Read(m) => m.signer(),
            Message::Reply(m) => m.signer(),
            Message::Status(m) => m.signer(),
            Message::State(m) => m.signer(),
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
            Message::Read(_) => "READ",
            Message::Reply(_) => "REPLY",
            Message::Status(_) => "STATUS",
            Message::State(_) => "STATE",
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
            Message::Read(m) => write!(f, "READ {m:?}"),
            Message::Reply(m) => {
                let id = RequestId { client: m.client, timestamp: m.timestamp };
                write!(f, "REPLY to {id} in {}: {:?}", m.view, m.result)
            }
            Message::Status(m) => {
                let standing = if m.active { "in" } else { "moving to" };
                write!(f, "STATUS {standing} {}, stable {}, executed {}", m.view, m.stable, m.height)
            }
            Message::State(m) => {
                write!(f, "STATE at {} (", m.stable.seq)?;
                match &m.snapshot {
                    Some(snapshot) => write!(f, "{}", snapshot.head)?,
                    None => write!(f, "its proof alone, for {}", m.stable.state)?,
                }
                write!(f, "), decided {:?}", m.decided)
            }
        }
    }
}
