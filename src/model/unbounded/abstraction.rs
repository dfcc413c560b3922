//! What a local state is, but for what makes no difference: who is in it, and what matters no more once all have entered
//! the view.

use std::collections::BTreeSet;
use std::ops::Index;

use crate::hashed::IndexMap;

use super::numbers::{EssenceNumber, Number as _};
use crate::engine::{Fingerprint, fingerprint};
use crate::pbft::{Digest, Message, NewView, RequestId, SeqNum, Slot, State, View};

/// What a new view proposes.
pub(super) type Content = Vec<(SeqNum, Digest)>;

/// What a NEW-VIEW proposes.
pub(super) fn proposed(new_view: &NewView) -> Content {
    new_view.proposals.iter().map(|proposal| (proposal.seq(), proposal.digest())).collect()
}

/// What a replica holds at a sequence number: the proposal that it has accepted, its certificate, and what it has decided.
#[derive(PartialEq, Eq, Hash)]
struct AnonymousSlot {
    seq: SeqNum,
    accepted: Option<(View, Digest)>,
    prepared: Option<(View, Digest)>,
    decided: Option<Digest>,
}

/// What a replica is in the view, whoever it is.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct AnonymousState {
    view: View,
    is_active: bool,
    slots: Vec<AnonymousSlot>,
    height: SeqNum,
    head: Digest,
    pending: Vec<RequestId>,
    votes: BTreeSet<(u8, View, SeqNum, Digest)>,
    /// What the NEW-VIEWs propose that it has sent, where it does not matter how they are justified.
    new_views: BTreeSet<Content>,
    others: Vec<Message>,
}

impl AnonymousState {
    /// What a replica in this state is that has sent these messages; also however the NEW-VIEWs are justified that it has
    /// sent, if that is wanted.
    pub fn of(state: &State, sent: Vec<Message>, however_justified: bool) -> Self {
        let (mut votes, mut others) = (BTreeSet::new(), Vec::new());
        let mut new_views = BTreeSet::new();
        for message in sent {
            match &message {
                Message::Prepare(vote) => drop(votes.insert((0, vote.view, vote.seq, vote.digest))),
                Message::Commit(vote) => drop(votes.insert((1, vote.view, vote.seq, vote.digest))),
                Message::ViewChange(change) => {
                    let claims = change.prepared.iter();
                    votes.extend(claims.map(|claim| (2, claim.view(), claim.seq(), claim.digest())));
                }
                Message::NewView(new_view) if however_justified => drop(new_views.insert(proposed(new_view))),
                _ => others.push(message),
            }
        }
        others.sort_unstable();
        let slot = |(seq, slot): (SeqNum, &Slot)| {
            let accepted = slot.proposal().map(|proposal| (proposal.view(), proposal.digest()));
            let prepared = slot.prepared().map(|certificate| (certificate.view(), certificate.digest()));
            AnonymousSlot { seq, accepted, prepared, decided: slot.committed().map(|batch| batch.digest()) }
        };
        AnonymousState {
            view: state.view(),
            is_active: state.is_active(),
            slots: state.log().iter().map(slot).collect(),
            height: state.chain().height(),
            head: state.chain().head(),
            pending: state.pending().map(|request| request.id()).collect(),
            votes,
            new_views,
            others,
        }
    }
}

/// What a replica that has entered a view holds at a sequence number: the proposal that it has accepted, whether it
/// prepared there, and what it has decided.
type EssenceOfSlot = (SeqNum, Option<Digest>, Option<Digest>, Option<Digest>);

/// What of a replica's state can matter once all have entered the view, whoever it is.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(super) struct Essence {
    is_active: bool,
    slots: Vec<EssenceOfSlot>,
    height: SeqNum,
    head: Digest,
    pending: Vec<RequestId>,
    /// What it has sent: proposals, PREPAREs and COMMITs.
    sent: BTreeSet<(u8, SeqNum, Digest)>,
}

impl Essence {
    /// The essence of a state in which these messages were sent, in that view.
    pub fn of(state: &State, sent: &[Message], view: View) -> Self {
        let here = |of: View, digest: Digest| (of == view).then_some(digest);
        let slot = |(seq, slot): (SeqNum, &Slot)| {
            let accepted = slot.proposal().and_then(|proposal| here(proposal.view(), proposal.digest()));
            let prepared = slot.prepared().and_then(|held| here(held.view(), held.digest()));
            let decided = slot.committed().map(|batch| batch.digest());
            let is_anything = accepted.or(prepared).or(decided).is_some();
            is_anything.then_some((seq, accepted, prepared, decided))
        };
        let vote = |message: &Message| match message {
            Message::PrePrepare(m) => Some((m.view(), (0, m.seq(), m.digest()))),
            Message::Prepare(m) => Some((m.view, (1, m.seq, m.digest))),
            Message::Commit(m) => Some((m.view, (2, m.seq, m.digest))),
            _ => None,
        };
        let votes = sent.iter().filter_map(vote).filter(|(of, _)| *of == view);
        Essence {
            is_active: state.is_active(),
            slots: state.log().iter().filter_map(slot).collect(),
            height: state.chain().height(),
            head: state.chain().head(),
            pending: state.pending().map(|request| request.id()).collect(),
            sent: votes.map(|(_, vote)| vote).collect(),
        }
    }
}

/// The essences that were met, each with its hash.
#[derive(Default)]
pub(super) struct Essences(IndexMap<Essence, Fingerprint>);

impl Essences {
    /// The number of an essence.
    pub fn number(&mut self, essence: Essence) -> EssenceNumber {
        let entry = self.0.entry(essence);
        let place = entry.index();
        let hash = fingerprint(entry.key());
        entry.or_insert(hash);
        EssenceNumber::at(place)
    }
}

impl Index<EssenceNumber> for Essences {
    type Output = Fingerprint;

    fn index(&self, number: EssenceNumber) -> &Fingerprint {
        &self.0[number.place()]
    }
}
