//! A bound filled with life: its replicas, keys and requests, and what happens between them.

mod build;
mod kind;
mod within;
mod workload;

use std::sync::Arc;

use kind::{Deeds, Kind};

use super::bounds::Bound;
use super::conduct::Conduct;
use crate::pbft::{Client, ClientId, Renaming, Replica, Rules, Setting, SignedRequest, SigningKey, View};

/// A bound filled with life: replicas, keys and requests.
#[derive(Clone, Debug)]
pub struct System {
    bound: Bound,
    setting: Arc<Setting>,
    rules: &'static dyn Rules,
    honest: Vec<Replica>,
    byzantine: Vec<SigningKey>,
    keys: Vec<SigningKey>,
    /// Empty where clients take no part.
    clients: Vec<Client>,
    requests: Vec<SignedRequest>,
    forged: SignedRequest,
    client_keys: Vec<SigningKey>,
    kind: Kind,
}

impl System {
    /// What clients ask for.
    pub(crate) const OPERATION: &'static [u8] = b"op";

    /// The little that Byzantine replicas do, if they do not do all that they may.
    pub(crate) fn conduct(&self) -> Option<Conduct> {
        match self.kind {
            Kind::Open(Deeds::Few(conduct)) => Some(conduct),
            Kind::Open(Deeds::All) | Kind::Bounded | Kind::OfLastView(_) | Kind::Simulated(_) => None,
        }
    }

    /// Whether what Byzantine replicas send does not depend on what others have sent.
    pub(crate) fn is_silent(&self) -> bool {
        self.conduct().is_some()
    }

    /// Whether nothing that it could do is withheld: it was made by [`Self::open`], or is simulated.
    pub fn is_open(&self) -> bool {
        matches!(self.kind, Kind::Open(_) | Kind::Simulated(_))
    }

    /// Whether it is for a simulated run: what its adversary sends is not enumerated, but asked whether it
    /// can be made ([`Statements`](super::Statements)).
    pub(crate) fn is_simulated(&self) -> bool {
        matches!(self.kind, Kind::Simulated(_))
    }

    /// Other numbers for the views from one on, `by` views up or down.
    pub fn renumbering(&self, from: View, by: i64) -> Renaming<'_> {
        Renaming { keys: &self.keys, from, by, names: None }
    }

    /// The bound.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// The setting that all replicas share.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// The rulebook, as it is asked by who is no replica: where it panics, it lets through what it was asked about, so
    /// that a replica panics over it; what cannot be answered so is raised as a [`Panicked`](super::Panicked). A system
    /// that is made with it, and replicas of that system, follow the rulebook itself.
    pub fn rules(&self) -> &'static dyn Rules {
        self.rules
    }

    /// The honest replicas, by number.
    pub fn honest(&self) -> &[Replica] {
        &self.honest
    }

    /// The Byzantine replicas' keys: all that makes them more than a network.
    pub fn byzantine(&self) -> &[SigningKey] {
        &self.byzantine
    }

    /// What the clients ask for.
    pub fn requests(&self) -> &[SignedRequest] {
        &self.requests
    }

    /// A request that its client did not sign.
    pub fn forged(&self) -> &SignedRequest {
        &self.forged
    }

    /// Everybody's keys: the replicas', by number, then the clients'.
    pub(super) fn keys(&self) -> Vec<SigningKey> {
        self.keys.iter().chain(&self.client_keys).cloned().collect()
    }

    /// The clients, if they take part.
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// Whether a client only reads.
    pub(crate) fn reads(&self, client: ClientId) -> bool {
        client.0 as usize >= self.requests.len()
    }
}
