//! From what a replica believes and has signed to the relations of the model.

use std::collections::{BTreeSet, HashMap};

use super::Fact;
use super::vocabulary::{Relations, Vocabulary};
use crate::pbft::{Block, Digest, Message, ReplicaId, SeqNum, Snapshot, State};

/// Everything that the model's relations say of one honest replica: what it signed and what it remembers.
pub(super) type Facts = BTreeSet<Fact>;

/// What the digests stand for that were met: a chain's hash for the batches in it, a checkpoint's for the
/// chain. Digests do not collide, so it does not matter where they were met.
#[derive(Debug, Default)]
pub(super) struct Preimages {
    blocks: HashMap<Digest, (SeqNum, Digest, Digest)>,
    snapshots: HashMap<Digest, (SeqNum, Digest)>,
}

impl Preimages {
    pub fn block(&mut self, block: &Block) {
        self.blocks.insert(block.digest(), (block.seq(), block.parent(), block.batch().digest()));
    }

    pub fn snapshot(&mut self, snapshot: &Snapshot) {
        self.snapshots.insert(snapshot.digest(), (snapshot.seq, snapshot.head));
    }

    pub fn state(&mut self, state: &State) {
        state.chain().blocks().iter().for_each(|block| self.block(block));
        state.checkpoint_states().for_each(|snapshot| self.snapshot(snapshot));
    }

    /// The batches that a chain with this head holds at 1 to `height`; none where nobody knows.
    pub fn chain(&self, head: Digest, height: SeqNum) -> Vec<Option<Digest>> {
        let mut batches = vec![None; height.0 as usize];
        let mut next = head;
        for (i, batch) in batches.iter_mut().enumerate().rev() {
            let Some(&(at, parent, digest)) = self.blocks.get(&next) else { break };
            if at.0 != i as u64 + 1 {
                break;
            }
            (*batch, next) = (Some(digest), parent);
        }
        batches
    }

    /// The batches that had been executed in the state with this digest.
    pub fn checkpoint(&self, seq: SeqNum, state: Digest) -> Vec<Option<Digest>> {
        match self.snapshots.get(&state) {
            Some(&(at, head)) if at == seq => self.chain(head, seq),
            _ => vec![None; seq.0 as usize],
        }
    }
}

impl Vocabulary {
    /// What the model's relations say of a replica in this state that has sent these messages.
    pub fn facts<'a>(
        &self,
        preimages: &Preimages,
        id: ReplicaId,
        state: &State,
        sent: impl IntoIterator<Item = &'a Message>,
    ) -> Facts {
        let mut facts = Facts::new();
        for message in sent {
            self.signed(preimages, id, message, &mut facts);
        }
        self.remembered(preimages, id, state, &mut facts);
        facts
    }

    /// What a message says that the replica signed.
    pub fn signed(&self, preimages: &Preimages, id: ReplicaId, message: &Message, facts: &mut Facts) {
        let Relations { pp, prep, com, ck, vc, vcge, vclow, .. } = self.relations;
        let n = id.index();
        if message.signer().replica() != Some(id) {
            return;
        }
        let vote = |view, seq, digest| Some((self.slot(seq)?, self.view(view)?, self.value(Some(digest))));
        match message {
            Message::PrePrepare(p) => {
                if let Some((s, v, x)) = vote(p.view(), p.seq(), p.digest())
                    && self.primary(v) == id
                {
                    facts.insert((pp, vec![s, v, x]));
                }
            }
            Message::NewView(new_view) => {
                for proposal in &new_view.proposals {
                    self.signed(preimages, id, &Message::PrePrepare(proposal.clone()), facts);
                }
            }
            Message::Prepare(m) => {
                facts.extend(vote(m.view, m.seq, m.digest).map(|(s, v, x)| (prep, vec![n, s, v, x])));
            }
            Message::Commit(m) => {
                facts.extend(vote(m.view, m.seq, m.digest).map(|(s, v, x)| (com, vec![n, s, v, x])));
            }
            Message::Checkpoint(m) => {
                let batches = preimages.checkpoint(m.seq, m.state);
                facts.extend(self.slots_to(m.seq).map(|s| (ck, vec![n, s, self.value(batches[s])])));
            }
            Message::ViewChange(m) => {
                let Some(v) = self.view(m.new_view) else { return };
                facts.insert((vc, vec![n, v]));
                facts.extend(self.slots_to(m.stable.seq).map(|s| (vclow, vec![n, v, s])));
                for claim in &m.prepared {
                    let Some(s) = self.slot(claim.seq()) else { continue };
                    facts.extend(self.views_before(claim.view().next()).map(|w| (vcge, vec![n, v, s, w])));
                }
            }
            Message::Request(_)
            | Message::Read(_)
            | Message::Reply(_)
            | Message::Status(_)
            | Message::State(_) => {}
        }
    }

    /// What the replica's state says.
    fn remembered(&self, preimages: &Preimages, id: ReplicaId, state: &State, facts: &mut Facts) {
        let Relations { prep, left, took, low, known, .. } = self.relations;
        let n = id.index();
        facts.extend(self.views_before(state.view()).map(|v| (left, vec![n, v])));
        let truncated = self.slots_to(state.log().low());
        facts.extend(truncated.clone().map(|s| (low, vec![n, s])));

        // The code drops a proposal with its view, since it votes there no more; the model drops it with the
        // slot. Of the views that were left, what was signed tells what was accepted.
        let accepted = state.log().iter().filter_map(|(seq, slot)| {
            let proposal = slot.proposal()?;
            Some((self.slot(seq)?, self.view(proposal.view())?))
        });
        let before: Vec<(usize, usize)> = facts
            .iter()
            .filter(|(relation, t)| *relation == prep && (t[2] as u64) < state.view().0)
            .map(|(_, t)| (t[1], t[2]))
            .filter(|(s, _)| !truncated.contains(s))
            .collect();
        let backup = |&(_, v): &(usize, usize)| self.primary(v) != id;
        facts.extend(accepted.filter(backup).chain(before).map(|(s, v)| (took, vec![n, s, v])));

        let executed = preimages.chain(state.chain().head(), state.chain().height());
        let executed: Vec<Fact> = self
            .slots_to(state.chain().height())
            .map(|s| (known, vec![n, s, self.value(executed[s])]))
            .collect();
        facts.extend(executed);
        for (seq, slot) in state.log().iter() {
            let batch = slot.committed().map(|batch| batch.digest());
            if let (Some(s), Some(digest)) = (self.slot(seq), batch) {
                facts.insert((known, vec![n, s, self.value(Some(digest))]));
            }
        }
    }

    /// The facts after a step, where they are more than what shows in the state and the messages: what a
    /// replica decided and has discarded since without having executed it stays known in the model, for the
    /// decision was made. Nothing else is carried.
    pub fn carry(&self, before: &Facts, visible: &Facts) -> Option<Facts> {
        let Relations { known, low, .. } = self.relations;
        let discarded = |t: &[usize]| visible.contains(&(low, vec![t[0], t[1]]));
        let carried: Vec<_> = before
            .iter()
            .filter(|fact| fact.0 == known && !visible.contains(fact) && discarded(&fact.1))
            .cloned()
            .collect();
        (!carried.is_empty()).then(|| visible.iter().cloned().chain(carried).collect())
    }
}
