//! What of a replica's state the properties look at.

use crate::pbft::{Batch, Chain, Digest, PreparedCertificate, SeqNum, Slot, State, View};

/// What of a replica's state the properties look at that are about replicas alone. Most states differ in other things.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::model) struct Observation {
    slots: Vec<SlotObservation>,
    chain: Chain,
    stable: (SeqNum, Digest),
}

/// Of a sequence number: which certificate is held, and what is decided.
type SlotObservation = (SeqNum, Option<Held>, Option<Batch>);
/// What a certificate is for. Of a rulebook that does not compare them, the batch is not that of the digest.
type Held = (View, SeqNum, Digest, Batch);

/// What is decided, by sequence number.
pub(in crate::model) type Decided = Vec<(SeqNum, Batch)>;
/// What the certificates are for that are held.
pub(in crate::model) type Certificates = Vec<Held>;

impl Observation {
    /// What they see of this state.
    pub fn of(state: &State) -> Self {
        let slot = |(seq, slot): (SeqNum, &Slot)| {
            let held = |certificate: &PreparedCertificate| {
                let batch = certificate.claim().proposal.batch.clone();
                (certificate.view(), certificate.seq(), certificate.digest(), batch)
            };
            let seen = (seq, slot.prepared().map(held), slot.committed().cloned());
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
        let held = self.slots.iter().filter_map(|(_, held, _)| held.clone());
        (decided.collect(), held.collect())
    }
}
