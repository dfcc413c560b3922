//! The protocol: PBFT with signatures, as Castro and Liskov describe it (OSDI'99).
//!
//! Everything here is pure and deterministic: no I/O, no clock, no randomness, and no iteration in
//! hash order. A [`Replica`] holds what is fixed, a [`State`] what changes, and
//! [`Replica::step`] takes a state and an input to the next state and its [`Effect`]s. Whatever
//! checks, simulates or runs the protocol runs this code.

mod block;
mod certificate;
mod client;
mod counted;
mod digest;
mod evidence;
mod id;
mod message;
pub(crate) mod paper;
mod quorum;
mod rename;
mod replica;
mod rules;
mod signature;
mod snapshot;
mod uncompared;

pub use block::{Batch, Block, Chain, Request, RequestId, SignedRequest, signed_by_its_client};
pub use certificate::{
    CommitCertificate, Decision, PreparedCertificate, PreparedClaim, StableCheckpoint, StableClaim,
};
pub use client::{Client, ClientEffect, ClientInput, ClientState};
pub(crate) use counted::{Counted, every_rule};
pub use counted::{RULES, RuleCount};
pub use digest::{Digest, Encoder, Tag};
pub use evidence::Evidence;
pub use id::{ClientId, ReplicaId, SeqNum, Timestamp, View};
pub use message::{
    Checkpoint, Commit, Message, NewView, Outcome, PrePrepare, Prepare, Proposal, Reply, StateTransfer,
    Status, ViewChange,
};
pub use quorum::{Committee, CommitteeError, Tally, TallyKey, VoteSet, Votes};
pub use rename::{Names, Rename, Renaming};
pub use replica::{Effect, Input, Log, Record, Replica, Slot, State, TallyId, Timer};
pub use rules::{
    Castro99, Refusal, Rules, Setting, SignedPart, Standing, check_proposal, is_signed_commit, replica_of,
};
pub use signature::{KeySet, Keyring, Principal, Signable, Signed, SigningKey};
pub use snapshot::{LastReply, Snapshot};
pub use uncompared::Uncompared;
