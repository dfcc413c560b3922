//! Messages in files, whole: every signed part with its signer, none with a signature.
//!
//! A file cannot claim anything, and a message in it neither. What a Byzantine replica is said to have signed is
//! signed again with its key; what an honest principal is said to have signed is looked up among what it has
//! signed by then. So no file can forge a message, and none is read that would be written otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::script::principal;
use crate::model::{Statements, System};
use crate::pbft::{
    Batch, Checkpoint, ClientId, Commit, Decision, Digest, LastReply, Message, NewView, Outcome, PrePrepare,
    Prepare, PreparedClaim, Principal, Proposal, Reply, Request, SeqNum, Signable, Signed, SignedRequest,
    SigningKey, Snapshot, StableClaim, StateTransfer, Status, Timestamp, Uncompared, View, ViewChange,
};

/// The largest number in a message that is read. No bound reaches so far, and what a replica makes of it fits into
/// memory, whatever its rulebook believes.
const LARGEST: u64 = u16::MAX as u64;

/// Why what a file holds is no message of the run.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// It has not the form of one.
    #[error("this is no message: {0}")]
    Form(String),
    /// A number is out of all bounds.
    #[error("{0} is more than the largest number in a message, {LARGEST}")]
    Number(String),
    /// An honest principal has not signed this part.
    #[error("{0} has not signed this {1} by then")]
    NeverSigned(Principal, &'static str),
    /// What exists, and says the same, is another message.
    #[error("the message that was sent is another one")]
    Another,
}

/// A message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub(super) enum MessageRecord {
    Request(Said<RequestRecord>),
    PrePrepare(ProposalRecord),
    Prepare(Said<Ballot>),
    Commit(Said<Ballot>),
    Checkpoint(Said<CheckpointRecord>),
    ViewChange(Said<ViewChangeRecord>),
    NewView(Said<NewViewRecord>),
    Read(Said<RequestRecord>),
    Reply(Said<ReplyRecord>),
    Status(Said<StatusRecord>),
    State(Said<StateRecord>),
}

/// A signed part: who signed it, and what it says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said<T> {
    by: Name,
    says: T,
    /// Whether the signature does not verify: then anybody can have written it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    forged: bool,
}

impl<T> Said<T> {
    fn signer(&self) -> (Name, bool) {
        (self.by, self.forged)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Name(Principal);

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        principal(&text).map(Name).ok_or_else(|| D::Error::custom(format!("'{text}' is nobody")))
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestRecord {
    client: ClientId,
    timestamp: Timestamp,
    operation: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ballot {
    view: View,
    seq: SeqNum,
    digest: Digest,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProposalRecord {
    pre_prepare: Said<Ballot>,
    batch: Vec<Said<RequestRecord>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckpointRecord {
    seq: SeqNum,
    state: Digest,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StableRecord {
    seq: SeqNum,
    state: Digest,
    checkpoints: Vec<Said<CheckpointRecord>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PreparedRecord {
    proposal: ProposalRecord,
    prepares: Vec<Said<Ballot>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ViewChangeRecord {
    new_view: View,
    stable: StableRecord,
    prepared: Vec<PreparedRecord>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewViewRecord {
    view: View,
    view_changes: Vec<Said<ViewChangeRecord>>,
    proposals: Vec<ProposalRecord>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplyRecord {
    view: View,
    timestamp: Timestamp,
    client: ClientId,
    result: OutcomeRecord,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum OutcomeRecord {
    Appended { seq: SeqNum, position: u32, parent: Digest },
    Read { height: SeqNum, head: Digest },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusRecord {
    view: View,
    active: bool,
    stable: SeqNum,
    height: SeqNum,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StateRecord {
    stable: StableRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snapshot: Option<SnapshotRecord>,
    decided: Vec<DecisionRecord>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SnapshotRecord {
    seq: SeqNum,
    head: Digest,
    clients: Vec<LastReplyRecord>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LastReplyRecord {
    client: ClientId,
    timestamp: Timestamp,
    result: OutcomeRecord,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionRecord {
    seq: SeqNum,
    batch: Vec<Said<RequestRecord>>,
    view: View,
    commits: Vec<Said<Ballot>>,
}

// --- written ----------------------------------------------------------------------------------------

impl From<&Message> for MessageRecord {
    fn from(message: &Message) -> Self {
        match message {
            Message::Request(m) => MessageRecord::Request(said(m)),
            Message::PrePrepare(m) => MessageRecord::PrePrepare(m.into()),
            Message::Prepare(m) => MessageRecord::Prepare(said(m)),
            Message::Commit(m) => MessageRecord::Commit(said(m)),
            Message::Checkpoint(m) => MessageRecord::Checkpoint(said(m)),
            Message::ViewChange(m) => MessageRecord::ViewChange(said(m)),
            Message::NewView(m) => MessageRecord::NewView(said(m)),
            Message::Read(m) => MessageRecord::Read(said(m)),
            Message::Reply(m) => MessageRecord::Reply(said(m)),
            Message::Status(m) => MessageRecord::Status(said(m)),
            Message::State(m) => MessageRecord::State(said(m)),
        }
    }
}

fn said<'a, M, T: From<&'a M>>(signed: &'a Signed<M>) -> Said<T> {
    Said { by: Name(signed.signer()), says: signed.message().into(), forged: signed.is_forged() }
}

fn all<'a, M: 'a, T: From<&'a M>>(signed: impl IntoIterator<Item = &'a Signed<M>>) -> Vec<Said<T>> {
    signed.into_iter().map(said).collect()
}

impl From<&Request> for RequestRecord {
    fn from(m: &Request) -> Self {
        RequestRecord { client: m.client, timestamp: m.timestamp, operation: m.operation.to_vec() }
    }
}

macro_rules! ballot {
    ($name:ident) => {
        impl From<&$name> for Ballot {
            fn from(m: &$name) -> Self {
                Ballot { view: m.view, seq: m.seq, digest: m.digest }
            }
        }

        impl From<Ballot> for $name {
            fn from(Ballot { view, seq, digest }: Ballot) -> Self {
                $name { view, seq, digest }
            }
        }
    };
}

ballot!(PrePrepare);
ballot!(Prepare);
ballot!(Commit);

impl From<&Proposal> for ProposalRecord {
    fn from(m: &Proposal) -> Self {
        ProposalRecord { pre_prepare: said(&m.pre_prepare), batch: all(m.batch.requests()) }
    }
}

impl From<&Checkpoint> for CheckpointRecord {
    fn from(m: &Checkpoint) -> Self {
        CheckpointRecord { seq: m.seq, state: m.state }
    }
}

impl From<&StableClaim> for StableRecord {
    fn from(m: &StableClaim) -> Self {
        StableRecord { seq: m.seq, state: m.state, checkpoints: all(&*m.checkpoints.0) }
    }
}

impl From<&PreparedClaim> for PreparedRecord {
    fn from(m: &PreparedClaim) -> Self {
        PreparedRecord { proposal: (&m.proposal).into(), prepares: all(&*m.prepares.0) }
    }
}

impl From<&ViewChange> for ViewChangeRecord {
    fn from(m: &ViewChange) -> Self {
        let prepared = m.prepared.iter().map(Into::into).collect();
        ViewChangeRecord { new_view: m.new_view, stable: (&m.stable).into(), prepared }
    }
}

impl From<&NewView> for NewViewRecord {
    fn from(m: &NewView) -> Self {
        NewViewRecord {
            view: m.view,
            view_changes: all(m.view_changes.0.iter().map(|change| &**change)),
            proposals: m.proposals.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Reply> for ReplyRecord {
    fn from(m: &Reply) -> Self {
        ReplyRecord { view: m.view, timestamp: m.timestamp, client: m.client, result: m.result.into() }
    }
}

impl From<Outcome> for OutcomeRecord {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Appended { seq, position, parent } => OutcomeRecord::Appended { seq, position, parent },
            Outcome::Read { height, head } => OutcomeRecord::Read { height, head },
        }
    }
}

impl From<OutcomeRecord> for Outcome {
    fn from(outcome: OutcomeRecord) -> Self {
        match outcome {
            OutcomeRecord::Appended { seq, position, parent } => Outcome::Appended { seq, position, parent },
            OutcomeRecord::Read { height, head } => Outcome::Read { height, head },
        }
    }
}

impl From<&Status> for StatusRecord {
    fn from(m: &Status) -> Self {
        StatusRecord { view: m.view, active: m.active, stable: m.stable, height: m.height }
    }
}

impl From<&StateTransfer> for StateRecord {
    fn from(m: &StateTransfer) -> Self {
        let snapshot = |snapshot: &Arc<Snapshot>| SnapshotRecord {
            seq: snapshot.seq,
            head: snapshot.head,
            clients: snapshot
                .clients
                .iter()
                .map(|(&client, last)| LastReplyRecord {
                    client,
                    timestamp: last.timestamp,
                    result: last.result.into(),
                })
                .collect(),
        };
        let decided = |decision: &Decision| DecisionRecord {
            seq: decision.seq,
            batch: all(decision.batch.requests()),
            view: decision.commits.0.0,
            commits: all(&*decision.commits.0.1),
        };
        StateRecord {
            stable: (&m.stable).into(),
            snapshot: m.snapshot.as_ref().map(snapshot),
            decided: m.decided.iter().map(decided).collect(),
        }
    }
}

// --- read -------------------------------------------------------------------------------------------

/// The message that a file holds, if it can be delivered where this exists: what is signed by honest principals is
/// taken from there, and what is not is signed anew.
pub(super) fn parse(there: &Statements, system: &System, value: &Value) -> Result<Message, Unreadable> {
    if let Some(number) = too_large(value) {
        return Err(Unreadable::Number(number.to_string()));
    }
    let record = MessageRecord::deserialize(value).map_err(|why| Unreadable::Form(why.to_string()))?;
    let message = Reader { there, keys: system.byzantine() }.message(&record)?;
    if MessageRecord::from(&message) == record { Ok(message) } else { Err(Unreadable::Another) }
}

/// The first number in it that is out of all bounds.
fn too_large(value: &Value) -> Option<&Value> {
    match value {
        Value::Number(number) => {
            let fits = number.as_u64().is_some_and(|number| number <= LARGEST);
            (!fits).then_some(value)
        }
        Value::Array(values) => values.iter().find_map(too_large),
        Value::Object(fields) => fields.values().find_map(too_large),
        _ => None,
    }
}

fn arcs<'k, M: 'k>(
    shared: impl IntoIterator<Item = &'k Arc<Signed<M>>>,
) -> impl Iterator<Item = &'k Signed<M>> {
    shared.into_iter().map(AsRef::as_ref)
}

struct Reader<'a> {
    there: &'a Statements,
    keys: &'a [SigningKey],
}

impl Reader<'_> {
    /// What somebody is said to have signed: one of those that are there, if it is not a Byzantine replica.
    fn signed<'k, M: Signable + Clone + PartialEq + 'k>(
        &self,
        (by, forged): (Name, bool),
        message: M,
        there: impl IntoIterator<Item = &'k Signed<M>>,
        kind: &'static str,
    ) -> Result<Signed<M>, Unreadable> {
        if forged {
            return Ok(Signed::forged(by.0, message));
        }
        if let Some(key) = self.keys.iter().find(|key| key.owner() == by.0) {
            return Ok(key.sign(message));
        }
        let own = there.into_iter().find(|signed| signed.signer() == by.0 && *signed.message() == message);
        own.cloned().ok_or(Unreadable::NeverSigned(by.0, kind))
    }

    fn message(&self, record: &MessageRecord) -> Result<Message, Unreadable> {
        let there = self.there;
        Ok(match record {
            MessageRecord::Request(m) => Message::Request(self.request(m)?),
            MessageRecord::PrePrepare(m) => Message::PrePrepare(self.proposal(m)?),
            MessageRecord::Prepare(m) => Message::Prepare(self.prepare(m)?),
            MessageRecord::Commit(m) => Message::Commit(self.commit(m)?),
            MessageRecord::Checkpoint(m) => Message::Checkpoint(self.checkpoint(m)?),
            MessageRecord::ViewChange(m) => Message::ViewChange(Arc::new(self.view_change(m)?)),
            MessageRecord::NewView(m) => {
                let NewViewRecord { view, view_changes, proposals } = &m.says;
                let changes = view_changes.iter().map(|change| self.view_change(change).map(Arc::new));
                let new_view = NewView {
                    view: *view,
                    view_changes: Uncompared(changes.collect::<Result<_, _>>()?),
                    proposals: proposals.iter().map(|p| self.proposal(p)).collect::<Result<_, _>>()?,
                };
                Message::NewView(Arc::new(self.signed(
                    m.signer(),
                    new_view,
                    arcs(&there.new_views),
                    "NEW-VIEW",
                )?))
            }
            MessageRecord::Read(m) => Message::Read(self.request(m)?),
            MessageRecord::Reply(m) => {
                let ReplyRecord { view, timestamp, client, result } = m.says;
                let reply = Reply { view, timestamp, client, result: result.into() };
                Message::Reply(self.signed(m.signer(), reply, &there.replies, "REPLY")?)
            }
            MessageRecord::Status(m) => {
                let StatusRecord { view, active, stable, height } = m.says;
                let status = Status { view, active, stable, height };
                Message::Status(self.signed(m.signer(), status, &there.statuses, "STATUS")?)
            }
            MessageRecord::State(m) => {
                let StateRecord { stable, snapshot, decided } = &m.says;
                let transfer = StateTransfer {
                    stable: self.stable(stable)?,
                    snapshot: snapshot.as_ref().map(|snapshot| Arc::new(snapshot.into())),
                    decided: decided.iter().map(|d| self.decision(d)).collect::<Result<_, _>>()?,
                };
                Message::State(Arc::new(self.signed(m.signer(), transfer, arcs(&there.states), "STATE")?))
            }
        })
    }

    fn request(&self, m: &Said<RequestRecord>) -> Result<SignedRequest, Unreadable> {
        let RequestRecord { client, timestamp, operation } = &m.says;
        let operation = Arc::from(operation.as_slice());
        let request = Request { client: *client, timestamp: *timestamp, operation };
        self.signed(m.signer(), request, &self.there.requests, "REQUEST")
    }

    fn batch(&self, requests: &[Said<RequestRecord>]) -> Result<Batch, Unreadable> {
        let requests = requests.iter().map(|request| self.request(request));
        Ok(Batch::new(requests.collect::<Result<Vec<_>, _>>()?))
    }

    fn proposal(&self, m: &ProposalRecord) -> Result<Proposal, Unreadable> {
        let (by, ballot) = (m.pre_prepare.signer(), m.pre_prepare.says.into());
        let pre_prepare = self.signed(by, ballot, &self.there.pre_prepares, "PRE-PREPARE")?;
        Ok(Proposal { pre_prepare, batch: self.batch(&m.batch)? })
    }

    fn prepare(&self, m: &Said<Ballot>) -> Result<Signed<Prepare>, Unreadable> {
        self.signed(m.signer(), m.says.into(), &self.there.prepares, "PREPARE")
    }

    fn commit(&self, m: &Said<Ballot>) -> Result<Signed<Commit>, Unreadable> {
        self.signed(m.signer(), m.says.into(), &self.there.commits, "COMMIT")
    }

    fn checkpoint(&self, m: &Said<CheckpointRecord>) -> Result<Signed<Checkpoint>, Unreadable> {
        let CheckpointRecord { seq, state } = m.says;
        self.signed(m.signer(), Checkpoint { seq, state }, &self.there.checkpoints, "CHECKPOINT")
    }

    fn stable(&self, m: &StableRecord) -> Result<StableClaim, Unreadable> {
        let checkpoints = m.checkpoints.iter().map(|vote| self.checkpoint(vote));
        let checkpoints = Uncompared(checkpoints.collect::<Result<_, _>>()?);
        Ok(StableClaim { seq: m.seq, state: m.state, checkpoints })
    }

    fn claim(&self, m: &PreparedRecord) -> Result<PreparedClaim, Unreadable> {
        let prepares = m.prepares.iter().map(|vote| self.prepare(vote));
        let prepares = Uncompared(prepares.collect::<Result<_, _>>()?);
        Ok(PreparedClaim { proposal: self.proposal(&m.proposal)?, prepares })
    }

    fn view_change(&self, m: &Said<ViewChangeRecord>) -> Result<Signed<ViewChange>, Unreadable> {
        let ViewChangeRecord { new_view, stable, prepared } = &m.says;
        let change = ViewChange {
            new_view: *new_view,
            stable: self.stable(stable)?,
            prepared: prepared.iter().map(|claim| self.claim(claim)).collect::<Result<_, _>>()?,
        };
        self.signed(m.signer(), change, arcs(&self.there.view_changes), "VIEW-CHANGE")
    }

    fn decision(&self, m: &DecisionRecord) -> Result<Decision, Unreadable> {
        let commits = m.commits.iter().map(|vote| self.commit(vote));
        let commits = Uncompared((m.view, commits.collect::<Result<_, _>>()?));
        Ok(Decision { seq: m.seq, batch: self.batch(&m.batch)?, commits })
    }
}

impl From<&SnapshotRecord> for Snapshot {
    fn from(m: &SnapshotRecord) -> Self {
        let last = |m: &LastReplyRecord| LastReply { timestamp: m.timestamp, result: m.result.into() };
        let clients: BTreeMap<_, _> = m.clients.iter().map(|m| (m.client, last(m))).collect();
        Snapshot { seq: m.seq, head: m.head, clients }
    }
}
