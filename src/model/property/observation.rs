//! What of a replica's state the properties look at.

use crate::pbft::{Batch, Chain, Digest, SeqNum, Slot, State, View};

/// What of a replica's state the properties look at that are about replicas alone. Most states differ in other things.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::model) struct Observation {
    slots: Vec<SlotObservation>,
    chain: Chain,
    stable: (SeqNum, Digest),
}

/// Of a sequence number: which certificate is held, and what is decided.
type SlotObservation = (SeqNum, Option<(View, Digest)>, Option<Batch>);

/// What is decided, by sequence number.
pub(in crate::model) type Decided = Vec<(SeqNum, Batch)>;
/// The certificates that are held, by sequence number.
pub(in crate::model) type Certificates = Vec<(SeqNum, View, Digest)>;

impl Observation {
    /// What they see of this state.
    pub fn of(state: &State) -> Self {
        let slot = |(seq, slot): (SeqNum, &Slot)| {
            let prepared = slot.prepared().map(|certificate| (certificate.view(), certificate.digest()));
            let seen = (seq, prepared, slot.committed().cloned());
            (seen.1.is_some() || seen.2.is_some()).then_some(seen)
        };
        let stable = state.stable().claim();
        Observation {
            slots: state.log().iter().filter_map(slot).collect(),
            chain: state.chain().clone(),
            stable: (stable.seq, stable.state),
        }
    }

    /// What is decided and which certificates are held.
    pub fn parts(&self) -> (Decided, Certificates) {
        let decided = self.slots.iter().filter_map(|(seq, _, batch)| Some((*seq, batch.clone()?)));
        let held =
            self.slots.iter().filter_map(|&(seq, held, _)| held.map(|(view, digest)| (seq, view, digest)));
        (decided.collect(), held.collect())
    }
}
