//! The same states and messages, with other names: other view numbers, other replicas, other clients.
//!
//! Of two views the protocol asks which is the higher one, and of one who is its primary; and the primary of view
//! v is that of view v + n (OSDI'99 §4). So what differs in the numbers of its views alone, in the same
//! order and by a multiple of n, has the same future. That makes a run in which views change for ever a loop.
//!
//! Of replicas it asks who is primary, and counts the others; of clients, whose the request is. So replicas that never
//! become primary can trade places, and clients that ask for the same. That makes many states one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::block::{Batch, Chain, Request, RequestId, SignedRequest};
use super::certificate::{Decision, PreparedClaim, StableClaim};
use super::digest::Digest;
use super::id::{ClientId, ReplicaId, View};
use super::message::{
    Checkpoint, Commit, Message, NewView, Outcome, PrePrepare, Prepare, Proposal, Reply, StateTransfer,
    Status, ViewChange,
};
use super::signature::{Principal, Signable, Signed, SigningKey};
use super::snapshot::{LastReply, Snapshot};
use super::uncompared::Uncompared;

/// Other names: numbers for the views from some view on, and replicas and clients for each other.
#[derive(Clone, Copy, Debug)]
pub struct Renaming<'a> {
    /// Everybody's keys: what names somebody or a view is signed, and has to be signed anew. Only who holds all keys
    /// can rename. Those of clients count only where clients get other names.
    pub keys: &'a [SigningKey],
    /// The first view that gets another number. Those before keep theirs.
    pub from: View,
    /// By how many views they move up, or down if it is negative.
    pub by: i64,
    /// Who gets which other name; none if everybody keeps theirs.
    pub names: Option<&'a Names>,
}

/// Replicas and clients that trade names, and what becomes of the digests that name requests.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    replicas: BTreeMap<ReplicaId, ReplicaId>,
    clients: BTreeMap<ClientId, ClientId>,
    digests: HashMap<Digest, Digest>,
}

/// What can get other names.
pub trait Rename: Sized {
    /// This with other names; none if it names a view that moves down to before the first, or holds a digest of
    /// requests which are not at hand.
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self>;
}

impl Names {
    /// Two replicas trade names.
    pub(crate) fn of_replicas(a: ReplicaId, b: ReplicaId) -> Self {
        Names { replicas: BTreeMap::from([(a, b), (b, a)]), ..Names::default() }
    }

    /// Two clients trade names, which signed requests in these batches; `keys` are everybody's. Digests of anything else
    /// than one of the batches get no other name.
    pub(crate) fn of_clients(a: ClientId, b: ClientId, keys: &[SigningKey], batches: &[Batch]) -> Self {
        let mut names = Names { clients: BTreeMap::from([(a, b), (b, a)]), ..Names::default() };
        let by = Renaming { keys, from: View(0), by: 0, names: Some(&names) };
        let digests = batches.iter().filter_map(|batch| Some((batch.digest(), batch.renamed(&by)?.digest())));
        let genesis = [Snapshot::genesis().digest(), Chain::genesis().head(), Digest::ZERO];
        let digests = digests.chain(genesis.map(|digest| (digest, digest))).collect();
        names.digests = digests;
        names
    }

    /// The other name of a replica.
    pub(crate) fn replica(&self, id: ReplicaId) -> ReplicaId {
        self.replicas.get(&id).copied().unwrap_or(id)
    }

    fn client(&self, id: ClientId) -> ClientId {
        self.clients.get(&id).copied().unwrap_or(id)
    }

    pub(super) fn request(&self, id: RequestId) -> RequestId {
        RequestId { client: self.client(id.client), ..id }
    }
}

impl Renaming<'_> {
    /// The new number of a view.
    pub fn view(&self, view: View) -> Option<View> {
        if view < self.from {
            return Some(view);
        }
        view.0.checked_add_signed(self.by).map(View).filter(|&moved| moved >= self.from)
    }

    /// The other name of a replica or client.
    pub(crate) fn principal(&self, who: Principal) -> Principal {
        match (self.names, who) {
            (None, who) => who,
            (Some(names), Principal::Replica(id)) => Principal::Replica(names.replica(id)),
            (Some(names), Principal::Client(id)) => Principal::Client(names.client(id)),
        }
    }

    pub(super) fn replica(&self, id: ReplicaId) -> ReplicaId {
        self.names.map_or(id, |names| names.replica(id))
    }

    /// The digest of the same requests, states or blocks with their other names.
    pub(super) fn digest(&self, digest: Digest) -> Option<Digest> {
        match self.names {
            Some(names) if !names.clients.is_empty() => names.digests.get(&digest).copied(),
            _ => Some(digest),
        }
    }

    /// This renaming of names alone, not of views: what is decided is decided whatever the view in which it was, and the votes that
    /// prove it keep their numbers.
    fn within_views(&self) -> Self {
        Renaming { by: 0, ..*self }
    }

    fn sign<M: Signable>(&self, old: &Signed<M>, new: M) -> Option<Signed<M>> {
        let signer = self.principal(old.signer());
        self.keys.iter().find(|key| key.owner() == signer).map(|key| old.signed_anew(key, new))
    }
}

macro_rules! with_a_view_and_a_digest {
    ($($name:ident)*) => {$(
        impl Rename for Signed<$name> {
            fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
                let (view, digest) = (by.view(self.view)?, by.digest(self.digest)?);
                by.sign(self, $name { view, digest, ..*self.message() })
            }
        }
    )*};
}

with_a_view_and_a_digest!(PrePrepare Prepare Commit);

impl Rename for Signed<Status> {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        by.sign(self, Status { view: by.view(self.view)?, ..*self.message() })
    }
}

impl<T: Rename> Rename for Option<T> {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        match self {
            Some(item) => item.renamed(by).map(Some),
            None => Some(None),
        }
    }
}

impl<T: Rename> Rename for Vec<T> {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        self.iter().map(|item| item.renamed(by)).collect()
    }
}

impl<T: Rename> Rename for Arc<T> {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        self.as_ref().renamed(by).map(Arc::new)
    }
}

impl<T: Rename> Rename for Arc<[T]> {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        self.iter().map(|item| item.renamed(by)).collect()
    }
}

impl<T: Rename> Rename for Uncompared<T> {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        self.0.renamed(by).map(Uncompared)
    }
}

impl Rename for SignedRequest {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        let Some(names) = by.names else { return Some(self.clone()) };
        let client = names.client(self.client);
        if client == self.client && by.principal(self.signer()) == self.signer() {
            return Some(self.clone());
        }
        by.sign(self, Request { client, ..self.message().clone() })
    }
}

impl Rename for Batch {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        let requests: Vec<SignedRequest> =
            self.requests().iter().map(|request| request.renamed(by)).collect::<Option<_>>()?;
        Some(if requests == self.requests() { self.clone() } else { Batch::new(requests) })
    }
}

impl Rename for Proposal {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        Some(Proposal { pre_prepare: self.pre_prepare.renamed(by)?, batch: self.batch.renamed(by)? })
    }
}

impl Rename for PreparedClaim {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        let (proposal, prepares) = (self.proposal.renamed(by)?, self.prepares.renamed(by)?);
        Some(PreparedClaim { proposal, prepares })
    }
}

impl Rename for Signed<Checkpoint> {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        by.sign(self, Checkpoint { state: by.digest(self.state)?, ..*self.message() })
    }
}

impl Rename for StableClaim {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        if by.names.is_none() {
            return Some(self.clone());
        }
        let (state, checkpoints) = (by.digest(self.state)?, self.checkpoints.renamed(by)?);
        Some(StableClaim { seq: self.seq, state, checkpoints })
    }
}

impl Rename for Decision {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        if by.names.is_none() {
            return Some(self.clone());
        }
        let (view, commits) = &self.commits.0;
        let commits = Uncompared((*view, commits.renamed(&by.within_views())?));
        Some(Decision { seq: self.seq, batch: self.batch.renamed(by)?, commits })
    }
}

impl Rename for Signed<ViewChange> {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        let (new_view, prepared) = (by.view(self.new_view)?, self.prepared.renamed(by)?);
        by.sign(self, ViewChange { new_view, stable: self.stable.renamed(by)?, prepared })
    }
}

impl Rename for Signed<NewView> {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        let view = by.view(self.view)?;
        let (mut view_changes, proposals) = (self.view_changes.renamed(by)?, self.proposals.renamed(by)?);
        view_changes.0.sort_by_key(|change| change.signer());
        by.sign(self, NewView { view, view_changes, proposals })
    }
}

impl Rename for Outcome {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        Some(match *self {
            Outcome::Appended { seq, position, parent } => {
                Outcome::Appended { seq, position, parent: by.digest(parent)? }
            }
            Outcome::Read { height, head } => Outcome::Read { height, head: by.digest(head)? },
        })
    }
}

impl Rename for Signed<Reply> {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        let Some(names) = by.names else { return Some(self.clone()) };
        let (client, result) = (names.client(self.client), self.result.renamed(by)?);
        by.sign(self, Reply { client, result, ..*self.message() })
    }
}

impl Rename for Snapshot {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        let Some(names) = by.names else { return Some(self.clone()) };
        let last = |(client, last): (&ClientId, &LastReply)| {
            Some((names.client(*client), LastReply { result: last.result.renamed(by)?, ..*last }))
        };
        let clients = self.clients.iter().map(last).collect::<Option<_>>()?;
        Some(Snapshot { seq: self.seq, head: by.digest(self.head)?, clients })
    }
}

impl Rename for Signed<StateTransfer> {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        if by.names.is_none() {
            return Some(self.clone());
        }
        let (stable, snapshot) = (self.stable.renamed(by)?, self.snapshot.renamed(by)?);
        by.sign(self, StateTransfer { stable, snapshot, decided: self.decided.renamed(by)? })
    }
}

impl Rename for Chain {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        let Some(names) = by.names.filter(|names| !names.clients.is_empty()) else {
            return Some(self.clone());
        };
        let base = self.hash_at(self.base()).and_then(|hash| by.digest(hash))?;
        let mut chain = Chain::from_checkpoint(self.base(), base);
        for block in self.blocks() {
            let executed = block.executed().iter().map(|&id| names.request(id)).collect();
            chain.append(block.batch().renamed(by)?, executed);
        }
        Some(chain)
    }
}

impl Rename for Message {
    fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        Some(match self {
            Message::Request(m) => Message::Request(m.renamed(by)?),
            Message::PrePrepare(m) => Message::PrePrepare(m.renamed(by)?),
            Message::Prepare(m) => Message::Prepare(m.renamed(by)?),
            Message::Commit(m) => Message::Commit(m.renamed(by)?),
            Message::Checkpoint(m) => Message::Checkpoint(m.renamed(by)?),
            Message::ViewChange(m) => Message::ViewChange(m.renamed(by)?),
            Message::NewView(m) => Message::NewView(m.renamed(by)?),
            Message::Read(m) => Message::Read(m.renamed(by)?),
            Message::Reply(m) => Message::Reply(m.renamed(by)?),
            Message::Status(m) => Message::Status(m.renamed(by)?),
            Message::State(m) => Message::State(m.renamed(by)?),
        })
    }
}

/// The last replies to clients, whose results name blocks of the first of these chains, of which the second is the same
/// with other names.
pub(super) fn replies_renamed(
    clients: &BTreeMap<ClientId, LastReply>,
    (old, new): (&Chain, &Chain),
    by: &Renaming<'_>,
) -> Option<BTreeMap<ClientId, LastReply>> {
    let Some(names) = by.names else { return Some(clients.clone()) };
    let block = |hash: Digest| {
        let place = (old.base().0..=old.height().0).map(super::id::SeqNum);
        let mut known = place.filter(|&seq| old.hash_at(seq) == Some(hash));
        known.next().map_or_else(|| by.digest(hash), |seq| new.hash_at(seq))
    };
    let renamed = |(client, last): (&ClientId, &LastReply)| {
        let result = match last.result {
            Outcome::Appended { seq, position, parent } => {
                Outcome::Appended { seq, position, parent: block(parent)? }
            }
            Outcome::Read { height, head } => Outcome::Read { height, head: block(head)? },
        };
        Some((names.client(*client), LastReply { result, ..*last }))
    };
    clients.iter().map(renamed).collect()
}

/// Waiting requests with other names.
pub(super) fn waiting_renamed(
    pending: &BTreeMap<RequestId, SignedRequest>,
    by: &Renaming<'_>,
) -> Option<BTreeMap<RequestId, SignedRequest>> {
    let renamed = |request: &SignedRequest| request.renamed(by).map(|request| (request.id(), request));
    pending.values().map(renamed).collect()
}
