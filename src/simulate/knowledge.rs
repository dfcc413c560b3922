//! What Byzantine replicas have seen. They see every message that is sent.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::pbft::{
    Batch, Checkpoint, Commit, Message, Prepare, Principal, Proposal, SeqNum, Signed, SignedRequest,
    Snapshot, StableClaim, View, ViewChange,
};

/// How many sequence numbers, views, batches and messages are remembered.
const SEQS: usize = 24;
const VIEWS: usize = 12;
const BATCHES: usize = 24;
const MESSAGES: usize = 256;

/// The VIEW-CHANGEs of each replica.
pub(crate) type BySender = BTreeMap<Principal, Vec<Arc<Signed<ViewChange>>>>;

/// The latest of what was sent, sorted by what can be made of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knowledge {
    /// Requests of clients.
    pub requests: VecDeque<SignedRequest>,
    /// Batches that were proposed.
    pub batches: VecDeque<Batch>,
    /// Proposals for each sequence number.
    pub proposals: BTreeMap<SeqNum, Vec<Proposal>>,
    /// PREPAREs for each.
    pub prepares: BTreeMap<SeqNum, Vec<Signed<Prepare>>>,
    /// COMMITs for each.
    pub commits: BTreeMap<SeqNum, Vec<Signed<Commit>>>,
    /// CHECKPOINTs for each.
    pub checkpoints: BTreeMap<SeqNum, Vec<Signed<Checkpoint>>>,
    /// VIEW-CHANGEs for each view.
    pub view_changes: BTreeMap<View, BySender>,
    /// Stable checkpoints that can be shown.
    pub stable: BTreeMap<SeqNum, StableClaim>,
    /// States that were sent.
    pub snapshots: BTreeMap<SeqNum, Arc<Snapshot>>,
    /// Messages of any kind, to be sent again.
    pub messages: VecDeque<Message>,
    /// The highest view that an honest replica has spoken of.
    pub view: View,
}

fn keep<K: Ord, V>(map: &mut BTreeMap<K, V>, most: usize) {
    while map.len() > most {
        map.pop_first();
    }
}

fn push<T: PartialEq>(list: &mut VecDeque<T>, value: T, most: usize) {
    if !list.contains(&value) {
        list.push_back(value);
        if list.len() > most {
            list.pop_front();
        }
    }
}

fn add<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}

impl Knowledge {
    /// Takes note of a message that was sent, by somebody honest or not.
    pub(super) fn learn(&mut self, message: &Message, honest: bool) {
        let mut view = None;
        match message {
            Message::Request(m) | Message::Read(m) => push(&mut self.requests, m.clone(), BATCHES),
            Message::PrePrepare(m) => {
                view = Some(m.view());
                self.learn_proposal(m);
            }
            Message::Prepare(m) => {
                view = Some(m.view);
                add(self.prepares.entry(m.seq).or_default(), m.clone());
                keep(&mut self.prepares, SEQS);
            }
            Message::Commit(m) => {
                view = Some(m.view);
                add(self.commits.entry(m.seq).or_default(), m.clone());
                keep(&mut self.commits, SEQS);
            }
            Message::Checkpoint(m) => {
                add(self.checkpoints.entry(m.seq).or_default(), m.clone());
                keep(&mut self.checkpoints, SEQS);
            }
            Message::ViewChange(m) => {
                view = Some(m.new_view);
                let by_sender = self.view_changes.entry(m.new_view).or_default();
                add(by_sender.entry(m.signer()).or_default(), Arc::clone(m));
                keep(&mut self.view_changes, VIEWS);
                self.stable.entry(m.stable.seq).or_insert_with(|| m.stable.clone());
                keep(&mut self.stable, SEQS);
            }
            Message::NewView(m) => {
                view = Some(m.view);
                m.proposals.iter().for_each(|proposal| self.learn_proposal(proposal));
            }
            Message::State(m) => {
                if let Some(snapshot) = &m.snapshot {
                    self.snapshots.entry(snapshot.seq).or_insert_with(|| Arc::clone(snapshot));
                    keep(&mut self.snapshots, SEQS);
                }
                self.stable.entry(m.stable.seq).or_insert_with(|| m.stable.clone());
                keep(&mut self.stable, SEQS);
            }
            Message::Reply(_) | Message::Status(_) => {}
        }
        if honest {
            self.view = view.map_or(self.view, |view| self.view.max(view));
        }
        self.messages.push_back(message.clone());
        if self.messages.len() > MESSAGES {
            self.messages.pop_front();
        }
    }

    fn learn_proposal(&mut self, proposal: &Proposal) {
        push(&mut self.batches, proposal.batch.clone(), BATCHES);
        add(self.proposals.entry(proposal.seq()).or_default(), proposal.clone());
        keep(&mut self.proposals, SEQS);
    }

    /// Another batch than this, of what was proposed or asked for.
    pub fn another(&self, than: &Batch) -> Option<Batch> {
        let of_requests = self.requests.iter().rev().map(|request| Batch::new([request.clone()]));
        let known = self.batches.iter().rev().filter(|batch| !batch.is_null()).cloned();
        of_requests.chain(known).find(|batch| batch.digest() != than.digest())
    }
}
