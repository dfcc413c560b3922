//! What a replica is in a view, whoever it is.

use std::collections::BTreeSet;

use crate::pbft::{Digest, Message, NewView, RequestId, SeqNum, State, View};

/// What it holds at a sequence number: the proposal that it has accepted, its certificate, and what it has decided.
#[derive(PartialEq, Eq, Hash)]
struct KindOfSlot {
    seq: SeqNum,
    accepted: Option<(View, Digest)>,
    prepared: Option<(View, Digest)>,
    decided: Option<Digest>,
}

/// What a replica is in the view, whoever it is.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Kind {
    view: View,
    active: bool,
    slots: Vec<KindOfSlot>,
    height: SeqNum,
    head: Digest,
    pending: Vec<RequestId>,
    votes: BTreeSet<(u8, View, SeqNum, Digest)>,
    /// What the NEW-VIEWs propose that it has sent, where it does not matter how they are justified.
    new_views: BTreeSet<Vec<(SeqNum, Digest)>>,
    others: Vec<Message>,
}

/// What a NEW-VIEW proposes.
pub(super) fn proposed(new_view: &NewView) -> Vec<(SeqNum, Digest)> {
    new_view.proposals.iter().map(|proposal| (proposal.seq(), proposal.digest())).collect()
}

/// What a replica in this state, which has sent these messages, is, whoever it is; also however the NEW-VIEWs are
/// justified that it has sent, if that is wanted.
pub(super) fn describe(state: &State, sent: Vec<Message>, however_justified: bool) -> Kind {
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
    let slot = |(seq, slot): (SeqNum, &crate::pbft::Slot)| {
        let accepted = slot.proposal().map(|proposal| (proposal.view(), proposal.digest()));
        let prepared = slot.prepared().map(|certificate| (certificate.view(), certificate.digest()));
        KindOfSlot { seq, accepted, prepared, decided: slot.committed().map(|batch| batch.digest()) }
    };
    let slots: Vec<_> = state.log().iter().map(slot).collect();
    let (height, head) = (state.chain().height(), state.chain().head());
    Kind {
        view: state.view(),
        active: state.is_active(),
        slots,
        height,
        head,
        pending: state.pending().map(|request| request.id()).collect(),
        votes,
        new_views,
        others,
    }
}
