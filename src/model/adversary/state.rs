//! CHECKPOINTs, STATEs and REPLYs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use itertools::Itertools as _;

use super::certificates::Sent;
use super::memo::{Memo, Part};
use super::{Adversary, Family, Proofs};
use crate::memory;
use crate::pbft::{
    Chain, Checkpoint, ClientId, Digest, Message, Outcome, Reply, SeqNum, Snapshot, StateTransfer, Timestamp,
};

/// The most decisions that a state carries.
const MOST_DECISIONS: usize = 2;

/// A state of the service, if there is one, with its number.
type NumberedState = (u32, Option<Arc<Snapshot>>);

const NO_STATE: NumberedState = (0, None);

impl Adversary {
    /// Every CHECKPOINT for a state that an honest replica has announced.
    pub(super) fn checkpoints<'a>(&self, sent: impl IntoIterator<Item = &'a Message>) -> Vec<Message> {
        let announced: BTreeSet<Checkpoint> = sent
            .into_iter()
            .filter_map(|message| match message {
                Message::Checkpoint(vote) => Some(*vote.message()),
                _ => None,
            })
            .collect();
        let own = announced.iter().flat_map(|&checkpoint| self.alphabet.checkpoints(checkpoint));
        own.map(Message::Checkpoint).collect()
    }

    /// Every state that a replica takes which lags behind: a stable checkpoint, the state there, one that nobody was ever
    /// in, or none, and what is said to be decided after it. Only where replicas exchange states.
    pub(super) fn states<'a>(
        &self,
        memo: &mut Memo,
        knowledge: &Proofs,
        sent: impl IntoIterator<Item = &'a Message> + Clone,
    ) -> Vec<Message> {
        if !self.system.exchanges_states() {
            return Vec::new();
        }
        let decisions = self.decisions(memo, &Sent::of(sent.clone()));
        let is_used = |part: &&Part| part.proves || self.has(Family::Unproved);
        let decisions: Vec<Part> = decisions.iter().filter(is_used).copied().collect();
        let decided = lists_of_decisions(memo, &decisions);
        let snapshots = self.snapshots(memo, knowledge, sent);
        let mut out = Vec::new();
        for stable in knowledge.stable_parts.iter() {
            for (snapshot, decided) in snapshots.iter().cartesian_product(&decided) {
                // The genesis state is never ahead of anybody: it says no more than none, if that is taken.
                let is_genesis = snapshot.1.as_ref().is_some_and(|snapshot| snapshot.seq == SeqNum::GENESIS);
                if is_genesis && self.transfer(memo, *stable, &NO_STATE, decided).is_some() {
                    continue;
                }
                if let Some(transfer) = self.transfer(memo, *stable, snapshot, decided) {
                    let signed = self.alphabet.keys.iter().map(|(key, _)| key.sign(transfer.clone()));
                    out.extend(signed.map(Arc::new).map(Message::State));
                }
            }
        }
        out
    }

    /// A state with these parts, if the rulebook takes it.
    fn transfer(
        &self,
        memo: &mut Memo,
        stable: Part,
        (number, snapshot): &NumberedState,
        decided: &[Part],
    ) -> Option<StateTransfer> {
        let transfer = |memo: &Memo| StateTransfer {
            stable: memo.stable.get(stable.id).clone(),
            snapshot: snapshot.clone(),
            decided: decided.iter().map(|part| memo.decisions.get(part.id).clone()).collect(),
        };
        let key = (stable.id, *number, decided.iter().map(|part| part.id).collect());
        let taken = match memo.states.get(&key) {
            Some(&taken) => taken,
            None => {
                let (rules, setting) = (self.system.rules(), self.system.setting());
                let taken = rules.check_state(setting, &transfer(memo)).is_ok();
                memory::before(&memo.states);
                memo.states.insert(key, taken);
                taken
            }
        };
        taken.then(|| transfer(memo))
    }

    /// No state, those that were sent, those whose digest somebody names, and made-up ones; each with its number.
    fn snapshots<'a>(
        &self,
        memo: &mut Memo,
        knowledge: &Proofs,
        sent: impl IntoIterator<Item = &'a Message>,
    ) -> Vec<NumberedState> {
        let named: BTreeSet<Digest> =
            knowledge.stable_parts.iter().map(|part| memo.stable.get(part.id).state).collect();
        let known = self.alphabet.snapshots.iter().filter(|snapshot| named.contains(&snapshot.digest()));
        let transferred = sent.into_iter().filter_map(|message| match message {
            Message::State(transfer) => transfer.snapshot.clone(),
            _ => None,
        });
        let genesis = Arc::new(Snapshot::genesis());
        let all = transferred.chain(known.cloned()).chain(self.alphabet.made_up.iter().cloned());
        let all: BTreeSet<Arc<Snapshot>> = all.chain([genesis]).collect();
        let numbered = all.into_iter().map(|snapshot| (memo.snapshot(&snapshot), Some(snapshot)));
        std::iter::once(NO_STATE).chain(numbered).collect()
    }

    /// Every reply to a client's request that is true, was true once, or never was.
    pub(super) fn replies<'a>(&self, sent: impl IntoIterator<Item = &'a Message>) -> Vec<Message> {
        let system = &self.system;
        let mut told: BTreeMap<ClientId, BTreeSet<Outcome>> = BTreeMap::new();
        for client in system.clients() {
            told.entry(client.id()).or_default().insert(if system.reads(client.id()) {
                Outcome::Read { height: SeqNum::GENESIS, head: Chain::genesis().head() }
            } else {
                Outcome::Appended { seq: SeqNum(1), position: 0, parent: Digest::ZERO }
            });
        }
        for message in sent {
            let Message::Reply(reply) = message else { continue };
            told.entry(reply.client).or_default().insert(reply.result);
            // Whoever knows what a block was appended to knows what a reader saw before.
            if let Outcome::Appended { seq, parent, .. } = reply.result {
                let before = Outcome::Read { height: SeqNum(seq.0.saturating_sub(1)), head: parent };
                for client in system.clients().iter().filter(|client| system.reads(client.id())) {
                    told.entry(client.id()).or_default().insert(before);
                }
            }
        }
        let results = told.iter().flat_map(|(&client, results)| results.iter().map(move |&r| (client, r)));
        let of_view = self.alphabet.views.iter().cartesian_product(results.collect_vec());
        let replies =
            of_view.map(|(&view, (client, result))| Reply { view, timestamp: Timestamp(1), client, result });
        let keys = self.alphabet.keys.iter().map(|(key, _)| key);
        keys.cartesian_product(replies.collect_vec())
            .map(|(key, reply)| Message::Reply(key.sign(reply)))
            .collect()
    }
}

/// No decision, each alone, and those at different numbers in order, of which at most one proves nothing.
fn lists_of_decisions(memo: &Memo, decisions: &[Part]) -> Vec<Vec<Part>> {
    let mut lists = vec![Vec::new()];
    lists.extend(decisions.iter().map(|&decision| vec![decision]));
    if MOST_DECISIONS > 1 {
        let pairs = decisions.iter().cartesian_product(decisions);
        let in_order = pairs.filter(|(first, second)| {
            (first.proves || second.proves)
                && memo.decisions.get(first.id).seq < memo.decisions.get(second.id).seq
        });
        lists.extend(in_order.map(|(&first, &second)| vec![first, second]));
    }
    lists
}
