//! What exists: what was there from the start, what honest replicas have sent, and what the adversary makes of it.

use std::sync::Arc;

use crate::hashed::{IndexMap, IndexSet};
use rustc_hash::FxHashMap;

use super::GuardModel;
use super::locals::Sets;
use super::messages::Messages;
use super::saved::AVAILABLE;
use super::state::GuardState;
use super::tables::Tables;
use crate::interrupt;
use crate::memory;
use crate::model::adversary::{Adversary, Proofs};
use crate::model::bits::Bits;
use crate::model::system::System;
use crate::pbft::{Message, PreparedClaim, View};

/// What exists where some messages were sent, as far as it was asked for.
#[derive(Default)]
pub(super) struct Exists {
    /// By what each participant has sent: nobody sends what another one has signed, so that this tells apart what the
    /// sets have together.
    available: FxHashMap<Sets, Arc<Bits>>,
    /// By the messages that the adversary knows, the number of what it makes of them.
    numbers: IndexMap<Bits, u32>,
    knowledge: IndexSet<Proofs>,
    /// By the number of what it knows and by what else it has seen, what it can send.
    byzantine: IndexMap<(u32, Bits), Arc<Bits>>,
}

impl Exists {
    /// What exists where participants have sent this, if that was asked before.
    #[inline]
    pub fn known(&self, sent: &Sets) -> Option<&Arc<Bits>> {
        self.available.get(sent)
    }

    /// What exists where these messages were sent.
    fn after(
        &mut self,
        messages: &mut Messages,
        system: &System,
        adversary: &Adversary,
        sent: &Bits,
    ) -> Bits {
        let byzantine = self.byzantine(messages, system, adversary, sent);
        let mut available = messages.unconditional.clone();
        available.union_with(sent);
        available.union_with(&byzantine);
        available
    }

    /// What the Byzantine replicas can send then.
    fn byzantine(
        &mut self,
        messages: &mut Messages,
        system: &System,
        adversary: &Adversary,
        sent: &Bits,
    ) -> Arc<Bits> {
        if system.byzantine().is_empty() || system.is_silent() {
            return Arc::default();
        }
        // With checkpoints in the bound, view changes carry stable checkpoints that can be shown, and
        // commits prove what was decided after them.
        let mut basis = sent.intersection(&messages.votes);
        let mut reports = sent.intersection(&messages.reports);
        if system.exchanges_states() {
            basis.union_with(&reports);
            reports.union_with(&sent.intersection(&messages.commits));
        }
        let knowledge = self.knowledge(messages, adversary, basis);
        self.byzantine_from(messages, adversary, knowledge, reports)
    }

    /// The number of what the adversary can make of these messages.
    fn knowledge(&mut self, messages: &Messages, adversary: &Adversary, basis: Bits) -> u32 {
        if let Some(&number) = self.numbers.get(&basis) {
            return number;
        }
        let knowledge = adversary.knowledge(messages.of(&basis));
        let number = self.knowledge.insert_full(knowledge).0 as u32;
        self.numbers.insert(basis, number);
        number
    }

    /// What it can send with that knowledge, where these messages exist.
    fn byzantine_from(
        &mut self,
        messages: &mut Messages,
        adversary: &Adversary,
        knowledge: u32,
        reports: Bits,
    ) -> Arc<Bits> {
        let key = (knowledge, reports);
        if let Some(sent) = self.byzantine.get(&key) {
            return Arc::clone(sent);
        }
        let reports: Vec<&Message> = messages.of(&key.1).collect();
        let known = &self.knowledge[knowledge as usize];
        let sent = adversary.messages_from(known, reports.iter().copied());
        let sent: Arc<Bits> = Arc::new(sent.into_iter().map(|message| messages.intern(message)).collect());
        self.byzantine.insert(key, Arc::clone(&sent));
        sent
    }
}

impl GuardModel {
    /// Everything that exists in a state.
    pub(in crate::model) fn available(&self, state: &GuardState) -> Arc<Bits> {
        let (sets, sent) = {
            let tables = self.read();
            let sets = tables.locals.sets(self.locals(state));
            if let Some(available) = tables.exists.known(&sets) {
                return Arc::clone(available);
            }
            (sets, tables.locals.sent(self.locals(state)))
        };
        let mut tables = self.write();
        interrupt::poll();
        memory::before(&tables.exists.available);
        let available = Arc::new(self.exists_after(&mut tables, &sent));
        // Only then: what is given up in the middle is no part of what is met.
        tables.note(AVAILABLE, self.locals(state));
        tables.exists.available.insert(sets, Arc::clone(&available));
        available
    }

    /// What exists where these messages were sent.
    pub(in crate::model) fn available_after(&self, sent: &Bits) -> Bits {
        self.exists_after(&mut self.write(), sent)
    }

    fn exists_after(&self, tables: &mut Tables, sent: &Bits) -> Bits {
        tables.exists.after(&mut tables.messages, &self.system, &self.adversary, sent)
    }

    /// Everything that exists in some state that was looked at, one state after the other.
    pub(in crate::model) fn each_available(&self, see: &mut dyn FnMut(&Bits)) {
        self.read().exists.available.values().for_each(|available| see(available));
    }

    /// What was there from the start.
    pub(in crate::model) fn unconditional(&self) -> Bits {
        self.read().messages.unconditional.clone()
    }

    /// What the honest participants have sent.
    pub(in crate::model) fn sent(&self, state: &GuardState) -> Bits {
        self.read().locals.sent(self.locals(state))
    }

    /// Those of these messages that certificates are made of.
    pub(in crate::model) fn proving(&self, sent: &Bits) -> Bits {
        sent.intersection(&self.read().messages.votes)
    }

    /// The certificates that can be shown when these messages were sent.
    pub(in crate::model) fn certificates(&self, basis: &Bits) -> Vec<PreparedClaim> {
        self.adversary.knowledge(self.read().messages.of(basis)).claims
    }

    /// The certificates of this view that can be shown when these messages were sent.
    pub(in crate::model) fn certificates_of(&self, view: View, basis: &Bits) -> Vec<PreparedClaim> {
        let tables = self.read();
        let known = tables.messages.of(basis);
        self.adversary.claims(known, |proposal| proposal.view() == view).into_iter().collect()
    }

    /// Of messages that were sent, as many sets as the adversary was asked about, one by one: the number of what it
    /// makes of them.
    pub(in crate::model) fn known_of(&self, place: usize) -> Option<(Bits, u32)> {
        self.read().exists.numbers.get_index(place).map(|(basis, &number)| (basis.clone(), number))
    }

    /// What the adversary can send with some knowledge, by number, and some messages, one case after the other.
    pub(in crate::model) fn shown(&self, place: usize) -> Option<(u32, Bits, Arc<Bits>)> {
        let tables = self.read();
        let ((knowledge, reports), sent) = tables.exists.byzantine.get_index(place)?;
        Some((*knowledge, reports.clone(), Arc::clone(sent)))
    }

    /// The number of what the adversary makes of these messages.
    pub(in crate::model) fn knowledge_of(&self, basis: Bits) -> u32 {
        let tables = &mut *self.write();
        tables.exists.knowledge(&tables.messages, &self.adversary, basis)
    }

    /// What the adversary can send with that knowledge and these messages.
    pub(in crate::model) fn shown_with(&self, knowledge: u32, reports: Bits) -> Arc<Bits> {
        let tables = &mut *self.write();
        tables.exists.byzantine_from(&mut tables.messages, &self.adversary, knowledge, reports)
    }
}
